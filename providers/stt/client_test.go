package stt_test

import (
	"bytes"
	"context"
	"errors"
	"io"
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
	"github.com/gofailover/failover/providers/stt"
)

// onlyOnce can be read once.
func onlyOnce(data []byte) io.Reader { return io.MultiReader(bytes.NewReader(data)) }

// provider makes one of a function.
func provider(name string, do failover.Func[stt.Request, *stt.Transcript]) stt.Provider {
	return failover.Wrap(name, do)
}

// silent never answers.
func silent(ctx context.Context, _ stt.Request) (*stt.Transcript, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func answers(heard *stt.Transcript) failover.Func[stt.Request, *stt.Transcript] {
	return func(context.Context, stt.Request) (*stt.Transcript, error) { return heard, nil }
}

func TestNewRefusesWhatARouterRefuses(t *testing.T) {
	t.Parallel()
	_, err := stt.New(nil)
	require.Error(t, err)
	_, err = stt.New(failover.Providers(provider("a", silent)), failover.WithTimeout(-1))
	require.ErrorContains(t, err, "WithTimeout")
}

// An attempt may take ten seconds and half of the audio, and then it is cut as
// any other: with the error of an attempt's timeout, not of the caller's.
func TestTimeoutsFollowTheAudio(t *testing.T) {
	t.Parallel()
	audio := func(d time.Duration) stt.Request {
		return stt.Request{Audio: stt.Bytes(vendorsim.Hush(d, 8000)), Format: stt.PCM(8000)}
	}
	own, longer := provider("a", silent), provider("a", silent)
	own.Timeout = 3 * time.Second
	longer.ExtraTime = func(stt.Request) time.Duration { return time.Second }
	for name, c := range map[string]struct {
		provider stt.Provider
		opts     []failover.Option
		req      stt.Request
		want     time.Duration
	}{
		"as it comes":          {provider("a", silent), nil, audio(8 * time.Second), 14 * time.Second},
		"a long one":           {provider("a", silent), nil, stt.Request{Audio: stt.Bytes([]byte("?")), Duration: 2 * time.Hour}, time.Hour + 10*time.Second},
		"nobody knows":         {provider("a", silent), nil, stt.Request{Audio: stt.Bytes([]byte("?"))}, 10 * time.Second},
		"read first":           {provider("a", silent), nil, stt.Request{Audio: stt.Reader(onlyOnce(vendorsim.Hush(8*time.Second, 8000)), 0), Format: stt.PCM(8000)}, 14 * time.Second},
		"the router's":         {provider("a", silent), []failover.Option{failover.WithTimeout(2 * time.Second)}, audio(8 * time.Second), 6 * time.Second},
		"the provider's own":   {own, nil, audio(8 * time.Second), 3 * time.Second},
		"the provider's extra": {longer, nil, audio(8 * time.Second), 11 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				second := provider("second", answers(&stt.Transcript{Text: "heard"}))
				client, err := stt.New(failover.Providers(c.provider, second), c.opts...)
				require.NoError(t, err)
				start := time.Now()
				heard, err := client.Transcribe(t.Context(), c.req)
				require.NoError(t, err)
				assert.Equal(t, c.want, time.Since(start))
				assert.Equal(t, "second", heard.Provider)

				alone, err := stt.New(failover.Providers(c.provider), c.opts...)
				require.NoError(t, err)
				start = time.Now()
				_, err = alone.Transcribe(t.Context(), c.req)
				assert.Equal(t, c.want, time.Since(start))
				require.ErrorIs(t, err, failover.ErrAttemptTimeout)
				require.NotErrorIs(t, err, context.DeadlineExceeded, "that would be the caller's")
				all, ok := errors.AsType[*failover.AllFailedError](err)
				require.True(t, ok)
				assert.Equal(t, failover.ClassTimeout, all.Attempts[0].Class())
			})
		})
	}
}

func TestTranscribeRefusesBeforeAnybodyIsAsked(t *testing.T) {
	t.Parallel()
	asked := false
	client, err := stt.New(failover.Providers(provider("a", func(context.Context, stt.Request) (*stt.Transcript, error) {
		asked = true
		return &stt.Transcript{}, nil
	})))
	require.NoError(t, err)
	_, err = client.Transcribe(t.Context(), stt.Request{})
	wantInvalid(t, err, "stt: Audio is missing; set for example stt.File(path)")
	_, err = client.TranscribeFile(t.Context(), "missing", stt.Request{})
	wantInvalid(t, err, "stt: Audio is a file that does not exist")
	_, err = client.TranscribeURL(t.Context(), "file:///secret", stt.Request{})
	wantInvalid(t, err, "stt: Audio has a URL that is not http or https")
	_, err = client.Transcribe(t.Context(), stt.Request{Audio: stt.Reader(strings.NewReader("12345"), 4)})
	wantInvalid(t, err, "stt: Audio has more than the 4 bytes that may be kept of a reader; raise the bound or use stt.File")
	_, err = client.Transcribe(t.Context(), stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("Hi.", 8000)), Format: stt.PCM(8000)})
	wantInvalid(t, err, "stt: Format says pcm_s16le, and the audio is a file with a header (audio/wav)")
	assert.False(t, asked)
}

func TestTranscribeCopiesTheAnswer(t *testing.T) {
	t.Parallel()
	kept := &stt.Transcript{Text: "kept", Provider: "what the adapter says"}
	client, err := stt.New(failover.Providers(provider("named", answers(kept))))
	require.NoError(t, err)
	heard, err := client.Transcribe(t.Context(), stt.Request{Audio: stt.Bytes([]byte("?"))})
	require.NoError(t, err)
	assert.Equal(t, "named", heard.Provider)
	assert.Equal(t, "what the adapter says", kept.Provider)

	nothing := provider("nothing", answers(nil))
	client, err = stt.New(failover.Providers(nothing))
	require.NoError(t, err)
	_, err = client.Transcribe(t.Context(), stt.Request{Audio: stt.Bytes([]byte("?"))})
	require.ErrorIs(t, err, failover.ErrEmpty)
	client, err = stt.New(failover.Providers(nothing), failover.WithEmptyAnswers())
	require.NoError(t, err)
	heard, err = client.Transcribe(t.Context(), stt.Request{Audio: stt.Bytes([]byte("?"))})
	require.NoError(t, err)
	assert.Equal(t, "nothing", heard.Provider)

	require.NoError(t, client.Close())
	_, err = client.Transcribe(t.Context(), stt.Request{Audio: stt.Bytes([]byte("?"))})
	require.ErrorIs(t, err, failover.ErrClosed)
}

// A provider's Adapt changes a copy, and all copies share the one audio.
func TestAdaptSharesTheAudio(t *testing.T) {
	t.Parallel()
	var models []string
	read := func(ctx context.Context, req stt.Request) (*stt.Transcript, error) {
		models = append(models, req.Model)
		audio, err := req.Open(ctx)
		if err != nil {
			return nil, err
		}
		defer audio.Close()
		data, err := io.ReadAll(audio)
		if err != nil || req.Model == "first" {
			return nil, &failover.Error{Class: failover.ClassUnsupported, Err: err}
		}
		return &stt.Transcript{Text: string(data)}, nil
	}
	first, second := provider("first", read), provider("second", read)
	first.Adapt = func(req stt.Request) stt.Request {
		req.Model = "first"
		return req
	}
	client, err := stt.New(failover.Providers(first, second))
	require.NoError(t, err)
	heard, err := client.Transcribe(t.Context(), stt.Request{Audio: stt.Reader(onlyOnce([]byte("all of it")), 0), Model: "asked"})
	require.NoError(t, err)
	assert.Equal(t, "all of it", heard.Text)
	assert.Equal(t, []string{"first", "asked"}, models)
}

// vendors are the two simulators and a client over both.
func vendors(t *testing.T, validate stt.Validator, opts ...failover.Option) (deep, eleven *vendorsim.Server, client *stt.Client) {
	t.Helper()
	const key = "stt-test-key"
	deep, eleven = vendorsim.Deepgram(key, vendorsim.InMemory()), vendorsim.ElevenLabs(key, vendorsim.InMemory())
	t.Cleanup(deep.Close)
	t.Cleanup(eleven.Close)
	d, err := deepgram.New(key, deepgram.WithBaseURL(deep.URL()), deepgram.WithHTTPClient(deep.Client()))
	require.NoError(t, err)
	e, err := elevenlabs.New(key, elevenlabs.WithBaseURL(eleven.URL()), elevenlabs.WithHTTPClient(eleven.Client()))
	require.NoError(t, err)
	first, second := d.STT(), e.STT()
	first.Validate, second.Validate = validate, validate
	client, err = stt.New(failover.Providers(first, second), opts...)
	require.NoError(t, err)
	return deep, eleven, client
}

// What the first vendor gets wrong, whether it knows it or not, is for the
// second to do, with all of the audio.
func TestFailover(t *testing.T) {
	t.Parallel()
	good := stt.All(stt.NonEmpty, stt.Confident(0.6), stt.ConfidentWords(0.5, 0.9), stt.InLanguage())
	for _, c := range []struct {
		fault vendorsim.Fault
		class failover.Class
	}{
		{vendorsim.EmptyTranscript(), failover.ClassUnsatisfactory},
		{vendorsim.LowConfidence(0.4), failover.ClassUnsatisfactory},
		{vendorsim.WrongSampleRate(), failover.ClassIncomplete},
		{vendorsim.Without("results"), failover.ClassIncomplete},
		{vendorsim.Without("results.channels.0.alternatives.0.words"), failover.ClassIncomplete},
		{vendorsim.Status(http.StatusTooManyRequests), failover.ClassRateLimited},
		{vendorsim.Status(http.StatusPaymentRequired), failover.ClassExhausted},
		{vendorsim.Early(vendorsim.Status(http.StatusRequestEntityTooLarge)), failover.ClassUnsupported},
		{vendorsim.Silence(), failover.ClassTimeout},
		{vendorsim.StallUpload(100), failover.ClassTimeout},
		{vendorsim.Status(http.StatusBadRequest), failover.ClassInvalid}, // a second opinion
	} {
		for name, source := range map[string]func(data []byte) stt.Source{
			"bytes":  stt.Bytes,
			"file":   func(data []byte) stt.Source { return stt.File(file(t, data)) },
			"reader": func(data []byte) stt.Source { return stt.Reader(onlyOnce(data), 0) },
		} {
			t.Run(c.fault.String()+" of "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					deep, eleven, client := vendors(t, good)
					deep.FailAlways(c.fault)
					data := vendorsim.SayWAV("Where is the station? [..] To the left.", 16000)
					result, err := client.Router().Route(t.Context(), stt.Request{Audio: source(data), Language: "en", Words: true})
					require.NoError(t, err)
					assert.Equal(t, "Where is the station? To the left.", result.Value.Text)
					assert.Equal(t, "elevenlabs", result.Provider)
					assert.Equal(t, c.class, result.Attempts[0].Class())
					assert.True(t, bytes.Contains(eleven.Requests()[0].Body, data), "all of the audio")
					deep.Client().CloseIdleConnections()
					eleven.Client().CloseIdleConnections()
					<-time.After(time.Hour) // fake: a vendor that reads slowly is done
				})
			})
		}
	}
}

// An empty text of silence is the answer, and of audio that nobody can decode it
// is once all agree.
func TestSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deep, eleven, client := vendors(t, stt.NonEmpty, failover.WithAcceptLast())
		heard, err := client.Transcribe(t.Context(), stt.Request{Audio: stt.Bytes(vendorsim.Hush(time.Second, 8000)), Format: stt.PCM(8000)})
		require.NoError(t, err)
		assert.Empty(t, heard.Text)
		assert.Equal(t, "deepgram", heard.Provider)
		assert.Zero(t, eleven.Stats().Requests)

		heard, err = client.Transcribe(t.Context(), stt.Request{Audio: stt.Bytes(vendorsim.SayMP3(""))})
		require.NoError(t, err)
		assert.Empty(t, heard.Text)
		assert.Equal(t, 2, deep.Stats().Requests)
		assert.Equal(t, 1, eleven.Stats().Requests)
	})
}

// Who speaks another language than was asked for is noticed where the vendor
// tells it.
func TestLanguageIsNotChangedSilently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deep, eleven, client := vendors(t, stt.InLanguage())
		deep.FailAlways(vendorsim.Status(http.StatusServiceUnavailable))
		french := stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("[fr] Où est la gare ?", 16000)), Language: "en"}
		_, err := client.Transcribe(t.Context(), french)
		require.ErrorContains(t, err, "is in another language")
		refused, ok := failover.Rejected[*stt.Transcript](err)
		require.True(t, ok)
		assert.Equal(t, "fr", refused.Language)

		french.Language = ""
		heard, err := client.Transcribe(t.Context(), french)
		require.NoError(t, err)
		assert.Equal(t, "fr", heard.Language)

		// A language that the first does not speak is not sent there.
		deep.Heal()
		before := deep.Stats().Requests
		_, err = client.Transcribe(t.Context(), stt.Request{Audio: french.Audio, Language: "sw"})
		require.Error(t, err)
		assert.Equal(t, before, deep.Stats().Requests)
		assert.Positive(t, eleven.Stats().Requests)
	})
}

// Attempts that run at the same time each have all of the audio.
func TestHedgedAttemptsShareAReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deep, eleven, client := vendors(t, nil, failover.WithHedge(failover.HedgePolicy{MinDelay: 100 * time.Millisecond, MinSamples: 1}))
		data := vendorsim.SayWAV("Where is the station?", 16000)
		_, err := client.Transcribe(t.Context(), stt.Request{Audio: stt.Bytes(data)}) // how long it usually takes
		require.NoError(t, err)
		deep.FailAlways(vendorsim.SlowFirstByte(time.Second))
		heard, err := client.Transcribe(t.Context(), stt.Request{Audio: stt.Reader(onlyOnce(data), 0)})
		require.NoError(t, err)
		assert.Equal(t, "elevenlabs", heard.Provider)
		assert.Equal(t, "Where is the station?", heard.Text)
		assert.Equal(t, data, deep.Requests()[1].Body)
		assert.True(t, bytes.Contains(eleven.Requests()[0].Body, data))
		require.NoError(t, client.Close())
	})
}
