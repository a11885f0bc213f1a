package tts_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/tts"
)

// flushed counts like a http.ResponseWriter.
type flushed struct {
	bytes.Buffer
	writes, flushes int
}

func (f *flushed) Write(p []byte) (int, error) {
	f.writes++
	return f.Buffer.Write(p)
}

func (f *flushed) Flush() { f.flushes++ }

func TestPipe(t *testing.T) {
	t.Parallel()
	streamBubble(t, func(t *testing.T, d *duo) {
		var w flushed
		total, err := d.client.Pipe(t.Context(), story, &w)
		require.NoError(t, err)
		audio, err := tts.NewAudio(story.Format, w.Bytes())
		require.NoError(t, err)
		assert.Equal(t, storyTime, audio.Duration)
		assert.Equal(t, storyTime, total.Duration)
		assert.Equal(t, "elevenlabs", total.Provider)
		assert.Greater(t, w.writes, 10)
		assert.Equal(t, w.writes, w.flushes)

		_, err = d.client.Pipe(t.Context(), tts.Request{}, &w)
		assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
	})
}

// limitedWriter fails after some bytes, with an error or by writing less.
type limitedWriter struct {
	left int
	err  error
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	n := min(w.left, len(p))
	if w.left -= n; n < len(p) {
		return n, w.err
	}
	return n, nil
}

func TestPipeWriterFails(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	for want, w := range map[error]*limitedWriter{full: {left: 700, err: full}, io.ErrShortWrite: {left: 700}} {
		streamBubble(t, func(t *testing.T, d *duo) {
			d.eleven.FailAlways(vendorsim.Pace(time.Second))
			_, err := d.client.Pipe(t.Context(), story, w)
			assert.Equal(t, want, err)
			synctest.Wait()
			assert.Equal(t, 1, d.eleven.Stats().Disconnects, "the stream is over")
			for _, p := range d.client.Router().Status().Providers {
				assert.Nil(t, p.LastError, "%s is not blamed", p.Name)
			}
			assert.Zero(t, d.deep.Stats().Requests)
		})
	}
}

// Bytes cannot be taken back.
func TestPipeRestart(t *testing.T) {
	t.Parallel()
	streamBubble(t, func(t *testing.T, d *duo) {
		d.eleven.FailAlways(vendorsim.CutAfter(3))
		var w bytes.Buffer
		_, err := d.client.Pipe(t.Context(), story, &w)
		require.ErrorIs(t, err, tts.ErrRestarted)
		assert.Equal(t, 3*vendorsim.ChunkSize, w.Len(), "nothing is written twice")

		r := d.client.Reader(t.Context(), story)
		got, err := io.ReadAll(r)
		require.ErrorIs(t, err, tts.ErrRestarted)
		assert.Len(t, got, 3*vendorsim.ChunkSize)
		require.NoError(t, r.Close())
	}, failover.WithInterrupted(failover.Restart))
}

func TestPipeContinue(t *testing.T) {
	t.Parallel()
	streamBubble(t, func(t *testing.T, d *duo) {
		d.eleven.FailAlways(vendorsim.EndWithin(120))
		var w bytes.Buffer
		total, err := d.client.Pipe(t.Context(), story, &w)
		require.NoError(t, err)
		assert.Equal(t, "deepgram", total.Provider)
		audio, err := tts.NewAudio(story.Format, w.Bytes())
		require.NoError(t, err, "the second part begins where a sample does")
		assert.Equal(t, total.Duration, audio.Duration)
		assert.Greater(t, audio.Duration, storyTime)
	}, failover.WithInterrupted(failover.Continue))
}

func TestReader(t *testing.T) {
	t.Parallel()
	streamBubble(t, func(t *testing.T, d *duo) {
		d.eleven.FailAlways(vendorsim.Silence())
		r := d.client.Reader(t.Context(), story)
		assert.Zero(t, d.eleven.Stats().Requests, "nobody reads yet")
		n, err := r.Read(nil)
		assert.Zero(t, n)
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		audio, err := tts.NewAudio(story.Format, got)
		require.NoError(t, err)
		assert.Equal(t, storyTime, audio.Duration)
		_, err = r.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, r.Close())
	})
}

func TestReaderFails(t *testing.T) {
	t.Parallel()
	streamBubble(t, func(t *testing.T, d *duo) {
		d.eleven.FailAlways(vendorsim.CutAfter(3))
		r := d.client.Reader(t.Context(), story)
		got, err := io.ReadAll(r)
		require.ErrorIs(t, err, failover.ErrInterrupted, "a truncated stream has no end")
		assert.Len(t, got, 3*vendorsim.ChunkSize)
		_, again := r.Read(make([]byte, 1))
		assert.Equal(t, err, again)

		_, err = io.ReadAll(d.client.Reader(t.Context(), tts.Request{}))
		assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
	})
}

// TestReaderLeaksNothing has readers that nobody reads to their end. A
// goroutine that stays makes the bubble fail.
func TestReaderLeaksNothing(t *testing.T) {
	t.Parallel()
	streamBubble(t, func(t *testing.T, d *duo) {
		d.eleven.FailAlways(vendorsim.Pace(time.Second))
		_ = d.client.Reader(t.Context(), story) // never read, never closed

		r := d.client.Reader(t.Context(), story)
		require.NoError(t, r.Close())
		_, err := r.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrClosed)
		assert.Zero(t, d.eleven.Stats().Requests)

		r = d.client.Reader(t.Context(), story)
		_, err = io.ReadFull(r, make([]byte, 700))
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.NoError(t, r.Close())
		_, err = r.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrClosed, "what was held is gone")
		synctest.Wait()
		assert.Equal(t, 1, d.eleven.Stats().Disconnects)
		for _, p := range d.client.Router().Status().Providers {
			assert.Nil(t, p.LastError, "%s is not blamed", p.Name)
		}
	})
}

func TestReaderIsClosedWhileItReads(t *testing.T) {
	t.Parallel()
	streamBubble(t, func(t *testing.T, d *duo) {
		d.eleven.FailAlways(vendorsim.Silence())
		r := d.client.Reader(t.Context(), story)
		read := make(chan error)
		go func() {
			_, err := r.Read(make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		start := time.Now()
		closed := make(chan error)
		go func() { closed <- r.Close() }()
		require.ErrorIs(t, <-read, context.Canceled)
		require.NoError(t, <-closed)
		assert.Zero(t, time.Since(start))
		for _, p := range d.client.Router().Status().Providers {
			assert.Nil(t, p.LastError, "%s is not blamed", p.Name)
		}
	})
}

func TestReaderEndsWithItsContext(t *testing.T) {
	t.Parallel()
	streamBubble(t, func(t *testing.T, d *duo) {
		d.eleven.FailAlways(vendorsim.Pace(time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		_, err := io.ReadAll(d.client.Reader(ctx, story))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
