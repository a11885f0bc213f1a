package tts_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/tts"
)

// duo is a streaming client over two simulated vendors, ElevenLabs first.
type duo struct {
	eleven, deep *vendorsim.Server
	client       *tts.StreamClient
}

func newDuo(t *testing.T, timestamps bool, opts ...failover.Option) *duo {
	t.Helper()
	d := &duo{
		eleven: vendorsim.ElevenLabs(secretKey, vendorsim.InMemory()),
		deep:   vendorsim.Deepgram(secretKey, vendorsim.InMemory()),
	}
	options := []elevenlabs.Option{
		elevenlabs.WithBaseURL(d.eleven.URL()), elevenlabs.WithHTTPClient(d.eleven.Client()),
		elevenlabs.WithVoices(tts.Voices{"host": vendorsim.ElevenLabsVoices[0]}),
	}
	if timestamps {
		options = append(options, elevenlabs.WithTimestamps())
	}
	eleven, err := elevenlabs.New(secretKey, options...)
	require.NoError(t, err)
	deep, err := deepgram.New(secretKey, deepgram.WithBaseURL(d.deep.URL()), deepgram.WithHTTPClient(d.deep.Client()),
		deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en"}))
	require.NoError(t, err)
	d.client, err = tts.NewStream(failover.StreamProviders(eleven.TTSStream(), deep.TTSStream()), opts...)
	require.NoError(t, err)
	return d
}

func (d *duo) close() {
	_ = d.client.Close()
	d.eleven.Close()
	d.deep.Close()
}

// streamBubble runs test under fake time; nothing may be left behind.
func streamBubble(t *testing.T, test func(t *testing.T, d *duo), opts ...failover.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := newDuo(t, false, opts...)
		defer d.close()
		test(t, d)
	})
}

// story is 49 characters, 2.94 s, in two sentences.
var story = tts.Request{Text: twoSentences, Voice: "host", Format: tts.PCM(16000)}

const storyTime = 2940 * time.Millisecond

// TestTheListenerNeverNoticesAStream breaks the first vendor before its first
// audio, in every way: the second one's stream is whole, and begins when it
// should.
func TestTheListenerNeverNoticesAStream(t *testing.T) {
	t.Parallel()
	const first = tts.DefaultFirstContent
	for _, c := range []struct {
		fault  vendorsim.Fault
		within time.Duration
	}{
		{vendorsim.None(), 0},
		{vendorsim.Reset(), time.Second},
		{vendorsim.ResetAfterRead(), time.Second},
		{vendorsim.HangUp(), time.Second},
		{vendorsim.Garbage(), time.Second},
		{vendorsim.HalfHeader(), time.Second},
		{vendorsim.Silence(), first},
		{vendorsim.SlowFirstByte(time.Hour), first},
		{vendorsim.SlowFirstChunk(time.Hour), first},
		{vendorsim.StallAfter(0), first},
		{vendorsim.CutAfter(0), 0},
		{vendorsim.ResetAfter(0), 0},
		{vendorsim.BadChunkAfter(0), 0},
		{vendorsim.EndAfter(0), 0},
		{vendorsim.ErrorAfter(0, 401, "quota_exceeded"), 0},
		{vendorsim.ErrorAfter(0, 500, ""), 0},
		{vendorsim.ReplaceAfter(0, "<!DOCTYPE html>"), 0},
		{vendorsim.Empty(), 0},
		{vendorsim.Page(), 0},
		{vendorsim.Redirect(http.StatusFound, "http://elsewhere.test"), 0},
		{vendorsim.HugeError(500, 1<<20), time.Second},
		{vendorsim.Status(401), 0},
		{vendorsim.Status(402), 0},
		{vendorsim.Status(404), 0},
		{vendorsim.Status(422), 0},
		{vendorsim.Status(429).RetryAfter(60), 0},
		{vendorsim.Status(500), time.Second},
		{vendorsim.Status(503).RetryAfter(60), 0},
		{vendorsim.Status(529), 0},
	} {
		t.Run(c.fault.String(), func(t *testing.T) {
			streamBubble(t, func(t *testing.T, d *duo) {
				d.eleven.FailAlways(c.fault)
				want := "deepgram"
				if c.fault.String() == "none" {
					want = "elevenlabs"
				}
				stream, result := d.client.Route(t.Context(), story)
				audio, err := tts.Collect(stream)
				require.NoError(t, err)
				assert.Equal(t, want, audio.Provider)
				assert.Equal(t, want, result.Provider)
				assert.Equal(t, storyTime, audio.Duration)
				assert.LessOrEqual(t, result.FirstContent, c.within+time.Nanosecond)
			})
		})
	}
}

// breaks are what can happen to a stream in its middle.
var breaks = []vendorsim.Fault{
	vendorsim.StallAfter(3), vendorsim.CutAfter(3), vendorsim.ResetAfter(3), vendorsim.BadChunkAfter(3),
	vendorsim.EndWithin(3), vendorsim.ErrorAfter(3, 500, ""), vendorsim.Trickle(1600, 10*time.Second),
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, fault := range breaks {
		t.Run(fault.String(), func(t *testing.T) {
			streamBubble(t, func(t *testing.T, d *duo) {
				d.eleven.FailAlways(fault)
				chunks, err := drain(d.client.SynthesizeStream(t.Context(), story))
				require.ErrorIs(t, err, failover.ErrInterrupted)
				assert.NotEmpty(t, chunks)
				for _, chunk := range chunks {
					assert.Nil(t, chunk.Summary, "a truncated stream is not passed off as whole")
				}
				assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), "table")
				assert.Zero(t, d.deep.Stats().Requests)
			})
		})
	}
}

func TestRestarted(t *testing.T) {
	t.Parallel()
	for _, fault := range breaks {
		t.Run(fault.String(), func(t *testing.T) {
			streamBubble(t, func(t *testing.T, d *duo) {
				d.eleven.FailAlways(fault)
				chunks, err := drain(d.client.SynthesizeStream(t.Context(), story))
				require.NoError(t, err)
				markers := 0
				for _, chunk := range chunks {
					if chunk.Restart {
						markers++
						assert.Empty(t, chunk.Data)
					}
				}
				assert.Equal(t, 1, markers)
				total := chunks[len(chunks)-1].Summary
				require.NotNil(t, total)
				assert.Equal(t, "deepgram", total.Provider)
				assert.Equal(t, storyTime, total.Duration, "what was discarded does not count")

				audio, err := tts.Collect(d.client.SynthesizeStream(t.Context(), story))
				require.NoError(t, err)
				assert.Equal(t, storyTime, audio.Duration)
			}, failover.WithInterrupted(failover.Restart))
		})
	}
}

// sentTexts are what a vendor was asked to speak.
func sentTexts(s *vendorsim.Server) []string {
	var all []string
	for _, r := range s.Requests() {
		text, _, _ := strings.Cut(strings.TrimPrefix(string(r.Body), `{"text":"`), `"`)
		all = append(all, text)
	}
	return all
}

func TestContinued(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		timestamps bool
		fault      vendorsim.Fault
		rest       string
		duration   time.Duration // of all that was heard
	}{
		// 512 bytes of 16 kHz PCM are 16 ms; the objects have 5 characters each.
		{"estimated, in the first sentence", false, vendorsim.CutAfter(50), twoSentences, 800*time.Millisecond + storyTime},
		{"estimated, in the second", false, vendorsim.CutAfter(120), "It is the one by the window.", 1920*time.Millisecond + 28*60*time.Millisecond},
		{"aligned, in a word", true, vendorsim.CutAfter(3), "ready. It is the one by the window.", 900*time.Millisecond + 35*60*time.Millisecond},
		{"aligned, after a word", true, vendorsim.CutAfter(2), "is ready. It is the one by the window.", 600*time.Millisecond + 38*60*time.Millisecond},
		{"aligned, at the end of a sentence", true, vendorsim.CutAfter(4), "It is the one by the window.", 1200*time.Millisecond + 28*60*time.Millisecond},
		{"aligned, ended too early", true, vendorsim.EndAfter(4), "It is the one by the window.", 1200*time.Millisecond + 28*60*time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDuo(t, c.timestamps, failover.WithInterrupted(failover.Continue))
				defer d.close()
				d.eleven.FailAlways(c.fault)
				stream, result := d.client.Route(t.Context(), story)
				chunks, err := drain(stream)
				require.NoError(t, err)
				assert.Equal(t, []string{c.rest}, sentTexts(d.deep))
				assert.Equal(t, 1, result.Continued)
				var size int
				offset := len(twoSentences) - len(c.rest)
				for _, chunk := range chunks {
					size += len(chunk.Data)
					assert.False(t, chunk.Restart)
					assert.Contains(t, []int{0, offset}, chunk.Offset)
				}
				total := chunks[len(chunks)-1].Summary
				assert.Equal(t, "deepgram", total.Provider)
				assert.Equal(t, c.duration, total.Duration)
				assert.Equal(t, c.duration, time.Duration(size/2)*time.Second/16000)
			})
		})
	}
}

// Two providers break off one after the other; the third speaks the rest.
func TestContinuedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDuo(t, true, failover.WithInterrupted(failover.Continue))
		defer d.close()
		third := vendorsim.Deepgram(secretKey, vendorsim.InMemory())
		defer third.Close()
		last, err := deepgram.New(secretKey, deepgram.WithBaseURL(third.URL()), deepgram.WithHTTPClient(third.Client()),
			deepgram.WithName("third"), deepgram.WithVoices(tts.Voices{"host": "aura-2-luna-en"}))
		require.NoError(t, err)
		eleven, err := elevenlabs.New(secretKey, elevenlabs.WithBaseURL(d.eleven.URL()), elevenlabs.WithHTTPClient(d.eleven.Client()),
			elevenlabs.WithVoices(tts.Voices{"host": vendorsim.ElevenLabsVoices[0]}), elevenlabs.WithTimestamps())
		require.NoError(t, err)
		deep, err := deepgram.New(secretKey, deepgram.WithBaseURL(d.deep.URL()), deepgram.WithHTTPClient(d.deep.Client()),
			deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en"}))
		require.NoError(t, err)
		client, err := tts.NewStream(failover.StreamProviders(eleven.TTSStream(), deep.TTSStream(), last.TTSStream()),
			failover.WithInterrupted(failover.Continue))
		require.NoError(t, err)
		d.eleven.FailAlways(vendorsim.CutAfter(4))
		d.deep.FailAlways(vendorsim.CutAfter(30))
		audio, err := tts.Collect(client.SynthesizeStream(t.Context(), story))
		require.NoError(t, err)
		assert.Equal(t, "third", audio.Provider)
		assert.Equal(t, []string{"It is the one by the window."}, sentTexts(third), "the sentence that the second one began")
		assert.Equal(t, 1200*time.Millisecond+480*time.Millisecond+28*60*time.Millisecond, audio.Duration)
	})
}

// A router inside does the same.
func TestContinuedInside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDuo(t, true, failover.WithInterrupted(failover.Continue))
		defer d.close()
		client, err := tts.NewStream(failover.StreamProviders(failover.NestStream("pool", d.client.Router())),
			failover.WithInterrupted(failover.Continue, failover.Restart))
		require.NoError(t, err)
		d.eleven.FailAlways(vendorsim.CutAfter(4))
		stream, result := client.Route(t.Context(), story)
		chunks, err := drain(stream)
		require.NoError(t, err)
		assert.Zero(t, result.Continued)
		total := chunks[len(chunks)-1].Summary
		assert.Equal(t, 1200*time.Millisecond+28*60*time.Millisecond, total.Duration)
		assert.Equal(t, "pool", strings.Split(total.Provider, "/")[0])
	})
}

// Formats that cannot follow one another restart, or fail.
func TestNotContinued(t *testing.T) {
	t.Parallel()
	opus := story
	opus.Format = tts.Opus(64000)
	streamBubble(t, func(t *testing.T, d *duo) {
		d.eleven.FailAlways(vendorsim.CutAfter(1))
		audio, err := tts.Collect(d.client.SynthesizeStream(t.Context(), opus))
		require.NoError(t, err)
		assert.Equal(t, "deepgram", audio.Provider)
		assert.Equal(t, []string{twoSentences}, sentTexts(d.deep))
	}, failover.WithInterrupted(failover.Continue, failover.Restart))
	streamBubble(t, func(t *testing.T, d *duo) {
		d.eleven.FailAlways(vendorsim.CutAfter(1))
		_, err := tts.Collect(d.client.SynthesizeStream(t.Context(), opus))
		require.ErrorIs(t, err, failover.ErrInterrupted)
		assert.Zero(t, d.deep.Stats().Requests)
	}, failover.WithInterrupted(failover.Continue))
	streamBubble(t, func(t *testing.T, d *duo) { // the second vendor has no MP3 of this rate
		mp3 := story
		mp3.Format = tts.MP3(0, 0)
		d.eleven.FailAlways(vendorsim.CutAfter(5))
		_, err := tts.Collect(d.client.SynthesizeStream(t.Context(), mp3))
		require.ErrorIs(t, err, failover.ErrInterrupted)
		assert.Zero(t, d.deep.Stats().Requests)
	}, failover.WithInterrupted(failover.Continue))
	streamBubble(t, func(t *testing.T, d *duo) {
		mp3 := story
		mp3.Format = tts.MP3(22050, 0)
		d.eleven.FailAlways(vendorsim.CutAfter(5))
		_, err := tts.Collect(d.client.SynthesizeStream(t.Context(), mp3))
		require.NoError(t, err)
		assert.Equal(t, 1, d.deep.Stats().Requests)
	}, failover.WithInterrupted(failover.Continue))
}

func TestStreamDefaults(t *testing.T) {
	t.Parallel()
	streamBubble(t, func(t *testing.T, d *duo) {
		d.eleven.FailAlways(vendorsim.Silence())
		stream, result := d.client.Route(t.Context(), story)
		_, err := drain(stream)
		require.NoError(t, err)
		assert.Equal(t, tts.DefaultFirstContent, result.FirstContent)

		ctx := failover.With(t.Context(), failover.For("tts-stream", failover.Only("deepgram")))
		d.deep.Fail(vendorsim.StallAfter(1))
		start := time.Now()
		_, err = drain(d.client.SynthesizeStream(ctx, story))
		require.ErrorIs(t, err, failover.ErrIdleTimeout)
		assert.InDelta(t, tts.DefaultIdle, time.Since(start), float64(tts.DefaultIdle/4))
	})
	streamBubble(t, func(t *testing.T, d *duo) {
		d.eleven.FailAlways(vendorsim.Silence())
		stream, result := d.client.Route(failover.With(t.Context(), failover.For("speech", failover.Prefer("elevenlabs"))), story)
		_, err := drain(stream)
		require.NoError(t, err)
		assert.Equal(t, time.Second, result.FirstContent)
	}, failover.WithFirstContent(time.Second), failover.WithName("speech"))
}

func TestInvalidStreamsReachNobody(t *testing.T) {
	t.Parallel()
	streamBubble(t, func(t *testing.T, d *duo) {
		for _, req := range []tts.Request{
			{Voice: "host", Format: tts.WAV(24000)},
			{Text: "Hello.", Voice: "host"},
			{Text: "Hello.", Voice: "host", Format: tts.WAV(24000), Offset: -1},
		} {
			stream, result := d.client.Route(t.Context(), req)
			chunks, err := drain(stream)
			assert.Empty(t, chunks)
			assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
			assert.Equal(t, err, result.Err)
		}
		assert.Zero(t, d.eleven.Stats().Requests+d.deep.Stats().Requests)
	})
}

// A provider of one's own needs nothing but a function.
func TestOwnStreamProvider(t *testing.T) {
	t.Parallel()
	kept := &tts.Summary{Provider: "mine"}
	own := failover.WrapStream("own", func(_ context.Context, req tts.Request) failover.Stream[tts.Chunk] {
		return func(yield func(tts.Chunk, error) bool) {
			_ = yield(tts.Chunk{Data: []byte{0, 0}, Format: req.Format, Played: time.Second}, nil) && yield(tts.Chunk{Summary: kept}, nil)
		}
	})
	client, err := tts.NewStream(failover.StreamProviders(own), failover.WithInterrupted(failover.Continue, failover.Restart))
	require.NoError(t, err)
	audio, err := tts.Collect(client.SynthesizeStream(t.Context(), story))
	require.NoError(t, err)
	assert.Equal(t, "own", audio.Provider)
	assert.Equal(t, "mine", kept.Provider, "what the provider keeps is not written to")
	require.NoError(t, client.Close())

	mute := tts.WrapStream("mute", func(context.Context, tts.Request) failover.Stream[tts.Chunk] {
		return func(yield func(tts.Chunk, error) bool) {
			yield(tts.Chunk{Data: []byte{0, 0}, Format: tts.PCM(16000)}, nil)
		}
	})
	client, err = tts.NewStream(failover.StreamProviders(mute))
	require.NoError(t, err)
	_, err = tts.Collect(client.SynthesizeStream(t.Context(), story))
	require.ErrorIs(t, err, failover.ErrTruncated)

	_, err = tts.NewStream(nil)
	require.Error(t, err)
}
