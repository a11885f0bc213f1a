package failover_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// Items that a narrator says beside its content.
const (
	meta      = "#meta"
	thinking  = "#thinking"
	finish    = "#end"
	again     = "#restart"
	toolCall  = "tool()"
	forEver   = time.Duration(1<<63 - 1)
	noContent = "#"
)

// narrator is a streaming provider that follows a script.
type narrator struct {
	name string

	mu       sync.Mutex
	script   []any
	scripts  [][]any // for the next calls, one each, before script
	requests []string
	open     int
	said     int
}

// A script is made of strings (items), durations (pauses that end with the
// context), errors (yielded, and the end), and funcs.
func newNarrator(name string, script ...any) *narrator {
	s := &narrator{name: name}
	if script == nil {
		script = words(name+"1", name+"2", name+"3")
	}
	s.says(script...)
	return s
}

// words is a whole stream of these items.
func words(items ...string) []any {
	script := []any{meta}
	for _, w := range items {
		script = append(script, w)
	}
	return append(script, finish)
}

func (s *narrator) says(script ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// then adds a script for one call.
func (s *narrator) then(script ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts = append(s.scripts, script)
}

func (s *narrator) begin(req string) []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, req)
	s.open++
	if len(s.scripts) > 0 {
		script := s.scripts[0]
		s.scripts = s.scripts[1:]
		return script
	}
	return s.script
}

func (s *narrator) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// do honours the contract of a StreamFunc.
func (s *narrator) do(ctx context.Context, req string) failover.Stream[string] {
	return func(yield func(string, error) bool) {
		script := s.begin(req)
		defer s.end()
		for _, step := range script {
			switch step := step.(type) {
			case string:
				s.mu.Lock()
				s.said++
				s.mu.Unlock()
				if !yield(step, nil) {
					return
				}
			case time.Duration:
				if err := pass(ctx, step); err != nil {
					yield("", err)
					return
				}
			case error:
				yield("", step)
				return
			case func():
				step()
			default:
				panic(fmt.Sprintf("no step: %v", step))
			}
		}
	}
}

// asked are the requests it got.
func (s *narrator) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// running is how many of its streams have not ended.
func (s *narrator) running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func (s *narrator) provider() failover.StreamProvider[string, string] {
	p := failover.WrapStream(s.name, s.do)
	p.Content = func(item string) bool { return !strings.HasPrefix(item, noContent) }
	p.Progress = func(item string) bool { return item == thinking }
	p.Final = func(item string) bool { return item == finish }
	p.Irrevocable = func(item string) bool { return item == toolCall }
	p.Restarted = func() string { return again }
	p.Continue = func(req string, got []string) (string, bool) {
		var content []string
		for _, item := range got {
			if !strings.HasPrefix(item, noContent) {
				content = append(content, item)
			}
		}
		return req + " after " + strings.Join(content, " "), true
	}
	return p
}

type theatre = failover.StreamRouter[string, string]

// inTheatre makes a stream router of narrators in their order.
func inTheatre(t *testing.T, narrators []*narrator, opts ...failover.Option) *theatre {
	t.Helper()
	providers := make([]failover.StreamProvider[string, string], len(narrators))
	for i, s := range narrators {
		providers[i] = s.provider()
	}
	r, err := failover.NewStream(providers, opts...)
	require.NoError(t, err)
	return r
}

// heard is what a consumer got: the items, and the error.
func heard(stream failover.Stream[string]) ([]string, error) {
	var items []string
	for item, err := range stream {
		if err != nil {
			return items, err
		}
		items = append(items, item)
	}
	return items, nil
}

// hear ranges over a stream for a request without a deadline.
func hear(t *testing.T, r *theatre) (string, error) {
	t.Helper()
	items, err := heard(r.Stream(t.Context(), "request"))
	return strings.Join(items, " "), err
}

// leavings are the ways to leave the loop over a stream.
func leavings() map[string]func(r *theatre) {
	return map[string]func(r *theatre){
		"break": func(r *theatre) {
			for range r.Stream(context.Background(), "request") {
				break
			}
		},
		"panic": func(r *theatre) {
			defer func() { _ = recover() }()
			for range r.Stream(context.Background(), "request") {
				panic("consumer")
			}
		},
		"Goexit": func(r *theatre) {
			var wg sync.WaitGroup
			wg.Go(func() {
				for range r.Stream(context.Background(), "request") {
					runtime.Goexit()
				}
			})
			wg.Wait()
		},
	}
}
