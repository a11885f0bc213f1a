package once_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/rawpeer"
)

// TestSendOnceOverFrames: what SendOnce makes of the ways in which HTTP/2 ends
// a request, and that it does not send again where net/http does.
func TestSendOnceOverFrames(t *testing.T) {
	server, client, err := rawpeer.Certificate("h2")
	require.NoError(t, err)
	reset := func(code http2.ErrCode) func(*h2, *stream) bool {
		return func(h *h2, s *stream) bool { return h.reset(s, code) }
	}
	cases := []struct {
		name   string
		end    func(h *h2, s *stream) bool
		status int // of an answer; 0 is none
		plain  int // how often a plain client sends; 0: SendOnce is not needed here
	}{
		{name: "REFUSED_STREAM", end: reset(http2.ErrCodeRefusedStream), plain: 2},
		{name: "PROTOCOL_ERROR", end: reset(http2.ErrCodeProtocol), plain: 2},
		{name: "INTERNAL_ERROR", end: reset(http2.ErrCodeInternal)},
		{name: "CANCEL", end: reset(http2.ErrCodeCancel)},
		{name: "ENHANCE_YOUR_CALM", end: reset(http2.ErrCodeEnhanceYourCalm)},
		{name: "GOAWAY below", end: func(h *h2, s *stream) bool { return h.goAway(s.id-1, http2.ErrCodeNo) }, plain: 2},
		{name: "GOAWAY above", end: func(h *h2, s *stream) bool { return h.goAway(s.id, http2.ErrCodeNo) }},
		{name: "GOAWAY above, an error", end: func(h *h2, s *stream) bool { return h.goAway(s.id, http2.ErrCodeInternal) }},
		{name: "PING, and ended", end: func(h *h2, _ *stream) bool {
			_ = h.framer.WritePing(false, [8]byte{1})
			return ends
		}},
		{name: "ended", end: func(*h2, *stream) bool { return ends }},
		{name: "connection reset", end: func(h *h2, _ *stream) bool { h.conn.Reset(); return ends }},
		{name: "early answer, then INTERNAL_ERROR", end: func(h *h2, s *stream) bool {
			return h.head(s, 103, false) && h.reset(s, http2.ErrCodeInternal)
		}},
		{name: "503", end: func(h *h2, s *stream) bool { return h.respond(s, 503, "{}") }, status: 503},
		{name: "307", end: func(h *h2, s *stream) bool { return h.respond(s, 307, "", "location", "/again") }, status: 307, plain: 2},
		{name: "201", end: func(h *h2, s *stream) bool { return h.respond(s, 201, "{}") }, status: 201},
	}
	for _, c := range cases {
		for _, body := range []string{"", "body"} {
			t.Run(c.name+" "+body, func(t *testing.T) {
				send := func(by func(*http.Client, *http.Request) (*http.Response, error)) (*http.Response, int64, error) {
					var had atomic.Int64
					peer, err := rawpeer.NewTLS(server, func(conn *rawpeer.Conn) {
						h := &h2{conn: conn, begun: func(*stream) (over, lives bool) { return false, true }}
						h.arrived = func(s *stream) bool {
							if had.Add(1) > 1 {
								return h.respond(s, 201, "{}") // else a plain client tries for minutes
							}
							return c.end(h, s)
						}
						h.run()
					})
					require.NoError(t, err)
					t.Cleanup(peer.Close)
					transport := &http.Transport{TLSClientConfig: client.Clone(), ForceAttemptHTTP2: true}
					req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, peer.URL(), strings.NewReader(body))
					require.NoError(t, err)
					resp, err := by(&http.Client{Transport: transport}, req)
					if err == nil {
						_, _ = io.Copy(io.Discard, resp.Body)
						_ = resp.Body.Close()
					}
					transport.CloseIdleConnections()
					peer.Close()
					return resp, had.Load(), err
				}
				resp, had, err := send(failover.SendOnce)
				require.EqualValues(t, 1, had)
				if c.status != 0 {
					require.NoError(t, err)
					require.Equal(t, c.status, resp.StatusCode)
				} else {
					e, ok := errors.AsType[*failover.Error](err)
					require.True(t, ok, "%v", err)
					require.Equal(t, failover.OutcomeUnknown, e.Outcome, "%v", e.Err)
				}
				if c.plain != 0 {
					_, had, err := send((*http.Client).Do)
					require.NoError(t, err)
					require.EqualValues(t, c.plain, had, "a plain client")
				}
			})
		}
	}
}

// TestSendOnceOverHTTP2WithoutALPN: the connection does not say what is spoken
// over it, and a request that has arrived is not taken for one that was not
// sent because its transport has not said so yet.
func TestSendOnceOverHTTP2WithoutALPN(t *testing.T) {
	server, trusts, err := rawpeer.Certificate()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	peer, err := rawpeer.NewTLS(server, func(conn *rawpeer.Conn) {
		h := &h2{conn: conn, begun: func(*stream) (over, lives bool) { return false, true }}
		h.arrived = func(*stream) bool {
			cancel()
			return lives
		}
		h.run()
	})
	require.NoError(t, err)
	t.Cleanup(peer.Close)
	over := make(chan struct{})
	client := &http.Client{Transport: &http2.Transport{ //nolint:staticcheck // people have it still
		DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) { //nolint:staticcheck // as above
			conn, err := (&tls.Dialer{Config: trusts}).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return held{conn.(*tls.Conn), over}, nil
		},
	}}
	defer client.CloseIdleConnections()
	defer close(over)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, peer.URL(), strings.NewReader("body"))
	require.NoError(t, err)
	_, err = failover.SendOnce(client, req)
	e, ok := errors.AsType[*failover.Error](err)
	require.True(t, ok, "%v", err)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, failover.OutcomeUnknown, e.Outcome)
}

// held is a connection whose write of the body does not return before the test
// is over.
type held struct {
	*tls.Conn

	over <-chan struct{}
}

func (h held) Write(p []byte) (int, error) {
	n, err := h.Conn.Write(p)
	if bytes.HasSuffix(p, []byte("body")) {
		<-h.over
	}
	return n, err
}
