package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// conversation is a phone call. It has one live session from its beginning to
// its end, and one history, which is no vendor's own.
type conversation struct {
	ears  *stt.LiveClient
	brain *llm.Client
	mouth *tts.StreamClient
	words *phrasebook

	session   *stt.Session
	result    func() (stt.LiveResult, error, bool) // the session's next
	stop      func()
	failovers int // of the session, in turns that are over
	line      *line
	history   []llm.Message
}

// call makes the clients and picks up the phone.
func call(ctx context.Context, r *rig) (_ *conversation, err error) {
	c := &conversation{words: &r.words}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.ears, err = ears(r); err != nil {
		return nil, err
	}
	if c.brain, err = brain(r); err != nil {
		return nil, err
	}
	if c.mouth, err = mouth(r); err != nil {
		return nil, err
	}
	c.session, err = c.ears.Start(ctx, stt.LiveRequest{
		Format: stt.PCM(rate), Language: "en", Pause: 500 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	c.result, c.stop = iter.Pull2(c.session.Results())
	c.line = newLine(ctx, c.session)
	return c, nil
}

// close ends everything, as far as it was begun.
func (c *conversation) close() {
	if c.line != nil {
		c.line.close()
		c.session.Close()
		c.stop()
	}
	if c.ears != nil {
		c.ears.Close()
	}
	if c.brain != nil {
		c.brain.Close()
	}
	if c.mouth != nil {
		c.mouth.Close()
	}
}

// turn is what came of a scene.
type turn struct {
	heard, answer             string
	hearing, thinking, speech step
	firstSound                time.Duration // of the answer, from the caller's last word on
	sound                     int           // bytes of audio
}

// waited is how long it was from the caller's last word to the end of the
// answer.
func (t *turn) waited() time.Duration { return t.hearing.took + t.thinking.took + t.speech.took }

// step is a part of a turn.
type step struct {
	by   []string      // who served, one after the other
	took time.Duration // that the caller waited for it
	errs []error       // how somebody failed
	next string        // who went on then, and where
}

// serve notes who served.
func (s *step) serve(name string) {
	if n := len(s.by); n == 0 || s.by[n-1] != name {
		s.by = append(s.by, name)
	}
}

// note notes the story of a stream, after its end.
func (s *step) note(story *failover.StreamResult) {
	for _, a := range story.Attempts {
		s.serve(a.Provider)
		if a.Err != nil {
			s.errs = append(s.errs, a.Err)
		}
	}
}

// turn lets the caller say something, and answers it.
func (c *conversation) turn(ctx context.Context, s scene) (*turn, error) {
	if s.before != nil {
		s.before()
	}
	u, err := c.line.say(ctx, c.words.speech(voice, s.says))
	if err != nil {
		return nil, err
	}
	if s.during != nil {
		if err := c.line.await(u.middle); err != nil {
			return nil, err
		}
		if err := s.during(); err != nil {
			return nil, err
		}
	}
	if err := c.line.await(u.over); err != nil {
		return nil, err
	}
	t := &turn{}
	if err := c.hear(t, u); err != nil {
		return nil, err
	}
	return t, c.think(ctx, t, u)
}

// hear collects final results until the caller pauses. A connection that breaks
// off is not seen here; the session's summary tells of it.
func (c *conversation) hear(t *turn, u *utterance) error {
	var texts []string
	for paused := false; !paused || len(texts) == 0; {
		r, err, ok := c.result()
		if err != nil {
			return err
		}
		if !ok {
			return errors.New("the live session is over")
		}
		if r.Final && r.Text != "" {
			texts = append(texts, r.Text)
			t.hearing.by = []string{r.Provider}
		}
		paused = r.EndOfSpeech
	}
	t.hearing.took = time.Since(u.ended)
	t.heard = c.words.text(strings.Join(texts, " "))

	failovers := c.session.Summary().Failovers
	for _, f := range failovers[c.failovers:] {
		t.hearing.by = append([]string{f.From}, t.hearing.by...)
		t.hearing.errs = append(t.hearing.errs, fmt.Errorf("%s: %w", f.From, f.Err))
		t.hearing.next = fmt.Sprintf("%s goes on with the audio from %v on, %v later", f.To, f.At.Round(10*time.Millisecond), ms(f.Delay()))
	}
	c.failovers = len(failovers)
	return nil
}

// think has the model answer, and speaks each sentence as soon as it is whole.
// The time that the loop takes for that is not counted as the model's silence.
func (c *conversation) think(ctx context.Context, t *turn, u *utterance) error {
	c.history = append(c.history, llm.User(t.heard))
	begin := time.Now()
	stream, story := c.brain.RouteStream(ctx, llm.Request{
		Model: "smart", System: "You answer the phone of a railway. Be brief.", Messages: c.history,
	})
	var all llm.Collector
	spoken, broken := 0, 0
	for chunk, err := range stream {
		if err != nil {
			return err
		}
		if story.Continued > 0 && broken == 0 {
			broken = len(t.answer)
		}
		all.Add(chunk)
		t.answer = all.Response().Text()
		for {
			s := sentence(t.answer[spoken:], chunk.IsFinal())
			if s == "" {
				break
			}
			spoken += len(s)
			if err := c.speak(ctx, t, u, strings.TrimSpace(s)); err != nil {
				return err
			}
		}
	}
	t.thinking.took = time.Since(begin) - t.speech.took
	t.thinking.note(story)
	if broken > 0 {
		t.thinking.next = fmt.Sprintf("%s goes on with %q", story.Provider, strings.TrimSpace(t.answer[broken:]))
	}
	c.history = append(c.history, all.Response().Message)
	return nil
}

// sentence is the first sentence of a text, empty if it is not whole. At the end
// of the text it is what there is.
func sentence(text string, end bool) string {
	if first, _, whole := strings.Cut(text, ". "); whole {
		return first + ". "
	}
	if end {
		return text
	}
	return ""
}

// speak has a sentence spoken. In a real call the audio goes to the phone.
func (c *conversation) speak(ctx context.Context, t *turn, u *utterance, text string) error {
	begin := time.Now()
	stream, story := c.mouth.Route(ctx, tts.Request{Text: text, Voice: "host", Format: tts.PCM(rate), Language: "en"})
	for chunk, err := range stream {
		if err != nil {
			return err
		}
		if t.sound == 0 {
			t.firstSound = time.Since(u.ended)
		}
		if t.sound += len(chunk.Data); chunk.Offset > 0 {
			t.speech.next = fmt.Sprintf("%s goes on with %q", story.Provider, string([]rune(text)[chunk.Offset:]))
		}
	}
	t.speech.took += time.Since(begin)
	t.speech.note(story)
	return nil
}

// hangUp ends the call and returns what the live session tells of it.
func (c *conversation) hangUp(ctx context.Context) (stt.LiveSummary, error) {
	c.line.close()
	err := c.session.Finish(ctx)
	return c.session.Summary(), err
}
