package live_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/livesim"
	"github.com/gofailover/failover/providers/stt"
)

var seeds = flag.Int("seeds", 40, "how many random sessions TestRandomFaults has")

// Sessions with random speech, over random vendors that fail at random, are
// exact all the same: every word once, whole and at its time, or reported as
// lost.
func TestRandomFaults(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) { randomSession(t, uint64(seed)) })
		})
	}
}

func randomSession(t *testing.T, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 42))
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(random.Int64N(int64(most-least))).Round(time.Millisecond)
	}
	vendors := []string{"deepgram", "elevenlabs", "deepgram", "elevenlabs"}
	random.Shuffle(len(vendors), func(i, j int) { vendors[i], vendors[j] = vendors[j], vendors[i] })
	vendors = vendors[:1+random.IntN(len(vendors))]
	var opts []failover.Option
	if random.IntN(3) == 0 {
		opts = append(opts, failover.WithStrategy(failover.RoundRobin()))
	}
	r := newRig(t, vendors, opts...)
	defer r.close()
	if random.IntN(2) == 0 {
		r.voice = livesim.Voice{Rate: 8000, MuLaw: true}
		r.req.Format = stt.MuLaw(8000)
	}
	r.req.Buffer, r.req.Patience = between(10*time.Second, 30*time.Second), between(10*time.Second, time.Minute)
	var story []string
	for i, sim := range r.sims {
		some := randomFaults(random, vendors[i], random.IntN(6))
		sim.Fail(some...)
		story = append(story, fmt.Sprint(vendors[i], " ", some))
	}
	var s script
	for n := 1; n < 100; {
		last := n + random.IntN(12)
		s.say(r.voice, between(80*time.Millisecond, 400*time.Millisecond), n, last)
		s.rest(r.voice, between(0, 4*time.Second))
		n = last + 1
	}
	var waits []time.Duration // up, down, up, down, ...
	for range random.IntN(3) {
		waits = append(waits, between(0, 30*time.Second), between(0, 40*time.Second))
	}
	k := r.start(t.Context())
	outages := make(chan struct{})
	go func() {
		defer close(outages)
		for i, wait := range waits {
			pass(wait)
			for _, sim := range r.sims {
				if i%2 == 0 {
					sim.Down()
				} else {
					assert.NoError(t, sim.Up())
				}
			}
		}
	}()
	if random.IntN(4) == 0 {
		_, _ = k.session.Write(s.audio) // from a file
	} else {
		k.speak(s.audio)
	}
	begun := time.Now()
	k.finish()
	assert.Less(t, time.Since(begun), 5*time.Minute)
	<-outages
	s.check(k)
	if t.Failed() {
		t.Logf("%v\n%v\n%v\n%s", r.req, story, k.err, k.seen())
	}
}

func randomFaults(random *rand.Rand, vendor string, n int) []livesim.Fault {
	all := faults(vendor, moments)
	var some []livesim.Fault
	for range n {
		some = append(some, all[random.IntN(len(all))])
	}
	return some
}
