package tts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/providers/tts"
)

const twoSentences = "Your table is ready. It is the one by the window."

// spoke is what was delivered: audio, and how far the vendor says it went.
func spoke(offset, spoken int, played time.Duration) []tts.Chunk {
	return []tts.Chunk{
		{Data: []byte{0, 0}, Format: tts.PCM(16000), Offset: offset, Played: played / 2},
		{Data: []byte{0, 0}, Format: tts.PCM(16000), Offset: offset, Spoken: spoken, Played: played},
	}
}

func TestContinue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		got  []tts.Chunk
		rest string // "": cannot be continued
	}{
		"aligned, after a word":           {twoSentences, spoke(0, 10, time.Second), "is ready. It is the one by the window."},
		"aligned, after a space":          {twoSentences, spoke(0, 11, time.Second), "is ready. It is the one by the window."},
		"aligned, within a word":          {twoSentences, spoke(0, 8, time.Second), "table is ready. It is the one by the window."},
		"aligned, before the full stop":   {twoSentences, spoke(0, 19, time.Second), "It is the one by the window."},
		"aligned, at the last word":       {twoSentences, spoke(0, 45, time.Second), "window."},
		"aligned, all but the full stop":  {twoSentences, spoke(0, 48, time.Second), ""},
		"aligned, all":                    {twoSentences, spoke(0, 49, time.Second), ""},
		"aligned, more than all":          {twoSentences, spoke(0, 100, time.Second), ""},
		"aligned, after a continuation":   {twoSentences, spoke(21, 27, time.Second), "the one by the window."},
		"aligned, in a number":            {"Pay 1,200.50 now.", spoke(0, 6, time.Second), "1,200.50 now."},
		"aligned, Chinese":                {"你好，我是小明。很高兴认识你。", spoke(0, 4, time.Second), "是小明。很高兴认识你。"},
		"aligned, other white space":      {"One\ttwo\nthree", spoke(0, 7, time.Second), "three"},
		"estimated, in the first":         {twoSentences, spoke(0, 0, time.Second), twoSentences},
		"estimated, just past it":         {twoSentences, spoke(0, 0, 1700*time.Millisecond), "It is the one by the window."},
		"estimated, near the end":         {twoSentences, spoke(0, 0, 3900*time.Millisecond), "It is the one by the window."},
		"estimated, past the end":         {twoSentences, spoke(0, 0, time.Minute), "It is the one by the window."},
		"estimated, after a continuation": {twoSentences, spoke(21, 0, time.Second), "It is the one by the window."},
		"estimated, digits take longer":   {"1234567890. And so on.", spoke(0, 0, 2*time.Second), "1234567890. And so on."},
		"estimated, Chinese":              {"你好，我是小明。很高兴认识你。", spoke(0, 0, 2*time.Second), "很高兴认识你。"},
		"estimated, quotation":            {"“Really?” she asked. He nodded.", spoke(0, 0, 900*time.Millisecond), "she asked. He nodded."},
		"estimated, a line":               {"Title\nText of it.", spoke(0, 0, 800*time.Millisecond), "Text of it."},
		"estimated, no end is within":     {"Version 1.5 is out now", spoke(0, 0, 1700*time.Millisecond), "Version 1.5 is out now"},
		"nothing is known":                {twoSentences, spoke(0, 0, 0), ""},
		"nothing was delivered":           {twoSentences, nil, ""},
		"only a marker":                   {twoSentences, []tts.Chunk{{Restart: true}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := tts.Request{Text: c.text, Voice: "host", Speed: 1, Format: tts.PCM(16000)}
			rest, ok := tts.Continue(req, c.got)
			require.Equal(t, c.rest != "", ok, "%q", rest.Text)
			if !ok {
				return
			}
			assert.Equal(t, c.rest, rest.Text)
			assert.Equal(t, len([]rune(c.text))-len([]rune(c.rest)), rest.Offset)
			assert.Equal(t, "host", rest.Voice)
			require.NoError(t, rest.Validate())
		})
	}
}

func TestContinueAtAnotherSpeed(t *testing.T) {
	t.Parallel()
	req := tts.Request{Text: twoSentences, Format: tts.PCM(16000), Speed: 2}
	rest, ok := tts.Continue(req, spoke(0, 0, time.Second))
	require.True(t, ok)
	assert.Equal(t, "It is the one by the window.", rest.Text, "in a second, twice as much was said")
}

// What follows has the rate and channels of what came before, though the
// request left them open.
func TestContinueInOneFormat(t *testing.T) {
	t.Parallel()
	got := []tts.Chunk{{
		Data: []byte{0}, Spoken: 20, Played: time.Second,
		Format: tts.Format{Encoding: tts.EncodingMP3, SampleRate: 22050, Channels: 1},
	}}
	rest, ok := tts.Continue(tts.Request{Text: twoSentences, Format: tts.MP3(0, 0)}, got)
	require.True(t, ok)
	assert.Equal(t, tts.Format{Encoding: tts.EncodingMP3, SampleRate: 22050, Channels: 1}, rest.Format)

	for _, format := range []tts.Format{tts.WAV(16000), tts.Opus(0)} {
		_, ok := tts.Continue(tts.Request{Text: twoSentences, Format: format}, spoke(0, 20, time.Second))
		assert.False(t, ok, "a second header in the middle of %v", format)
	}
}

func TestContinueWhere(t *testing.T) {
	t.Parallel()
	req := tts.Request{Text: twoSentences, Format: tts.PCM(16000)}
	short := func(r tts.Request) bool { return len(r.Text) < 30 }
	_, ok := tts.ContinueWhere(short)(req, spoke(0, 10, time.Second))
	assert.False(t, ok)
	_, ok = tts.ContinueWhere(short)(req, spoke(0, 20, time.Second))
	assert.True(t, ok)
	_, ok = tts.ContinueWhere(nil)(req, spoke(0, 20, time.Second))
	assert.True(t, ok)
	_, ok = tts.ContinueWhere(nil)(req, nil)
	assert.False(t, ok)
}

// FuzzContinue continues arbitrary texts at arbitrary places: no panic, the
// rest is the end of the text, a place that a vendor tells is passed over by
// no word, and what is made can be continued again.
func FuzzContinue(f *testing.F) {
	f.Add(twoSentences, 0, 10, 1000)
	f.Add("你好，我是小明。", 2, 0, 1500)
	f.Add("a. b. c. ", 0, 0, 99999)
	f.Add(" \n", -1, -5, -1)
	f.Fuzz(func(t *testing.T, text string, offset, spoken, ms int) {
		req := tts.Request{Text: text, Format: tts.PCM(16000)}
		if req.Validate() != nil || ms > 1<<30 {
			return
		}
		got := spoke(offset, spoken, time.Duration(ms)*time.Millisecond)
		rest, ok := tts.Continue(req, got)
		if !ok {
			return
		}
		runes := []rune(text)
		if rest.Offset < 0 || rest.Offset > len(runes) || string(runes[rest.Offset:]) != rest.Text {
			t.Fatalf("%q from %d is not %q", text, rest.Offset, rest.Text)
		}
		if err := rest.Validate(); err != nil {
			t.Fatal(err)
		}
		if spoken > 0 && offset >= 0 && offset <= spoken && spoken < rest.Offset {
			if lost := string(runes[spoken:rest.Offset]); strings.ContainsFunc(lost, func(r rune) bool { return r >= 'a' && r <= 'z' }) {
				t.Errorf("%q is lost of %q, of which %d characters were spoken", lost, text, spoken)
			}
		}
		if _, ok := tts.Continue(rest, spoke(0, 1, time.Second)); ok && rest.Text == "" {
			t.Error("nothing was continued")
		}
	})
}
