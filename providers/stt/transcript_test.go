package stt_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/stt"
)

// minute is a request of a minute of audio.
func minute() stt.Request {
	return stt.Request{Audio: stt.Bytes(vendorsim.Hush(time.Minute, 8000)), Format: stt.PCM(8000)}
}

func wordAt(text string, start, end time.Duration) stt.Word {
	return stt.Word{Text: text, Start: start, End: end, Confidence: 0.9}
}

func TestNewTranscript(t *testing.T) {
	t.Parallel()
	words := []stt.Word{wordAt("two", 0, time.Second), wordAt("words", time.Second/2, 2*time.Second)} // at the same time
	heard := &stt.Transcript{Text: " two words\n", Words: words, Confidence: 1}
	got, err := stt.NewTranscript(minute(), heard)
	require.NoError(t, err)
	assert.Equal(t, "two words", got.Text)
	assert.Equal(t, time.Minute, got.Duration, "the audio says it, where the vendor does not")
	assert.Equal(t, " two words\n", heard.Text, "what was given is left as it is")

	silent, err := stt.NewTranscript(minute(), &stt.Transcript{})
	require.NoError(t, err, "nothing was said")
	assert.Empty(t, silent.Text)

	told, err := stt.NewTranscript(stt.Request{Audio: stt.URL("https://a.test/b"), Duration: time.Hour}, &stt.Transcript{Text: "a"})
	require.NoError(t, err)
	assert.Equal(t, time.Hour, told.Duration)

	for _, d := range []time.Duration{time.Minute, 54 * time.Second, 67 * time.Second} {
		got, err = stt.NewTranscript(minute(), &stt.Transcript{Text: "a", Duration: d})
		require.NoError(t, err, d)
		assert.Equal(t, d, got.Duration)
	}

	// Of a file that may be several in one the vendor may hear more.
	mp3 := stt.Request{Audio: stt.Bytes(vendorsim.SayMP3("Hello there."))}
	_, err = stt.NewTranscript(mp3, &stt.Transcript{Text: "a", Duration: time.Minute})
	require.NoError(t, err)

	// And who claims a Duration is not believed more than the bytes.
	claimed := minute()
	claimed.Duration = time.Hour
	_, err = stt.NewTranscript(claimed, &stt.Transcript{Text: "a", Duration: time.Minute})
	require.NoError(t, err)
}

func TestNewTranscriptRefuses(t *testing.T) {
	t.Parallel()
	with := func(change func(*stt.Request)) stt.Request {
		req := minute()
		change(&req)
		return req
	}
	asksWords := with(func(r *stt.Request) { r.Words = true })
	asksWho := with(func(r *stt.Request) { r.Diarize = true })
	for want, c := range map[string]struct {
		req   stt.Request
		heard stt.Transcript
	}{
		"stt: the transcript has no words, which were asked for":       {asksWords, stt.Transcript{Text: "secret"}},
		"stt: the transcript names no speakers, which were asked for":  {asksWho, stt.Transcript{Text: "secret", Words: []stt.Word{wordAt("secret", 0, 1)}}},
		"stt: the transcript has a confidence that is none":            {minute(), stt.Transcript{Text: "secret", Confidence: 1.5}},
		"stt: the transcript has times that run backwards":             {minute(), stt.Transcript{Text: "secret", Words: []stt.Word{wordAt("a", 2, 3), wordAt("b", 1, 4)}}},
		"stt: the transcript is of 30s of audio that plays 1m0s":       {minute(), stt.Transcript{Text: "secret", Duration: 30 * time.Second}},
		"stt: the transcript is of 2m0s, and the audio plays 1m0s":     {minute(), stt.Transcript{Text: "secret", Duration: 2 * time.Minute}},
		"stt: the transcript is of 52.9s of audio that plays 1m0s":     {minute(), stt.Transcript{Text: "secret", Duration: 52900 * time.Millisecond}},
		"stt: the transcript is of 1m7.001s, and the audio plays 1m0s": {minute(), stt.Transcript{Text: "secret", Duration: 67*time.Second + time.Millisecond}},
	} {
		_, err := stt.NewTranscript(c.req, &c.heard)
		e := failover.Classify(err)
		assert.Equal(t, failover.ClassIncomplete, e.Class, want)
		assert.Equal(t, failover.OutcomeAccepted, e.Outcome)
		cause, ok := errors.AsType[*stt.TranscriptError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, want, cause.Error())
		assert.NotContains(t, err.Error(), "secret")
	}
	for name, heard := range map[string]*stt.Transcript{
		"none at all":         nil,
		"word backwards":      {Text: "a", Words: []stt.Word{wordAt("a", 2, 1)}},
		"before the audio":    {Text: "a", Words: []stt.Word{wordAt("a", -1, 1)}},
		"segment backwards":   {Text: "a", Segments: []stt.Segment{{Start: 2, End: 1}}},
		"segment before":      {Text: "a", Segments: []stt.Segment{{Start: -1, End: 1}}},
		"confidence NaN":      {Text: "a", Confidence: math.NaN()},
		"confidence negative": {Text: "a", Words: []stt.Word{{Text: "a", Confidence: -1}}},
	} {
		_, err := stt.NewTranscript(minute(), heard)
		assert.Equal(t, failover.ClassIncomplete, failover.ClassOf(err), name)
	}
	_, err := stt.NewTranscript(asksWho, &stt.Transcript{Text: "a", Segments: []stt.Segment{{Speaker: "A", End: 1, Text: "a"}}})
	require.NoError(t, err, "segments may name the speakers too")
}
