package failover_test

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

type (
	text     string
	frames   []byte
	list     []string // says of itself when it is empty
	choices  struct{ list []string }
	silence  struct{ seconds int } // its pointer says so
	verdicts map[string]bool
	named    interface{ Name() string }
	speaker  interface{ Empty() bool }
)

func (l list) Empty() bool     { return len(l) == 0 }
func (c choices) Empty() bool  { return len(c.list) == 0 }
func (s *silence) Empty() bool { return s.seconds == 0 }

// emptyAnswer gives an answer to a router and sees whether it counts.
func emptyAnswer[Resp any](name string, answer Resp, empty bool) func(t *testing.T) (string, bool, bool) {
	return func(t *testing.T) (string, bool, bool) {
		t.Helper()
		discarded := 0
		p := failover.Wrap("a", func(context.Context, int) (Resp, error) { return answer, nil })
		p.Discard = func(Resp) { discarded++ }
		r, err := failover.New(failover.Providers(p), failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}))
		require.NoError(t, err)
		got, err := r.Do(t.Context(), 0)
		if err == nil {
			if _, isFunc := any(answer).(func()); !isFunc {
				assert.Equal(t, answer, got)
			}
		} else {
			assert.Equal(t, failover.ClassIncomplete, failover.ClassOf(err))
			require.ErrorIs(t, err, failover.ErrEmpty)
			require.EqualError(t, err, "failover: all providers failed: a: incomplete (empty answer)")
			assert.Equal(t, map[string]uint64{"incomplete": 1}, r.Status().Providers[0].Attempts)
		}
		want := 0
		if empty && !reflect.ValueOf(&answer).Elem().IsZero() {
			want = 1 // it may hold something to release all the same
		}
		assert.Equal(t, want, discarded, name)

		lenient, lerr := failover.New(failover.Providers(p), failover.WithEmptyAnswers())
		require.NoError(t, lerr)
		_, lerr = lenient.Do(t.Context(), 0)
		require.NoError(t, lerr, name)
		return name, err != nil, empty
	}
}

func TestEmptyAnswers(t *testing.T) {
	t.Parallel()
	zero := 0
	for _, check := range []func(t *testing.T) (string, bool, bool){
		emptyAnswer("nil pointer", (*int)(nil), true),
		emptyAnswer("pointer", &zero, false),
		emptyAnswer("nil map", map[string]int(nil), true),
		emptyAnswer("map", map[string]int{}, false),
		emptyAnswer("named map", verdicts(nil), true),
		emptyAnswer("nil slice", []string(nil), true),
		emptyAnswer("slice without elements", []string{}, false),
		emptyAnswer("nil func", (func())(nil), true),
		emptyAnswer("func", func() {}, false),
		emptyAnswer("nil channel", (chan int)(nil), true),
		emptyAnswer("channel", make(chan int), false),
		emptyAnswer("empty string", "", true),
		emptyAnswer("string", " ", false),
		emptyAnswer("empty named string", text(""), true),
		emptyAnswer("named string", text("x"), false),
		emptyAnswer("nil bytes", []byte(nil), true),
		emptyAnswer("no bytes", []byte{}, true),
		emptyAnswer("bytes", []byte{0}, false),
		emptyAnswer("no frames", frames{}, true),
		emptyAnswer("frames", frames{1}, false),
		emptyAnswer("number", 0, false),
		emptyAnswer("bool", false, false),
		emptyAnswer("struct", struct{ A int }{}, false),
		emptyAnswer("array", [0]byte{}, false),
		emptyAnswer("nil interface", named(nil), true),
		emptyAnswer("nil any", any(nil), true),
		emptyAnswer("any with a nil pointer", any((*int)(nil)), true),
		emptyAnswer("any with a nil map", any(map[string]int(nil)), true),
		emptyAnswer("any with a number", any(0), false),
		emptyAnswer("reader that is nil inside", io.Reader((*strings.Reader)(nil)), true),
		emptyAnswer("reader", io.Reader(strings.NewReader("")), false),
		emptyAnswer("error as an answer", error(nil), true),
		emptyAnswer("says it is empty", choices{}, true),
		emptyAnswer("says it is not", choices{[]string{"x"}}, false),
		emptyAnswer("slice that says it is empty", list{}, true),
		emptyAnswer("nil slice that would say so", list(nil), true),
		emptyAnswer("slice that says it is not", list{""}, false),
		emptyAnswer("its pointer says it is empty", silence{}, true),
		emptyAnswer("its pointer says it is not", silence{1}, false),
		emptyAnswer("pointer that says it is empty", &silence{}, true),
		emptyAnswer("pointer that says it is not", &silence{1}, false),
		emptyAnswer("nil pointer that cannot say", (*silence)(nil), true),
		emptyAnswer("any that says it is empty", any(choices{}), true),
		emptyAnswer("interface that says it is empty", speaker(list{}), true),
		emptyAnswer("interface that says it is not", speaker(list{"x"}), false),
		emptyAnswer("interface with nothing in it", speaker(nil), true),
		emptyAnswer("interface with a nil pointer in it", speaker((*silence)(nil)), true),
	} {
		name, got, want := check(t)
		assert.Equal(t, want, got, name)
	}
}

// An empty answer is a failure of the provider, and the next one is asked.
func TestEmptyAnswerMovesOn(t *testing.T) {
	t.Parallel()
	f := newFleet(1)
	void := failover.Wrap("void", func(context.Context, int) (string, error) { return "", nil })
	r, err := failover.New(append(failover.Providers(void), f.providers(nil)...))
	require.NoError(t, err)
	for range 5 {
		who, err := r.Do(t.Context(), 0)
		require.NoError(t, err)
		require.Equal(t, "a", who)
	}
	assert.Equal(t, failover.BreakerOpen, r.Status().Providers[0].Breaker)
}

// choice is an answer that can tell whether it holds anything.
type choice struct{ Texts []string }

// Empty reports whether there is no text to use.
func (c *choice) Empty() bool { return len(c.Texts) == 0 }

// A vendor that answers 200 with an empty list has not answered. What is empty
// a type can say itself, with a method Empty.
func ExampleWithEmptyAnswers() {
	hollow := failover.Wrap("hollow", func(context.Context, string) (*choice, error) { return &choice{}, nil })
	full := failover.Wrap("full", func(context.Context, string) (*choice, error) { return &choice{[]string{"hi"}}, nil })

	strict, _ := failover.New(failover.Providers(hollow, full))
	answer, err := strict.Do(context.Background(), "hello")
	fmt.Println(answer.Texts, err)

	lenient, _ := failover.New(failover.Providers(hollow, full), failover.WithEmptyAnswers())
	answer, err = lenient.Do(context.Background(), "hello")
	fmt.Println(answer.Texts, err)
	// Output:
	// [hi] <nil>
	// [] <nil>
}
