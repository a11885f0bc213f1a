package tts_test

import (
	"bytes"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/tts"
)

// sends is a vendor's answer in pieces.
func sends(pieces ...tts.Piece) iter.Seq2[tts.Piece, error] {
	return func(yield func(tts.Piece, error) bool) {
		for _, p := range pieces {
			p.Data = bytes.Clone(p.Data)
			if !yield(p, nil) {
				return
			}
		}
	}
}

// cut is data in pieces of n bytes.
func cut(data []byte, n int) []tts.Piece {
	var all []tts.Piece
	for len(data) > 0 {
		k := min(n, len(data))
		all = append(all, tts.Piece{Data: data[:k]})
		data = data[k:]
	}
	return all
}

func acme() tts.Summary { return tts.Summary{Provider: "acme", RequestID: "r1", Characters: 2} }

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

// mp3Frames are n frames of 44.1 kHz, 128 kbit/s: 417 bytes each.
func mp3Frames(n int) []byte {
	frame := make([]byte, 417)
	copy(frame, []byte{0xFF, 0xFB, 0x90, 0xC0})
	return bytes.Repeat(frame, n)
}

func TestChunksEndAtBoundaries(t *testing.T) {
	t.Parallel()
	stereo := tts.Format{Encoding: tts.EncodingPCM, SampleRate: 8000, Channels: 2}
	for name, c := range map[string]struct {
		format tts.Format
		data   []byte
		frame  int
	}{
		"PCM":    {tts.PCM(8000), make([]byte, 1000), 2},
		"stereo": {stereo, make([]byte, 1000), 4},
		"MP3":    {tts.MP3(0, 0), mp3Frames(4), 417},
		"WAV":    {tts.WAV(0), wav24k(400), 1},
		"mu-law": {tts.MuLaw(8000), make([]byte, 100), 1},
	} {
		for _, size := range []int{1, 3, 100, 417, 5000} {
			got, err := drain(tts.Chunks(tts.Request{Text: "Hi", Format: c.format}, sends(cut(c.data, size)...), acme))
			require.NoError(t, err, name)
			last := len(got) - 1
			var all []byte
			for _, chunk := range got[:last] {
				assert.NotEmpty(t, chunk.Data)
				assert.Zero(t, len(chunk.Data)%c.frame, "%s in pieces of %d", name, size)
				assert.True(t, chunk.IsContent())
				assert.False(t, chunk.IsFinal())
				all = append(all, chunk.Data...)
			}
			assert.Equal(t, c.data, all, name)
			assert.True(t, got[last].IsFinal())
			assert.False(t, got[last].IsContent())
			assert.Equal(t, got[last-1].Played, got[last].Summary.Duration)
			assert.Equal(t, "acme", got[last].Summary.Provider)

			whole, err := tts.NewAudio(c.format, c.data)
			require.NoError(t, err)
			assert.Equal(t, whole.Duration, got[last].Summary.Duration)
			assert.Equal(t, whole.Format, got[0].Format)
		}
	}
}

func TestChunksRefuse(t *testing.T) {
	t.Parallel()
	eightBit := wav24k(100)
	eightBit[34] = 8
	for name, c := range map[string]struct {
		format tts.Format
		data   []byte
		err    string
		before int // bytes delivered
	}{
		"nothing":           {tts.PCM(8000), nil, "", 0},
		"half a sample":     {tts.PCM(8000), make([]byte, 201), "the last sample is cut", 200},
		"half a frame":      {tts.MP3(0, 0), mp3Frames(2)[:600], "the last MP3 frame is cut", 417},
		"no frame":          {tts.MP3(0, 0), wav24k(100), "no MP3 frame", 0},
		"a page":            {tts.WAV(0), []byte("<!DOCTYPE html>"), "no WAV header", 0},
		"another rate":      {tts.WAV(16000), wav24k(100), "delivered wav 24000 Hz mono", 0},
		"another width":     {tts.WAV(0), eightBit, "the samples are not 16 bits wide", 0},
		"half a header":     {tts.WAV(0), wav24k(100)[:30], "the WAV file has no samples", 0},
		"no samples":        {tts.WAV(0), wav24k(0), "the WAV file has no samples", 44},
		"half a WAV sample": {tts.WAV(0), wav24k(101), "the last sample is cut", 145},
		"no Ogg":            {tts.Opus(0), mp3Frames(1), "no Ogg page", 0},
		"an endless tag":    {tts.MP3(0, 0), append([]byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f"), make([]byte, 2<<20)...), "no audio at its beginning", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := drain(tts.Chunks(tts.Request{Text: "Hi", Format: c.format}, sends(cut(c.data, 99)...), acme))
			assert.Equal(t, failover.ClassIncomplete, failover.ClassOf(err))
			if c.err == "" {
				require.ErrorIs(t, err, failover.ErrEmpty)
			} else {
				var fault *tts.AudioError
				require.ErrorAs(t, err, &fault)
				assert.Equal(t, c.err, fault.Reason)
			}
			delivered := 0
			for _, chunk := range got {
				delivered += len(chunk.Data)
				assert.Nil(t, chunk.Summary)
			}
			assert.Equal(t, c.before, delivered)
		})
	}
}

func TestChunksPassErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	pieces := func(yield func(tts.Piece, error) bool) {
		_ = yield(tts.Piece{Data: []byte{1, 2, 3}}, nil) && yield(tts.Piece{}, broken)
	}
	got, err := drain(tts.Chunks(tts.Request{Text: "Hi", Format: tts.PCM(8000)}, pieces, acme))
	assert.Equal(t, broken, err)
	require.Len(t, got, 1)
	assert.Equal(t, []byte{1, 2}, got[0].Data)

	_, err = drain(tts.Chunks(tts.Request{Format: tts.PCM(8000)}, pieces, acme))
	assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
}

// What is left early is read no further.
func TestChunksStop(t *testing.T) {
	t.Parallel()
	asked := 0
	pieces := func(yield func(tts.Piece, error) bool) {
		for yield(tts.Piece{Data: []byte{1, 2}}, nil) {
			asked++
		}
	}
	for range tts.Chunks(tts.Request{Text: "Hi", Format: tts.PCM(8000)}, pieces, acme) {
		break
	}
	assert.Zero(t, asked)
}

// marks has one mark for each character of text, 100 ms each, from start.
func marks(text string, start time.Duration) []tts.Mark {
	var all []tts.Mark
	for i, r := range []rune(text) {
		all = append(all, tts.Mark{Text: string(r), End: start + time.Duration(i+1)*100*time.Millisecond})
	}
	return all
}

// second is a second of 8 kHz PCM.
var second = make([]byte, 16000)

func TestMarks(t *testing.T) {
	t.Parallel()
	const text = "Hello you. And you." // 19 characters
	half := second[:8000]
	for name, c := range map[string]struct {
		pieces []tts.Piece
		spoken []int
		err    string
	}{
		"with the audio": {
			pieces: []tts.Piece{{Data: second, Marks: marks("Hello you.", 0)}, {Data: second, Marks: marks(" And you.", time.Second)}},
			spoken: []int{10, 19},
		},
		"before the audio": {
			pieces: []tts.Piece{{Data: half, Marks: marks(text, 0)}, {Data: second}, {Data: half}},
			spoken: []int{5, 15, 19},
		},
		"alone": {
			pieces: []tts.Piece{{Marks: marks(text, 0)}, {Data: second}, {Data: second}},
			spoken: []int{10, 19},
		},
		"times that begin again": {
			pieces: []tts.Piece{{Data: second, Marks: marks("Hello you.", 0)}, {Data: second, Marks: marks(" And you.", 0)}},
			spoken: []int{10, 19},
		},
		"other white space": {
			pieces: []tts.Piece{{Data: second, Marks: marks("Helloyou. ", 0)}, {Data: second, Marks: marks(" And\nyou.", time.Second)}},
			spoken: []int{11, 19},
		},
		"words": {
			pieces: []tts.Piece{{Data: second, Marks: []tts.Mark{{Text: "Hello", End: time.Second / 2}, {Text: "you.", End: time.Second}}}, {
				Data: second, Marks: []tts.Mark{{Text: "And you.", End: 2 * time.Second}},
			}},
			spoken: []int{10, 19},
		},
		"of another text": {
			pieces: []tts.Piece{{Data: second, Marks: marks("Hello you.", 0)}, {Data: second, Marks: marks(" But you!", time.Second)}},
			spoken: []int{10, 0},
		},
		"more than the text": {
			pieces: []tts.Piece{{Data: second, Marks: marks(text+" Bye.", 0)}},
			spoken: []int{0},
		},
		"none": {
			pieces: []tts.Piece{{Data: second}},
			spoken: []int{0},
		},
		"the text is cut": {
			pieces: []tts.Piece{{Data: second, Marks: marks("Hello you.", 0)}},
			spoken: []int{10},
			err:    "the text is not spoken to its end",
		},
		"the audio is cut": {
			pieces: []tts.Piece{{Data: half, Marks: marks(text, 0)}},
			spoken: []int{5},
			err:    "the audio ends before the text does",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := tts.Request{Text: text, Format: tts.PCM(8000), Offset: 100}
			got, err := drain(tts.Chunks(req, sends(c.pieces...), acme))
			if c.err != "" {
				var fault *tts.AudioError
				require.ErrorAs(t, err, &fault)
				assert.Equal(t, c.err, fault.Reason)
			} else {
				require.NoError(t, err)
			}
			var spoken []int
			for _, chunk := range got {
				if !chunk.IsContent() {
					continue
				}
				assert.Equal(t, 100, chunk.Offset)
				spoken = append(spoken, max(0, chunk.Spoken-100))
			}
			assert.Equal(t, c.spoken, spoken)
		})
	}
}

// Directions in brackets are not spoken, and need no marks.
func TestMarksOfDirections(t *testing.T) {
	t.Parallel()
	req := tts.Request{Text: `Hello. [laughs] <break time="1s"/>`, Format: tts.PCM(8000)}
	_, err := drain(tts.Chunks(req, sends(tts.Piece{Data: second, Marks: marks("Hello.", 0)}), acme))
	require.NoError(t, err)
}

func TestCollect(t *testing.T) {
	t.Parallel()
	req := tts.Request{Text: "Hi", Format: tts.WAV(0)}
	got, err := tts.Collect(tts.Chunks(req, sends(cut(wav24k(48000), 1000)...), acme))
	require.NoError(t, err)
	want, err := tts.NewAudio(tts.WAV(0), wav24k(48000))
	require.NoError(t, err)
	want.Provider, want.RequestID, want.Characters = "acme", "r1", 2
	assert.Equal(t, want, got)

	_, err = tts.Collect(tts.Chunks(req, sends(), acme))
	require.ErrorIs(t, err, failover.ErrEmpty)

	items := func(all ...tts.Chunk) failover.Stream[tts.Chunk] {
		return func(yield func(tts.Chunk, error) bool) {
			for _, c := range all {
				if !yield(c, nil) {
					return
				}
			}
		}
	}
	sound := func(b byte) tts.Chunk { return tts.Chunk{Data: []byte{b, b}, Format: tts.PCM(8000)} }
	end := tts.Chunk{Summary: &tts.Summary{Provider: "acme", Model: "m", Voice: "v"}}
	got, err = tts.Collect(items(sound(1), tts.Chunk{Restart: true}, sound(2), sound(3), end))
	require.NoError(t, err)
	assert.Equal(t, []byte{2, 2, 3, 3}, got.Data)
	assert.Equal(t, "m v", got.Model+" "+got.Voice)

	for name, stream := range map[string]failover.Stream[tts.Chunk]{
		"no end":            items(sound(1)),
		"none after a mark": items(sound(1), end, tts.Chunk{Restart: true}),
	} {
		_, err = tts.Collect(stream)
		require.ErrorIs(t, err, failover.ErrTruncated, name)
		assert.Equal(t, failover.ClassIncomplete, failover.ClassOf(err), name)
	}
	_, err = tts.Collect(items(end))
	assert.Equal(t, failover.ClassIncomplete, failover.ClassOf(err), "an end and nothing before it")
}

// FuzzChunks gives arbitrary bytes in arbitrary pieces: whatever is delivered
// is the beginning of them, and all of them if there is a summary.
func FuzzChunks(f *testing.F) {
	f.Add(wav24k(100), 7, 0)
	f.Add(mp3Frames(3), 100, 1)
	f.Add([]byte{1, 2, 3}, 1, 2)
	f.Add([]byte("OggS"), 2, 3)
	f.Fuzz(func(t *testing.T, data []byte, size, kind int) {
		formats := []tts.Format{tts.WAV(0), tts.MP3(0, 0), tts.PCM(8000), tts.Opus(0)}
		if size <= 0 || len(data) > 16<<10 || kind < 0 || kind >= len(formats) {
			return
		}
		got, err := drain(tts.Chunks(tts.Request{Text: "Hi", Format: formats[kind]}, sends(cut(data, size)...), acme))
		var all []byte
		for _, chunk := range got {
			all = append(all, chunk.Data...)
		}
		switch {
		case !bytes.HasPrefix(data, all):
			t.Error("delivered is what never came")
		case err != nil && failover.ClassOf(err) != failover.ClassIncomplete:
			t.Errorf("class %v", failover.ClassOf(err))
		case err == nil && (!bytes.Equal(data, all) || !got[len(got)-1].IsFinal()):
			t.Errorf("%d of %d bytes are said to be all", len(all), len(data))
		}
		if err == nil {
			if _, err := tts.NewAudio(formats[kind], data); err != nil {
				t.Errorf("accepted as a stream, but not whole: %v", err)
			}
		}
	})
}
