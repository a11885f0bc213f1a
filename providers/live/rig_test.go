package live_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/livesim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/live"
	"github.com/gofailover/failover/providers/stt"
)

const key = "key-of-the-test"

// rig is a client over simulators, the preferred one first.
type rig struct {
	t      *testing.T
	client *stt.LiveClient
	sims   []*livesim.Server
	voice  livesim.Voice
	req    stt.LiveRequest
}

// vendorsOf are the names of the vendors in their order: "deepgram",
// "elevenlabs".
func newRig(t *testing.T, vendors []string, opts ...failover.Option) *rig {
	t.Helper()
	r := &rig{
		t: t, voice: livesim.Voice{Rate: 16000},
		req: stt.LiveRequest{Format: stt.PCM(16000), Language: "en"},
	}
	var providers []stt.LiveProvider
	for i, vendor := range vendors {
		name := vendor
		if slices.Contains(vendors[:i], vendor) {
			name = fmt.Sprint(vendor, i+1)
		}
		providers = append(providers, r.provider(vendor, name))
	}
	var err error
	r.client, err = stt.NewLive(providers, opts...)
	require.NoError(t, err)
	return r
}

func (r *rig) provider(vendor, name string) stt.LiveProvider {
	r.t.Helper()
	simOpts := []livesim.Option{livesim.InMemory(), livesim.Latency(20 * time.Millisecond)}
	if vendor == "deepgram" {
		sim := livesim.Deepgram(key, simOpts...)
		r.sims = append(r.sims, sim)
		c, err := deepgram.New(key, deepgram.WithBaseURL(sim.URL()), deepgram.WithHTTPClient(sim.Client()), deepgram.WithName(name))
		require.NoError(r.t, err)
		return live.Deepgram(c)
	}
	sim := livesim.ElevenLabs(key, simOpts...)
	r.sims = append(r.sims, sim)
	c, err := elevenlabs.New(key, elevenlabs.WithBaseURL(sim.URL()), elevenlabs.WithHTTPClient(sim.Client()), elevenlabs.WithName(name))
	require.NoError(r.t, err)
	return live.ElevenLabs(c)
}

func (r *rig) close() {
	_ = r.client.Close()
	for _, sim := range r.sims {
		sim.Close()
	}
}

// bubble runs a test under fake time and checks that nothing is left of it.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// start begins a session and what reads its results.
func (r *rig) start(ctx context.Context) *talk {
	r.t.Helper()
	s, err := r.client.Start(ctx, r.req)
	require.NoError(r.t, err)
	k := &talk{rig: r, session: s, read: make(chan struct{})}
	go k.listen()
	return k
}

// talk is a session with its consumer.
type talk struct {
	rig     *rig
	session *stt.Session
	read    chan struct{} // closed when the results have ended
	err     error

	mu      sync.Mutex
	results []stt.LiveResult
}

func (k *talk) listen() {
	defer close(k.read)
	for r, err := range k.session.Results() {
		if err != nil {
			k.err = err
			return
		}
		k.mu.Lock()
		k.results = append(k.results, r)
		k.mu.Unlock()
	}
}

// speak writes audio at the speed of life, 40 ms at a time.
func (k *talk) speak(audio []byte) {
	step := k.rig.voice.Rate / 25 * k.width()
	for len(audio) > 0 {
		n := min(step, len(audio))
		if _, err := k.session.Write(audio[:n]); err != nil {
			return
		}
		audio = audio[n:]
		time.Sleep(40 * time.Millisecond) //nolint:forbidigo // fake time: it is how a speaker passes it
	}
}

func (k *talk) width() int {
	if k.rig.voice.MuLaw {
		return 1
	}
	return 2
}

// finish ends the audio and waits for the results.
func (k *talk) finish() {
	k.rig.t.Helper()
	err := k.session.Finish(context.Background())
	<-k.read
	assert.Equal(k.rig.t, err, k.err, "Finish and Results say the same")
	assert.NoError(k.rig.t, k.session.Close())
}

// text is the final transcript, with gaps as "[from-to]".
func (k *talk) text() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var parts []string
	for _, r := range k.results {
		switch {
		case r.Gap != nil:
			parts = append(parts, fmt.Sprintf("[%v-%v]", r.Gap.From, r.Gap.To))
		case r.Final && r.Text != "":
			parts = append(parts, strings.ReplaceAll(r.Text, ".", ""))
		}
	}
	return strings.Join(parts, " ")
}

// story is every result in a line.
func (k *talk) story() string {
	var b strings.Builder
	for _, r := range k.results {
		kind := "interim"
		switch {
		case r.Gap != nil:
			kind = "gap"
		case r.Final:
			kind = "final"
		case r.Reset:
			kind = "reset"
		}
		fmt.Fprintf(&b, "%-7s %-11s %6.2f-%5.2f %q\n", kind, r.Provider, r.Start.Seconds(), r.End.Seconds(), r.Text)
	}
	return b.String()
}
