package providertest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
)

// LLM describes a provider of language models to be tested.
type LLM struct {
	// New makes the provider: an account with key, at a vendor on baseURL,
	// reached through client. The base URL ends with the host; a protocol that
	// has its version in the base ("/v1") has it added by New. Required.
	New func(key, baseURL string, client *http.Client) (llm.Provider, error)
	// Wire is the protocol that the provider speaks. The suite plays the
	// vendor. Required.
	Wire Wire
	// Model is a name in the provider's table, of a model that the suite's
	// vendor has and that can do all but what the provider Lacks.
	Model string
	// Lacks is what the provider does not offer. It is to refuse requests that
	// need that, before anything is sent.
	Lacks Lacks
	// Unsupported are requests that this provider cannot serve, though another
	// might. Without a Model they get the one above, without Messages a text.
	Unsupported []llm.Request
	// Refusals are the vendor's error answers and what they mean.
	Refusals []Refusal
	// Events are what the vendor sends for an error inside a stream that began
	// as a success, whole events, and what they mean. Status and Header are not
	// used.
	Events []Refusal
}

// Lacks is what a provider, or the model it is tested with, does not offer. The
// zero Lacks is nothing.
type Lacks struct {
	Streams   bool // Stream is nil
	Images    bool // images by value
	ImageURLs bool // images by address
	Tools     bool
	MustCall  bool // a choice of tools that leaves no choice
	JSON      bool // answers in JSON of any form
	Schema    bool // answers that follow a schema
	Prefill   bool // an answer that goes on after a text
	Sampling  bool // a temperature
	Stop      bool // texts before which the answer ends
	Reuse     bool // connections of streams that ended well, by an SDK's doing
}

// TestLLM runs the suite: on whole answers, on streams, and on what a stream
// comes to when it is collected.
func TestLLM(t *testing.T, c LLM) {
	t.Helper()
	if c.New == nil || !c.Wire.known() {
		t.Fatal("providertest: LLM needs New and a Wire")
	}
	t.Run("answers", c.testAnswers)
	t.Run("requests", c.testRequests)
	t.Run("histories", c.testHistories)
	t.Run("before anything is sent", c.testLocal)
	t.Run("refusals", c.testRefusals)
	t.Run("connection", c.testConnection)
	t.Run("broken answers", c.testBroken)
	t.Run("time", c.testTime)
	t.Run("concurrency", c.testConcurrency)
	t.Run("health check", c.testHealth)
	t.Run("models", c.testModels)
	t.Run("limits", c.testLimits)
	t.Run("environment", c.testEnvironment)
	if !c.Lacks.Streams {
		t.Run("streams", c.testStreams)
	}
}

// hello is a request that the provider can serve.
func (c LLM) hello() llm.Request {
	return llm.Request{Model: c.Model, Messages: []llm.Message{llm.User(secretText)}}
}

func (c LLM) provider(t *testing.T, s *vendorsim.Server) llm.Provider {
	t.Helper()
	return c.providerWith(t, Key, s, s.Client())
}

func (c LLM) providerWith(t *testing.T, key string, s *vendorsim.Server, client *http.Client) llm.Provider {
	t.Helper()
	p, err := c.New(key, s.URL(), client)
	if err != nil {
		t.Fatalf("New failed: %v", err)
	}
	switch {
	case p.Complete == nil && p.Stream == nil:
		t.Fatal("the provider can do nothing: Complete and Stream are nil")
	case p.Stream == nil && !c.Lacks.Streams:
		t.Fatal("Stream is nil, and LLM.Lacks does not say so")
	}
	return p
}

// bubble runs a subtest against an in-memory vendor under fake time; see
// inBubble.
func (c LLM) bubble(t *testing.T, name string, test func(t *testing.T, s *vendorsim.Server)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := vendorsim.Start(c.Wire.vendor(), vendorsim.InMemory())
			defer s.Close()
			test(t, s)
			s.Client().CloseIdleConnections()
			synctest.Wait()
			if open := s.Stats().Open; open > 0 {
				t.Errorf("%d connections are still in use after the call returned: "+
					"read or close the body of every response, whatever its status", open)
			}
		})
	})
}

// tcp runs a subtest against a vendor on loopback.
func (c LLM) tcp(t *testing.T, name string, test func(t *testing.T, s *vendorsim.Server), opts ...vendorsim.Option) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		s := vendorsim.Start(c.Wire.vendor(), opts...)
		defer s.Close()
		test(t, s)
	})
}

// asker asks a provider and waits for all of the answer.
type asker func(ctx context.Context, req llm.Request) (*llm.Response, error)

// mode is a way to ask.
type mode struct {
	name string
	of   func(p llm.Provider) asker
}

func (c LLM) modes() []mode {
	all := []mode{{"whole", whole}}
	if !c.Lacks.Streams {
		all = append(all, mode{"streamed", streamed})
	}
	return all
}

func whole(p llm.Provider) asker {
	if p.Complete == nil {
		return streamed(p)
	}
	return asker(p.Complete)
}

// errEndless says that a stream has no end.
var errEndless = errors.New("the stream ended with neither a Summary nor an error: say that it is not whole")

func streamed(p llm.Provider) asker {
	return func(ctx context.Context, req llm.Request) (*llm.Response, error) {
		got := read(p.Stream(ctx, req), nil)
		if got.err == nil && got.summary() == nil {
			got.err = errEndless
		}
		return got.response(), got.err
	}
}

// each runs a subtest in every mode.
func (c LLM) each(t *testing.T, name string, test func(t *testing.T, s *vendorsim.Server, ask asker)) {
	t.Helper()
	for _, m := range c.modes() {
		c.bubble(t, name+", "+m.name, func(t *testing.T, s *vendorsim.Server) { test(t, s, m.of(c.provider(t, s))) })
	}
}

// eachTCP is each on loopback.
func (c LLM) eachTCP(t *testing.T, name string, test func(t *testing.T, s *vendorsim.Server, ask asker)) {
	t.Helper()
	for _, m := range c.modes() {
		c.tcp(t, name+", "+m.name, func(t *testing.T, s *vendorsim.Server) { test(t, s, m.of(c.provider(t, s))) })
	}
}

// items are what came of a stream.
type items struct {
	chunks []llm.Chunk
	at     []time.Duration // when each came
	err    error
	after  int // items after the error
}

// read ranges over a stream to its end, and calls each after each item.
func read(stream failover.Stream[llm.Chunk], each func()) items {
	var got items
	start := time.Now()
	for chunk, err := range stream {
		switch {
		case got.err != nil:
			got.after++
			continue
		case err != nil:
			got.err = err
			continue // nothing may follow
		}
		got.chunks = append(got.chunks, chunk)
		got.at = append(got.at, time.Since(start))
		if each != nil {
			each()
		}
	}
	return got
}

func (got items) response() *llm.Response {
	var c llm.Collector
	for _, chunk := range got.chunks {
		c.Add(chunk)
	}
	return c.Response()
}

func (got items) summary() *llm.Summary {
	for _, chunk := range got.chunks {
		if chunk.Summary != nil {
			return chunk.Summary
		}
	}
	return nil
}
