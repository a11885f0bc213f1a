package livesim

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
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemoryListener() *memoryListener {
	return &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *memoryListener) Addr() net.Addr { return memoryAddr{} }

func (l *memoryListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	reset := &atomic.Bool{}
	select {
	case l.conns <- &memoryConn{Conn: server, reset: reset}:
		return &memoryConn{Conn: client, reset: reset}, nil
	case <-l.closed:
		return nil, refused()
	case <-ctx.Done():
		return nil, opError("dial", ctx.Err())
	}
}

func refused() error { return opError("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED)) }

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

// cut ends a connection without a word: with a reset, or in good order.
func cut(conn net.Conn, reset bool) {
	if reset {
		switch c := conn.(type) {
		case *net.TCPConn:
			_ = c.SetLinger(0)
		case *memoryConn:
			c.reset.Store(true)
		}
	}
	_ = conn.Close()
}
