package stt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/gofailover/failover"
)

// spool keeps audio that comes once. What fills it runs aside, so that who
// waits for it leaves when its context ends.
type spool struct {
	mu   sync.Mutex
	done chan struct{} // nil before the first who wants it; closed when there is a result

	data  []byte
	err   error
	panic any
}

// kept is what has been spooled so far: all or nothing.
func (s *spool) kept() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		return s.data
	default:
		return nil
	}
}

// get waits for the audio, and lets fill bring it if nobody did.
func (s *spool) get(ctx context.Context, fill func() ([]byte, error)) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	s.mu.Lock()
	if s.done == nil {
		s.done = make(chan struct{})
		go s.run(fill)
	}
	done := s.done
	s.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.panic != nil {
		panic(s.panic) // of the caller's reader, on the caller's goroutine
	}
	return s.data, s.err
}

func (s *spool) run(fill func() ([]byte, error)) {
	defer close(s.done)
	defer func() { s.panic = recover() }()
	s.data, s.err = fill()
}

// fetch is audio that is fetched by one at a time.
type fetch struct {
	turn chan struct{}
	data *atomic.Pointer[[]byte]
}

func newFetch() fetch { return fetch{make(chan struct{}, 1), new(atomic.Pointer[[]byte])} }

func (f fetch) kept() []byte {
	if data := f.data.Load(); data != nil {
		return *data
	}
	return nil
}

// spooled is the audio of a reader or of a URL, whole.
func (o *origin) spooled(ctx context.Context) ([]byte, error) {
	if o.kind == kindReader {
		return o.spool.get(ctx, o.drain)
	}
	if o.client == nil {
		return nil, Unsupported("Audio", "is a URL, and nobody may fetch it here")
	}
	return o.fetched(ctx)
}

func (o *origin) bound() int64 {
	if o.most == 0 {
		return DefaultSpool
	}
	return o.most
}

func (o *origin) drain() ([]byte, error) {
	data, err := readUpTo(o.reader, o.bound())
	switch {
	case errors.Is(err, errTooMuch):
		return nil, Invalid(invalid("Audio",
			"has more than the %d bytes that may be kept of a reader; raise the bound or use stt.File", o.bound()))
	case err != nil:
		return nil, unreadable(err)
	}
	return data, nil
}

var errTooMuch = errors.New("more than may be kept")

// readUpTo reads all of r, and fails if that is more than most bytes.
func readUpTo(r io.Reader, most int64) ([]byte, error) {
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(io.LimitReader(r, most)); err != nil {
		return nil, err
	}
	if int64(buf.Len()) == most {
		// One byte more would be too many.
		if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 {
			return nil, errTooMuch
		} else if !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	return buf.Bytes(), nil
}

// fetched is the audio of a URL, fetched the first time it is wanted. A fetch
// that fails may be tried again: it ended with the attempt that wanted it.
func (o *origin) fetched(ctx context.Context) ([]byte, error) {
	if data := o.fetch.kept(); data != nil {
		return data, nil
	}
	select {
	case o.fetch.turn <- struct{}{}:
		defer func() { <-o.fetch.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if data := o.fetch.kept(); data != nil {
		return data, nil
	}
	data, err := o.get(ctx)
	if err != nil {
		return nil, err
	}
	o.fetch.data.Store(&data)
	return data, nil
}

func (o *origin) get(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url, nil)
	if err != nil {
		return nil, unfetched("is a URL that cannot be asked for", err)
	}
	req.Header.Set("User-Agent", "gofailover")
	resp, err := o.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, unfetched("is a URL that cannot be fetched", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, unfetched(fmt.Sprintf("is a URL that was answered with status %d", resp.StatusCode), nil)
	}
	data, err := readUpTo(resp.Body, o.bound())
	switch {
	case errors.Is(err, errTooMuch):
		return nil, unfetched(fmt.Sprintf("is a URL with more than the %d bytes that may be kept", o.bound()), nil)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, unfetched("is a URL whose answer broke off", err)
	}
	return data, nil
}

// unfetched is a URL that could not be fetched here: another provider's vendor
// may fetch it still, and this one is not to blame. Of class unsupported it would
// cool for the caller's bad URLs.
func unfetched(reason string, err error) error {
	return &failover.Error{
		Class: failover.ClassUnsatisfactory, Outcome: failover.OutcomeNotAccepted,
		Err: &RequestError{Field: "Audio", Reason: reason, Err: err},
	}
}
