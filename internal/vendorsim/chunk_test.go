package vendorsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

// arrival is a part of a body and when it came.
type arrival struct {
	size int
	at   time.Duration
}

// listen asks for "Hello." as a stream of 16 kHz PCM and notes what comes.
func listen(ctx context.Context, t *testing.T, s *vendorsim.Server) (*http.Response, []byte, []arrival, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		s.URL()+"/v1/text-to-speech/"+vendorsim.ElevenLabsVoices[0]+"/stream?output_format=pcm_16000", strings.NewReader(`{"text":"Hello."}`))
	require.NoError(t, err)
	req.Header.Set("Xi-Api-Key", key)
	start := time.Now()
	resp, err := s.Client().Do(req)
	if err != nil {
		return nil, nil, nil, err
	}
	defer resp.Body.Close()
	var all []byte
	parts := []arrival{{at: time.Since(start)}} // the header
	buf := make([]byte, 1<<20)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			all = append(all, buf[:n]...)
			parts = append(parts, arrival{size: n, at: time.Since(start)})
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return resp, all, parts, err
		}
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.ElevenLabs(key, vendorsim.InMemory())
		defer s.Close()
		s.Fail(vendorsim.Pace(time.Second))
		resp, body, parts, err := listen(t.Context(), t, s)
		require.NoError(t, err)
		assert.Equal(t, int64(-1), resp.ContentLength)
		assert.Len(t, body, helloBytes)
		for i, p := range parts[1:] {
			assert.Equal(t, time.Duration(i)*time.Second, p.at)
			if i < len(parts)-2 {
				assert.Equal(t, vendorsim.ChunkSize, p.size)
			}
		}

		_, whole, err := hello(t.Context(), s)
		require.NoError(t, err)
		assert.Equal(t, whole, body, "the same speech as in one piece")

		_, again, _, err := listen(t.Context(), t, s)
		require.NoError(t, err)
		assert.Equal(t, whole, again, "without a fault")
	})
}

func TestChunkFaults(t *testing.T) {
	t.Parallel()
	const n = 3
	good := func(t *testing.T, err error) { t.Helper(); require.NoError(t, err) }
	bad := func(t *testing.T, err error) { t.Helper(); require.Error(t, err) }
	reset := func(t *testing.T, err error) { t.Helper(); require.ErrorIs(t, err, syscall.ECONNRESET) }
	for _, c := range []struct {
		fault vendorsim.Fault
		check func(*testing.T, error)
		size  int
		took  time.Duration
	}{
		{vendorsim.SlowFirstChunk(time.Second), good, helloBytes, time.Second},
		{vendorsim.Pace(time.Second), good, helloBytes, (helloBytes - 1) / vendorsim.ChunkSize * time.Second},
		{vendorsim.StallAfter(n), bad, n * vendorsim.ChunkSize, time.Minute},
		{vendorsim.CutAfter(n), bad, n * vendorsim.ChunkSize, 0},
		{vendorsim.ResetAfter(n), reset, n * vendorsim.ChunkSize, 0},
		{vendorsim.BadChunkAfter(n), bad, n * vendorsim.ChunkSize, 0},
		{vendorsim.EndAfter(n), good, n * vendorsim.ChunkSize, 0},
		{vendorsim.EndAfter(1000), good, helloBytes, 0},
		{vendorsim.EndWithin(n), good, n*vendorsim.ChunkSize + vendorsim.ChunkSize/2 - 1, 0},
		{vendorsim.ReplaceAfter(n, "else"), good, n*vendorsim.ChunkSize + 4, 0},
		{vendorsim.StallAfter(0), bad, 0, time.Minute},
		{vendorsim.CutAfter(0), bad, 0, 0},
		{vendorsim.EndAfter(0), good, 0, 0},
	} {
		t.Run(c.fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := vendorsim.ElevenLabs(key, vendorsim.InMemory())
				defer s.Close()
				s.Fail(c.fault)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				resp, body, parts, err := listen(ctx, t, s)
				c.check(t, err)
				require.NotNil(t, resp, "the header arrived")
				assert.Equal(t, 200, resp.StatusCode)
				assert.Equal(t, "eleven-1", resp.Header.Get("Request-Id"))
				assert.Zero(t, parts[0].at, "at once")
				assert.Len(t, body, c.size)
				assert.GreaterOrEqual(t, c.took, parts[len(parts)-1].at)
				synctest.Wait()
				assert.Equal(t, 1, s.Stats().Faults)

				// The fault is used up.
				_, body, _, err = listen(t.Context(), t, s)
				require.NoError(t, err)
				assert.Len(t, body, helloBytes)
			})
		})
	}
}

func TestErrorAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.ElevenLabs(key, vendorsim.InMemory())
		defer s.Close()
		s.Fail(vendorsim.ErrorAfter(2, 401, "quota_exceeded"), vendorsim.ErrorAfter(0, 429, ""))
		resp, body, _, err := listen(t.Context(), t, s)
		require.NoError(t, err)
		assert.Equal(t, 200, resp.StatusCode)
		assert.Contains(t, string(body[2*vendorsim.ChunkSize:]), `"code":"quota_exceeded"`)
		_, body, _, err = listen(t.Context(), t, s)
		require.NoError(t, err)
		assert.Contains(t, string(body), `"code":"rate_limit_exceeded"`)
		assert.True(t, json.Valid(body))
	})
}

// A client over TCP gets the same, but for what a reset takes with it.
func TestChunkFaultsOverTCP(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key)
	defer s.Close()
	for _, fault := range []vendorsim.Fault{vendorsim.CutAfter(2), vendorsim.BadChunkAfter(2), vendorsim.EndAfter(2)} {
		s.Fail(fault)
		_, body, _, err := listen(t.Context(), t, s)
		assert.Equal(t, strings.HasPrefix(fault.String(), "end"), err == nil, fault)
		assert.Len(t, body, 2*vendorsim.ChunkSize, fault)
	}
	s.Fail(vendorsim.ResetAfter(2))
	_, body, _, err := listen(t.Context(), t, s)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	assert.LessOrEqual(t, len(body), 2*vendorsim.ChunkSize)
}

// A vendor that does not stream is cut into chunks too.
func TestChunkFaultsOfAWholeAnswer(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key, vendorsim.InMemory())
	defer s.Close()
	s.Fail(vendorsim.EndAfter(3))
	_, body, err := hello(t.Context(), s)
	require.NoError(t, err)
	assert.Len(t, body, 3*vendorsim.ChunkSize)
}

// timed is an object of the answer with timestamps.
type timed struct {
	Audio     []byte `json:"audio_base64"`
	Alignment struct {
		Characters []string  `json:"characters"`
		Starts     []float64 `json:"character_start_times_seconds"`
		Ends       []float64 `json:"character_end_times_seconds"`
	} `json:"alignment"`
	Normalized json.RawMessage `json:"normalized_alignment"`
}

func TestElevenLabsTimestamps(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key)
	defer s.Close()
	path := "/v1/text-to-speech/" + vendorsim.ElevenLabsVoices[1]
	for _, format := range []string{"pcm_16000", "mp3_44100_128", "opus_48000_64"} {
		query := "?output_format=" + format
		_, _, whole := ask(t, s, http.MethodPost, path+query, "Xi-Api-Key", key, `{"text":"`+text50+`"}`)
		status, header, body := ask(t, s, http.MethodPost, path+"/stream/with-timestamps"+query, "Xi-Api-Key", key, `{"text":"`+text50+`"}`)
		require.Equal(t, 200, status)
		assert.NotEmpty(t, header.Get("Request-Id"))
		var audio []byte
		var text strings.Builder
		objects, last := 0, 0.0
		for d := json.NewDecoder(bytes.NewReader(body)); d.More(); objects++ {
			var object timed
			require.NoError(t, d.Decode(&object))
			audio = append(audio, object.Audio...)
			for i, character := range object.Alignment.Characters {
				text.WriteString(character)
				assert.InDelta(t, last, object.Alignment.Starts[i], 1e-9)
				last = object.Alignment.Ends[i]
			}
			assert.NotEmpty(t, object.Normalized)
		}
		assert.Equal(t, 10, objects)
		assert.Equal(t, whole, audio, "the same speech")
		assert.Equal(t, text50, text.String())
		assert.InDelta(t, spoken.Seconds(), last, 1e-9)
	}
	s.Fail(vendorsim.EndAfter(2))
	_, _, body := ask(t, s, http.MethodPost, path+"/stream/with-timestamps", "Xi-Api-Key", key, `{"text":"`+text50+`"}`)
	assert.Equal(t, 2, bytes.Count(body, []byte("\n")), "a chunk is an object")
}

func TestElevenLabsStreamRefuses(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key)
	defer s.Close()
	for _, variant := range []string{"/stream", "/stream/with-timestamps"} {
		path := "/v1/text-to-speech/" + vendorsim.ElevenLabsVoices[1] + variant
		for want, body := range map[string]string{"json_invalid": `{"text"`, "input_text_empty": `{"text":" "}`, "missing": "{}"} {
			status, _, got := ask(t, s, http.MethodPost, path, "Xi-Api-Key", key, body)
			assert.GreaterOrEqual(t, status, 400)
			assert.Contains(t, string(got), want)
		}
		status, _, got := ask(t, s, http.MethodPost, path+"?output_format=wav_24000", "Xi-Api-Key", key, `{"text":"a"}`)
		assert.Equal(t, 422, status, "%s", got)
		status, _, _ = ask(t, s, http.MethodPost, path, "Xi-Api-Key", "other", `{"text":"a"}`)
		assert.Equal(t, 401, status)
	}
}

func TestDeepgramStreams(t *testing.T) {
	t.Parallel()
	s := vendorsim.Deepgram(key)
	defer s.Close()
	s.Fail(vendorsim.EndAfter(2))
	_, _, body := ask(t, s, http.MethodPost, "/v1/speak", "Authorization", "Token "+key, `{"text":"`+text50+`"}`)
	assert.Len(t, body, 2*vendorsim.ChunkSize)
}
