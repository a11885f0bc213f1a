package livesim

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// session is one connection. What the vendor says goes through a queue to one
// goroutine, which also does the faults, so that both are in order.
type session struct {
	server  *Server
	seen    Connection // guarded by the server's lock
	voice   Voice
	speaker speaker
	conn    net.Conn
	ws      *websocket.Conn
	ctx     context.Context //nolint:containedctx // of the connection
	cancel  context.CancelFunc
	out     chan message
	stalled chan struct{} // closed: nothing more is read

	pongless atomic.Bool
	endless  bool
	wordless bool
	unheard  bool
	hanging  bool
	slow     time.Duration

	// Of the goroutine that speaks.
	fault     Fault
	struck    bool
	mute      bool
	skip      bool
	interims  int
	finals    int
	lastFinal [][]byte
}

// message is something to be said or done.
type message struct {
	due     time.Time
	texts   [][]byte
	interim bool // with words
	final   bool
	words   []word
	moment  momentKind // what has happened with it
	played  time.Duration
	act     func()
}

// listen serves a connection.
func (s *Server) listen(w http.ResponseWriter, r *http.Request, fault Fault) {
	conn, ok := r.Context().Value(connKey{}).(net.Conn)
	if !ok {
		panic("livesim: no connection")
	}
	k := &session{
		server: s, fault: fault, voice: s.vendor.voice(r.URL.Query()), conn: conn,
		out: make(chan message, 1024), stalled: make(chan struct{}),
	}
	k.seen.Query = r.URL.Query()
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true,
		OnPingReceived: func(context.Context, []byte) bool {
			s.update(func() { k.seen.Pings++ })
			return !k.pongless.Load()
		},
	})
	if err != nil {
		return
	}
	ws.SetReadLimit(16 << 20)
	k.ws = ws
	k.ctx, k.cancel = context.WithCancel(context.Background())
	defer k.cancel()
	if fault.begin != nil {
		fault.begin(k)
	}
	k.speaker = s.vendor.meet(k)
	s.update(func() { s.sessions = append(s.sessions, k) })
	s.update(func() { s.active++ })
	go func() {
		defer s.update(func() { s.active-- })
		k.speak()
	}()
	if fault.at.what == momentTime && fault.act != nil {
		timer := time.AfterFunc(fault.at.played, func() { k.post(message{moment: momentTime}) })
		defer timer.Stop()
	}
	k.read()
}

// read hears what the client says, to the end of the connection.
func (k *session) read() {
	defer k.gone()
	k.speaker.begin()
	k.post(message{moment: momentOnce})
	idle := time.AfterFunc(k.speaker.patience(), func() { k.post(message{act: k.speaker.idle}) })
	defer idle.Stop()
	for {
		kind, data, err := k.ws.Read(k.ctx)
		if err != nil {
			k.server.update(func() {
				if closed, ok := errors.AsType[websocket.CloseError](err); ok {
					k.seen.Status = int(closed.Code)
				}
			})
			return
		}
		idle.Reset(k.speaker.patience())
		k.speaker.hear(kind == websocket.MessageBinary, data)
		select {
		case <-k.stalled:
			<-k.ctx.Done()
			return
		default:
		}
	}
}

// gone releases everything.
func (k *session) gone() {
	k.cancel()
	cut(k.conn, false)
	_ = k.ws.CloseNow()
	k.server.update(func() { k.seen.Closed = true })
}

// post queues a message.
func (k *session) post(m message) {
	m.due = time.Now().Add(k.server.latency)
	select {
	case k.out <- m:
	case <-k.ctx.Done():
	}
}

// speak says what is queued.
func (k *session) speak() {
	for {
		select {
		case m := <-k.out:
			k.pause(max(time.Until(m.due), k.slow*time.Duration(min(1, len(m.texts)))))
			k.deliver(m)
		case <-k.ctx.Done():
			return
		case <-k.server.closing:
			k.cut(true)
			return
		}
	}
}

// pause waits, less if the connection ends.
func (k *session) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-k.ctx.Done():
	case <-k.server.closing:
	}
}

func (k *session) deliver(m message) {
	if m.act != nil {
		m.act()
		return
	}
	if m.final && k.skip {
		k.skip = false
		return
	}
	if !k.mute {
		for _, text := range m.texts {
			k.send(true, text)
		}
		if m.final {
			k.lastFinal = m.texts
			k.server.update(func() {
				for _, w := range m.words {
					k.seen.Words = append(k.seen.Words, w.text())
				}
			})
		}
	}
	k.strike(m)
}

// strike does the fault if its moment has come.
func (k *session) strike(m message) {
	if m.interim {
		k.interims++
	}
	if m.final && len(m.words) > 0 {
		k.finals++
	}
	at := k.fault.at
	due := false
	switch at.what {
	case momentInterims:
		due = m.interim && k.interims >= at.count
	case momentFinals:
		due = m.final && len(m.words) > 0 && k.finals >= at.count
	case momentAudio:
		due = m.moment == momentAudio && m.played >= at.played
	case momentOnce:
		due = m.moment == momentOnce && len(m.texts) == 0
	case momentTime, momentFinish, momentLast:
		due = m.moment == at.what
	}
	if due && !k.struck && k.fault.act != nil {
		k.struck = true
		k.fault.act(k)
	}
}

// send writes a message.
func (k *session) send(text bool, data []byte) {
	kind := websocket.MessageBinary
	if text {
		kind = websocket.MessageText
	}
	_ = k.ws.Write(k.ctx, kind, data)
}

// raw writes bytes beside the protocol.
func (k *session) raw(b []byte) { _, _ = k.conn.Write(b) }

// cut ends the connection without a word.
func (k *session) cut(reset bool) {
	cut(k.conn, reset)
	k.cancel()
}

// stall ends reading.
func (k *session) stall() {
	select {
	case <-k.stalled:
	default:
		close(k.stalled)
	}
}

// close ends the connection with a closing handshake.
func (k *session) close(code int, reason string) {
	if k.hanging {
		return
	}
	_ = k.ws.Close(websocket.StatusCode(code), reason)
	k.cancel()
}

// note notes a message of the client.
func (k *session) note(kind string) {
	k.server.update(func() { k.seen.Messages = append(k.seen.Messages, kind) })
}

// received notes audio.
func (k *session) received(n int) {
	k.server.update(func() { k.seen.Audio += k.voice.Span(n) })
}
