package openai_test

import (
	"bytes"
	"encoding/base64"
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
	"github.com/gofailover/failover/providers/openai"
	"github.com/gofailover/failover/providers/tts"
)

// listen ranges over a stream to its end.
func listen(stream failover.Stream[tts.Chunk]) ([]tts.Chunk, error) {
	var all []tts.Chunk
	for chunk, err := range stream {
		if err != nil {
			return all, err
		}
		all = append(all, chunk)
	}
	return all, nil
}

// heard is an event with so many samples of silence.
func heard(samples int) string {
	return `{"type":"speech.audio.delta","audio":"` + base64.StdEncoding.EncodeToString(make([]byte, 2*samples)) + `"}`
}

const allSaid = `{"type":"speech.audio.done","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}`

// asEvents makes a stream of them.
func asEvents(all ...string) string {
	var b strings.Builder
	for _, data := range all {
		b.WriteString("data: " + data + "\n\n")
	}
	return b.String()
}

// Streams of events, as they are and as they might be.
func TestSpeechEvents(t *testing.T) {
	t.Parallel()
	second := heard(24000)
	for name, c := range map[string]struct {
		body   string
		played time.Duration // of what was given out
		class  failover.Class
	}{
		"as documented":             {asEvents(second, second, allSaid), 2 * time.Second, 0},
		"with names":                {"event: speech.audio.delta\n" + asEvents(second) + "event: speech.audio.done\n" + asEvents(allSaid), time.Second, 0},
		"named only":                {"event: speech.audio.delta\ndata: {\"audio\":\"AAA=\"}\n\n: a comment\n\nevent: speech.audio.done\ndata: {}\n\n", 41666 * time.Nanosecond, 0},
		"carriage returns":          {strings.ReplaceAll(asEvents(second, allSaid), "\n", "\r\n"), time.Second, 0},
		"translated by a gateway":   {asEvents(second, "[DONE]"), time.Second, 0},
		"both ends":                 {asEvents(second, allSaid, "[DONE]"), time.Second, 0},
		"events of other kinds":     {asEvents(`{"type":"speech.audio.started"}`, second, `{"type":"ping"}`, allSaid), time.Second, 0},
		"an error that is none":     {asEvents(strings.Replace(second, "}", `,"error":null}`, 1), allSaid), time.Second, 0},
		"an empty delta":            {asEvents(`{"type":"speech.audio.delta","audio":""}`, second, allSaid), time.Second, 0},
		"no end":                    {asEvents(second), time.Second, failover.ClassIncomplete},
		"an end that is cut":        {asEvents(second) + "data: " + allSaid + "\n", time.Second, failover.ClassIncomplete},
		"nothing":                   {"", 0, failover.ClassIncomplete},
		"the end alone":             {asEvents(allSaid), 0, failover.ClassIncomplete},
		"half a sample":             {asEvents(second, `{"type":"speech.audio.delta","audio":"AA=="}`, allSaid), time.Second, failover.ClassIncomplete},
		"more behind the end":       {asEvents(second, allSaid, second), time.Second, failover.ClassIncomplete},
		"audio that is no base64":   {asEvents(second, `{"type":"speech.audio.delta","audio":"!!!"}`, allSaid), time.Second, failover.ClassIncomplete},
		"audio that is a number":    {asEvents(second, `{"type":"speech.audio.delta","audio":7}`, allSaid), time.Second, failover.ClassIncomplete},
		"an event that is no JSON":  {asEvents(second, `{"type":`, allSaid), time.Second, failover.ClassIncomplete},
		"an error":                  {asEvents(second, said("insufficient_quota", "insufficient_quota")), time.Second, failover.ClassExhausted},
		"an error by its name":      {asEvents(second) + "event: error\n" + asEvents(`{"code":"rate_limit_exceeded","message":"`+canary+`"}`), time.Second, failover.ClassRateLimited},
		"an error by its type":      {asEvents(second, `{"type":"error","code":"server_error","message":"`+canary+`"}`), time.Second, failover.ClassTransient},
		"an error behind the end":   {asEvents(second, allSaid, said("server_error", "server_error")), time.Second, failover.ClassTransient},
		"an error that is a string": {asEvents(`{"error":"` + canary + `"}`), 0, failover.ClassIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			s.Fail(vendorsim.Body(http.StatusOK, "text/event-stream", c.body))
			chunks, err := listen(client.TTSStream().Do(t.Context(), tts.Request{Text: "Hi.", Format: tts.PCM(24000)}))
			assert.Equal(t, c.class, failover.ClassOf(err), "%v", err)
			size := 0
			for _, chunk := range chunks {
				size += len(chunk.Data)
			}
			assert.InDelta(t, c.played, time.Duration(size)*time.Second/48000, 1)
			if c.class == failover.ClassUnknown {
				require.NoError(t, err)
				assert.NotNil(t, chunks[len(chunks)-1].Summary)
			} else {
				assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), canary)
			}
		})
	}
}

// A stream of events that ends in good order between two samples, frames or
// pages is not taken for whole, whatever the format.
func TestStreamThatEndsEarly(t *testing.T) {
	t.Parallel()
	for _, format := range spoken {
		s, client := start(t)
		s.Fail(vendorsim.EndAfter(1), vendorsim.Unfinished())
		for range 2 {
			chunks, err := listen(client.TTSStream().Do(t.Context(), tts.Request{Text: "Hello there.", Format: format}))
			assert.Equal(t, failover.ClassIncomplete, class(err), format)
			require.EqualError(t, err, "incomplete (200, the stream ended before the answer did, request req_openai_1)")
			for _, chunk := range chunks {
				assert.Nil(t, chunk.Summary)
			}
		}
	}
}

// A server that was asked for events and sends audio is believed.
func TestAudioInPlaceOfEvents(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	req := tts.Request{Text: "Hello.", Format: tts.WAV(24000)}
	good, err := client.TTS().Do(t.Context(), req)
	require.NoError(t, err)
	s.Fail(vendorsim.Body(http.StatusOK, "audio/wav", string(good.Data)), vendorsim.Body(http.StatusOK, "audio/wav", string(good.Data[:1001])))
	audio, err := tts.Collect(client.TTSStream().Do(t.Context(), req))
	require.NoError(t, err)
	assert.Equal(t, good.Duration, audio.Duration)
	_, err = tts.Collect(client.TTSStream().Do(t.Context(), req))
	assert.Equal(t, failover.ClassIncomplete, class(err))
}

// The last chunk comes when the vendor says that it was all, and the end of the
// body is not waited for longer than a moment.
func TestStreamWithoutAnEndOfItsBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.OpenAI(key, vendorsim.InMemory())
		defer s.Close()
		client := dial(t, s)
		s.Fail(vendorsim.StallAt("speech.audio.done"), vendorsim.CutAt("speech.audio.done"))
		for _, most := range []time.Duration{2 * time.Second, 0} {
			begun := time.Now()
			chunks, err := listen(client.TTSStream().Do(t.Context(), tts.Request{Text: "Hello.", Format: tts.PCM(24000)}))
			require.NoError(t, err, "whatever happened after the vendor said that it was done, it was done")
			assert.NotNil(t, chunks[len(chunks)-1].Summary)
			assert.Equal(t, most, time.Since(begun))
		}

		// A consumer that takes its time is not cut.
		begun := time.Now()
		for _, err := range client.TTSStream().Do(t.Context(), tts.Request{Text: "Hello.", Format: tts.PCM(24000)}) {
			require.NoError(t, err)
			<-time.After(time.Minute)
		}
		assert.Greater(t, time.Since(begun), time.Minute)
		s.Client().CloseIdleConnections()
	})
}

// FuzzSpeechEvents reads arbitrary streams: it never panics, and ends with a
// summary or with an error that prints nothing of the body.
func FuzzSpeechEvents(f *testing.F) {
	f.Add(asEvents(heard(10), allSaid))
	f.Add(asEvents(heard(10), heard(3), said("server_error", "server_error")))
	f.Add(asEvents(`{"type":"speech.audio.delta","audio":"AAAA"}`) + "event: speech.audio.done\ndata: {}\n\n")
	f.Add("data: null\n\ndata: [DONE]\n\n")
	f.Add("event: error\ndata: {\"message\":7}\n\n")
	f.Fuzz(func(t *testing.T, body string) {
		c, err := openai.New(key, openai.WithHTTPClient(&http.Client{Transport: answerWith{http.StatusOK, "text/event-stream", body}}))
		if err != nil {
			t.Fatal(err)
		}
		chunks, err := listen(c.TTSStream().Do(t.Context(), tts.Request{Text: "Hi.", Format: tts.PCM(24000)}))
		if err != nil {
			checkPrinted(t, err)
			return
		}
		if len(chunks) == 0 || chunks[len(chunks)-1].Summary == nil {
			t.Fatal("neither a summary nor an error")
		}
		var got bytes.Buffer
		for _, chunk := range chunks {
			got.Write(chunk.Data)
		}
		if got.Len() == 0 || got.Len()%2 != 0 {
			t.Errorf("%d bytes are said to be whole", got.Len())
		}
		if !strings.Contains(strings.ToLower(body), "done") && !strings.Contains(body, `\u`) { // an escape could spell it
			t.Error("whole, though nobody said so")
		}
	})
}
