package livesim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gofailover/failover/internal/livesim"
)

func TestVoiceIsHeard(t *testing.T) {
	for _, v := range []livesim.Voice{{Rate: 16000}, {Rate: 8000}, {Rate: 8000, MuLaw: true}, {Rate: 48000}, {Rate: 22050}} {
		audio := slices.Concat(v.Silence(123*time.Millisecond), v.Say(50*time.Millisecond, 0, 1, 127, 128, 16383), v.Noise(time.Second), v.Say(0, 7, 7))
		for _, step := range []int{2, 60, 2048, len(audio)} {
			got, start := livesim.Hear(v, audio, step)
			if !slices.Equal(got, []string{"0", "1", "127", "128", "16383", "7", "7"}) {
				t.Fatalf("%+v in steps of %d: heard %v", v, step, got)
			}
			if start < 120*time.Millisecond || start > 126*time.Millisecond {
				t.Fatalf("%+v: the first word begins at %v", v, start)
			}
		}
	}
}

func TestPartOfAWordIsMarked(t *testing.T) {
	v := livesim.Voice{Rate: 16000}
	whole := v.Word(42)
	part := func(from, to time.Duration) []byte {
		at := func(d time.Duration) int { return int(d*16/time.Millisecond) * 2 }
		return whole[at(from):at(to)]
	}
	for _, c := range []struct {
		from, to time.Duration
		want     []string
	}{
		{0, livesim.WordTime, []string{"42"}},
		{95 * time.Millisecond, livesim.WordTime, []string{"42"}},
		{105 * time.Millisecond, livesim.WordTime, []string{"42?"}},
		{0, 190 * time.Millisecond, []string{"42?"}},
		{0, 210 * time.Millisecond, []string{"42"}},
		{250 * time.Millisecond, livesim.WordTime, []string{"42?"}},
		{270 * time.Millisecond, livesim.WordTime, nil},
		{0, 30 * time.Millisecond, nil},
	} {
		audio := slices.Concat(v.Silence(time.Second), part(c.from, c.to), v.Silence(time.Second), v.Word(5))
		if got, _ := livesim.Hear(v, audio, len(audio)); !slices.Equal(got, append(c.want, "5")) {
			t.Errorf("%v to %v: heard %v", c.from, c.to, got)
		}
	}
}
