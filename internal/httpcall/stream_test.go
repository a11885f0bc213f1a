package httpcall_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

// reads gives one part at each Read, then err; nil is io.EOF.
type reads struct {
	parts []string
	err   error
	calls int
}

func (r *reads) Read(p []byte) (int, error) {
	r.calls++
	if len(r.parts) == 0 {
		if r.err == nil {
			return 0, io.EOF
		}
		return 0, r.err
	}
	n := copy(p, r.parts[0])
	if r.parts[0] = r.parts[0][n:]; r.parts[0] == "" {
		r.parts = r.parts[1:]
	}
	return n, nil
}

// coded reads an error of the form {"code":"…"}.
func coded(body []byte) httpcall.Envelope {
	var said struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(body, &said) != nil {
		return httpcall.Envelope{}
	}
	e := httpcall.Envelope{Code: said.Code}
	if said.Code == "no_credit" {
		e.Class = failover.ClassExhausted
	}
	return e
}

func labelled(label string, r io.Reader) (*http.Response, *body) {
	resp, b := answer(200, r)
	if label != "" {
		resp.Header.Set("Content-Type", label)
	}
	return resp, b
}

// all ranges to the end.
func all[T ~[]byte](pieces iter.Seq2[T, error]) (joined string, n int, err error) {
	for piece, err := range pieces {
		if err != nil {
			return joined, n, err
		}
		joined += string(piece)
		n++
	}
	return joined, n, nil
}

const noise = "\x00\x01\x02 noise \xff\xfe"

func TestPieces(t *testing.T) {
	t.Parallel()
	const refusal = `{"code":"no_credit"}`
	long := `{"code":"` + strings.Repeat("x", 5000) + `"}`
	for name, c := range map[string]struct {
		label string
		parts []string
		want  string
		class failover.Class // ClassUnknown: none
		code  string
	}{
		"audio":                        {"audio/mpeg", []string{noise, noise}, noise + noise, 0, ""},
		"without a label":              {"", []string{noise, noise}, noise + noise, 0, ""},
		"bytes":                        {"application/octet-stream", []string{noise}, noise, 0, ""},
		"a header in single bytes":     {"", []string{"R", "I", "F", "F", "\x00", "\x01"}, "RIFF\x00\x01", 0, ""},
		"Ogg":                          {"application/ogg", []string{noise}, noise, 0, ""},
		"nothing":                      {"audio/mpeg", nil, "", 0, ""},
		"a page":                       {"text/html", []string{"<html>", "</html>"}, "", failover.ClassIncomplete, ""},
		"a page, labelled as audio":    {"audio/mpeg", []string{" <!DOCTYPE html>", "<html>"}, "", failover.ClassIncomplete, ""},
		"text without a label":         {"", []string{"Please sign in."}, "", failover.ClassIncomplete, ""},
		"an error":                     {"application/json", []string{refusal}, "", failover.ClassExhausted, "no_credit"},
		"an error, labelled as audio":  {"audio/mpeg", []string{refusal}, "", failover.ClassExhausted, "no_credit"},
		"an error in parts":            {"audio/mpeg", []string{`{"co`, `de":"no_`, `credit"}`}, "", failover.ClassExhausted, "no_credit"},
		"an error in single bytes":     {"", strings.Split(refusal, ""), "", failover.ClassExhausted, "no_credit"},
		"a long error":                 {"audio/mpeg", []string{long}, "", failover.ClassIncomplete, ""},
		"an error behind audio":        {"audio/mpeg", []string{noise, refusal}, noise, failover.ClassExhausted, "no_credit"},
		"an error in a part of audio":  {"audio/mpeg", []string{noise + refusal + "\n"}, noise, failover.ClassExhausted, "no_credit"},
		"its parts in parts of audio":  {"audio/mpeg", []string{noise + `{ "code`, `":"no_credit"}`}, noise, failover.ClassExhausted, "no_credit"},
		"an error of an unknown kind":  {"audio/mpeg", []string{noise, `{"oops":1}`}, noise, failover.ClassIncomplete, ""},
		"an error with text in it":     {"audio/mpeg", []string{noise, `{"code":"no_credit","text":"Guthaben aufgebraucht – ünd so {"}`}, noise, failover.ClassExhausted, "no_credit"},
		"audio that looks like one":    {"audio/mpeg", []string{noise + `{"x`, noise, `{"`}, noise + `{"x` + noise + `{"`, 0, ""},
		"audio that begins like one":   {"audio/pcm", []string{`{"x`, noise}, `{"x` + noise, 0, ""},
		"audio with braces all along":  {"audio/basic", []string{noise, strings.Repeat("{\"\xff", 100)}, noise + strings.Repeat("{\"\xff", 100), 0, ""},
		"text behind audio is no JSON": {"audio/mpeg", []string{noise, "TAG and a title"}, noise + "TAG and a title", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, b := labelled(c.label, &reads{parts: c.parts})
			got, _, err := all(httpcall.Pieces(resp, coded))
			assert.Equal(t, c.want, got)
			assert.True(t, b.closed)
			if c.class == failover.ClassUnknown {
				require.NoError(t, err)
				return
			}
			e, ok := errors.AsType[*failover.Error](err)
			require.True(t, ok)
			assert.Equal(t, c.class, e.Class)
			assert.Equal(t, c.code, e.Code)
			assert.Equal(t, 200, e.Status)
		})
	}
}

func TestPiecesComeOneByOne(t *testing.T) {
	t.Parallel()
	source := &reads{parts: []string{noise, noise + "2", noise + "3"}}
	resp, b := labelled("audio/mpeg", source)
	var kept [][]byte
	for piece, err := range httpcall.Pieces(resp, coded) {
		require.NoError(t, err)
		kept = append(kept, piece)
		assert.Equal(t, len(kept), source.calls, "nothing is read ahead")
	}
	require.Len(t, kept, 3)
	assert.Equal(t, noise, string(kept[0]), "memory is not reused")
	assert.True(t, b.closed)

	resp, b = labelled("audio/mpeg", &reads{parts: []string{noise, noise}})
	for range httpcall.Pieces(resp, coded) {
		break
	}
	assert.True(t, b.closed)
}

// What is given away may be written to.
func TestPiecesDoNotOverlap(t *testing.T) {
	t.Parallel()
	resp, _ := labelled("audio/mpeg", &reads{parts: []string{noise + `{"x`, noise, noise}})
	var got []byte
	for piece, err := range httpcall.Pieces(resp, coded) {
		require.NoError(t, err)
		got = append(got, piece...)
		clear(append(piece[:0], piece[:cap(piece)]...))
	}
	assert.Equal(t, noise+`{"x`+noise+noise, string(got))
}

func TestPiecesBreakOff(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]failover.Class{
		io.ErrUnexpectedEOF:      failover.ClassIncomplete,
		errors.New("malformed"):  failover.ClassIncomplete,
		context.DeadlineExceeded: failover.ClassTimeout,
		os.ErrDeadlineExceeded:   failover.ClassTimeout,
	} {
		for _, parts := range [][]string{nil, {noise}, {noise, `{"code"`}, {`{"code"`}} {
			resp, b := labelled("audio/mpeg", &reads{parts: parts, err: err})
			_, _, got := all(httpcall.Pieces(resp, coded))
			require.ErrorIs(t, got, err)
			assert.Equal(t, want, failover.Classify(got).Class)
			assert.True(t, b.closed)
		}
		resp, b := labelled("", &reads{parts: []string{"[" + noise}, err: err})
		_, _, got := all(httpcall.Objects(resp))
		require.Error(t, got)
		assert.True(t, b.closed)
	}
	resp, _ := labelled("text/html", &reads{parts: []string{"<html>"}, err: context.DeadlineExceeded})
	_, _, err := all(httpcall.Pieces(resp, coded))
	require.ErrorIs(t, err, context.DeadlineExceeded, "its time ran out before the page was read")
}

// endless gives the same bytes for ever.
type endless struct {
	part string
	rest string
	read int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.rest == "" {
		e.rest = e.part
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	e.read += int64(n)
	return n, nil
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	source := &endless{part: strings.Repeat(noise, 1000)}
	resp, _ := labelled("audio/mpeg", source)
	var err error
	for _, e := range httpcall.Pieces(resp, coded) {
		err = e
	}
	require.ErrorIs(t, err, httpcall.ErrTooLong)
	assert.Less(t, source.read, int64(httpcall.MaxAudio+1<<20))

	for _, part := range []string{strings.Repeat("x", 4096), strings.Repeat(" ", 4096), `{"a":"` + strings.Repeat("x", 16<<10) + `"}`} {
		first := `"`
		if part[0] != 'x' {
			first = ""
		}
		source = &endless{part: part}
		resp, _ = labelled("application/json", io.MultiReader(strings.NewReader(first), source))
		err = nil
		for _, e := range httpcall.Objects(resp) {
			err = e
		}
		require.ErrorIs(t, err, httpcall.ErrTooLong)
		assert.Equal(t, failover.ClassIncomplete, failover.ClassOf(err))
		assert.Less(t, source.read, int64(httpcall.MaxAudio+1<<20))
	}
}

func TestObjects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parts []string
		want  int
		err   error
	}{
		"lines":         {[]string{"{\"a\":1}\n", "{\"b\":2}\n"}, 2, nil},
		"without lines": {[]string{`{"a":1}{"b":2}`, `{"c":3}`}, 3, nil},
		"in parts":      {[]string{`{"a`, `":`, `1}{`, `}`}, 2, nil},
		"nothing":       {nil, 0, nil},
		"white space":   {[]string{" \n"}, 0, nil},
		"cut":           {[]string{`{"a":1}`, `{"b":`}, 1, io.ErrUnexpectedEOF},
		"no JSON":       {[]string{`{"a":1}`, `<html>`}, 1, httpcall.ErrNotJSON},
		"bytes":         {[]string{noise}, 0, httpcall.ErrNotJSON},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, b := labelled("", &reads{parts: c.parts})
			_, n, err := all(httpcall.Objects(resp))
			require.ErrorIs(t, err, c.err)
			assert.Equal(t, c.want, n)
			assert.True(t, b.closed)
			if c.err != nil {
				assert.Equal(t, failover.ClassIncomplete, failover.ClassOf(err))
			}
		})
	}
	resp, b := labelled("", &reads{parts: []string{"{}", "{}"}})
	for range httpcall.Objects(resp) {
		break
	}
	assert.True(t, b.closed)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]failover.Class{200: failover.ClassUnknown, 402: failover.ClassExhausted, 500: failover.ClassTransient} {
		resp, b := answer(status, strings.NewReader(noise))
		c := client(t, func(*http.Request) (*http.Response, error) { return resp, nil })
		got, err := c.Open(t.Context(), httpcall.Request{Method: http.MethodGet, Path: "/"}, nothing)
		assert.Equal(t, want, failover.ClassOf(err), status)
		assert.Equal(t, err != nil, b.closed)
		if err == nil {
			assert.Equal(t, resp, got)
		}
	}
	c := client(t, func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
	_, err := c.Open(t.Context(), httpcall.Request{Method: http.MethodGet, Path: "/"}, nothing)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// FuzzPieces reads arbitrary bytes in arbitrary parts: what is given out is
// the beginning of them, and all but an error's text if there is no error.
func FuzzPieces(f *testing.F) {
	f.Add([]byte(noise+`{"code":"no_credit"}`), 5, true)
	f.Add([]byte(`{"code":"no_credit"}`), 3, false)
	f.Add([]byte("<html>"), 100, true)
	f.Fuzz(func(t *testing.T, data []byte, size int, label bool) {
		if size <= 0 || len(data) > 1<<16 {
			return
		}
		source := &reads{}
		for part := range bytesOf(data, size) {
			source.parts = append(source.parts, part)
		}
		resp, b := labelled(map[bool]string{true: "audio/pcm"}[label], source)
		got, _, err := all(httpcall.Pieces(resp, coded))
		switch {
		case !b.closed:
			t.Error("the body is open")
		case !strings.HasPrefix(string(data), got):
			t.Error("given out is what never came")
		case err == nil && got != string(data):
			t.Errorf("%d of %d bytes are all", len(got), len(data))
		}
	})
}

func bytesOf(data []byte, size int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := bytes.NewReader(data); rest.Len() > 0; {
			part := make([]byte, min(size, rest.Len()))
			_, _ = rest.Read(part)
			if !yield(string(part)) {
				return
			}
		}
	}
}
