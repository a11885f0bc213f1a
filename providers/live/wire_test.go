package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/live"
	"github.com/gofailover/failover/providers/stt"
)

// wire is a vendor that says what a test lets it say.
type wire struct {
	url   string
	asked url.Values
	// heard are the client's messages; those of audio are "audio".
	heard chan string
}

// newWire serves one connection by script, and then reads it to its end.
func newWire(t testing.TB, script func(ctx context.Context, ws *websocket.Conn)) *wire {
	t.Helper()
	w := &wire{heard: make(chan string, 100)}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked = r.URL.Query()
		ws, err := websocket.Accept(rw, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = ws.CloseNow() }()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				kind, data, err := ws.Read(context.Background())
				if err != nil {
					return
				}
				if kind == websocket.MessageBinary {
					data = []byte("audio")
				}
				w.heard <- string(data)
			}
		}()
		script(r.Context(), ws)
		<-done
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// says is a script that says these messages one after the other.
func says(messages ...string) func(context.Context, *websocket.Conn) {
	return func(ctx context.Context, ws *websocket.Conn) {
		for _, m := range messages {
			_ = ws.Write(ctx, websocket.MessageText, []byte(m))
		}
	}
}

func deepgramAt(t testing.TB, url string, opts ...deepgram.Option) stt.LiveProvider {
	t.Helper()
	c, err := deepgram.New(key, append([]deepgram.Option{deepgram.WithBaseURL(url)}, opts...)...)
	require.NoError(t, err)
	return live.Deepgram(c)
}

func elevenLabsAt(t testing.TB, url string, opts ...live.ElevenLabsOption) stt.LiveProvider {
	t.Helper()
	c, err := elevenlabs.New(key, elevenlabs.WithBaseURL(url))
	require.NoError(t, err)
	return live.ElevenLabs(c, opts...)
}

// pcm is a request that is complete.
func pcm() stt.LiveRequest { return stt.LiveRequest{Format: stt.PCM(16000), Language: "en"} }

func dialed(t *testing.T, p stt.LiveProvider, req stt.LiveRequest) stt.LiveConn {
	t.Helper()
	conn, err := p.Dial(t.Context(), req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func received(t *testing.T, conn stt.LiveConn) stt.LiveEvent {
	t.Helper()
	e, err := conn.Receive(t.Context())
	require.NoError(t, err)
	return e
}

// codeOf is the vendor's code of an error.
func codeOf(err error) string {
	if e, ok := errors.AsType[*failover.Error](err); ok {
		return e.Code
	}
	return ""
}

// saysNothing checks that no way to print an error shows what is nobody's
// business: the key, the URL, the vendor's words, what was said.
func saysNothing(t *testing.T, err error, secrets ...string) {
	t.Helper()
	require.Error(t, err)
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "err", err)
	e, ok := errors.AsType[*failover.Error](err)
	var inJSON []byte
	if ok {
		var jerr error
		inJSON, jerr = json.Marshal(e)
		require.NoError(t, jerr)
	}
	all := err.Error() + fmt.Sprintf("%v %+v %#v %s %q", err, err, err, err, err) + logged.String() + string(inJSON)
	for _, secret := range append(secrets, key, "127.0.0.1", "the vendor's own words", "hello") {
		if len(secret) > 12 {
			assert.NotContains(t, all, secret)
		}
	}
}

// Whatever is in the way when a connection is opened is read as it is of any
// request, and says nothing of it.
func TestRefusedUpgrades(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		class  failover.Class
		status int
		code   string
	}{
		"503": {func(w http.ResponseWriter) { w.WriteHeader(503) }, failover.ClassTransient, 503, ""},
		"429": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(429)
		}, failover.ClassRateLimited, 429, ""},
		"Deepgram's envelope": {func(w http.ResponseWriter) {
			w.WriteHeader(401)
			_, _ = io.WriteString(w, `{"err_code":"INVALID_AUTH","err_msg":"the vendor's own words"}`)
		}, failover.ClassUnauthorized, 401, "INVALID_AUTH"},
		"a page": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>sign in</html>") }, failover.ClassIncomplete, 200, ""},
		"a redirect": {func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://elsewhere.test/")
			w.WriteHeader(302)
		}, failover.ClassUnsupported, 302, ""},
		"no handshake": {func(w http.ResponseWriter) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Sec-WebSocket-Accept", "wrong")
			w.WriteHeader(101)
		}, failover.ClassIncomplete, 101, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "Token "+key, r.Header.Get("Authorization"))
				c.answer(w)
			}))
			defer server.Close()
			_, err := deepgramAt(t, server.URL).Dial(t.Context(), pcm())
			e, ok := errors.AsType[*failover.Error](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, c.class, e.Class)
			assert.Equal(t, c.status, e.Status)
			assert.Equal(t, c.code, e.Code)
			saysNothing(t, err)
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		server := httptest.NewServer(nil)
		server.Close()
		_, err := deepgramAt(t, server.URL).Dial(t.Context(), pcm())
		assert.Equal(t, failover.ClassTransient, failover.Classify(err).Class)
		saysNothing(t, err)
	})
	t.Run("the caller leaves", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		}))
		defer server.Close()
		_, err := elevenLabsAt(t, server.URL).Dial(ctx, pcm())
		require.ErrorIs(t, err, context.Canceled)
	})
}

// Every operation ends when the connection is closed; what is broken stays so.
func TestClosedConnection(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, url string) stt.LiveProvider{
		"deepgram":   func(t *testing.T, url string) stt.LiveProvider { return deepgramAt(t, url) },
		"elevenlabs": func(t *testing.T, url string) stt.LiveProvider { return elevenLabsAt(t, url) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, says(started))
			conn, err := open(t, w.url).Dial(t.Context(), pcm())
			require.NoError(t, err)
			broken := make(chan error, 1)
			go func() {
				_, err := conn.Receive(context.Background())
				broken <- err
			}()
			require.NoError(t, conn.Close())
			require.Error(t, <-broken)
			require.Error(t, conn.Send(t.Context(), loud()))
			require.Error(t, conn.Flush(t.Context()))
			require.Error(t, conn.KeepAlive(t.Context()))
			require.Error(t, conn.Finish(t.Context()))
			_ = conn.Close()
		})
	}
}

// What a vendor sends that is none of its messages breaks the connection off.
func TestGarbledMessages(t *testing.T) {
	for name, script := range map[string]func(ctx context.Context, ws *websocket.Conn){
		"half":  says(started, `{"type":"Results"`),
		"array": says(started, `[]`),
		"types": says(started, `{"type":"Results","message_type":"committed_transcript","start":"soon","text":7}`),
		"binary": func(ctx context.Context, ws *websocket.Conn) {
			says(started)(ctx, ws)
			_ = ws.Write(ctx, websocket.MessageBinary, []byte("{}"))
		},
		"huge": func(ctx context.Context, ws *websocket.Conn) {
			says(started)(ctx, ws)
			_ = ws.Write(ctx, websocket.MessageText, []byte(`{"type":"`+strings.Repeat("x", 2<<20)+`"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range []stt.LiveProvider{
				deepgramAt(t, newWire(t, script).url), elevenLabsAt(t, newWire(t, script).url),
			} {
				conn := dialed(t, p, pcm())
				_, err := conn.Receive(t.Context())
				assert.Equal(t, failover.ClassIncomplete, failover.ClassOf(err), "%v", err)
				saysNothing(t, err)
			}
		})
	}
}
