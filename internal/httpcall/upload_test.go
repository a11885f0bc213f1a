package httpcall_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

// upload makes a request with a body that remembers being closed.
func upload(r io.Reader, size int64) (httpcall.Request, *body) {
	b := &body{Reader: r}
	return httpcall.Request{
		Method: http.MethodPost, Path: "/listen", Upload: &httpcall.Upload{Body: b, Size: size, ContentType: "audio/wav"},
	}, b
}

func TestUploadSendsAllOfTheBodyOnce(t *testing.T) {
	t.Parallel()
	var got []byte
	var sent *http.Request
	c := client(t, func(r *http.Request) (*http.Response, error) {
		defer r.Body.Close()
		sent = r
		var err error
		got, err = io.ReadAll(r.Body)
		resp, _ := answer(200, strings.NewReader("{}"))
		return resp, err
	})
	call, b := upload(iotest.HalfReader(strings.NewReader("samples")), 7)
	text, _, err := c.JSON(t.Context(), call, nothing)
	require.NoError(t, err)
	assert.Equal(t, "{}", string(text))
	assert.Equal(t, "samples", string(got))
	assert.Equal(t, int64(7), sent.ContentLength)
	assert.Equal(t, "audio/wav", sent.Header.Get("Content-Type"))
	assert.Equal(t, "secret", sent.Header.Get("X-Key"))
	assert.Nil(t, sent.GetBody, "to repeat is the router's business")
	assert.True(t, b.closed)
}

// What is wrong with the body is not the vendor's fault, and not the network's.
func TestUploadThatCannotBeReadFailsWithItsOwnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	c := client(t, func(r *http.Request) (*http.Response, error) {
		defer r.Body.Close()
		_, err := io.Copy(io.Discard, r.Body)
		return nil, errors.Join(errors.New("write failed"), err)
	})
	call, b := upload(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), 8)
	_, err := c.Do(t.Context(), call)
	require.Equal(t, broken, err)
	assert.True(t, b.closed)

	// But a caller who leaves is told so.
	ctx, cancel := context.WithCancel(t.Context())
	c = client(t, func(r *http.Request) (*http.Response, error) {
		defer r.Body.Close()
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		return nil, context.Canceled
	})
	call, _ = upload(iotest.ErrReader(broken), 8)
	_, err = c.Do(ctx, call)
	require.ErrorIs(t, err, context.Canceled)
}

// Whatever becomes of the call, the body is closed: it may be a file.
func TestUploadClosesTheBody(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	c, err := httpcall.New("acme", "http://127.0.0.1:1", nil, func(http.Header) {})
	require.NoError(t, err)
	for _, ctx := range []context.Context{ended, t.Context()} {
		call, b := upload(strings.NewReader("samples"), 7)
		_, err = c.Do(ctx, call)
		require.Error(t, err)
		assert.True(t, b.closed)
	}
	call, b := upload(strings.NewReader("samples"), 7)
	call.Method = "NO METHOD"
	_, err = c.Do(t.Context(), call)
	require.Error(t, err)
	assert.True(t, b.closed)
}

// TestAnEarlyRefusalIsHeard has a server that does what the transport takes for
// a broken connection: it says no before it has read the request, and hangs up.
func TestAnEarlyRefusalIsHeard(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer listener.Close()
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(conn)
			for {
				if line, err := r.ReadString('\n'); err != nil || line == "\r\n" {
					break
				}
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
			_ = conn.Close()
		}
	})
	c, err := httpcall.New("acme", "http://"+listener.Addr().String(), nil, func(http.Header) {})
	require.NoError(t, err)
	audio := make([]byte, 16<<20) // more than any buffer on the way
	for range 10 {
		call, _ := upload(bytes.NewReader(audio), int64(len(audio)))
		_, _, err := c.JSON(t.Context(), call, func(said []byte) httpcall.Envelope {
			return httpcall.Envelope{Message: string(said)}
		})
		e, ok := errors.AsType[*failover.Error](err)
		require.True(t, ok, "the answer was lost: %v", err)
		assert.Equal(t, failover.ClassUnauthorized, e.Class)
		assert.Equal(t, "no", e.Message)
	}
}
