package vendorsim

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"sync"
)

// Vendor is what one vendor's API does when all is well, and how it says no.
type Vendor struct {
	// Name is the vendor's name.
	Name string
	// KeyHeader is the header that carries the key; it is not recorded.
	KeyHeader string
	// Handler answers as the vendor does, refusals included. The request's
	// body can be read; the answer is collected and then delivered, broken or
	// whole. What it flushes is delivered in the same parts, without a length.
	Handler http.Handler
	// Refuse is the vendor's own answer for an error status. An empty code
	// means the one the vendor uses most with that status.
	Refuse func(status int, code string) Answer
}

// Answer is an HTTP answer, whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte

	flushes []int // where in the body a vendor that streams had flushed
}

// maxRequest bounds a request. A longer one is refused with status 413.
const maxRequest = 64 << 20

// Server is a running simulator. It is safe for concurrent use.
type Server struct {
	vendor Vendor
	plan   plan
	log    record

	memory  *memoryListener // nil on TCP
	cert    *tls.Certificate
	closing chan struct{}
	client  *http.Client

	once    sync.Once // Close
	serving sync.WaitGroup

	mu   sync.Mutex
	addr string
	http *http.Server // nil while down
}

// Option configures a [Server].
type Option func(*Server)

// InMemory listens on pipes instead of a TCP socket. Only the server's own
// [Server.Client] reaches it, under any host name. Resets and refusals look
// like those of TCP.
func InMemory() Option {
	return func(s *Server) { s.memory = newMemoryListener() }
}

// WithTLS serves HTTPS with a certificate that only [Server.Client] trusts.
func WithTLS() Option {
	return func(s *Server) { s.cert = selfSigned() }
}

// Start runs vendor until Close. It panics when there is no free port on
// loopback, as httptest.NewServer does.
func Start(vendor Vendor, opts ...Option) *Server {
	s := &Server{vendor: vendor, closing: make(chan struct{})}
	s.log.changed = make(chan struct{})
	for _, opt := range opts {
		opt(s)
	}
	s.addr = "127.0.0.1:0"
	if err := s.listen(); err != nil {
		panic("vendorsim: " + err.Error())
	}
	s.client = s.newClient()
	return s
}

// listen starts serving on s.addr.
func (s *Server) listen() error {
	var listener net.Listener = s.memory
	if s.memory == nil {
		tcp, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.addr)
		if err != nil {
			return err
		}
		s.addr, listener = tcp.Addr().String(), tcp
	} else {
		s.memory.open()
	}
	listener = &faultyListener{Listener: listener, server: s}
	if s.cert != nil {
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{*s.cert}, MinVersion: tls.VersionTLS12,
		})
	}
	server := &http.Server{
		Handler:   http.HandlerFunc(s.serve),
		ConnState: s.log.connState,
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	s.mu.Lock()
	s.http = server
	s.mu.Unlock()
	s.serving.Go(func() { _ = server.Serve(listener) })
	return nil
}

// URL is the base URL.
func (s *Server) URL() string {
	scheme := "http"
	if s.cert != nil {
		scheme = "https"
	}
	if s.memory != nil {
		return scheme + "://" + s.vendor.Name + ".test"
	}
	return scheme + "://" + s.addr
}

// Client is an HTTP client that reaches the server and trusts it. Close closes
// its idle connections.
func (s *Server) Client() *http.Client { return s.client }

func (s *Server) newClient() *http.Client {
	transport := &http.Transport{}
	if s.memory != nil {
		transport.DialContext = s.memory.dial
	}
	if s.cert != nil {
		transport.TLSClientConfig = trust(s.cert)
	}
	return &http.Client{Transport: transport}
}

// Down stops listening and drops every connection: from now on, connections
// are refused.
func (s *Server) Down() {
	s.mu.Lock()
	server := s.http
	s.http = nil
	s.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
	s.serving.Wait()
}

// Up listens again at the same address.
func (s *Server) Up() error {
	select {
	case <-s.closing:
		return errors.New("vendorsim: the server is closed")
	default:
	}
	if s.isUp() {
		return nil
	}
	return s.listen()
}

// Close stops the server, frees whoever waits for an answer, and returns when
// none of its goroutines is left.
func (s *Server) Close() {
	s.once.Do(func() {
		close(s.closing)
		s.Down()
		s.client.CloseIdleConnections()
		s.log.waitOver()
	})
}

// isUp says whether connections that end are ended by the client.
func (s *Server) isUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.http != nil
}

// serve records a request and answers it, broken in the way that is its turn.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.log.begin()
	defer s.log.end()
	fault, early := s.plan.early()
	var body []byte
	if !early {
		var err error
		if body, err = io.ReadAll(io.LimitReader(r.Body, maxRequest+1)); err != nil {
			return // the client left before it had said everything
		}
	}
	seen := s.log.request(s.vendor, r, body)
	switch {
	case early:
	case len(body) > maxRequest:
		fault = Status(http.StatusRequestEntityTooLarge)
	default:
		fault = s.plan.next(seen)
	}
	defer func() { s.log.answered(fault, r.Context().Err() != nil && s.isUp()) }()
	x := &exchange{server: s, w: w, r: r, body: body}
	if fault.apply == nil {
		x.deliver(x.good())
		return
	}
	fault.apply(x)
}

// exchange is one request and what a fault may do with it.
type exchange struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	body   []byte
	answer *Answer // of the vendor, once it has processed the request
}

// good is the vendor's answer. However often it is asked for, the vendor
// processes the request once.
func (x *exchange) good() Answer {
	if x.answer == nil {
		a := x.process()
		x.answer = &a
	}
	return *x.answer
}

func (x *exchange) process() Answer {
	r := x.r.Clone(x.r.Context())
	r.Body = io.NopCloser(bytes.NewReader(x.body))
	collected := &collector{header: http.Header{}}
	x.server.vendor.Handler.ServeHTTP(collected, r)
	return collected.answer()
}

// head writes status and header; length below zero means an unknown one.
func (x *exchange) head(a Answer, length int) {
	maps.Copy(x.w.Header(), a.Header)
	if length >= 0 && a.Status != http.StatusNoContent {
		x.w.Header().Set("Content-Length", itoa(length))
	}
	x.w.WriteHeader(a.Status)
}

func (x *exchange) deliver(a Answer) {
	if a.streamed() {
		x.chunks(x.begin(a, 0))
		return
	}
	x.head(a, len(a.Body))
	n, _ := x.w.Write(a.Body)
	x.server.log.sent(n)
}

// write sends a part of a body at once, and says whether the client is there.
func (x *exchange) write(b []byte) bool {
	n, err := x.w.Write(b)
	x.server.log.sent(n)
	return err == nil && http.NewResponseController(x.w).Flush() == nil
}

// silence lasts until the client leaves or the server closes.
func (x *exchange) silence() {
	select {
	case <-x.r.Context().Done():
	case <-x.server.closing:
	}
	abort()
}

// abort ends the connection without another byte.
func abort() { panic(http.ErrAbortHandler) }

// collector is an http.ResponseWriter that keeps the answer.
type collector struct {
	status int
	header http.Header
	body   bytes.Buffer

	flushes []int
}

func (c *collector) Header() http.Header { return c.header }

func (c *collector) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

func (c *collector) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.body.Write(b)
}

// Flush implements http.Flusher.
func (c *collector) Flush() {
	c.WriteHeader(http.StatusOK)
	c.flushes = append(c.flushes, c.body.Len())
}

func (c *collector) answer() Answer {
	c.WriteHeader(http.StatusOK)
	return Answer{Status: c.status, Header: c.header, Body: c.body.Bytes(), flushes: c.flushes}
}
