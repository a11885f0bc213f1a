package stt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// DefaultSpool is how much of a [Reader], or of a fetched [URL], is kept: half
// an hour of telephone audio in 16-bit samples, and over an hour of MP3.
const DefaultSpool = 32 << 20

// Source is where the audio of a request comes from. [Bytes], [File], [URL] and
// [Reader] make one; the zero Source is none. It is a small value whose copies
// share what was read. It is safe for concurrent use, and prints its kind and
// size only.
type Source struct{ at *origin }

// origin is what the copies of a source share.
type origin struct {
	kind   kind
	data   []byte // of Bytes
	path   string
	url    string
	client *http.Client // fetches url
	reader io.Reader
	most   int64 // of reader, or of what is fetched

	spool spool // of reader
	fetch fetch // of url
	facts facts
}

type kind int

const (
	kindBytes kind = iota + 1
	kindFile
	kindURL
	kindReader
)

// Bytes is audio in memory. It must not be changed while it is in use.
func Bytes(data []byte) Source { return Source{&origin{kind: kindBytes, data: data}} }

// File is audio in a regular file, which is opened anew for every attempt. A
// file that grows meanwhile is sent as long as it was when it was opened; one
// that shrinks fails. How long it plays is that of the file as it was opened
// last.
func File(path string) Source { return Source{&origin{kind: kindFile, path: path}} }

// URL is audio that the vendor is to fetch from an http or https URL. Nothing
// is fetched here: a provider whose vendor takes no URL is left out, unless
// [Source.FetchWith] allows it. The vendor sees the URL, with what keys are in
// it.
func URL(url string) Source { return Source{&origin{kind: kindURL, url: url, fetch: newFetch()}} }

// Reader is audio that can be read once, such as the body of a request. It is
// read to its end once, before any provider is asked, and kept in memory, so
// that every attempt gets all of it. More than most bytes are refused, and
// nothing is sent then; 0 means [DefaultSpool].
//
// The reader is not closed. If the context ends while it is being read, the
// caller gets that error at once, and the reading goes on in the background up
// to its end or its next error.
func Reader(r io.Reader, most int64) Source {
	return Source{&origin{kind: kindReader, reader: r, most: most}}
}

// FetchWith allows the audio of a [URL] to be fetched here, with client, for
// providers whose vendor takes no URL. Those that take one get the URL still.
// It is fetched once, when the first such provider is asked and within its
// attempt, and kept in memory for the others; more than most bytes are refused,
// 0 means [DefaultSpool]. Where it cannot be fetched that attempt fails with
// class unsatisfactory, which is no provider's fault, and the next is asked. Give
// client a Timeout below that of an attempt, or its silence is taken for the
// provider's.
//
// Nothing is added to the request, above all no key. Redirects are followed as
// client does. It changes nothing of other sources.
func (s Source) FetchWith(client *http.Client, most int64) Source {
	if s.at == nil || s.at.kind != kindURL {
		return s
	}
	fetching := client
	if fetching == nil {
		fetching = noClient
	}
	return Source{&origin{kind: kindURL, url: s.at.url, client: fetching, most: most, fetch: newFetch()}}
}

// noClient stands for a client that is nil, which validate refuses.
var noClient = new(http.Client)

// URL is the URL of the audio; false for other sources.
func (s Source) URL() (string, bool) {
	if s.at == nil || s.at.kind != kindURL {
		return "", false
	}
	return s.at.url, true
}

// Opens says whether the bytes can be had: not those of a [URL] that nobody may
// fetch. A provider that needs bytes says Unsupported then.
func (s Source) Opens() bool {
	return s.at != nil && (s.at.kind != kindURL || s.at.client != nil)
}

// String says what kind of source it is, without path, URL or audio.
func (s Source) String() string {
	switch {
	case s.at == nil:
		return "stt.Source()"
	case s.at.kind == kindBytes:
		return fmt.Sprintf("stt.Bytes(%d bytes)", len(s.at.data))
	case s.at.kind == kindFile:
		return "stt.File"
	case s.at.kind == kindURL:
		return "stt.URL"
	default:
		return "stt.Reader"
	}
}

// MarshalText makes the same of it, for JSON.
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Format prints the same for every verb.
func (s Source) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s Source) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Audio is the audio of a request, opened. Close it.
type Audio struct {
	io.ReadCloser

	// Size is its length in bytes, never 0.
	Size int64
	// ContentType is the MIME type, "application/octet-stream" if it is not
	// known.
	ContentType string
	// Extension is that of files of the kind, such as ".wav"; empty if it is
	// not known.
	Extension string
}

// validate says what can be said without touching the audio.
func (s Source) validate() error {
	if s.at == nil {
		return invalid("Audio", "is missing; set for example stt.File(path)")
	}
	o := s.at
	switch {
	case o.kind == kindBytes && len(o.data) == 0:
		return invalid("Audio", "is empty")
	case o.kind == kindFile && o.path == "":
		return invalid("Audio", "has an empty path")
	case o.kind == kindURL:
		return o.validateURL()
	case o.kind == kindReader && o.reader == nil:
		return invalid("Audio", "has no reader")
	case o.most < 0:
		return invalid("Audio", "has a negative bound: %d", o.most)
	}
	return nil
}

func (o *origin) validateURL() error {
	u, err := url.Parse(o.url)
	switch {
	case err != nil:
		return invalid("Audio", "has a URL that is none")
	case !strings.EqualFold(u.Scheme, "http") && !strings.EqualFold(u.Scheme, "https"):
		return invalid("Audio", "has a URL that is not http or https")
	case u.Host == "":
		return invalid("Audio", "has a URL without a host")
	case o.client == noClient:
		return invalid("Audio", "is to be fetched, and the client is nil")
	case o.most < 0:
		return invalid("Audio", "has a negative bound: %d", o.most)
	}
	return nil
}

// open opens the audio at its beginning.
func (s Source) open(ctx context.Context, format Format, wrap bool) (*Audio, error) {
	if err := s.validate(); err != nil {
		return nil, Invalid(err)
	}
	body, size, err := s.at.body(ctx)
	if err != nil {
		return nil, err
	}
	opened, err := labelled(body, size, format, wrap)
	if err != nil {
		_ = body.Close()
		return nil, err
	}
	if file, ok := body.(*exactly); ok {
		s.at.facts.opened(file, format)
	}
	return opened, nil
}

// body is the bytes from their beginning.
func (o *origin) body(ctx context.Context) (io.ReadCloser, int64, error) {
	if o.kind == kindFile {
		return openFile(o.path)
	}
	data := o.data
	if o.kind != kindBytes {
		var err error
		if data, err = o.spooled(ctx); err != nil {
			return nil, 0, err
		}
	}
	if len(data) == 0 {
		return nil, 0, Invalid(invalid("Audio", "is empty"))
	}
	return io.NopCloser(bytes.NewReader(data)), int64(len(data)), nil
}

// kept is the audio that is in memory: that of Bytes, of a reader that was read
// and of a URL that was fetched.
func (o *origin) kept() []byte {
	switch o.kind {
	case kindBytes:
		return o.data
	case kindReader:
		return o.spool.kept()
	case kindURL:
		return o.fetch.kept()
	default:
		return nil
	}
}

func openFile(path string) (io.ReadCloser, int64, error) {
	// Looked at before it is opened: to open a pipe waits for who writes to it.
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, 0, unreadable(err)
	case !info.Mode().IsRegular():
		return nil, 0, Invalid(invalid("Audio", "is not a regular file; give stt.Reader what can be read once"))
	}
	file, err := os.Open(path) //nolint:gosec // the caller's own path
	if err != nil {
		return nil, 0, unreadable(err)
	}
	if info, err = file.Stat(); err != nil {
		_ = file.Close()
		return nil, 0, unreadable(err)
	}
	if info.Size() == 0 {
		_ = file.Close()
		return nil, 0, Invalid(invalid("Audio", "is empty"))
	}
	return &exactly{file: file, is: stampOf(info), left: info.Size()}, info.Size(), nil
}

// stamp tells a file from what it was.
type stamp struct {
	size    int64
	changed int64 // in ns since 1970
}

func stampOf(info fs.FileInfo) stamp { return stamp{info.Size(), info.ModTime().UnixNano()} }

// exactly reads so many bytes of a file, and fails if there are fewer.
type exactly struct {
	file *os.File
	is   stamp
	left int64
}

// again reads the same bytes without a part in what is read of it.
func (e *exactly) again() io.Reader { return io.NewSectionReader(e.file, 0, e.is.size) }

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.file.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	switch {
	case err == nil, e.left == 0:
		return n, nil
	case errors.Is(err, io.EOF):
		return n, Invalid(&RequestError{Field: "Audio", Reason: "became shorter while it was being read", Err: io.ErrUnexpectedEOF})
	default:
		return n, unreadable(err)
	}
}

func (e *exactly) Close() error { return e.file.Close() }

// unreadable is a file or reader that fails: the path stays unsaid.
func unreadable(err error) error {
	reason := "cannot be read"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		reason = "is a file that does not exist"
	case errors.Is(err, fs.ErrPermission):
		reason = "is a file that may not be read"
	}
	return Invalid(&RequestError{Field: "Audio", Reason: reason, Err: err})
}
