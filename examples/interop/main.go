// Interop puts routers before speech clients as people have them: a method with
// the text and a config, a stream that is a channel with the error inside a
// chunk, and no Close. See README.md beside it for the why of each line.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/gofailover/failover"
)

// What an application has already: interfaces of its own, and a client for each
// vendor behind them.

type config struct {
	Voice  string
	Format string
}

type synthesizer interface {
	Synthesize(ctx context.Context, text string, cfg config) ([]byte, error)
}

// chunk is an item of a stream. The last one has Final or Err.
type chunk struct {
	Audio []byte
	Final bool
	Err   error
}

type streamer interface {
	SynthesizeStream(ctx context.Context, text string, cfg config) (<-chan chunk, error)
}

// What is needed to route them: one type for the request, and two functions.

type speech struct {
	text string
	cfg  config
}

// whole makes a provider of a client with two arguments.
func whole(name string, client synthesizer, voice string) failover.Provider[speech, []byte] {
	p := failover.Wrap(name, func(ctx context.Context, req speech) ([]byte, error) {
		audio, err := client.Synthesize(ctx, req.text, req.cfg)
		return audio, read(err)
	})
	p.Adapt = inVoice(voice)
	return p
}

// streamed makes a provider of a client that answers through a channel.
func streamed(name string, client streamer, voice string) failover.StreamProvider[speech, chunk] {
	p := failover.WrapStream(name, func(ctx context.Context, req speech) failover.Stream[chunk] {
		return fromChannel(ctx, func(ctx context.Context) (<-chan chunk, error) {
			return client.SynthesizeStream(ctx, req.text, req.cfg)
		})
	})
	p.Adapt = inVoice(voice)
	p.Content = func(c chunk) bool { return len(c.Audio) > 0 }
	p.Final = func(c chunk) bool { return c.Final } // a channel that is closed without it was cut
	return p
}

// fromChannel ranges over a channel whose items carry the error, and leaves
// nothing behind when the consumer breaks off.
func fromChannel(ctx context.Context, open func(context.Context) (<-chan chunk, error)) failover.Stream[chunk] {
	return func(yield func(chunk, error) bool) {
		ctx, cancel := context.WithCancel(ctx) // there is no Close: the context is how to stop it
		chunks, err := open(ctx)
		if err != nil {
			cancel()
			yield(chunk{}, read(err))
			return
		}
		defer func() {
			cancel()
			go drain(chunks) // its sender may be waiting for us
		}()
		for {
			select {
			case c, open := <-chunks:
				if !open || !yield(c, read(c.Err)) || c.Err != nil {
					return
				}
			case <-ctx.Done():
				yield(chunk{}, ctx.Err())
				return
			}
		}
	}
}

// drain lets a sender go that is blocked on a channel nobody reads.
func drain(chunks <-chan chunk) {
	for range chunks {
	}
}

// errBusy and errKey stand for errors that the vendors' clients return.
var (
	errBusy = errors.New("too many requests")
	errKey  = errors.New("bad key")
)

// read says what a client's errors mean, where they do not say it themselves
// with a StatusCode method or as network errors. The rest passes as it is.
func read(err error) error {
	switch {
	case errors.Is(err, errBusy):
		return &failover.Error{Class: failover.ClassRateLimited, Err: err}
	case errors.Is(err, errKey):
		return &failover.Error{Class: failover.ClassUnauthorized, Err: err}
	default:
		return err
	}
}

// inVoice gives each vendor its own name of the voice.
func inVoice(voice string) func(speech) speech {
	return func(req speech) speech {
		req.cfg.Voice = voice
		return req
	}
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	request := speech{"Good evening.", config{Voice: "host", Format: "pcm"}}

	router, err := failover.New(failover.Providers(
		whole("first", vendor{voice: "anna", fault: errBusy}, "anna"),
		whole("second", vendor{voice: "berta"}, "berta"),
	))
	if err != nil {
		return err
	}
	defer router.Close()
	result, err := router.Route(ctx, request)
	if err != nil {
		return err
	}
	fmt.Printf("whole:    %s, by %s; %v\n", result.Value, result.Provider, result.Attempts[0].Err)

	streams, err := failover.NewStream(failover.StreamProviders(
		streamed("first", vendor{voice: "anna", fault: errKey}, "anna"),
		streamed("second", vendor{voice: "berta"}, "berta"),
	))
	if err != nil {
		return err
	}
	defer streams.Close()
	stream, story := streams.Route(ctx, request)
	fmt.Print("streamed: ")
	for c, err := range stream {
		if err != nil {
			return err
		}
		if len(c.Audio) > 0 {
			fmt.Printf("[%s]", c.Audio)
		}
	}
	fmt.Printf(", by %s; %v\n", story.Provider, story.Attempts[0].Err)
	return nil
}
