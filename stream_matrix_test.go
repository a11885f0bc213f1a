package failover_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
)

var updateMatrix = flag.Bool("update", false, "write testdata/streams.txt anew")

// line is one event of the matrix' vendors: JSON, one a line, one a chunk.
type line struct {
	Begin bool   `json:"begin,omitzero"`
	Word  string `json:"word,omitzero"`
	End   bool   `json:"end,omitzero"`
	Error int    `json:"error,omitzero"`
	Again bool   `json:"-"`
}

// order is what a vendor is asked: to count to four, from after what was said.
type order struct {
	After []string `json:"after"`
}

var counted = []string{"one", "two", "three", "four"}

// counting is a vendor that streams: a line that begins, four words, a line
// that ends.
func counting(name string) vendorsim.Vendor {
	return vendorsim.Vendor{
		Name: name,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var o order
			if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "application/x-ndjson")
			lines := []line{{Begin: true}}
			for _, word := range counted[len(o.After):] {
				lines = append(lines, line{Word: word})
			}
			for _, l := range append(lines, line{End: true}) {
				text, _ := json.Marshal(l)
				_, _ = w.Write(append(text, '\n'))
				_ = http.NewResponseController(w).Flush()
			}
		}),
		Refuse: func(status int, _ string) vendorsim.Answer {
			return vendorsim.Answer{Status: status, Body: fmt.Appendf(nil, "{\"error\":%d}\n", status)}
		},
	}
}

// countThere streams from a vendor as an adapter does.
func countThere(s *vendorsim.Server) failover.StreamFunc[order, line] {
	return func(ctx context.Context, o order) failover.Stream[line] {
		return func(yield func(line, error) bool) {
			body, _ := json.Marshal(o)
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.URL(), bytes.NewReader(body))
			req.GetBody = nil
			resp, err := s.Client().Do(req)
			if err != nil {
				yield(line{}, err)
				return
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				yield(line{}, failover.HTTPError(resp))
				return
			}
			lines := bufio.NewScanner(resp.Body)
			for lines.Scan() {
				l, err := readLine(lines.Bytes())
				if !yield(l, err) {
					return
				}
			}
			if err := lines.Err(); err != nil {
				yield(line{}, err)
			}
		}
	}
}

func readLine(text []byte) (line, error) {
	var l line
	if json.Unmarshal(text, &l) != nil {
		return l, &failover.Error{Class: failover.ClassIncomplete}
	}
	if l.Error != 0 {
		return l, &failover.Error{Class: failover.ClassOfStatus(l.Error), Status: l.Error}
	}
	return l, nil
}

func counter(name string, s *vendorsim.Server) failover.StreamProvider[order, line] {
	p := failover.WrapStream(name, countThere(s))
	p.Content = func(l line) bool { return l.Word != "" }
	p.Final = func(l line) bool { return l.End }
	p.Restarted = func() line { return line{Again: true} }
	p.Continue = func(o order, got []line) (order, bool) {
		for _, l := range got {
			if l.Word != "" {
				o.After = append(slices.Clip(o.After), l.Word)
			}
		}
		return o, true
	}
	return p
}

// moment is when a fault strikes: after how many lines.
type moment struct {
	name  string
	lines int // -1: before the headers
}

var moments = []moment{{"before headers", -1}, {"before content", 1}, {"after content", 3}, {"at the end", 5}}

// strikes are the faults and what each is at a moment; none where the two do
// not go together.
var strikes = []struct {
	name  string
	early vendorsim.Fault           // before the headers
	late  func(int) vendorsim.Fault // after lines
	down  bool                      // nobody listens
	class failover.Class            // before the headers
	then  failover.Class            // later
}{
	{name: "refused", down: true, class: failover.ClassTransient},
	{name: "reset on accept", early: vendorsim.Reset(), class: failover.ClassTransient},
	{
		name: "reset", early: vendorsim.ResetAfterRead(), late: vendorsim.ResetAfter,
		class: failover.ClassTransient, then: failover.ClassTransient,
	},
	{
		name: "hang-up", early: vendorsim.HangUp(), late: vendorsim.CutAfter,
		class: failover.ClassTransient, then: failover.ClassIncomplete,
	},
	{
		name: "silence", early: vendorsim.Silence(), late: vendorsim.StallAfter,
		class: failover.ClassTimeout, then: failover.ClassTimeout,
	},
	{name: "slow first byte", early: vendorsim.SlowFirstByte(time.Minute), class: failover.ClassTimeout},
	{name: "not HTTP", early: vendorsim.Garbage(), late: vendorsim.BadChunkAfter, class: failover.ClassUnknown, then: failover.ClassUnknown},
	{name: "malformed line", late: func(n int) vendorsim.Fault {
		return vendorsim.ReplaceAfter(n, "{\"word\":\n")
	}, then: failover.ClassIncomplete},
	{
		name: "overloaded", early: vendorsim.Status(529), late: func(n int) vendorsim.Fault { return vendorsim.ErrorAfter(n, 529, "") },
		class: failover.ClassTransient, then: failover.ClassTransient,
	},
	{
		name: "rate limited", early: vendorsim.Status(429).RetryAfter(30), late: func(n int) vendorsim.Fault { return vendorsim.ErrorAfter(n, 429, "") },
		class: failover.ClassRateLimited, then: failover.ClassRateLimited,
	},
	{
		name: "unauthorized", early: vendorsim.Status(401), late: func(n int) vendorsim.Fault { return vendorsim.ErrorAfter(n, 401, "") },
		class: failover.ClassUnauthorized, then: failover.ClassUnauthorized,
	},
	{name: "no end marker", early: vendorsim.EndAfter(0), late: vendorsim.EndAfter, class: failover.ClassIncomplete, then: failover.ClassIncomplete},
}

var interruptions = []struct {
	name string
	opts []failover.Option
}{
	{"fail", nil},
	{"continue", []failover.Option{failover.WithInterrupted(failover.Continue)}},
	{"restart", []failover.Option{failover.WithInterrupted(failover.Restart)}},
	{"whole", []failover.Option{failover.WithCommit(failover.CommitPolicy{Whole: true})}},
}

// cell is what was seen at one fault, moment and policy.
type cell struct {
	heard  string // by the consumer
	err    error
	took   time.Duration
	first  failover.Attempt
	asked  int    // how often the first vendor was
	left   int    // clients that left it before its answer was over
	second string // what the second vendor was asked for
}

// TestStreamMatrix is every fault at every moment under every policy, over
// in-memory connections in fake time: testdata/streams.txt is what consumer and
// vendors saw, and here are the rules that it must follow.
func TestStreamMatrix(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	row := func(cells ...string) {
		for i, width := range []int{16, 15, 9, 53, 13, 7, 16} {
			fmt.Fprintf(&table, "%-*s", width, cells[i])
		}
		table.WriteString(cells[7] + "\n")
	}
	row("fault", "moment", "policy", "consumer heard", "class", "took", "first vendor", "second vendor")
	for _, s := range strikes {
		for _, m := range moments {
			fault := s.early
			class := s.class
			if m.lines >= 0 {
				if s.late == nil {
					continue
				}
				fault, class = s.late(m.lines), s.then
			} else if fault.String() == "none" && !s.down {
				continue
			}
			for _, p := range interruptions {
				var c cell
				ok := t.Run(strings.Join([]string{s.name, m.name, p.name}, "/"), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						c = strike(t, fault, s.down, p.opts)
						c.follows(t, m, class, p.name)
					})
				})
				if ok {
					row(s.name, m.name, p.name, c.heard, c.first.Class().String(), c.took.Round(time.Millisecond).String(),
						c.firstSaw(), c.second)
				}
			}
		}
	}
	const golden = "testdata/streams.txt"
	if *updateMatrix {
		require.NoError(t, os.WriteFile(golden, []byte(table.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	got := strings.Split(table.String(), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(got) || got[i] != line {
			t.Fatalf("%s, line %d, is no longer what is seen: run with -update and read the difference\nwas: %s", golden, i+1, line)
		}
	}
}

// firstSaw says whether the client hung up on the first vendor. Where both end
// at once, either may be first.
func (c cell) firstSaw() string {
	saw := fmt.Sprintf("asked %d", c.asked)
	if c.first.Class() == failover.ClassTimeout {
		saw += fmt.Sprintf(", left %d", c.left)
	}
	return saw
}

// strike lets the first of two vendors meet the fault.
func strike(t *testing.T, fault vendorsim.Fault, down bool, opts []failover.Option) cell {
	t.Helper()
	first, second := vendorsim.Start(counting("first"), vendorsim.InMemory()), vendorsim.Start(counting("second"), vendorsim.InMemory())
	defer first.Close()
	defer second.Close()
	first.Fail(fault)
	if down {
		first.Down()
	}
	r, err := failover.NewStream(failover.StreamProviders(counter("first", first), counter("second", second)),
		append(opts, once())...)
	require.NoError(t, err)
	stream, result := r.Route(t.Context(), order{})
	var c cell
	begun := time.Now()
	var words []string
	for l, err := range stream {
		switch {
		case err != nil:
			words, c.err = append(words, "<error>"), err
		case l.Begin:
			words = append(words, "(")
		case l.End:
			words = append(words, ")")
		case l.Again:
			words = append(words, "<restart>")
		default:
			words = append(words, l.Word)
		}
	}
	c.took, c.heard, c.first = time.Since(begun), strings.Join(words, " "), result.Attempts[0]
	require.NoError(t, r.Close())
	first.Client().CloseIdleConnections()
	second.Client().CloseIdleConnections()
	synctest.Wait()
	c.second = "-"
	c.asked, c.left = first.Stats().Requests, first.Stats().Disconnects
	for _, req := range second.Requests() {
		var o order
		require.NoError(t, json.Unmarshal(req.Body, &o))
		c.second = strings.TrimSpace("all " + strings.Join(o.After, " "))
		if len(o.After) > 0 {
			c.second = "after " + strings.Join(o.After, " ")
		}
	}
	require.LessOrEqual(t, len(second.Requests()), 1)
	assert.Zero(t, first.Stats().Open+second.Stats().Open, "connections are closed or idle no more")
	return c
}

// follows checks a cell against the rules.
func (c cell) follows(t *testing.T, m moment, class failover.Class, policy string) {
	t.Helper()
	assert.Equal(t, class, c.first.Class())
	assert.Equal(t, "first", c.first.Provider)
	const whole = "( one two three four )"
	said := map[int]string{3: "( one two", 5: "( one two three four"}[m.lines]
	visible := said != "" && policy != "whole"
	switch {
	case !visible:
		require.NoError(t, c.err)
		assert.Equal(t, whole, c.heard, "what failed before the commit point is invisible")
		assert.Equal(t, "all", c.second)
	case policy == "fail":
		require.ErrorIs(t, c.err, failover.ErrInterrupted)
		assert.Equal(t, said+" <error>", c.heard)
		assert.Equal(t, "-", c.second)
		assert.Equal(t, class, failover.ClassOf(c.err))
	case policy == "restart":
		require.NoError(t, c.err)
		assert.Equal(t, said+" <restart> "+whole, c.heard)
		assert.Equal(t, "all", c.second)
	case policy == "continue":
		require.NoError(t, c.err)
		rest := strings.TrimPrefix(whole, said)
		assert.Equal(t, said+" ("+strings.TrimSuffix(rest, " )")+" )", c.heard)
		assert.Equal(t, "after"+strings.TrimPrefix(said, "("), c.second)
	}
	if class == failover.ClassTimeout {
		assert.InDelta(t, map[bool]float64{true: 10, false: 15.25}[m.lines < 3], c.took.Seconds(), 0.26)
		assert.Equal(t, 1, c.left, "the client hung up")
	} else {
		assert.Zero(t, c.took)
	}
	var gone *failover.CanceledError
	assert.False(t, errors.As(c.err, &gone))
}
