package once_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/gofailover/failover/internal/rawpeer"
)

// h2 is a connection that speaks HTTP/2, frame by frame.
type h2 struct {
	v       *vendor
	conn    *rawpeer.Conn
	begun   func(s *stream) (over, lives bool) // asked when a head was read
	arrived func(s *stream) (lives bool)       // when a request is whole
	framer  *http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
	streams map[uint32]*stream
}

// stream is a request on its way in.
type stream struct {
	id     uint32
	method string
	path   string
	body   []byte
	// left is done when the client has given the request up.
	left func()
}

// plot2 is a way in which a request ends. It says whether the connection lives
// on.
type plot2 struct {
	name string
	play func(h *h2, s *stream, a asked) (lives bool)
}

// serve2 is the script of a connection.
func (v *vendor) serve2(c *rawpeer.Conn) {
	d := v.world.dice
	if d.oneIn(20) {
		v.play(connPlots(), c, asked{})
		return
	}
	h := &h2{v: v, conn: c}
	h.arrived = h.whole
	h.begun = func(s *stream) (over, lives bool) {
		if d.oneIn(12) {
			return true, h.play(headPlots(), s, asked{})
		}
		return false, true
	}
	h.run()
}

// run serves the connection to its end.
func (h *h2) run() {
	secure, ok := h.conn.Conn.(*tls.Conn)
	if !ok || secure.HandshakeContext(context.Background()) != nil {
		return
	}
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(secure, preface); err != nil {
		return
	}
	h.framer, h.encoder, h.streams = http2.NewFramer(secure, secure), hpack.NewEncoder(&h.block), map[uint32]*stream{}
	h.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if h.framer.WriteSettings() != nil {
		return
	}
	for h.next() {
	}
	for _, s := range h.streams {
		s.leave()
	}
}

func (s *stream) leave() {
	if s.left != nil {
		s.left()
		s.left = nil
	}
}

// next deals with one frame, and says whether the connection lives on.
func (h *h2) next() bool {
	frame, err := h.framer.ReadFrame()
	if err != nil {
		return ends
	}
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		return f.IsAck() || h.framer.WriteSettingsAck() == nil
	case *http2.PingFrame:
		return f.IsAck() || h.framer.WritePing(true, f.Data) == nil
	case *http2.GoAwayFrame:
		return ends
	case *http2.RSTStreamFrame:
		if s := h.streams[f.StreamID]; s != nil {
			s.leave()
			delete(h.streams, f.StreamID)
		}
	case *http2.MetaHeadersFrame:
		s := &stream{
			id: f.StreamID, method: f.PseudoValue("method"), path: f.PseudoValue("path"),
		}
		h.streams[s.id] = s
		if over, lives := h.begun(s); over {
			return lives
		}
		if f.StreamEnded() {
			return h.arrived(s)
		}
	case *http2.DataFrame:
		s := h.streams[f.StreamID]
		if n := uint32(len(f.Data())); n > 0 && h.framer.WriteWindowUpdate(0, n) != nil {
			return ends
		}
		if s == nil {
			return lives // it was answered before it was whole
		}
		s.body = append(s.body, f.Data()...)
		if f.StreamEnded() {
			return h.arrived(s)
		}
	}
	return lives
}

// whole deals with a request that arrived to its end.
func (h *h2) whole(s *stream) bool {
	a := h.v.understand(s.method, s.path, s.body)
	if a.lists {
		h.v.world.book.played(h.v.world.opOf(a), h.v.name, listed)
		if h.v.world.dice.oneIn(4) {
			return h.respond(s, 500, "{}")
		}
		return h.respond(s, 200, h.v.list(a.to))
	}
	return h.play(wholePlots2(), s, a)
}

func (h *h2) play(plots []plot2, s *stream, a asked) bool {
	p := plots[h.v.world.dice.roll(len(plots))]
	h.v.world.book.played(h.v.world.opOf(a), h.v.name, "HTTP/2: "+p.name)
	return p.play(h, s, a)
}

// head writes the head of an answer.
func (h *h2) head(s *stream, status int, end bool, more ...string) bool {
	h.block.Reset()
	fields := append([]string{
		":status", strconv.Itoa(status), "content-type", "application/json", "date", time.Now().UTC().Format(time.RFC1123),
	}, more...)
	for i := 0; i < len(fields); i += 2 {
		_ = h.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return h.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: s.id, BlockFragment: h.block.Bytes(), EndStream: end, EndHeaders: true,
	}) == nil
}

// respond answers to the end.
func (h *h2) respond(s *stream, status int, body string, more ...string) bool {
	delete(h.streams, s.id)
	return h.head(s, status, body == "", more...) && (body == "" || h.framer.WriteData(s.id, true, []byte(body)) == nil)
}

func (h *h2) reset(s *stream, code http2.ErrCode) bool {
	delete(h.streams, s.id)
	return h.framer.WriteRSTStream(s.id, code) == nil
}

// goAway says which streams were dealt with, and ends the connection.
func (h *h2) goAway(last uint32, code http2.ErrCode) bool {
	_ = h.framer.WriteGoAway(last, code, nil)
	h.bye()
	return ends
}

// bye ends the connection in order, so that what was said is heard.
func (h *h2) bye() {
	_ = h.conn.TCP.CloseWrite()
	_ = h.conn.TCP.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, h.conn.TCP)
}

// The plots of requests that arrived whole.
func wholePlots2() []plot2 {
	type does = func(*vendor, asked)
	do, maybe := (*vendor).do, (*vendor).maybe
	after := func(name string, does does, play func(h *h2, s *stream) bool) plot2 {
		return plot2{name, func(h *h2, s *stream, a asked) bool {
			does(h.v, a)
			return play(h, s)
		}}
	}
	silent := func(h *h2, s *stream, left func()) bool {
		s.left = left
		h.v.world.quit()
		return lives
	}
	created := func(h *h2, s *stream) bool { return h.respond(s, 201, h.v.says()) }
	plots := []plot2{
		after("REFUSED_STREAM", nothing, func(h *h2, s *stream) bool { return h.reset(s, http2.ErrCodeRefusedStream) }),
		after("GOAWAY below the stream", nothing, func(h *h2, s *stream) bool { return h.goAway(s.id-1, http2.ErrCodeNo) }),
		after("GOAWAY below the stream, an error", nothing, func(h *h2, s *stream) bool {
			return h.goAway(s.id-1, http2.ErrCodeEnhanceYourCalm)
		}),
		after("GOAWAY above the stream", maybe, func(h *h2, s *stream) bool { return h.goAway(s.id, http2.ErrCodeNo) }),
		after("GOAWAY above the stream, an error", maybe, func(h *h2, s *stream) bool {
			return h.goAway(s.id+100, http2.ErrCodeInternal)
		}),
		after("GOAWAY above the stream, then 201", do, func(h *h2, s *stream) bool {
			_ = h.framer.WriteGoAway(s.id, http2.ErrCodeNo, nil)
			created(h, s)
			h.bye()
			return ends
		}),
		after("PING, and ended", maybe, func(h *h2, _ *stream) bool {
			_ = h.framer.WritePing(false, [8]byte{1})
			return ends
		}),
		after("ended", maybe, func(*h2, *stream) bool { return ends }),
		after("connection reset", maybe, func(h *h2, _ *stream) bool { h.conn.Reset(); return ends }),
		after("no HTTP/2", maybe, func(h *h2, _ *stream) bool {
			h.conn.Say("HTTP/1.1 500 Internal Server Error\r\n\r\n")
			return ends
		}),
		after("201, then RST_STREAM", do, func(h *h2, s *stream) bool {
			return h.head(s, 201, false) && h.reset(s, http2.ErrCodeInternal)
		}),
		after("201, cut", do, func(h *h2, s *stream) bool {
			_ = h.head(s, 201, false)
			_ = h.framer.WriteData(s.id, false, []byte(h.v.says()[:5]))
			return ends
		}),
		after("201, empty", do, func(h *h2, s *stream) bool { return h.respond(s, 201, "") }),
		after("201, not JSON", do, func(h *h2, s *stream) bool { return h.respond(s, 201, "<html>") }),
		after("201, another length", do, func(h *h2, s *stream) bool {
			return h.respond(s, 201, h.v.says(), "content-length", "3")
		}),
		after("201 twice", do, func(h *h2, s *stream) bool {
			created(h, s)
			return created(h, s)
		}),
		after("103, then RST_STREAM", maybe, func(h *h2, s *stream) bool {
			return h.head(s, 103, false) && h.reset(s, http2.ErrCodeCancel)
		}),
		after("103, then 201", do, func(h *h2, s *stream) bool { return h.head(s, 103, false) && created(h, s) }),
		{"silence, done before", func(h *h2, s *stream, a asked) bool {
			h.v.do(a)
			return silent(h, s, nil)
		}},
		{"silence, done when the client has left", func(h *h2, s *stream, a asked) bool {
			return silent(h, s, func() { h.v.do(a) })
		}},
		{"silence, done long afterwards", func(h *h2, s *stream, a asked) bool {
			h.v.world.atTheEnd(func() { h.v.do(a) })
			return silent(h, s, nil)
		}},
		{"silence, never done", func(h *h2, s *stream, _ asked) bool { return silent(h, s, nil) }},
		{"slow, perhaps too slow", func(h *h2, s *stream, a asked) bool {
			h.v.world.pass(2 * attemptTime)
			h.v.do(a)
			return created(h, s)
		}},
		{"the vendor does not know", func(h *h2, s *stream, a asked) bool {
			h.v.maybe(a)
			status, body := h.v.murky()
			return h.respond(s, status, body)
		}},
		after("a redirect", nothing, func(h *h2, s *stream) bool {
			code := []int{301, 302, 303, 307, 308}[h.v.world.dice.roll(5)]
			return h.respond(s, code, "", "location", h.v.world.elsewhere.URL()+"/send")
		}),
	}
	for range 6 {
		plots = append(plots, after("201", do, created))
	}
	for _, code := range []http2.ErrCode{
		http2.ErrCodeProtocol, http2.ErrCodeProtocol, http2.ErrCodeInternal, http2.ErrCodeCancel, http2.ErrCodeEnhanceYourCalm,
		http2.ErrCodeNo,
	} {
		plots = append(plots, after("RST_STREAM "+code.String(), maybe, func(h *h2, s *stream) bool { return h.reset(s, code) }))
	}
	for _, status := range []int{500, 502, 503, 504, 408, 409} {
		plots = append(plots, after(fmt.Sprint(status), maybe, func(h *h2, s *stream) bool { return h.respond(s, status, "{}") }))
	}
	for _, status := range []int{400, 404, 422, 429, 501} {
		plots = append(plots, after(fmt.Sprint(status), nothing, func(h *h2, s *stream) bool { return h.respond(s, status, "{}") }))
	}
	return plots
}

// The plots of requests whose head was read.
func headPlots() []plot2 {
	return []plot2{
		{"REFUSED_STREAM in the middle", func(h *h2, s *stream, _ asked) bool { return h.reset(s, http2.ErrCodeRefusedStream) }},
		{"RST_STREAM in the middle", func(h *h2, s *stream, _ asked) bool { return h.reset(s, http2.ErrCodeInternal) }},
		{"GOAWAY in the middle", func(h *h2, s *stream, _ asked) bool { return h.goAway(s.id-1, http2.ErrCodeNo) }},
		{"reset in the middle", func(h *h2, _ *stream, _ asked) bool { h.conn.Reset(); return ends }},
		{"refused in the middle", func(h *h2, s *stream, _ asked) bool { return h.respond(s, 413, "{}") }},
		{"silence in the middle", func(h *h2, s *stream, _ asked) bool {
			delete(h.streams, s.id)
			h.v.world.quit()
			return lives
		}},
	}
}
