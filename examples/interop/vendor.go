package main

import (
	"context"
	"strings"
)

// vendor stands for a vendor's client: it knows one voice, and fails with fault
// if it has one.
type vendor struct {
	voice string
	fault error
}

var (
	_ synthesizer = vendor{}
	_ streamer    = vendor{}
)

// Synthesize implements synthesizer.
func (v vendor) Synthesize(_ context.Context, text string, cfg config) ([]byte, error) {
	if v.fault != nil {
		return nil, v.fault
	}
	return []byte(cfg.Voice + " says " + text), nil
}

// SynthesizeStream implements streamer. Its fault comes in the channel, after
// the call has succeeded.
func (v vendor) SynthesizeStream(ctx context.Context, text string, cfg config) (<-chan chunk, error) {
	chunks := make(chan chunk)
	send := func(c chunk) bool {
		select {
		case chunks <- c:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(chunks)
		if v.fault != nil {
			send(chunk{Err: v.fault})
			return
		}
		for word := range strings.FieldsSeq(cfg.Voice + " says " + text) {
			if !send(chunk{Audio: []byte(word)}) {
				return
			}
		}
		send(chunk{Final: true})
	}()
	return chunks, nil
}
