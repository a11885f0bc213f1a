package stt_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/stt"
)

func TestPeek(t *testing.T) {
	t.Parallel()
	wav := vendorsim.SayWAV("Hello.", 8000)
	path := filepath.Join(t.TempDir(), "call.mp3")
	require.NoError(t, os.WriteFile(path, vendorsim.SayMP3("Hello."), 0o600))
	for name, c := range map[string]struct {
		req       stt.Request
		extension string
	}{
		"bytes":      {stt.Request{Audio: stt.Bytes(wav)}, ".wav"},
		"file":       {stt.Request{Audio: stt.File(path)}, ".mp3"},
		"headerless": {stt.Request{Audio: stt.Bytes(vendorsim.Say("Hello.", 8000)), Format: stt.PCM(8000)}, ".wav"},
		"mu-law":     {stt.Request{Audio: stt.Bytes(vendorsim.SayMuLaw("Hello.", 8000)), Format: stt.MuLaw(8000)}, ".wav"},
		"unknown":    {stt.Request{Audio: stt.Bytes([]byte("what is this?"))}, ""},
	} {
		size, extension, ok := c.req.Peek()
		require.True(t, ok, name)
		assert.Equal(t, c.extension, extension, name)
		opened, err := c.req.Open(t.Context())
		require.NoError(t, err, name)
		assert.Equal(t, opened.Size, size, name)
		require.NoError(t, opened.Close())
	}
}

func TestPeekWaitsForNobody(t *testing.T) {
	t.Parallel()
	wav := vendorsim.SayWAV("Hello.", 8000)
	reader := stt.Request{Audio: stt.Reader(bytes.NewReader(wav), 0)}
	for name, req := range map[string]stt.Request{
		"none":              {},
		"empty":             {Audio: stt.Bytes(nil)},
		"no file":           {Audio: stt.File(filepath.Join(t.TempDir(), "gone.wav"))},
		"another format":    {Audio: stt.Bytes(wav), Format: stt.PCM(8000)},
		"URL":               {Audio: stt.URL("https://example.com/a.wav")},
		"URL to be fetched": {Audio: stt.URL("https://example.com/a.wav").FetchWith(&http.Client{}, 0)},
		"reader":            reader,
	} {
		_, _, ok := req.Peek()
		assert.False(t, ok, name)
	}
	opened, err := reader.Open(t.Context())
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	size, extension, ok := reader.Peek()
	assert.True(t, ok, "it has been read")
	assert.Equal(t, int64(len(wav)), size)
	assert.Equal(t, ".wav", extension)
}
