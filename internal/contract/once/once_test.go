package once_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// How much is done in one run: thousands of operations, within a minute on two
// busy cores.
const (
	worlds     = 80
	operations = 40 // of each world
)

// count is what came of many operations.
type count struct {
	mu        sync.Mutex
	sent      int
	uncertain int
	failed    int
	doubles   int
	lost      int // the caller was told "failed" of what was done
	untrue    int // the caller was told "sent" of what was not
	late      time.Duration
	plots     map[string]int
}

func (c *count) String() string {
	return fmt.Sprintf("%d sent, %d uncertain, %d failed; %d done twice, %d done and told failed, %d not done and told sent; "+
		"the latest came back %v after its deadline", c.sent, c.uncertain, c.failed, c.doubles, c.lost, c.untrue, c.late)
}

// knows says that a caller was not told "failed".
func (end told) knows() bool {
	return end.err == nil || errors.Is(end.err, failover.ErrUncertain) || errors.Is(end.err, failover.ErrDuplicate)
}

// add judges an operation. What vendors are about may still happen.
func (c *count) add(w *world, op string, ends []told) {
	c.mu.Lock()
	defer c.mu.Unlock()
	took, knows := w.book.count(op), false
	for _, end := range ends {
		knows = knows || end.knows()
		if end.err == nil && took == 0 {
			c.untrue++
			w.t.Errorf("seed %d: %s was not done, and its caller was told that it was\n%s", w.seed, op, w.book.tale(op))
		}
	}
	if took > 1 {
		c.doubles++
		w.t.Errorf("seed %d: %s was done %d times\n%s", w.seed, op, took, w.book.tale(op))
	}
	if took > 0 && !knows {
		c.lost++
		w.t.Errorf("seed %d: %s was done, and its caller was told %v\n%s", w.seed, op, ends[0].err, w.book.tale(op))
	}
}

// enter counts what a caller was told.
func (c *count) enter(w *world, end told) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case end.err == nil:
		c.sent++
	case end.knows():
		c.uncertain++
	default:
		c.failed++
		requireTyped(w.t, end.err)
	}
	c.late = max(c.late, w.late)
}

// requireTyped says that an error is one of those that are documented.
func requireTyped(t *testing.T, err error) {
	t.Helper()
	for _, ok := range []bool{
		errors.Is(err, failover.ErrAllFailed), errors.Is(err, failover.ErrNoneAvailable), is[*failover.CanceledError](err),
	} {
		if ok {
			return
		}
	}
	t.Errorf("told a %T: %v", err, err)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// meet adds the plots that were played.
func (c *count) meet(w *world) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, n := range w.book.plots {
		c.plots[name] += n
	}
}

// TestNothingIsSentTwice: whatever the vendors do, and whenever the caller
// leaves, nothing is sent twice and nothing that was sent is told to have
// failed.
func TestNothingIsSentTwice(t *testing.T) {
	seen := &count{plots: map[string]int{}}
	certs := newCerts(t)
	t.Run("worlds", func(t *testing.T) {
		for i := range worlds {
			seed := rand.Uint64()
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, seed, i%2 == 1, certs)
				ends := map[string][]told{}
				for j := range operations {
					op := fmt.Sprintf("op-%d-%d", i, j)
					for range 1 + w.dice.roll(4)/3 { // some callers try again
						end := w.send(op)
						seen.enter(w, end)
						ends[op] = append(ends[op], end)
					}
					seen.add(w, op, ends[op])
				}
				w.close()
				for op, told := range ends {
					seen.add(w, op, told)
				}
				require.Zero(t, w.elsewhere.Connections(), "a redirect was followed")
				seen.meet(w)
			})
		}
	})
	t.Log(seen)
	require.Less(t, seen.late, tolerance)
	requireNobodyLeft(t)

	// It means something only if all of it happened.
	require.Greater(t, seen.sent, worlds*operations/10)
	require.Greater(t, seen.uncertain, worlds*operations/10)
	require.Greater(t, seen.failed, worlds)
	t.Logf("%d kinds of endings", len(seen.plots))
	for _, name := range everyPlot() {
		require.NotZero(t, seen.plots[name], "%q was not met", name)
	}
}

// everyPlot names the ways in which a request can end here.
func everyPlot() []string {
	names := map[string]bool{}
	for _, plots := range [][]plot{connPlots(), partPlots(), wholePlots()} {
		for _, p := range plots {
			names[p.name] = true
		}
	}
	for _, plots := range [][]plot2{headPlots(), wholePlots2()} {
		for _, p := range plots {
			names["HTTP/2: "+p.name] = true
		}
	}
	names[listed] = true
	return slices.Sorted(maps.Keys(names))
}

// TestAtLeastOnceSaysSo: a caller who would rather have it twice than not at
// all gets the second attempt, and learns whenever the first may have taken
// effect too.
func TestAtLeastOnceSaysSo(t *testing.T) {
	certs := newCerts(t)
	var mu sync.Mutex
	again, flagged, doubles := 0, 0, 0
	t.Run("worlds", func(t *testing.T) {
		for i := range worlds / 4 {
			seed := rand.Uint64()
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, seed, i%2 == 1, certs)
				ends := map[string]told{}
				for j := range operations {
					op := fmt.Sprintf("op-%d-%d", i, j)
					ends[op] = w.send(op, failover.OnUncertain(failover.FailOver))
				}
				w.close()
				mu.Lock()
				defer mu.Unlock()
				for op, end := range ends {
					took := w.book.count(op)
					says := errors.Is(end.err, failover.ErrUncertain) || end.err == nil && end.uncertain
					unsure := w.uncertain[op] > 0
					if unsure && w.seconds[op] > 1 {
						again++
					}
					if end.err == nil && end.uncertain {
						flagged++
					}
					if took > 1 {
						doubles++
					}
					if took > 1 && !says || unsure && !says || took > 0 && end.err != nil && !says {
						t.Errorf("seed %d: %s was done %d times, and its caller was told %v, uncertain: %v\n%s",
							seed, op, took, end.err, end.uncertain, w.book.tale(op))
					}
				}
			})
		}
	})
	t.Logf("%d times asked again after an uncertain attempt, %d successes say so, %d were done more than once", again, flagged, doubles)
	require.Greater(t, again, worlds)
	require.Greater(t, flagged, worlds/4)
	require.NotZero(t, doubles)
}

// TestTheNaiveLoopSendsTwice: the same vendors, a client as everybody has it,
// and the next vendor after any error.
func TestTheNaiveLoopSendsTwice(t *testing.T) {
	certs := newCerts(t)
	seen := &count{}
	t.Run("worlds", func(t *testing.T) {
		for i := range worlds / 2 {
			seed := rand.Uint64()
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				w := newNaiveWorld(t, seed, certs)
				ends := map[string]error{}
				for j := range operations {
					op := fmt.Sprintf("op-%d-%d", i, j)
					ends[op] = w.naive(op)
				}
				w.close()
				seen.mu.Lock()
				defer seen.mu.Unlock()
				for op, err := range ends {
					took := w.book.count(op)
					switch {
					case err == nil:
						seen.sent++
					default:
						seen.failed++
					}
					if took > 1 {
						seen.doubles++
					}
					if took > 0 && err != nil {
						seen.lost++
					}
					if took == 0 && err == nil {
						seen.untrue++
					}
				}
			})
		}
	})
	t.Logf("of %d operations: %v", worlds/2*operations, seen)
	require.Greater(t, seen.doubles, worlds/2*operations/50)
	require.NotZero(t, seen.lost)
}

// naiveWorld is a loop over several vendors.
type naiveWorld struct {
	*world

	urls    []string
	clients []*http.Client
}

func newNaiveWorld(t *testing.T, seed uint64, c *certs) *naiveWorld {
	t.Helper()
	w := emptyWorld(t, seed, c)
	w.lang = speaksOwn
	n := &naiveWorld{world: w}
	for range 2 + w.dice.roll(3) {
		_, url, client := w.open()
		if client == nil {
			client = &http.Client{Transport: &http.Transport{}}
			w.closers = append(w.closers, client.CloseIdleConnections)
		}
		n.urls, n.clients = append(n.urls, url), append(n.clients, &http.Client{Transport: client.Transport, Timeout: attemptTime})
	}
	return n
}

var errNot2xx = errors.New("the vendor said no")

// naive is what people write.
func (n *naiveWorld) naive(op string) (err error) {
	n.current.Store(&journey{op: op})
	defer n.current.Store(nil)
	for i, url := range n.urls {
		var resp *http.Response
		resp, err = n.clients[i].Post( //nolint:noctx // the client's Timeout ends it
			url+"/send", "application/json", strings.NewReader(`{"text":"`+op+`","to":"+15005550006"}`))
		if err != nil {
			continue
		}
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		switch {
		case resp.StatusCode >= 300:
			err = errNot2xx
		case err == nil:
			return nil
		}
	}
	return err
}
