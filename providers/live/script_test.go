package live_test

import (
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gofailover/failover/internal/livesim"
)

// pass lets time pass in a bubble.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // fake time
}

// script is what is said, and when.
type script struct {
	audio []byte
	words []spoken
}

// spoken is a word with its place in the audio.
type spoken struct {
	number     int
	start, end time.Duration
}

// say adds the numbers from first to last, with a pause after each.
func (s *script) say(v livesim.Voice, pause time.Duration, first, last int) {
	for n := first; n <= last; n++ {
		start := v.Span(len(s.audio))
		s.audio = append(s.audio, v.Word(n)...)
		s.words = append(s.words, spoken{n, start, v.Span(len(s.audio))})
		s.audio = append(s.audio, v.Silence(pause)...)
	}
}

func (s *script) rest(v livesim.Voice, d time.Duration) { s.audio = append(s.audio, v.Silence(d)...) }

// check says whether the final transcript is exact: every word once, in order,
// whole and at its time, but for those that are reported as lost.
func (s *script) check(k *talk) {
	t := k.rig.t
	t.Helper()
	sum := k.session.Summary()
	var want []string
	for _, w := range s.words {
		lost := w.end > sum.Duration
		for _, gap := range sum.Gaps {
			lost = lost || w.start < gap.To && gap.From < w.end
		}
		if !lost {
			want = append(want, strconv.Itoa(w.number))
		}
	}
	var got []string
	at := time.Duration(0)
	for _, r := range k.results {
		if r.Gap != nil {
			assert.Contains(t, sum.Gaps, *r.Gap)
			continue
		}
		if !r.Final || r.Text == "" {
			continue
		}
		assert.LessOrEqual(t, at, r.End, "results come in order")
		at = r.End
		texts := strings.Fields(strings.ReplaceAll(r.Text, ".", ""))
		got = append(got, texts...)
		if !assert.Len(t, r.Words, len(texts), "a word for each in the text") {
			continue
		}
		for i, w := range r.Words {
			assert.Equal(t, texts[i], strings.TrimSuffix(w.Text, "."))
			number, err := strconv.Atoi(texts[i])
			if assert.NoError(t, err, "no part of a word is taken for one") && number >= 1 && number <= len(s.words) {
				assert.InDelta(t, s.words[number-1].start.Seconds(), w.Start.Seconds(), 0.011, "%v begins", number)
				assert.InDelta(t, s.words[number-1].end.Seconds(), w.End.Seconds(), 0.011, "%v ends", number)
			}
		}
	}
	if !assert.Equal(t, strings.Join(want, " "), strings.Join(got, " ")) {
		t.Logf("\n%s\n%+v", k.story(), sum)
	}
}
