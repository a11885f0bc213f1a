package deepgram_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/tts"
)

// drain ranges over a stream to its end.
func drain(stream failover.Stream[tts.Chunk]) ([]tts.Chunk, error) {
	var all []tts.Chunk
	for chunk, err := range stream {
		if err != nil {
			return all, err
		}
		all = append(all, chunk)
	}
	return all, nil
}

func TestStreamOnTheWire(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	req := tts.Request{Text: "Hello.", Speed: 0.9, Format: tts.MuLaw(8000)}
	chunks, err := drain(client.TTSStream().Do(t.Context(), req))
	require.NoError(t, err)
	seen := s.Requests()
	require.Len(t, seen, 1)
	assert.Equal(t, http.MethodPost, seen[0].Method)
	assert.Equal(t, "/v1/speak", seen[0].Path)
	assert.Equal(t, "container=none&encoding=mulaw&model=aura-2-thalia-en&sample_rate=8000&speed=0.9", seen[0].Query.Encode())
	assert.JSONEq(t, `{"text":"Hello."}`, string(seen[0].Body))
	assert.True(t, seen[0].Keyed)
	assert.Equal(t, &tts.Summary{
		Provider: "deepgram", Model: "aura-2-thalia-en", Voice: "aura-2-thalia-en", RequestID: "deep-1", Characters: 6,
		Duration: 400 * time.Millisecond,
	}, chunks[len(chunks)-1].Summary)
	assert.Zero(t, chunks[0].Spoken, "the vendor does not say")
}

func TestStreamProviderFields(t *testing.T) {
	t.Parallel()
	c, err := deepgram.New(key, deepgram.WithName("deep-eu"), deepgram.WithAccount("team"))
	require.NoError(t, err)
	p := c.TTSStream()
	assert.Equal(t, "deep-eu", p.Name)
	assert.Equal(t, "team", p.Account)
	assert.Zero(t, p.FirstContent+p.Idle+p.Total, "the router's")
	assert.NotContains(t, fmt.Sprintf("%+v %#v", p, p), key)

	got := []tts.Chunk{{Data: []byte{0, 0}, Format: tts.PCM(16000), Spoken: 6, Played: time.Second}}
	_, ok := p.Continue(tts.Request{Text: "Hello you.", Format: tts.PCM(16000)}, got)
	assert.True(t, ok)
	got[0].Format.SampleRate = 44100
	_, ok = p.Continue(tts.Request{Text: "Hello you.", Format: tts.PCM(44100)}, got)
	assert.False(t, ok, "a rate that is not spoken here")
}

// The header of a WAV file that is being made says so.
func TestStreamOfUnknownLength(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	req := tts.Request{Text: "Hello.", Format: tts.WAV(24000)}
	good, err := client.TTS().Do(t.Context(), req)
	require.NoError(t, err)
	for _, length := range []string{"\x00\x00\x00\x00", "\xff\xff\xff\xff", "\xff\xff\xff\x7f"} {
		body := append([]byte(nil), good.Data...)
		copy(body[40:], length)
		s.Fail(vendorsim.Body(http.StatusOK, "audio/wav", string(body)), vendorsim.Body(http.StatusOK, "audio/wav", string(body[:1001])))
		audio, err := tts.Collect(client.TTSStream().Do(t.Context(), req))
		require.NoError(t, err)
		assert.Equal(t, good.Duration, audio.Duration)

		_, err = tts.Collect(client.TTSStream().Do(t.Context(), req))
		assert.Equal(t, failover.ClassIncomplete, failover.ClassOf(err))
	}
}
