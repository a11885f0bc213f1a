package providertest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/gofailover/failover"
)

// testHTTP2 gives the provider a client that speaks HTTP/2, as users' own
// clients do: net/http sends a request with GetBody again by itself there, even
// one that the vendor has read and carried out.
func (e *effect[Req, Resp]) testHTTP2(t *testing.T) {
	for name, end := range map[string]struct {
		frames func(stream uint32) []byte // nil: the connection is closed
		maybe  bool                       // some vendors end so what they have carried out
	}{
		"stream refused":             {frames: func(stream uint32) []byte { return resetFrame(stream, codeRefused) }},
		"stream ended as wrong":      {frames: func(stream uint32) []byte { return resetFrame(stream, codeProtocol) }, maybe: true},
		"stream ended as broken":     {frames: func(stream uint32) []byte { return resetFrame(stream, codeInternal) }, maybe: true},
		"connection ended before it": {frames: func(uint32) []byte { return goAwayFrame(0) }},
		"connection closed":          {maybe: true},
		"answer that is none": {
			frames: func(stream uint32) []byte { return frame(frameHeaders, flagEndHeaders, stream, []byte{0x80}) }, maybe: true,
		},
	} {
		peer := &http2Peer{end: end.frames}
		e.h2(t, name, peer.configure, func(t *testing.T, l *line[Req, Resp]) {
			// What is sent again is sent up to seven times, with growing pauses:
			// the second time is enough.
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			peer.again = cancel
			_, err := l.send(ctx, e.req)
			requests := peer.requests.Load()
			if requests > 1 {
				t.Errorf("the vendor got the request %d times: set GetBody to nil (failover.SendOnce does)", requests)
			}
			if err == nil {
				if requests > 0 {
					t.Error("the provider reported success without an answer")
				}
				return // it does not speak HTTP/2 at all
			}
			if end.maybe {
				l.wantOutcome(t, err, failover.OutcomeUnknown, name)
				return
			}
			l.e.wantDiscreet(t, err)
			if outcome := failover.Classify(err).Outcome; outcome == failover.OutcomeAccepted {
				t.Errorf("the outcome is %v, and there was no answer", outcome)
			}
		})
	}
	e.h2(t, "good", nil, func(t *testing.T, l *line[Req, Resp]) {
		got, err := l.send(t.Context(), e.req)
		if err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		l.wantReceipt(t, got, l.p.Name, true)
		if n := len(l.carrier.Processed()); n != 1 {
			t.Errorf("the vendor has carried out %d requests, want 1", n)
		}
	})
	carriedOut := func(server *httptest.Server) {
		good := server.Config.Handler
		server.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			good.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler) // the stream is reset
		})
	}
	e.h2(t, "carried out, then reset", carriedOut, func(t *testing.T, l *line[Req, Resp]) {
		_, err := l.send(t.Context(), e.req)
		if n := len(l.carrier.Processed()); n != 1 {
			t.Errorf("the vendor has carried out %d requests, want 1", n)
		}
		l.wantOutcome(t, err, failover.OutcomeUnknown, "a stream that was reset after the request was carried out")
	})
}

// h2 runs a subtest against a vendor that offers HTTP/2, on loopback.
func (e *effect[Req, Resp]) h2(t *testing.T, name string, configure func(*httptest.Server), test func(t *testing.T, l *line[Req, Resp])) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		l := e.line(t)
		defer l.s.Close()
		server := httptest.NewUnstartedServer(l.carrier.Handler)
		server.EnableHTTP2 = true
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		if configure != nil {
			configure(server)
		}
		server.StartTLS()
		defer server.Close()
		l.connect(t, server.Client(), server.URL)
		test(t, l)
	})
}

// http2Peer speaks as much of HTTP/2 (RFC 9113) as it takes to read a request
// and to end it in a way that net/http's server never does.
type http2Peer struct {
	end      func(stream uint32) []byte
	again    func()       // called for every request but the first
	requests atomic.Int64 // read whole
}

// configure has connections taken over once TLS is there.
func (p *http2Peer) configure(server *httptest.Server) {
	server.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		"h2": func(_ *http.Server, conn *tls.Conn, _ http.Handler) {
			defer conn.Close()
			_ = p.serve(conn) // the client sees how it ends
		},
	}
}

// The parts of frames that are needed.
const (
	prefaceLen     = 24
	frameHeaderLen = 9

	frameData     = 0x0
	frameHeaders  = 0x1
	frameReset    = 0x3
	frameSettings = 0x4
	framePing     = 0x6
	frameGoAway   = 0x7

	flagAck        = 0x1 // of settings and ping
	flagEndStream  = 0x1 // of headers and data
	flagEndHeaders = 0x4

	codeProtocol = 0x1
	codeInternal = 0x2
	codeRefused  = 0x7
)

// serve reads frames until the client leaves.
func (p *http2Peer) serve(conn io.ReadWriter) error {
	if _, err := io.ReadFull(conn, make([]byte, prefaceLen)); err != nil {
		return err
	}
	answer := frame(frameSettings, 0, 0, nil)
	for {
		if _, err := conn.Write(answer); err != nil {
			return err
		}
		var head [frameHeaderLen]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return err
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(conn, payload); err != nil {
			return err
		}
		var over bool
		if answer, over = p.answer(head[3], head[4], binary.BigEndian.Uint32(head[5:]), payload); over {
			return nil
		}
	}
}

// answer is what is sent for a frame; over closes the connection instead.
func (p *http2Peer) answer(kind, flags byte, stream uint32, payload []byte) (answer []byte, over bool) {
	switch {
	case kind == frameSettings && flags&flagAck == 0:
		return frame(frameSettings, flagAck, 0, nil), false
	case kind == framePing && flags&flagAck == 0:
		return frame(framePing, flagAck, 0, payload), false
	case (kind == frameHeaders || kind == frameData) && flags&flagEndStream != 0:
		if p.requests.Add(1) > 1 {
			p.again()
		}
		if p.end == nil {
			return nil, true
		}
		return p.end(stream), false
	default:
		return nil, false
	}
}

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	var b bytes.Buffer
	n := len(payload)
	b.Write([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}) //nolint:gosec // a few bytes
	_ = binary.Write(&b, binary.BigEndian, stream)                     // a bytes.Buffer takes everything
	b.Write(payload)
	return b.Bytes()
}

func resetFrame(stream, code uint32) []byte {
	return frame(frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, code))
}

// goAwayFrame says that streams after the last one were not looked at.
func goAwayFrame(last uint32) []byte {
	return frame(frameGoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), 0))
}
