// Voice is a phone call with an assistant: what the caller says is written down
// while it is being said, a model answers it, and the answer is spoken, sentence
// by sentence as it comes. Six services of four vendors take part, simulated on
// loopback with their real wire protocols: no key, no network. Three of them
// fail, each in the middle of something, and the call goes on.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/gofailover/failover/internal/vendorsim"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// scene is one turn of the call. The caller always says five words, so that the
// times of turns can be compared.
type scene struct {
	title string
	says  string
	// before happens before the caller speaks, during while it speaks the third
	// word. Both may be nil.
	before func()
	during func() error
}

func scenes(r *rig) []scene {
	return []scene{
		{title: "All is well.", says: "when does my train leave"},
		{
			title:  "The socket of the live transcription dies in the middle of a word.",
			says:   "which platform does it use",
			during: r.dropLive,
		},
		{
			title:  "The model breaks off in the middle of its answer.",
			says:   "can i take my bicycle",
			before: func() { r.anthropic.Fail(vendorsim.CutAfter(12)) },
		},
		{
			title:  "The voice falls silent in the middle of a sentence.",
			says:   "how long does it take",
			before: func() { r.eleven.Fail(vendorsim.StallAfter(4)) },
		},
		{title: "All is well again.", says: "thank you and good bye"},
	}
}

func run(ctx context.Context, w io.Writer) error {
	r := newRig()
	defer r.close()
	c, err := call(ctx, r)
	if err != nil {
		return err
	}
	defer c.close()

	fmt.Fprintf(w, "The caller speaks %d times as fast as people do, so that you need not wait.\n", haste)
	s := newStory(w)
	for _, scene := range scenes(r) {
		t, err := c.turn(ctx, scene)
		if err != nil {
			return err
		}
		s.tell(scene, t)
	}
	heard, err := c.hangUp(ctx)
	if err != nil {
		return err
	}
	return s.end(heard)
}
