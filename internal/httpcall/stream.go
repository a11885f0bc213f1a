package httpcall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Open sends r and returns its answer with the body unread, which the caller
// must close. A refusal is read by parse and is an error.
func (c *Client) Open(ctx context.Context, r Request, parse func(body []byte) Envelope) (*http.Response, error) {
	resp, err := c.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	if !succeeded(resp) {
		return nil, Failure(resp, parse)
	}
	return resp, nil
}

// readSize is how much of a body is read at once: what the transport buffers,
// and more than vendors send at a time.
const readSize = 16 << 10

// Pieces reads the audio of an answer as it comes, and closes it. A piece is
// what one read gave; its memory is fresh. As [Client.Audio] does it gives an
// error for an answer that is cut, that is longer than MaxAudio, or that is no
// audio: parse reads the error that a vendor sends under a good status, at the
// beginning or behind audio.
func Pieces(resp *http.Response, parse func(body []byte) Envelope) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		defer resp.Body.Close()
		p := pieces{resp: resp, parse: parse, buf: make([]byte, readSize)}
		for {
			piece, err := p.next()
			if len(piece) > 0 && !yield(piece, nil) {
				return
			}
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(nil, err)
				return
			}
		}
	}
}

// pieces is the state of Pieces.
type pieces struct {
	resp  *http.Response
	parse func(body []byte) Envelope
	buf   []byte
	size  int64
	begun bool   // audio came
	held  []byte // may be an error instead of audio
	err   error  // came with bytes
}

// next reads once. io.EOF means that the answer was whole.
func (p *pieces) next() ([]byte, error) {
	n, err := 0, p.err
	if err == nil {
		n, err = p.resp.Body.Read(p.buf)
	}
	p.size += int64(n)
	switch {
	case p.size > MaxAudio:
		return nil, Incomplete(p.resp, ErrTooLong)
	case n > 0:
		p.err = err
		return p.sift(p.buf[:n])
	case err == nil:
		return nil, nil
	case errors.Is(err, io.EOF):
		return p.end()
	default:
		return nil, broken(p.resp, err)
	}
}

// sniffSize is how much text is taken for a page or an error: more than is
// printable of any audio by chance.
const sniffSize = 512

// sift holds back what may be an error instead of audio.
func (p *pieces) sift(read []byte) ([]byte, error) {
	p.held = append(p.held, read...)
	all := p.held
	p.held = nil
	if !p.begun {
		label, known := audioLabel(p.resp)
		switch {
		case known && !label, len(all) >= sniffSize && mayBeText(all, known):
			return nil, p.refused(all)
		case mayBeText(all, known):
			p.held = all
			return nil, nil
		}
		p.begun = true
	}
	at := len(all) - len(trailingObject(all))
	p.held = all[at:]
	return all[:at:at], nil
}

// refused is the error of an answer that begins with a text.
func (p *pieces) refused(text []byte) error {
	more, err := io.ReadAll(io.LimitReader(p.resp.Body, MaxError))
	if err != nil && timedOut(err) {
		return broken(p.resp, err)
	}
	return NotAudio(p.resp, p.parse(append(text, more...)))
}

// end says whether what was held was an error.
func (p *pieces) end() ([]byte, error) {
	held := p.held
	p.held = nil
	if len(held) > 0 && (!p.begun || json.Valid(held)) {
		return nil, NotAudio(p.resp, p.parse(held))
	}
	return held, io.EOF
}

// audioLabel says whether an answer is labelled as audio, and whether it is
// labelled at all. Vendors label audio as audio/*, and Ogg as application/ogg
// too.
func audioLabel(resp *http.Response) (audio, known bool) {
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || media == "application/octet-stream" || media == "" {
		return false, false
	}
	return strings.HasPrefix(media, "audio/") || media == "application/ogg", true
}

// mayBeText says whether the beginning of an answer is a text: any, or markup
// or JSON where the label says that it is audio.
func mayBeText(data []byte, labelled bool) bool {
	body := bytes.TrimLeft(data, " \t\r\n")
	if labelled && len(body) > 0 && strings.IndexByte("<{[\"", body[0]) < 0 {
		return false
	}
	return isText(data)
}

// isText says whether data is printable UTF-8, but for a character that is cut
// at its end.
func isText(data []byte) bool {
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			return !utf8.FullRune(data)
		}
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return false
		}
		data = data[size:]
	}
	return true
}

// trailingObject is the beginning of a JSON object, or all of one, at the end
// of data; nil if there is none. Of audio a few bytes at most look like one.
func trailingObject(data []byte) []byte {
	text := data[max(0, len(data)-MaxError):]
	start := len(text)
	for start > 0 && (text[start-1] >= ' ' || strings.IndexByte("\t\r\n", text[start-1]) >= 0) {
		start--
	}
	for text = text[start:]; ; text = text[1:] {
		at := bytes.IndexByte(text, '{')
		if at < 0 {
			return nil
		}
		text = text[at:]
		inner := bytes.TrimLeft(text[1:], " \t\r\n")
		if (len(inner) == 0 || inner[0] == '"' || inner[0] == '}') && isText(text) {
			return text
		}
	}
}
