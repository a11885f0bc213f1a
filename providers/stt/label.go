package stt

import (
	"bufio"
	"io"
	"sync"
	"time"

	"github.com/gofailover/failover/internal/audio"
	"github.com/gofailover/failover/providers/tts"
)

// labelled says what opened audio is, and refuses what the format says it is
// not.
func labelled(body io.ReadCloser, size int64, format Format) (*Audio, error) {
	buffered := bufio.NewReaderSize(body, 32<<10)
	head, err := buffered.Peek(int(min(size, int64(buffered.Size()))))
	if err != nil {
		return nil, err // of the body: it has size bytes
	}
	kind := audio.Sniff(head)
	if err := fits(format, kind, head); err != nil {
		return nil, Invalid(err)
	}
	opened := &Audio{ReadCloser: reading{buffered, body}, Size: size, ContentType: kind.ContentType(), Extension: kind.Extension()}
	if headerless(format) {
		opened.ContentType, opened.Extension = format.ContentType(), ".raw"
	}
	return opened, nil
}

// reading closes what is read through a buffer.
type reading struct {
	io.Reader
	io.Closer
}

func headerless(f Format) bool {
	switch f.Encoding {
	case tts.EncodingPCM, tts.EncodingMuLaw, tts.EncodingALaw:
		return true
	default:
		return false
	}
}

// kinds are the files that formats are of.
var kinds = map[tts.Encoding]audio.Kind{
	tts.EncodingWAV: audio.KindWAV, tts.EncodingMP3: audio.KindMP3, tts.EncodingOpus: audio.KindOgg,
}

// fits says what of the format is not so.
func fits(format Format, kind audio.Kind, head []byte) error {
	if format.Encoding == "" {
		return nil
	}
	if headerless(format) {
		// Samples may look like a frame of MP3, but not like these.
		if kind == audio.KindWAV || kind == audio.KindOgg || kind == audio.KindFLAC {
			return invalid("Format", "says %s, and the audio is a file with a header (%s)", format.Encoding, kind.ContentType())
		}
		return nil
	}
	if kind != kinds[format.Encoding] {
		return invalid("Format", "says %s, and the audio is not", format.Encoding)
	}
	info, ok := audio.Header(kind, head)
	switch {
	case !ok:
		return nil
	case format.SampleRate != 0 && kind != audio.KindOgg && format.SampleRate != info.SampleRate:
		return invalid("Format.SampleRate", "says %d, and the audio has %d", format.SampleRate, info.SampleRate)
	case format.Channels != 0 && format.Channels != info.Channels:
		return invalid("Format.Channels", "says %d, and the audio has %d", format.Channels, info.Channels)
	}
	return nil
}

// facts are what the bytes say, found out once for a format.
type facts struct {
	mu     sync.Mutex
	known  bool
	format Format
	played time.Duration
}

// playingTime is how long the audio plays, 0 where its bytes do not say or were
// not read.
func (s Source) playingTime(format Format) time.Duration {
	if s.at == nil {
		return 0
	}
	f := &s.at.facts
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known && f.format == format {
		return f.played
	}
	body, size, ok := s.at.read()
	if !ok {
		return 0
	}
	defer body.Close()
	f.known, f.format, f.played = true, format, measure(body, size, format)
	return f.played
}

// read opens what is there without waiting for anybody.
func (o *origin) read() (body io.ReadCloser, size int64, ok bool) {
	switch {
	case o.kind == kindFile:
	case len(o.kept()) == 0:
		return nil, 0, false
	default:
		return inMemory(o.kept())
	}
	body, size, err := openFile(o.path)
	return body, size, err == nil
}

func measure(body io.Reader, size int64, format Format) time.Duration {
	if headerless(format) {
		width := 8
		if format.Encoding == tts.EncodingPCM {
			width = 16
		}
		return audio.Samples(size, format.SampleRate, max(1, format.Channels), width)
	}
	info, err := audio.Measure(body, size)
	if err != nil {
		return 0
	}
	return info.Duration
}
