package stt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// file makes a file whose path is a secret.
func file(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret-path.wav")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

// roundTrip is a transport in a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func client(f roundTrip) *http.Client { return &http.Client{Transport: f} }

// opened reads all of an audio that was opened.
func opened(t *testing.T, audio *stt.Audio, err error) []byte {
	t.Helper()
	require.NoError(t, err)
	data, err := io.ReadAll(audio)
	require.NoError(t, err)
	require.NoError(t, audio.Close())
	assert.Equal(t, audio.Size, int64(len(data)))
	return data
}

// wantInvalid wants an error that is the caller's, says why and prints no path.
func wantInvalid(t *testing.T, err error, want string) *stt.RequestError {
	t.Helper()
	require.Error(t, err)
	assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
	assert.Equal(t, failover.OutcomeNotAccepted, failover.Classify(err).Outcome)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		assert.NotContains(t, fmt.Sprintf(verb, err), "secret")
	}
	cause, ok := errors.AsType[*stt.RequestError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, want, cause.Error())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, want, fmt.Sprintf(verb, cause))
	}
	text, err := json.Marshal(cause) //nolint:musttag // it is what an application may log
	require.NoError(t, err)
	assert.NotContains(t, string(text), "secret")
	return cause
}

func TestEverySourceOpensAtItsBeginning(t *testing.T) {
	t.Parallel()
	data := vendorsim.SayWAV("All of it.", 8000)
	once := stt.URL("https://a.test/b.wav").FetchWith(client(func(*http.Request) (*http.Response, error) {
		return vendorsim.Record(200, http.Header{}, string(data)), nil
	}), 0)
	for name, source := range map[string]stt.Source{
		"bytes":  stt.Bytes(data),
		"file":   stt.File(file(t, data)),
		"reader": stt.Reader(iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(data))), int64(len(data))),
		"URL":    once,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var wg sync.WaitGroup
			for range 4 { // attempts, some of them at the same time
				wg.Go(func() {
					audio, err := stt.Request{Audio: source}.Open(t.Context())
					assert.Equal(t, data, opened(t, audio, err))
					assert.Equal(t, "audio/wav", audio.ContentType)
					assert.Equal(t, ".wav", audio.Extension)
				})
			}
			wg.Wait()
			assert.True(t, source.Opens())
			assert.InDelta(t, 600*time.Millisecond, stt.Request{Audio: source}.PlayingTime(), float64(time.Millisecond))
		})
	}
}

// Headerless audio is given away as a file that says what it is.
func TestOpenPutsAHeaderBeforeHeaderlessAudio(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format stt.Format
		data   []byte
		codec  uint16
		bits   uint16
	}{
		{stt.PCM(16000), vendorsim.Say("Hello.", 16000), 1, 16},
		{stt.MuLaw(8000), vendorsim.SayMuLaw("Hello.", 8000), 7, 8},
		{stt.ALaw(8000), vendorsim.SayALaw("Hello.", 8000), 6, 8},
		{stt.Format{Encoding: tts.EncodingPCM, SampleRate: 8000, Channels: 2}, vendorsim.Say("Hello.", 8000), 1, 16},
	} {
		req := stt.Request{Audio: stt.Bytes(c.data), Format: c.format}
		audio, err := req.Open(t.Context())
		got := opened(t, audio, err)
		assert.Equal(t, "audio/wav", audio.ContentType)
		assert.Equal(t, ".wav", audio.Extension)
		le := binary.LittleEndian
		assert.Equal(t, "RIFF", string(got[:4]))
		assert.Equal(t, c.codec, le.Uint16(got[20:]))
		assert.Equal(t, max(1, c.format.Channels), int(le.Uint16(got[22:])))
		assert.Equal(t, c.format.SampleRate, int(le.Uint32(got[24:])))
		assert.Equal(t, c.bits, le.Uint16(got[34:]))
		assert.True(t, bytes.HasSuffix(got, c.data))

		audio, err = req.OpenRaw(t.Context())
		assert.Equal(t, c.data, opened(t, audio, err))
		assert.Equal(t, c.format.ContentType(), audio.ContentType)
		assert.Equal(t, ".raw", audio.Extension)
	}
	audio, err := stt.Request{Audio: stt.Bytes([]byte("no audio at all"))}.Open(t.Context())
	assert.Equal(t, "no audio at all", string(opened(t, audio, err)), "that is for the vendor to say")
	assert.Equal(t, "application/octet-stream", audio.ContentType)
	assert.Empty(t, audio.Extension)
}

func TestOpenRefusesWhatTheFormatSaysItIsNot(t *testing.T) {
	t.Parallel()
	wav, mp3 := vendorsim.SayWAV("Hello.", 8000), vendorsim.SayMP3("Hello.")
	for want, c := range map[string]struct {
		data   []byte
		format stt.Format
	}{
		"stt: Format says pcm_s16le, and the audio is a file with a header (audio/wav)":  {wav, stt.PCM(8000)},
		"stt: Format says mulaw, and the audio is a file with a header (audio/ogg)":      {[]byte("OggS"), stt.MuLaw(8000)},
		"stt: Format says pcm_s16le, and the audio is a file with a header (audio/flac)": {[]byte("fLaC"), stt.PCM(8000)},
		"stt: Format says wav, and the audio is not":                                     {mp3, tts.WAV(0)},
		"stt: Format says mp3, and the audio is not":                                     {wav, tts.MP3(0, 0)},
		"stt: Format says opus, and the audio is not":                                    {wav, tts.Opus(0)},
		"stt: Format.SampleRate says 16000, and the audio has 8000":                      {wav, tts.WAV(16000)},
		"stt: Format.Channels says 2, and the audio has 1":                               {wav, stt.Format{Encoding: tts.EncodingWAV, Channels: 2}},
		"stt: Format.SampleRate says 8000, and the audio has 44100":                      {mp3, tts.MP3(8000, 0)},
	} {
		_, err := stt.Request{Audio: stt.Bytes(c.data), Format: c.format}.Open(t.Context())
		wantInvalid(t, err, want)
	}
	for _, c := range []struct {
		data   []byte
		format stt.Format
	}{
		{wav, tts.WAV(8000)},
		{wav, stt.Format{Encoding: tts.EncodingWAV, Channels: 1}},
		{mp3, tts.MP3(44100, 64000)},
		{[]byte("\xFF\xFB\x90\xC0 and the like are samples too"), stt.PCM(8000)},
	} {
		audio, err := stt.Request{Audio: stt.Bytes(c.data), Format: c.format}.OpenRaw(t.Context())
		assert.Equal(t, c.data, opened(t, audio, err))
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	open := func(path string) error {
		_, err := stt.Request{Audio: stt.File(path)}.Open(t.Context())
		return err
	}
	there := file(t, []byte("audio"))
	cause := wantInvalid(t, open(there+".gone"), "stt: Audio is a file that does not exist")
	require.ErrorIs(t, cause, fs.ErrNotExist)
	_, ok := errors.AsType[*fs.PathError](cause)
	assert.True(t, ok, "the path is there for those who want it")

	wantInvalid(t, open(filepath.Dir(there)), "stt: Audio is not a regular file; give stt.Reader what can be read once")
	wantInvalid(t, open(file(t, nil)), "stt: Audio is empty")
}

// A file is as long as it was when it was opened.
func TestFilesThatChange(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("samples "), 10_000)
	path := file(t, data)
	audio, err := stt.Request{Audio: stt.File(path)}.Open(t.Context())
	require.NoError(t, err)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("and more")
	require.NoError(t, err)
	assert.Equal(t, data, opened(t, audio, err))

	audio, err = stt.Request{Audio: stt.File(path)}.Open(t.Context())
	require.NoError(t, err)
	require.NoError(t, f.Truncate(40_000))
	require.NoError(t, f.Close())
	_, err = io.ReadAll(audio)
	cause := wantInvalid(t, err, "stt: Audio became shorter while it was being read")
	require.ErrorIs(t, cause, io.ErrUnexpectedEOF)
	require.NoError(t, audio.Close())

	require.NoError(t, os.Remove(path))
	_, err = stt.Request{Audio: stt.File(path)}.Open(t.Context())
	wantInvalid(t, err, "stt: Audio is a file that does not exist")
}

// A source may outlive what its file has been: a recording that goes on, or the
// latest one under the same name.
func TestAFileIsMeasuredAsItIsSent(t *testing.T) {
	t.Parallel()
	path := file(t, nil)
	req := stt.Request{Audio: stt.File(path), Format: stt.PCM(16000)}
	for _, played := range []time.Duration{2 * time.Second, 30 * time.Second, 3 * time.Second} {
		require.NoError(t, os.WriteFile(path, make([]byte, played/time.Second*32000), 0o600))
		audio, err := req.OpenRaw(t.Context())
		require.NoError(t, err)
		assert.Equal(t, played, req.PlayingTime())
		goesOn, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = goesOn.Write(make([]byte, 10*32000))
		require.NoError(t, errors.Join(err, goesOn.Close()))

		sent := opened(t, audio, nil)
		assert.Len(t, sent, int(played/time.Second*32000))
		heard, err := stt.NewTranscript(req, &stt.Transcript{Text: "All of it.", Duration: played})
		require.NoError(t, err, "it is all that was sent")
		assert.Equal(t, played, heard.Duration)
	}
}

func TestReadersThatCannotBeKept(t *testing.T) {
	t.Parallel()
	open := func(r io.Reader, most int64) error {
		source := stt.Reader(r, most)
		_, first := stt.Request{Audio: source}.Open(t.Context())
		_, again := stt.Request{Audio: source}.Open(t.Context())
		assert.Equal(t, first, again, "it is not read again, and above all not from where it stopped")
		return first
	}
	broken := errors.New("secret: connection lost")
	cause := wantInvalid(t, open(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), 0), "stt: Audio cannot be read")
	require.ErrorIs(t, cause, broken)
	wantInvalid(t, open(strings.NewReader(""), 0), "stt: Audio is empty")
	wantInvalid(t, open(strings.NewReader("12345"), 4),
		"stt: Audio has more than the 4 bytes that may be kept of a reader; raise the bound or use stt.File")
	wantInvalid(t, open(io.LimitReader(zeros{}, stt.DefaultSpool+1), 0),
		fmt.Sprintf("stt: Audio has more than the %d bytes that may be kept of a reader; raise the bound or use stt.File", stt.DefaultSpool))
	cause = wantInvalid(t, open(io.MultiReader(strings.NewReader("1234"), iotest.ErrReader(broken)), 4), "stt: Audio cannot be read")
	require.ErrorIs(t, cause, broken)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A reader that blocks does not hold the caller beyond his deadline, and what it
// gives later is there for another.
func TestAReaderThatBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		source := stt.Reader(r, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := stt.Request{Audio: source}.Open(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))

		go func() {
			_, _ = io.WriteString(w, "late audio")
			_ = w.Close()
		}()
		audio, err := stt.Request{Audio: source}.Open(t.Context())
		assert.Equal(t, "late audio", string(opened(t, audio, err)))

		_, err = stt.Request{Audio: source}.Open(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded, "a context that has ended")
	})
}

// A reader that panics does so where it is asked for.
func TestAReaderThatPanics(t *testing.T) {
	t.Parallel()
	source := stt.Reader(panics{}, 0)
	for range 2 {
		assert.PanicsWithValue(t, "in the reader", func() { _, _ = stt.Request{Audio: source}.Open(context.Background()) })
	}
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("in the reader") }

func TestNobodyFetchesUnlessHeMay(t *testing.T) {
	t.Parallel()
	source := stt.URL("https://a.test/secret")
	address, ok := source.URL()
	assert.True(t, ok)
	assert.Equal(t, "https://a.test/secret", address)
	assert.False(t, source.Opens())
	_, err := stt.Request{Audio: source}.Open(t.Context())
	assert.Equal(t, failover.ClassUnsupported, failover.ClassOf(err))
	assert.NotContains(t, err.Error(), "secret")

	_, ok = stt.Bytes(nil).URL()
	assert.False(t, ok)
	assert.False(t, stt.Source{}.Opens())
	assert.Equal(t, stt.Source{}, stt.Source{}.FetchWith(client(nil), 0))
	bytes := stt.Bytes([]byte("a"))
	assert.Equal(t, bytes, bytes.FetchWith(client(nil), 0), "there is nothing to fetch")
}

func TestFetchWithFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("secret: no route")
	for want, answer := range map[string]func() (*http.Response, error){
		"stt: Audio is a URL that cannot be fetched":                      func() (*http.Response, error) { return nil, broken },
		"stt: Audio is a URL that was answered with status 404":           func() (*http.Response, error) { return vendorsim.Record(404, http.Header{}, "secret"), nil },
		"stt: Audio is a URL with more than the 9 bytes that may be kept": func() (*http.Response, error) { return vendorsim.Record(200, http.Header{}, "0123456789"), nil },
		"stt: Audio is a URL whose answer broke off": func() (*http.Response, error) {
			resp := vendorsim.Record(200, http.Header{}, "")
			resp.Body = io.NopCloser(iotest.ErrReader(broken))
			return resp, nil
		},
	} {
		asked := 0
		source := stt.URL("https://a.test/secret").FetchWith(client(func(r *http.Request) (*http.Response, error) {
			asked++
			assert.Equal(t, "https://a.test/secret", r.URL.String())
			assert.Equal(t, http.MethodGet, r.Method)
			return answer()
		}), 9)
		for range 2 {
			_, err := stt.Request{Audio: source}.Open(t.Context())
			require.Error(t, err)
			e := failover.Classify(err)
			assert.Equal(t, failover.ClassUnsatisfactory, e.Class, "no provider is to blame, and the next is asked")
			assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome)
			cause, ok := errors.AsType[*stt.RequestError](err)
			require.True(t, ok)
			assert.Equal(t, want, cause.Error())
			for _, verb := range []string{"%v", "%+v", "%#v"} {
				assert.NotContains(t, fmt.Sprintf(verb, err), "secret")
			}
		}
		assert.Equal(t, 2, asked, "it may be there the next time")
	}
	empty := stt.URL("https://a.test/b").FetchWith(client(func(*http.Request) (*http.Response, error) {
		return vendorsim.Record(200, http.Header{}, ""), nil
	}), 0)
	_, err := stt.Request{Audio: empty}.Open(t.Context())
	wantInvalid(t, err, "stt: Audio is empty")
}

// Fetching ends with the attempt that wanted it, and the next begins anew.
func TestFetchingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := true
		source := stt.URL("https://a.test/b").FetchWith(client(func(r *http.Request) (*http.Response, error) {
			if hang {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return vendorsim.Record(200, http.Header{}, "audio"), nil
		}), 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 3 { // one fetches, two wait for it
			wg.Go(func() {
				_, err := stt.Request{Audio: source}.Open(ctx)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		wg.Wait()
		hang = false
		audio, err := stt.Request{Audio: source}.Open(t.Context())
		assert.Equal(t, "audio", string(opened(t, audio, err)))
	})
}

func TestSourcesPrintTheirKind(t *testing.T) {
	t.Parallel()
	for want, source := range map[string]stt.Source{
		"stt.Source()":       {},
		"stt.Bytes(6 bytes)": stt.Bytes([]byte("secret")),
		"stt.File":           stt.File("/secret/path"),
		"stt.URL":            stt.URL("https://secret.test/?key=secret"),
		"stt.Reader":         stt.Reader(strings.NewReader("secret"), 0),
	} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("heard", "audio", source)
		assert.Contains(t, log.String(), want)
		text, err := json.Marshal(source)
		require.NoError(t, err)
		var printed strings.Builder
		printed.WriteString(log.String() + string(text))
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			assert.Equal(t, want, fmt.Sprintf(verb, source))
			printed.WriteString(fmt.Sprintf(verb, stt.Request{Audio: source}))
		}
		assert.NotContains(t, printed.String(), "secret")
	}
}
