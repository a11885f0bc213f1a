package main

import (
	"context"
	"io"
	"time"

	"github.com/gofailover/failover/internal/livesim"
)

const (
	// rate of all audio, in Hz.
	rate = 16000
	// frame is how much audio the line carries at a time.
	frame = 20 * time.Millisecond
	// haste is how much faster than a phone it does that.
	haste = 4
)

// voice is the caller's.
var voice = livesim.Voice{Rate: rate}

// line is what comes from the caller's phone: speech, and silence while nobody
// speaks.
type line struct {
	speech chan *utterance
	cut    context.CancelFunc
	over   chan struct{} // closed when nothing comes any more
	err    error         // why, once it is over
}

// utterance is something that is said.
type utterance struct {
	audio  []byte
	sent   int
	middle chan struct{} // closed when half of it was said
	over   chan struct{} // closed when all of it was
	ended  time.Time     // when that was
}

// newLine begins to carry silence.
func newLine(ctx context.Context, to io.Writer) *line {
	l := &line{speech: make(chan *utterance), over: make(chan struct{})}
	ctx, l.cut = context.WithCancel(ctx)
	go func() {
		defer close(l.over)
		l.err = l.carry(ctx, to)
	}()
	return l
}

// close ends the line.
func (l *line) close() {
	l.cut()
	<-l.over
}

// say hands audio to the line, which goes on by itself.
func (l *line) say(ctx context.Context, audio []byte) (*utterance, error) {
	u := &utterance{audio: audio, middle: make(chan struct{}), over: make(chan struct{})}
	select {
	case l.speech <- u:
		return u, nil
	case <-l.over:
		return nil, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// await waits for a moment of an utterance.
func (l *line) await(moment chan struct{}) error {
	select {
	case <-moment:
		return nil
	case <-l.over:
		return l.err
	}
}

func (l *line) carry(ctx context.Context, to io.Writer) error {
	ticker := time.NewTicker(frame / haste)
	defer ticker.Stop()
	silence := voice.Silence(frame)
	var u *utterance
	for at := time.Duration(0); ; at += frame {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		// The simulated vendors look at the audio at fixed places in it. What
		// begins at a whole second meets them alike, and takes as long to be heard.
		if u == nil && at%time.Second == 0 {
			select {
			case u = <-l.speech:
			default:
			}
		}
		if u == nil {
			if _, err := to.Write(silence); err != nil {
				return err
			}
			continue
		}
		done, err := u.say(to, len(silence))
		if err != nil {
			return err
		}
		if done {
			u = nil
		}
	}
}

// say says the next n bytes.
func (u *utterance) say(to io.Writer, n int) (done bool, err error) {
	half := len(u.audio) / 2
	before := u.sent
	u.sent = min(before+n, len(u.audio))
	if _, err := to.Write(u.audio[before:u.sent]); err != nil {
		return false, err
	}
	if before < half && half <= u.sent {
		close(u.middle)
	}
	if u.sent < len(u.audio) {
		return false, nil
	}
	u.ended = time.Now()
	close(u.over)
	return true, nil
}
