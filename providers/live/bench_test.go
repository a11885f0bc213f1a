package live_test

import (
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/providers/stt"
)

// sinkhole takes a WebSocket and all that comes on it, and allocates nothing for
// it, so that the sender's own cost can be seen.
func sinkhole(tb testing.TB) string {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		accept := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
			base64.StdEncoding.EncodeToString(accept[:])+"\r\n\r\n")
		_, _ = conn.Write(append([]byte{0x81, byte(len(started))}, started...))
		buf := make([]byte, 64<<10)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	}))
	tb.Cleanup(server.Close)
	return server.URL
}

func senders(tb testing.TB) map[string]stt.LiveConn {
	tb.Helper()
	conns := map[string]stt.LiveConn{}
	for name, p := range map[string]stt.LiveProvider{"deepgram": deepgramAt(tb, sinkhole(tb)), "elevenlabs": elevenLabsAt(tb, sinkhole(tb))} {
		conn, err := p.Dial(tb.Context(), pcm())
		require.NoError(tb, err)
		tb.Cleanup(func() { _ = conn.Close() })
		conns[name] = conn
	}
	return conns
}

// A chunk of audio costs no allocation on its way to the socket.
func TestSendAllocatesNothing(t *testing.T) {
	for name, conn := range senders(t) {
		chunk := make([]byte, 640)
		assert.Less(t, testing.AllocsPerRun(1000, func() {
			if err := conn.Send(t.Context(), chunk); err != nil {
				t.Error(err)
			}
		}), 0.1, name)
	}
}

// BenchmarkSend is 20 ms of PCM(16000) onto a socket of the loopback.
func BenchmarkSend(b *testing.B) {
	for name, conn := range senders(b) {
		b.Run(name, func(b *testing.B) {
			chunk := make([]byte, 640)
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			for b.Loop() {
				if err := conn.Send(b.Context(), chunk); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
