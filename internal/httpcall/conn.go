package httpcall

import (
	"context"
	"net"
	"sync"
	"time"
)

// answerTime is how long a write that failed waits for what may be read still.
const answerTime = time.Second

// dial connects with the settings of http.DefaultTransport.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &patientConn{Conn: conn, read: make(chan struct{})}, nil
}

var dialer = net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}

// patientConn is a connection whose failed writes wait until everything has been
// read.
//
// A server may say no and hang up while a long request is still being sent. Its
// answer has arrived then, but the write that fails is faster: over HTTP/1 the
// transport gives up the connection at the first error, and the answer with it,
// four times out of five. The refused key would look like trouble of the network
// and be tried again.
type patientConn struct {
	net.Conn

	once sync.Once
	read chan struct{} // closed when there is no more to be read
}

func (c *patientConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.over()
	}
	return n, err
}

func (c *patientConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		timer := time.NewTimer(answerTime)
		defer timer.Stop()
		select {
		case <-c.read:
		case <-timer.C:
		}
	}
	return n, err
}

func (c *patientConn) Close() error {
	c.over()
	return c.Conn.Close()
}

func (c *patientConn) over() { c.once.Do(func() { close(c.read) }) }
