// Package rawpeer is the other end of a connection, for tests: it answers, or
// ends the connection, in ways in which no HTTP server does, and knows which
// requests reached it whole.
package rawpeer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// Peer is a listener on loopback that runs a script for every connection. It is
// safe for concurrent use.
type Peer struct {
	listener net.Listener
	script   func(*Conn)
	config   *tls.Config
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[*Conn]struct{}
	had   map[string]int
	count int
	over  bool
}

// Key is the header field by which requests are told apart.
const Key = "Rawpeer-Key"

// Nobody is where nobody listens. The port of a listener that was closed may be
// that of another one a moment later; this one is not given to programs.
const Nobody = "127.0.0.1:1"

// New listens. The script of a connection runs on a goroutine of its own; when
// it returns, the connection is closed. Close the peer.
func New(script func(*Conn)) (*Peer, error) { return NewTLS(nil, script) }

// NewTLS is New with TLS: the script begins when the client's hello is about to
// be read. Without a config it is New.
func NewTLS(config *tls.Config, script func(*Conn)) (*Peer, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Peer{
		listener: listener, script: script, config: config,
		conns: map[*Conn]struct{}{}, had: map[string]int{},
	}
	p.running.Go(p.accept)
	return p, nil
}

// Addr is where the peer listens.
func (p *Peer) Addr() string { return p.listener.Addr().String() }

// URL is Addr with a scheme.
func (p *Peer) URL() string {
	if p.config != nil {
		return "https://" + p.Addr()
	}
	return "http://" + p.Addr()
}

// Had is how often a request with the key arrived whole.
func (p *Peer) Had(key string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.had[key]
}

// Connections is how many were accepted.
func (p *Peer) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Close ends the listener and all connections, and waits for the scripts.
func (p *Peer) Close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.over = true
	for c := range p.conns {
		_ = c.TCP.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}

// Drain waits for the connections there are: for clients that are done with
// them.
func (p *Peer) Drain() {
	_ = p.listener.Close()
	p.running.Wait()
}

func (p *Peer) accept() {
	for {
		raw, err := p.listener.Accept()
		if err != nil {
			return
		}
		c := p.admit(raw)
		if c == nil {
			_ = raw.Close()
			return
		}
		p.running.Go(func() {
			defer p.dismiss(c)
			p.script(c)
		})
	}
}

func (p *Peer) admit(raw net.Conn) *Conn {
	tcp, ok := raw.(*net.TCPConn)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over || !ok {
		return nil
	}
	p.count++
	c := &Conn{Conn: raw, TCP: tcp, Number: p.count, peer: p}
	if p.config != nil {
		c.Conn = tls.Server(raw, p.config)
	}
	c.reader = bufio.NewReader(c.Conn)
	p.conns[c] = struct{}{}
	return c
}

func (p *Peer) dismiss(c *Conn) {
	_ = c.TCP.Close() // of a TLS connection too: a peer that is gone says no goodbye
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// Conn is one connection, seen from the peer.
type Conn struct {
	net.Conn // speaks TLS if the peer does

	// TCP is what is underneath.
	TCP *net.TCPConn
	// Number counts the peer's connections from 1.
	Number int

	peer   *Peer
	reader *bufio.Reader
}

// Request reads a request to its end, and only then notes it. The body that it
// returns with it is in memory.
func (c *Conn) Request() (*http.Request, []byte, error) {
	req, err := http.ReadRequest(c.reader)
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, nil, err
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	c.Note(req.Header.Get(Key))
	return req, body, nil
}

// Over is the connection as it is under another one that was made of it, TLS
// in a tunnel say.
func (c *Conn) Over(conn net.Conn) *Conn {
	return &Conn{Conn: conn, TCP: c.TCP, Number: c.Number, peer: c.peer, reader: bufio.NewReader(conn)}
}

// Head reads a request up to its body.
func (c *Conn) Head() (*http.Request, error) { return http.ReadRequest(c.reader) }

// Note counts a request that arrived whole.
func (c *Conn) Note(key string) {
	c.peer.mu.Lock()
	defer c.peer.mu.Unlock()
	c.peer.had[key]++
}

// Say writes text as it is.
func (c *Conn) Say(text string) { _, _ = io.WriteString(c.Conn, text) }

// Reset ends the connection with a RST.
func (c *Conn) Reset() {
	_ = c.TCP.SetLinger(0)
	_ = c.TCP.Close()
}

// Finish ends the peer's half, with a FIN, and reads on until the client has
// ended its own.
func (c *Conn) Finish() {
	_ = c.TCP.CloseWrite()
	c.Gone()
}

// Gone waits until the client has ended the connection, whatever it still
// sends.
func (c *Conn) Gone() { _, _ = io.Copy(io.Discard, c.reader) }

// Hello reads what the client says first, whatever it is, without answering.
func (c *Conn) Hello() error {
	n, err := c.TCP.Read(make([]byte, 1<<14))
	if n == 0 && err == nil {
		return errors.New("rawpeer: nothing was read")
	}
	return err
}
