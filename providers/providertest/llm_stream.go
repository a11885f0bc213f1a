package providertest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
)

// testStreams has what only streams have.
func (c LLM) testStreams(t *testing.T) {
	t.Run("chunks", c.testChunks)
	t.Run("as it comes", c.testFlow)
	t.Run("broken off", c.testTruncated)
	t.Run("error inside", c.testEvents)
	t.Run("ended by the context", c.testEnded)
	t.Run("left", c.testLeft)
	t.Run("in a client", c.testRouted)
}

// script is an answer to be streamed, and the request for it.
type script struct {
	name   string
	answer vendorsim.LLMAnswer
	req    llm.Request
}

// scripts are short, for they are broken at every moment.
func (c LLM) scripts() []script {
	all := []script{{"text", vendorsim.LLMAnswer{Text: "Three servers were asked in turn, and the last one answered."}, c.hello()}}
	if c.Lacks.Tools {
		return all
	}
	calling := script{"calls", vendorsim.LLMAnswer{Text: "I look.", Calls: []vendorsim.LLMCall{
		{ID: "call_1", Name: weather.Name, Arguments: `{"city":"Paris"}`}, {ID: "call_2", Name: clock.Name, Arguments: `{}`},
	}}, c.hello()}
	calling.req.Tools = []llm.Tool{weather, clock}
	return append(all, calling)
}

// stream runs a subtest on a vendor that says the script, with what comes of
// it when nothing is broken.
func (c LLM) stream(t *testing.T, name string, sc script, test func(t *testing.T, s *vendorsim.Server, p llm.Provider)) {
	t.Helper()
	c.bubble(t, name, func(t *testing.T, s *vendorsim.Server) {
		s.Answer(func(vendorsim.LLMRequest) vendorsim.LLMAnswer { return sc.answer })
		test(t, s, c.provider(t, s))
	})
}

// taper keeps the bodies of answers.
type taper struct {
	next http.RoundTripper
	tape bytes.Buffer
}

func (r *taper) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err == nil {
		resp.Body = taped{io.TeeReader(resp.Body, &r.tape), resp.Body}
	}
	return resp, err
}

type taped struct {
	io.Reader
	io.Closer
}

// intact is a stream that nothing is wrong with: its items, how many events
// the vendor sends for it, and which of them, from 0, ends the answer.
func (c LLM) intact(t *testing.T, sc script) (whole items, events, end int) {
	t.Helper()
	c.bubble(t, "intact "+sc.name, func(t *testing.T, s *vendorsim.Server) {
		s.Answer(func(vendorsim.LLMRequest) vendorsim.LLMAnswer { return sc.answer })
		tape := &taper{next: s.Client().Transport}
		whole = read(c.providerWith(t, Key, s, &http.Client{Transport: tape}).Stream(t.Context(), sc.req), nil)
		wantEndOf(t, whole)
		all, last := c.Wire.events(tape.tape.String())
		events, end = len(all), last
	})
	if events == 0 {
		t.FailNow()
	}
	return whole, events, end
}

// wantEndOf checks that a stream went well.
func wantEndOf(t *testing.T, got items) {
	t.Helper()
	if got.err != nil {
		t.Fatalf("the stream failed: %v", got.err)
	}
	last := len(got.chunks) - 1
	if last < 1 {
		t.Fatalf("there are %d chunks: pass each piece on, and the Summary after the last", last+1)
	}
	for i, chunk := range got.chunks {
		if (chunk.Summary != nil) != (i == last) {
			t.Fatalf("item %d of %d: Summary belongs into the last item and into no other", i+1, last+1)
		}
	}
}

func (c LLM) testChunks(t *testing.T) {
	for _, sc := range c.scripts() {
		c.stream(t, sc.name, sc, func(t *testing.T, s *vendorsim.Server, p llm.Provider) {
			stream := p.Stream(t.Context(), sc.req)
			synctest.Wait()
			wantRequests(t, s, 0) // nobody ranges over it yet
			got := read(stream, nil)
			wantRequests(t, s, 1)
			wantEndOf(t, got)
			wantPieces(t, got.chunks, sc.answer)
		})
	}
}

// wantPieces checks that the pieces come to what the model said.
func wantPieces(t *testing.T, chunks []llm.Chunk, said vendorsim.LLMAnswer) {
	t.Helper()
	var text strings.Builder
	pieces, written, done := 0, map[int]*strings.Builder{}, 0
	for i, chunk := range chunks {
		if chunk.Text != "" {
			text.WriteString(chunk.Text)
			pieces++
		}
		if chunk.Restart {
			t.Errorf("item %d is a Restart, which is the router's to say", i+1)
		}
		if d := chunk.Call; d != nil {
			if written[d.Index] == nil {
				written[d.Index] = &strings.Builder{}
				if d.Index >= len(said.Calls) || d.ID == "" || d.Name != said.Calls[d.Index].Name {
					t.Errorf("the first piece of call %d is %+v: it has ID and Name, and Index counts from 0", d.Index, *d)
				}
			}
			written[d.Index].WriteString(d.Args)
		}
		if chunk.IsCall() {
			// Those that are not shown while they are written come whole.
			whole := string(chunk.Done.Call.Args)
			if args := written[done]; args != nil && args.Len() > 0 && !sameJSON(args.String(), whole) {
				t.Errorf("the pieces of call %d come to %s, and the call has %s", done, args, whole)
			}
			done++
		}
	}
	if text.String() != said.Text || said.Text != "" && pieces < 2 && len(said.Calls) == 0 {
		t.Errorf("%d pieces of text come to %q, want several and %q", pieces, text.String(), said.Text)
	}
	if done != len(said.Calls) {
		t.Errorf("%d calls were Done, want %d", done, len(said.Calls))
	}
}

// testFlow sees that a chunk is there when the vendor has sent it, and that
// nobody hurries the vendor or the consumer.
func (c LLM) testFlow(t *testing.T) {
	for _, sc := range c.scripts() {
		c.stream(t, "slow vendor, "+sc.name, sc, func(t *testing.T, s *vendorsim.Server, p llm.Provider) {
			s.FailAlways(vendorsim.Pace(time.Minute))
			got := read(p.Stream(t.Context(), sc.req), nil)
			wantEndOf(t, got)
			if total := got.at[len(got.at)-1]; got.at[0] > total/2 {
				t.Errorf("the first chunk came after %v of %v: pass each on when it is there", got.at[0], total)
			}
		})
		c.stream(t, "slow consumer, "+sc.name, sc, func(t *testing.T, s *vendorsim.Server, p llm.Provider) {
			got := read(p.Stream(t.Context(), sc.req), func() { <-time.After(10 * time.Minute) })
			wantEndOf(t, got)
			wantPieces(t, got.chunks, sc.answer)
			if got.summary().Usage.Output == 0 {
				t.Error("the usage of a slow consumer's stream is lost")
			}
			wantRequests(t, s, 1)
		})
	}
}

// testTruncated breaks the stream at every moment. What was not finished by
// the vendor is not whole; what comes after that may break.
func (c LLM) testTruncated(t *testing.T) {
	for _, sc := range c.scripts() {
		whole, events, end := c.intact(t, sc)
		for n := range events {
			for _, fault := range []vendorsim.Fault{
				vendorsim.EndAfter(n), vendorsim.EndWithin(n), vendorsim.CutAfter(n), vendorsim.ResetAfter(n), vendorsim.BadChunkAfter(n),
				vendorsim.ReplaceAfter(n, "<!DOCTYPE html><html><body>Please sign in.</body></html>\n\n"),
				vendorsim.ReplaceAfter(n, "data: nonsense\n\n"), vendorsim.ReplaceAfter(n, "data: [DONE]\n\n"),
				vendorsim.ReplaceAfter(n, `data: {"message":"`+Canary+"\"}\n\n"),
			} {
				c.stream(t, sc.name+", "+fault.String(), sc, func(t *testing.T, s *vendorsim.Server, p llm.Provider) {
					s.FailAlways(fault)
					got := read(p.Stream(t.Context(), sc.req), nil)
					wantRequests(t, s, 1)
					if got.err == nil && n > end {
						wantSame(t, "after the end", whole.response(), withUsage(got.response(), whole))
						return
					}
					if got.err == nil {
						t.Fatalf("%q before %v was passed off as whole", got.response().Text(), fault)
					}
					wantClass(t, got.err, failover.ClassIncomplete, fault.String())
					wantPart(t, got, whole)
				})
			}
		}
	}
}

// withUsage is an answer with the usage of another: it may come after the end,
// and be lost.
func withUsage(r *llm.Response, whole items) *llm.Response {
	r.Usage = whole.summary().Usage
	return r
}

// wantPart checks what was delivered of a stream that broke off.
func wantPart(t *testing.T, got, whole items) {
	t.Helper()
	part, all := got.response(), whole.response()
	switch {
	case got.summary() != nil:
		t.Error("a stream that broke off has a Summary, which says that it is whole")
	case got.after > 0:
		t.Errorf("%d items came after the error, which is the last", got.after)
	case !strings.HasPrefix(all.Text(), part.Text()):
		t.Errorf("%q came before the failure, which is not how the vendor's %q begins", part.Text(), all.Text())
	case len(part.Calls()) > len(all.Calls()):
		t.Error("more calls were Done than the vendor has sent")
	}
	for i, call := range part.Calls() {
		if i < len(all.Calls()) && !sameJSON(string(call.Args), string(all.Calls()[i].Args)) {
			t.Errorf("call %d was Done with %s, before the vendor had sent all of %s", i+1, call.Args, all.Calls()[i].Args)
		}
	}
}

// testEvents has the vendor send errors inside a stream.
func (c LLM) testEvents(t *testing.T) {
	sc := c.scripts()[0]
	whole, _, end := c.intact(t, sc)
	inside := func(name string, n int, fault vendorsim.Fault, want failover.Class, code string) {
		c.stream(t, fmt.Sprintf("%s after %d events", name, n), sc, func(t *testing.T, s *vendorsim.Server, p llm.Provider) {
			s.FailAlways(fault)
			got := read(p.Stream(t.Context(), sc.req), nil)
			e := wantClass(t, got.err, want, name)
			if code != "" && e.Code != code {
				t.Errorf("Error.Code is %q, want %q: read the error inside the stream", e.Code, code)
			}
			wantPart(t, got, whole)
			wantRequests(t, s, 1)
		})
	}
	for n := range end + 1 {
		inside("rate limit", n, vendorsim.SSEErrorAfter(n, http.StatusTooManyRequests, ""), failover.ClassRateLimited, "")
		inside("server error", n, vendorsim.SSEErrorAfter(n, http.StatusInternalServerError, ""), failover.ClassTransient, "")
		for _, row := range c.Events {
			inside(row.Name, n, vendorsim.ReplaceAfter(n, row.Body), row.Want, row.Code)
		}
	}
}

// testEnded ends a stream that has stalled.
func (c LLM) testEnded(t *testing.T) {
	const deadline, cancelled = 5 * time.Second, 2 * time.Second
	for _, sc := range c.scripts() {
		whole, _, end := c.intact(t, sc)
		for n := range end + 1 {
			fault := vendorsim.StallAfter(n)
			for want, within := range map[error]func(context.Context) (context.Context, context.CancelFunc, time.Duration){
				context.DeadlineExceeded: func(ctx context.Context) (context.Context, context.CancelFunc, time.Duration) {
					ctx, cancel := context.WithTimeout(ctx, deadline)
					return ctx, cancel, deadline
				},
				context.Canceled: func(ctx context.Context) (context.Context, context.CancelFunc, time.Duration) {
					ctx, cancel := context.WithCancel(ctx)
					time.AfterFunc(cancelled, cancel)
					return ctx, cancel, cancelled
				},
			} {
				c.stream(t, fmt.Sprintf("%s, %v, %v", sc.name, fault, want), sc, func(t *testing.T, s *vendorsim.Server, p llm.Provider) {
					s.FailAlways(fault)
					ctx, cancel, at := within(t.Context())
					defer cancel()
					start := time.Now()
					got := read(p.Stream(ctx, sc.req), nil)
					wantEnded(t, got.err, want, "the caller's context")
					wantAt(t, start, at)
					wantPart(t, got, whole)
					wantGone(t, s)
				})
			}
		}
	}
}

// testLeft leaves the loop over a stream.
func (c LLM) testLeft(t *testing.T) {
	for _, sc := range c.scripts() {
		whole, _, _ := c.intact(t, sc)
		for n := range len(whole.chunks) {
			c.stream(t, fmt.Sprintf("%s, after chunk %d", sc.name, n+1), sc, func(t *testing.T, s *vendorsim.Server, p llm.Provider) {
				s.FailAlways(vendorsim.Pace(time.Minute))
				leaveAfter(t, p.Stream(t.Context(), sc.req), n)
				if n == 0 { // later the vendor may have said all
					wantGone(t, s)
				}
			})
		}
	}
	sc := c.scripts()[0]
	c.stream(t, "by a panic", sc, func(t *testing.T, s *vendorsim.Server, p llm.Provider) {
		s.FailAlways(vendorsim.Pace(time.Minute))
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the consumer's panic did not come through")
				}
			}()
			for range p.Stream(t.Context(), sc.req) { //nolint:errcheck // an item or an error: the consumer panics
				panic("the consumer's own")
			}
		}()
		wantGone(t, s)
	})
}

// leaveAfter leaves the loop at item n, from 0.
func leaveAfter(t *testing.T, stream failover.Stream[llm.Chunk], n int) {
	t.Helper()
	seen := 0
	for _, err := range stream {
		if err != nil {
			t.Fatalf("the stream failed: %v", err)
		}
		if seen++; seen > n {
			return
		}
	}
}

// testRouted puts the provider into a client beside itself.
func (c LLM) testRouted(t *testing.T) {
	sc := c.scripts()[0]
	whole, _, _ := c.intact(t, sc)
	client := func(t *testing.T, s *vendorsim.Server, action failover.Interruption) *llm.Client {
		t.Helper()
		first, second := c.provider(t, s), c.provider(t, s)
		first.Name, second.Name, second.Account = "first", "second", "second"
		client, err := llm.New([]llm.Provider{first, second}, llm.WithStreams(failover.WithInterrupted(action)))
		if err != nil {
			t.Fatalf("no client can be made of the provider: %v", err)
		}
		return client
	}
	for _, row := range []struct {
		name   string
		fault  vendorsim.Fault
		action failover.Interruption
	}{
		{"error before anything was said", vendorsim.SSEErrorAfter(0, http.StatusTooManyRequests, ""), failover.Fail},
		{"restart", vendorsim.CutAfter(3), failover.Restart},
	} {
		c.stream(t, row.name, sc, func(t *testing.T, s *vendorsim.Server, _ llm.Provider) {
			s.Fail(row.fault)
			got, err := llm.Collect(client(t, s, row.action).Stream(t.Context(), sc.req))
			if err != nil {
				t.Fatalf("nobody took over: %v", err)
			}
			if got.Provider != "second" || got.Text() != whole.response().Text() {
				t.Errorf("%s said %q, want all of it from the second provider", got.Provider, got.Text())
			}
			wantRequests(t, s, 2)
		})
	}
	c.bubble(t, "continue", func(t *testing.T, s *vendorsim.Server) {
		p := c.provider(t, s)
		if m, ok := p.Models.Find(p.Vendor, c.Model); c.Lacks.Prefill || !ok || m.Can == nil || !m.Can.Prefill {
			t.Skip("the model is not known to go on after a text")
		}
		want, err := streamed(p)(t.Context(), c.hello())
		if err != nil {
			t.Fatalf("the provider failed: %v", err)
		}
		s.Fail(vendorsim.CutAfter(4))
		got, err := llm.Collect(client(t, s, failover.Continue).Stream(t.Context(), c.hello()))
		if err != nil {
			t.Fatalf("nobody took over: %v", err)
		}
		if got.Text() != want.Text() {
			t.Errorf("the two halves come to %q, want %q", got.Text(), want.Text())
		}
		if asked := s.Asked(); asked[len(asked)-1].Prefill == "" {
			t.Error("the second provider began again")
		}
	})
}
