package tts_test

import (
	"context"
	"net/http"
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

const secretKey = "secret-key"

// pair is a client over two simulated vendors, ElevenLabs first.
type pair struct {
	eleven, deep *vendorsim.Server
	client       *tts.Client
}

// inBubble runs test against a pair under fake time.
func inBubble(t *testing.T, test func(t *testing.T, p *pair), opts ...failover.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pair{
			eleven: vendorsim.ElevenLabs(secretKey, vendorsim.InMemory()),
			deep:   vendorsim.Deepgram(secretKey, vendorsim.InMemory()),
		}
		defer p.eleven.Close()
		defer p.deep.Close()
		eleven, err := elevenlabs.New(secretKey, elevenlabs.WithBaseURL(p.eleven.URL()), elevenlabs.WithHTTPClient(p.eleven.Client()),
			elevenlabs.WithVoices(tts.Voices{"host": vendorsim.ElevenLabsVoices[0], "guest": vendorsim.ElevenLabsVoices[1]}))
		require.NoError(t, err)
		deep, err := deepgram.New(secretKey, deepgram.WithBaseURL(p.deep.URL()), deepgram.WithHTTPClient(p.deep.Client()),
			deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en"}))
		require.NoError(t, err)
		p.client, err = tts.New(failover.Providers(eleven.TTS(), deep.TTS()), opts...)
		require.NoError(t, err)
		test(t, p)
	})
}

var hello = tts.Request{Text: "Hello, caller.", Voice: "host", Format: tts.WAV(24000)}

// 14 characters at 60 ms.
const helloTime = 840 * time.Millisecond

// TestTheListenerNeverNotices breaks the first vendor in every way: the second
// one's audio is whole, and comes when it should.
func TestTheListenerNeverNotices(t *testing.T) {
	t.Parallel()
	const timeout = tts.DefaultTimeout
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
		{vendorsim.Silence(), timeout},
		{vendorsim.SlowFirstByte(time.Hour), timeout},
		{vendorsim.Stall(), timeout},
		{vendorsim.Trickle(1, time.Second), timeout},
		{vendorsim.Cut(), 0},
		{vendorsim.CutReset(), 0},
		{vendorsim.CutChunks(), 0},
		{vendorsim.BadChunk(), 0},
		{vendorsim.Truncate(), 0},
		{vendorsim.Empty(), 0},
		{vendorsim.Page(), 0},
		{vendorsim.Redirect(http.StatusFound, "http://elsewhere.test"), 0},
		{vendorsim.HugeError(500, 1<<20), time.Second},
		{vendorsim.Status(401), 0},
		{vendorsim.Status(401).Code("quota_exceeded"), 0},
		{vendorsim.Status(402), 0},
		{vendorsim.Status(403), 0},
		{vendorsim.Status(404), 0},
		{vendorsim.Status(408), 0},
		{vendorsim.Status(409), time.Second},
		{vendorsim.Status(413), 0},
		{vendorsim.Status(422), 0}, // one second opinion
		{vendorsim.Status(429), 0},
		{vendorsim.Status(429).RetryAfter(60), 0},
		{vendorsim.Status(500), time.Second},
		{vendorsim.Status(502), time.Second},
		{vendorsim.Status(503).RetryAfter(60), 0},
		{vendorsim.Status(504), 0},
		{vendorsim.Status(529), 0},
	} {
		t.Run(c.fault.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *pair) {
				p.eleven.FailAlways(c.fault)
				start := time.Now()
				audio, err := p.client.Synthesize(t.Context(), hello)
				require.NoError(t, err)
				want := "deepgram"
				if c.fault.String() == "none" {
					want = "elevenlabs"
				}
				assert.Equal(t, want, audio.Provider)
				assert.Equal(t, helloTime, audio.Duration)
				assert.Equal(t, 24000, audio.Format.SampleRate)
				assert.LessOrEqual(t, time.Since(start), c.within)
			})
		})
	}
	t.Run("down", func(t *testing.T) {
		inBubble(t, func(t *testing.T, p *pair) {
			p.eleven.Down()
			audio, err := p.client.Synthesize(t.Context(), hello)
			require.NoError(t, err)
			assert.Equal(t, "deepgram", audio.Provider)
		})
	})
}

func TestInvalidRequestsReachNobody(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *pair) {
		for _, req := range []tts.Request{
			{Voice: "host", Format: tts.WAV(24000)},
			{Text: "Hello.", Voice: "host"},
			{Text: "Hello.", Voice: "host", Format: tts.WAV(24000), Speed: -1},
		} {
			audio, err := p.client.Synthesize(t.Context(), req)
			assert.Nil(t, audio)
			assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
			var field *tts.RequestError
			require.ErrorAs(t, err, &field)
		}
		assert.Zero(t, p.eleven.Stats().Requests+p.deep.Stats().Requests)
	})
}

func TestProvidersThatCannotAreLeftOut(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *pair) {
		for voice, want := range map[string]string{"guest": "elevenlabs", "deepgram:aura-luna-en": "deepgram"} {
			audio, err := p.client.Synthesize(t.Context(), tts.Request{Text: "Hello.", Voice: voice, Format: tts.WAV(24000)})
			require.NoError(t, err)
			assert.Equal(t, want, audio.Provider)
		}
		audio, err := p.client.Synthesize(t.Context(), tts.Request{Text: "Hello.", Voice: "host", Speed: 1.4, Format: tts.WAV(24000)})
		require.NoError(t, err)
		assert.Equal(t, "deepgram", audio.Provider, "ElevenLabs is not that fast")

		_, err = p.client.Synthesize(t.Context(), tts.Request{Text: "Hello.", Voice: "nobody", Format: tts.WAV(24000)})
		require.ErrorIs(t, err, failover.ErrNoneAvailable)
		assert.Equal(t, 1, p.eleven.Stats().Requests)
	})
}

func TestEverybodyFails(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *pair) {
		p.eleven.FailAlways(vendorsim.Status(401).Code("quota_exceeded"))
		p.deep.FailAlways(vendorsim.Status(401))
		_, err := p.client.Synthesize(t.Context(), hello)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		assert.Contains(t, err.Error(), "elevenlabs: exhausted (401 quota_exceeded, request eleven-1)")
		assert.Contains(t, err.Error(), "deepgram: unauthorized (401 INVALID_AUTH, request deep-1)")
		assert.NotContains(t, err.Error(), secretKey)
	})
}

func TestOptionsOverrideDefaults(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *pair) {
		p.eleven.FailAlways(vendorsim.Silence())
		start := time.Now()
		_, err := p.client.Synthesize(t.Context(), hello)
		require.NoError(t, err)
		assert.Equal(t, 2*time.Second, time.Since(start))

		ctx := failover.With(t.Context(), failover.For("speech", failover.Prefer("deepgram")))
		start = time.Now()
		_, err = p.client.Synthesize(ctx, hello)
		require.NoError(t, err)
		assert.Zero(t, time.Since(start), "the router goes by its new name")
	}, failover.WithTimeout(2*time.Second), failover.WithName("speech"))
}

func TestDefaultName(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *pair) {
		ctx := failover.With(t.Context(), failover.For("tts", failover.Prefer("deepgram")))
		audio, err := p.client.Synthesize(ctx, hello)
		require.NoError(t, err)
		assert.Equal(t, "deepgram", audio.Provider)
	})
}

func TestTheCallersDeadline(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *pair) {
		p.eleven.FailAlways(vendorsim.Silence())
		p.deep.FailAlways(vendorsim.Silence())
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := p.client.Synthesize(ctx, hello)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 3*time.Second, time.Since(start))
		synctest.Wait()
		assert.Equal(t, 1, p.eleven.Stats().Disconnects)
		assert.Equal(t, 1, p.deep.Stats().Disconnects)
	})
}

func TestOwnProvider(t *testing.T) {
	t.Parallel()
	kept := &tts.Audio{Data: []byte{0, 0}, Format: tts.PCM(8000)}
	own := failover.Wrap("own", func(context.Context, tts.Request) (*tts.Audio, error) { return kept, nil })
	client, err := tts.New(failover.Providers(own))
	require.NoError(t, err)
	audio, err := client.Synthesize(t.Context(), hello)
	require.NoError(t, err)
	assert.Equal(t, "own", audio.Provider)
	assert.Empty(t, kept.Provider, "what the provider keeps is not written to")
	assert.NotNil(t, client.Router())

	none := failover.Wrap("none", func(context.Context, tts.Request) (*tts.Audio, error) {
		return nil, nil //nolint:nilnil // what a careless provider does
	})
	client, err = tts.New(failover.Providers(none))
	require.NoError(t, err)
	_, err = client.Synthesize(t.Context(), hello)
	require.ErrorIs(t, err, failover.ErrEmpty)

	client, err = tts.New(failover.Providers(none), failover.WithEmptyAnswers())
	require.NoError(t, err)
	audio, err = client.Synthesize(t.Context(), hello)
	require.NoError(t, err)
	assert.True(t, audio.Empty())
	assert.Equal(t, "none", audio.Provider)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	client, err := tts.New(nil)
	require.Error(t, err)
	assert.Nil(t, client)

	_, err = tts.New(failover.Providers(tts.Provider{Name: "a/b"}))
	require.ErrorContains(t, err, "a/b")
}
