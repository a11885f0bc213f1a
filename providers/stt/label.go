package stt

import (
	"bufio"
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/gofailover/failover/internal/audio"
	"github.com/gofailover/failover/providers/tts"
)

// labelled says what opened audio is, and refuses what the format says it is
// not. wrap gives headerless audio a header.
func labelled(body io.ReadCloser, size int64, format Format, wrap bool) (*Audio, error) {
	buffered := bufio.NewReaderSize(body, 32<<10)
	head, err := buffered.Peek(int(min(size, int64(buffered.Size()))))
	if err != nil {
		return nil, err // of the body: it has size bytes
	}
	kind := audio.Sniff(head)
	if err := fits(format, kind, head); err != nil {
		return nil, Invalid(err)
	}
	opened := &Audio{Size: size, ContentType: kind.ContentType(), Extension: kind.Extension()}
	from := io.Reader(buffered)
	how, bare := samplesOf(format)
	switch {
	case bare && wrap:
		header := audio.WAVHeader(how, size)
		from = io.MultiReader(bytes.NewReader(header), buffered)
		opened.Size += int64(len(header))
		opened.ContentType, opened.Extension = audio.KindWAV.ContentType(), audio.KindWAV.Extension()
	case bare:
		opened.ContentType, opened.Extension = format.ContentType(), ".raw"
	}
	opened.ReadCloser = reading{from, body}
	return opened, nil
}

// reading closes what is read through others.
type reading struct {
	io.Reader
	io.Closer
}

// samplesOf is how the samples of headerless audio are laid out; false for
// files.
func samplesOf(f Format) (audio.Samples, bool) {
	how := audio.Samples{Info: audio.Info{SampleRate: f.SampleRate, Channels: max(1, f.Channels), BitsPerSample: 8}}
	switch f.Encoding {
	case tts.EncodingPCM:
		how.Codec, how.Info.BitsPerSample = audio.CodecPCM, 16
	case tts.EncodingMuLaw:
		how.Codec = audio.CodecMuLaw
	case tts.EncodingALaw:
		how.Codec = audio.CodecALaw
	default:
		return audio.Samples{}, false
	}
	return how, true
}

// kindOf is the kind of file that an encoding comes in.
func kindOf(e tts.Encoding) audio.Kind {
	switch e {
	case tts.EncodingWAV:
		return audio.KindWAV
	case tts.EncodingMP3:
		return audio.KindMP3
	case tts.EncodingOpus:
		return audio.KindOgg
	default:
		return audio.KindUnknown
	}
}

// fits says what of the format is not so.
func fits(format Format, kind audio.Kind, head []byte) error {
	if format.Encoding == "" {
		return nil
	}
	if _, bare := samplesOf(format); bare {
		// Samples may look like a frame of MP3, but not like these.
		if kind == audio.KindWAV || kind == audio.KindOgg || kind == audio.KindFLAC {
			return invalid("Format", "says %s, and the audio is a file with a header (%s)", format.Encoding, kind.ContentType())
		}
		return nil
	}
	if kind != kindOf(format.Encoding) {
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

// facts are what the bytes say, found out once for a format, and of a file that
// has changed once more.
type facts struct {
	mu     sync.Mutex
	known  bool
	format Format
	of     stamp // of a file
	played time.Duration
	exact  bool
}

// opened notes that a file was opened. If it is not the one that the facts are
// of, they are found out again, of just what is going to be read.
func (f *facts) opened(file *exactly, format Format) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.known || f.format != format || f.of != file.is {
		f.find(file.again(), file.is, format)
	}
}

// find finds out what the bytes say. The lock is held.
func (f *facts) find(body io.Reader, of stamp, format Format) {
	f.known, f.format, f.of = true, format, of
	f.played, f.exact = measure(body, of.size, format)
}

// playingTime is how long the audio plays, 0 where its bytes do not say or were
// not read. exact says that no other reading is possible: of files that were
// joined some players count the first part only.
func (s Source) playingTime(format Format) (played time.Duration, exact bool) {
	if s.at == nil {
		return 0, false
	}
	f := &s.at.facts
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known && f.format == format {
		return f.played, f.exact
	}
	body, size, ok := s.at.read()
	if !ok {
		return 0, false
	}
	defer body.Close()
	of := stamp{size: size}
	if file, ok := body.(*exactly); ok {
		of = file.is
	}
	f.find(body, of, format)
	return f.played, f.exact
}

// read opens what is there without waiting for anybody.
func (o *origin) read() (body io.ReadCloser, size int64, ok bool) {
	if o.kind == kindFile {
		body, size, err := openFile(o.path)
		return body, size, err == nil
	}
	data := o.kept()
	return io.NopCloser(bytes.NewReader(data)), int64(len(data)), len(data) > 0
}

func measure(body io.Reader, size int64, format Format) (played time.Duration, exact bool) {
	if how, bare := samplesOf(format); bare {
		return how.Playing(size), true
	}
	info, err := audio.Measure(body, size)
	if err != nil {
		return 0, false
	}
	return info.Duration, info.BitsPerSample > 0 // of WAV and FLAC
}

// heard says whether the audio is louder than a level; known is false where
// nobody can tell without decoding it.
func (r Request) heard(dBFS float64) (heard, known bool) {
	if r.Audio.at == nil {
		return false, false
	}
	body, size, ok := r.Audio.at.read()
	if !ok {
		return false, false
	}
	defer body.Close()
	if how, bare := samplesOf(r.Format); bare {
		return audio.Heard(body, how, dBFS)
	}
	buffered := bufio.NewReader(body)
	head, _ := buffered.Peek(int(min(size, audio.SniffSize)))
	if audio.Sniff(head) != audio.KindWAV {
		return false, false
	}
	return audio.HeardWAV(buffered, dBFS)
}
