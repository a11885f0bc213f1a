package livesim

import (
	"slices"
	"testing"
	"time"
)

func numbers(words []word) []string {
	var texts []string
	for _, w := range words {
		texts = append(texts, w.text())
	}
	return texts
}

func TestVoiceIsHeard(t *testing.T) {
	for _, v := range []Voice{{Rate: 16000}, {Rate: 8000}, {Rate: 8000, MuLaw: true}, {Rate: 48000}, {Rate: 22050}} {
		audio := slices.Concat(v.Silence(123*time.Millisecond), v.Say(50*time.Millisecond, 0, 1, 127, 128, 16383), v.Noise(time.Second), v.Say(0, 7, 7))
		for _, step := range []int{v.width(), 30 * v.width(), 1024 * v.width(), len(audio)} {
			e := ear{voice: v}
			for part := range slices.Chunk(audio, step) {
				e.hear(part)
			}
			e.close()
			if got := numbers(e.words); !slices.Equal(got, []string{"0", "1", "127", "128", "16383", "7", "7"}) {
				t.Fatalf("%+v in steps of %d: heard %v", v, step, got)
			}
			if start := v.Span(int(e.words[0].start) * v.width()); start < 120*time.Millisecond || start > 126*time.Millisecond {
				t.Fatalf("%+v: the first word begins at %v", v, start)
			}
		}
	}
}

func TestPartOfAWordIsMarked(t *testing.T) {
	v := Voice{Rate: 16000}
	whole := v.Word(42)
	part := func(from, to time.Duration) []byte {
		at := func(d time.Duration) int { return int(d*16/time.Millisecond) * 2 }
		return whole[at(from):at(to)]
	}
	for _, c := range []struct {
		from, to time.Duration
		want     []string
	}{
		{0, WordTime, []string{"42"}},
		{95 * time.Millisecond, WordTime, []string{"42"}},
		{105 * time.Millisecond, WordTime, []string{"42?"}},
		{0, 190 * time.Millisecond, []string{"42?"}},
		{0, 210 * time.Millisecond, []string{"42"}},
		{250 * time.Millisecond, WordTime, []string{"42?"}},
		{270 * time.Millisecond, WordTime, nil},
		{0, 30 * time.Millisecond, nil},
	} {
		e := ear{voice: v}
		e.hear(slices.Concat(v.Silence(time.Second), part(c.from, c.to), v.Silence(time.Second), v.Word(5)))
		if got := numbers(e.words); !slices.Equal(got, append(c.want, "5")) {
			t.Errorf("%v to %v: heard %v", c.from, c.to, got)
		}
	}
}
