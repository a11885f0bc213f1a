package stt_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/providers/stt"
)

// The ring against a slice that keeps everything.
func FuzzRing(f *testing.F) {
	f.Add([]byte{3, 200, 7, 1, 255, 0, 9, 100, 100, 30, 2}, uint16(64))
	f.Add([]byte{0}, uint16(1))
	f.Fuzz(func(t *testing.T, script []byte, most uint16) {
		if most == 0 {
			return
		}
		r := stt.NewRing(int(most))
		var all []byte
		start := 0
		for i, n := range script {
			switch i % 3 {
			case 0: // write
				p := bytes.Repeat([]byte{byte(len(all))}, min(int(n)*8, r.Room()))
				for j := range p {
					p[j] = byte(len(all) + j)
				}
				r.Write(p)
				all = append(all, p...)
			case 1: // release
				start = max(start, min(len(all), start+int(n)*4))
				r.Release(int64(start))
				r.Release(int64(start - 1)) // not back
			case 2: // read
				at := start + int(n)%(len(all)-start+1)
				got := make([]byte, int(n))
				k := r.Copy(int64(at), got)
				require.Equal(t, min(len(got), len(all)-at), k)
				require.True(t, bytes.Equal(all[at:at+k], got[:k]))
			}
			from, to := r.Bounds()
			require.Equal(t, int64(start), from)
			require.Equal(t, int64(len(all)), to)
			require.Equal(t, int(most)-len(all)+start, r.Room())
			require.LessOrEqual(t, r.Memory(), int(most))
		}
	})
}

func TestBytesUndoSpan(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, f := range []stt.Format{
		stt.PCM(8000), stt.PCM(22050), stt.PCM(44100), stt.PCM(48000), stt.MuLaw(8000), stt.ALaw(11025),
		{Encoding: stt.PCM(0).Encoding, SampleRate: 44100, Channels: 2},
	} {
		frame := int64(2)
		switch {
		case f.Channels == 2:
			frame = 4
		case f.Encoding != stt.PCM(0).Encoding:
			frame = 1
		}
		for range 10000 {
			n := random.Int64N(1<<40) * frame // for months
			require.Equal(t, n, stt.SpanBytes(f, n), f)
		}
	}
}

func words(from time.Duration, texts ...string) []stt.Word {
	var all []stt.Word
	for _, text := range texts {
		all = append(all, stt.Word{Text: text, Start: from, End: from + 300*time.Millisecond})
		from += 400 * time.Millisecond
	}
	return all
}

func TestWordsThatStoodAreLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		event stt.LiveEvent
		cut   time.Duration
		want  string
		left  int
	}{
		"none stood":           {stt.LiveEvent{Text: "One two.", Words: words(0, "One", "two.")}, 0, "One two.", 2},
		"one did":              {stt.LiveEvent{Text: "One, two.", Words: words(0, "One,", "two.")}, 310 * time.Millisecond, "two.", 1},
		"its middle decides":   {stt.LiveEvent{Text: "one two", Words: words(0, "one", "two")}, 140 * time.Millisecond, "one two", 2},
		"all did":              {stt.LiveEvent{Text: "one two", Words: words(0, "one", "two")}, 2 * time.Second, "", 0},
		"words bare of points": {stt.LiveEvent{Text: "One, two. Three!", Words: words(0, "One", "two", "Three")}, 800 * time.Millisecond, "Three!", 1},
		"quotes":               {stt.LiveEvent{Text: "«Un» deux", Words: words(0, "Un", "deux")}, 310 * time.Millisecond, "deux", 1},
		"no spaces":            {stt.LiveEvent{Text: "今日は晴れ", Words: words(0, "今日", "は", "晴れ")}, 310 * time.Millisecond, "は晴れ", 2},
		"formatted afterwards": {stt.LiveEvent{Text: "21 cats", Words: words(0, "twenty", "one", "cats")}, 310 * time.Millisecond, "one cats", 2},
		"a word in a word":     {stt.LiveEvent{Text: "another her", Words: words(0, "her", "her")}, 310 * time.Millisecond, "her", 1},
		"no words":             {stt.LiveEvent{Text: "one two"}, time.Second, "one two", 0},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(c.event.Words)
			got := stt.Fresh(c.event, c.cut)
			assert.Equal(t, c.want, got.Text)
			assert.Len(t, got.Words, c.left)
			assert.Len(t, c.event.Words, before)
		})
	}
}

func TestPlaceOfTheNextProvider(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		events            []stt.LiveEvent
		settled           time.Duration
		timed, withoutThe time.Duration
	}{
		"nothing was said": {nil, 0, 0, 0},
		"a word, and the vendor says what it heard": {
			[]stt.LiveEvent{{Final: true, Text: "one two", Words: words(0, "one", "two"), End: 900 * ms}}, 900 * ms, 350 * ms, 900 * ms,
		},
		"a word, and it does not say": {
			[]stt.LiveEvent{{Final: true, Text: "one two", Words: words(0, "one", "two")}}, 700 * ms, 350 * ms, 700 * ms,
		},
		"the word is long ago": {
			[]stt.LiveEvent{{Final: true, Text: "one", Words: words(0, "one"), End: 400 * ms}, {Final: true, Start: 400 * ms, End: 5000 * ms}},
			5000 * ms, 4750 * ms, 5000 * ms,
		},
		"no words at all": {
			[]stt.LiveEvent{{Final: true, Text: "one two", End: 2000 * ms}}, 2000 * ms, 2000 * ms, 2000 * ms,
		},
		"no words and no times": {
			[]stt.LiveEvent{{Final: true, Text: "one two"}}, 3000 * ms, 3000 * ms, 3000 * ms,
		},
		"silence only": {
			[]stt.LiveEvent{{Final: true, End: 2000 * ms}}, 2000 * ms, 1750 * ms, 2000 * ms,
		},
		"the vendor says nothing of nothing": {[]stt.LiveEvent{{Final: true}}, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var l stt.Ledger
			for _, e := range c.events {
				assert.False(t, l.Stood(e))
				l.Settle(e, 3000*ms)
				if e.Text != "" && e.End+time.Duration(len(e.Words)) > 0 {
					assert.True(t, l.Stood(e), "twice is once too often")
				}
			}
			assert.Equal(t, c.settled, l.Settled())
			assert.Equal(t, c.timed, l.Place(true))
			assert.Equal(t, c.withoutThe, l.Place(false))
		})
	}
}
