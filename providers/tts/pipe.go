package tts

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"sync"
	"sync/atomic"

	"github.com/gofailover/failover"
)

// ErrRestarted says that a stream of bytes had to be ended because the speech
// began again after some of it had been handed out: bytes cannot be taken back,
// and must not be played twice. Range over SynthesizeStream instead, or do
// without failover.Restart.
var ErrRestarted = errors.New("tts: the speech was restarted after some of it had been handed out")

// Pipe speaks the request's text and writes the audio to w as it comes; if w
// is flushed as an http.ResponseWriter is, that is done after each chunk. It
// returns when all is written, or with the first error: one of
// SynthesizeStream, [ErrRestarted], or the one of w, as it is and blamed on no
// provider.
func (c *StreamClient) Pipe(ctx context.Context, req Request, w io.Writer) (Summary, error) {
	var total Summary
	for data, err := range bytesOf(c.SynthesizeStream(ctx, req), &total) {
		if err != nil {
			return Summary{}, err
		}
		n, err := w.Write(data)
		switch {
		case err != nil:
			return Summary{}, err
		case n < len(data):
			return Summary{}, io.ErrShortWrite
		}
		if f, ok := w.(interface{ Flush() }); ok {
			f.Flush()
		}
	}
	return total, nil
}

// bytesOf is the audio of a stream alone. The summary goes into total.
func bytesOf(stream failover.Stream[Chunk], total *Summary) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		handed := false
		for chunk, err := range stream {
			switch {
			case err == nil && chunk.Restart && handed:
				err = ErrRestarted
				fallthrough
			case err != nil:
				yield(nil, err)
				return
			case chunk.IsFinal():
				*total = *chunk.Summary
			}
			if !chunk.IsContent() {
				continue
			}
			handed = true
			if !yield(chunk.Data, nil) {
				return
			}
		}
	}
}

// Reader speaks the request's text and gives the audio to be read. Nothing
// happens before the first Read, so that a Reader which is not read needs no
// Close; one that was read from needs it, unless it came to its end or to an
// error. Read returns io.EOF only if the speech is whole; other errors are those
// of SynthesizeStream and [ErrRestarted]. Close ends a Read that is going on,
// and is blamed on no provider; Read after Close returns an error that matches
// os.ErrClosed. A Reader is for one goroutine, Close apart.
func (c *StreamClient) Reader(ctx context.Context, req Request) io.ReadCloser {
	return &reader{open: func() (iter.Seq2[[]byte, error], context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		return bytesOf(c.SynthesizeStream(ctx, req), &Summary{}), cancel
	}}
}

// reader pulls from a stream, which it opens at the first Read.
type reader struct {
	open   func() (iter.Seq2[[]byte, error], context.CancelFunc)
	cancel atomic.Pointer[context.CancelFunc] // ends a Read that is going on
	closed atomic.Bool

	mu   sync.Mutex // guards below
	next func() ([]byte, error, bool)
	stop func()
	rest []byte
	err  error // what every Read from now on returns
}

func (r *reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// fill waits for the next chunk.
func (r *reader) fill() {
	if r.next == nil {
		r.start()
	}
	data, err, ok := r.next()
	switch {
	case !ok:
		r.end(io.EOF)
	case err != nil:
		r.end(err)
	default:
		r.rest = data
	}
}

func (r *reader) start() {
	stream, cancel := r.open()
	r.next, r.stop = iter.Pull2(stream)
	r.cancel.Store(&cancel)
	if r.closed.Load() {
		cancel()
	}
}

// end releases the stream.
func (r *reader) end(err error) {
	r.err = err
	if r.stop != nil {
		r.stop()
	}
	r.interrupt()
}

// interrupt ends a Read that is going on.
func (r *reader) interrupt() {
	if cancel := r.cancel.Load(); cancel != nil {
		(*cancel)()
	}
}

// Close leaves the stream.
func (r *reader) Close() error {
	r.closed.Store(true)
	if !r.mu.TryLock() { // somebody reads
		r.interrupt()
		r.mu.Lock()
	}
	defer r.mu.Unlock()
	r.rest = nil
	r.end(os.ErrClosed)
	return nil
}
