package vendorsim

import (
	"context"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// memoryListener hands out one end of a pipe for each dial.
type memoryListener struct {
	mu     sync.Mutex
	conns  chan net.Conn
	closed chan struct{}
}

func newMemoryListener() *memoryListener { return &memoryListener{} }

// open listens, again after Close.
func (l *memoryListener) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns, l.closed = make(chan net.Conn), make(chan struct{})
}

func (l *memoryListener) state() (conns chan net.Conn, closed chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns, l.closed
}

func (l *memoryListener) Accept() (net.Conn, error) {
	conns, closed := l.state()
	select {
	case conn := <-conns:
		return conn, nil
	case <-closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *memoryListener) Addr() net.Addr { return memoryAddr{} }

// dial is the DialContext of a client's transport.
func (l *memoryListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	conns, closed := l.state()
	client, server := net.Pipe()
	reset := &atomic.Bool{}
	select {
	case conns <- &memoryConn{Conn: server, reset: reset}:
		return &memoryConn{Conn: client, reset: reset}, nil
	case <-closed:
		return nil, opError("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED))
	case <-ctx.Done():
		return nil, opError("dial", ctx.Err())
	}
}

// memoryConn is one end of a pipe that can be reset like a TCP connection.
type memoryConn struct {
	net.Conn

	reset *atomic.Bool // shared by both ends
}

func (c *memoryConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	return n, c.fault("read", err)
}

func (c *memoryConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	return n, c.fault("write", err)
}

func (c *memoryConn) fault(op string, err error) error {
	if err != nil && c.reset.Load() {
		return opError(op, os.NewSyscallError(op, syscall.ECONNRESET))
	}
	return err
}

func opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "memory", Addr: memoryAddr{}, Err: err}
}

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory" }

// resetConn ends a connection with a reset instead of an orderly end.
func resetConn(conn net.Conn) {
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = wrapped.NetConn() // a TLS connection would say goodbye first
	}
	switch c := conn.(type) {
	case *net.TCPConn:
		_ = c.SetLinger(0)
	case *memoryConn:
		c.reset.Store(true)
	}
	_ = conn.Close()
}

// faultyListener resets connections whose turn it is before a byte is read.
type faultyListener struct {
	net.Listener

	server *Server
}

func (l *faultyListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if !l.server.plan.resetsNow() {
			return conn, nil
		}
		l.server.log.resetOnAccept()
		resetConn(conn)
	}
}
