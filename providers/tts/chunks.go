package tts

import (
	"iter"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/audio"
)

// Piece is what a vendor sends at a time.
type Piece struct {
	// Data is audio, cut wherever the network cut it. [Chunks] keeps it and
	// gives it away: the memory must be fresh.
	Data []byte
	// Marks say when what is spoken, where the vendor tells. They may come
	// with the audio or before it.
	Marks []Mark
}

// Chunks makes the chunks of a stream of what a vendor sends for req: adapters
// range over it and pass on what it yields. It does for a stream what
// [NewAudio] does for whole audio:
//
//   - The beginning is checked before anything is given out: the header of a
//     WAV file, the first frame of MP3, the first page of Ogg are what was asked
//     for. Headerless formats say nothing of themselves.
//   - Every chunk ends where a sample or frame ends, so that another provider's
//     may follow.
//   - The end is checked: the last sample or frame is whole, a WAV file is as
//     long as it said, an Ogg file has its last page, marks come to the end of
//     the text. Where a vendor ends a stream of PCM, mu-law, A-law or MP3 in
//     good order between two samples or frames, and gave no marks, nothing can
//     tell that it is not all.
//   - The last item has the summary, with Duration filled in.
//
// Errors of pieces are passed on as they are; its own are failover.Error of
// class incomplete, and of class invalid for a req that fails Validate. summary
// is called once, at the end.
func Chunks(req Request, pieces iter.Seq2[Piece, error], summary func() Summary) failover.Stream[Chunk] {
	return func(yield func(Chunk, error) bool) {
		if err := req.Validate(); err != nil {
			yield(Chunk{}, Invalid(err))
			return
		}
		a := newAssembly(req)
		for piece, err := range pieces {
			var chunk Chunk
			if err == nil {
				chunk, err = a.add(piece)
			}
			if err != nil {
				yield(Chunk{}, err)
				return
			}
			if chunk.IsContent() && !yield(chunk, nil) {
				return
			}
		}
		rest, err := a.end()
		if err != nil {
			yield(Chunk{}, err)
			return
		}
		if rest.IsContent() && !yield(rest, nil) {
			return
		}
		total := summary()
		total.Duration = rest.Played
		rest.Data, rest.Summary = nil, &total
		yield(rest, nil)
	}
}

// maxHeld bounds what is held back of the beginning: a tag with a picture,
// perhaps.
const maxHeld = 1 << 20

// assembly is the state of Chunks.
type assembly struct {
	req     Request
	scanner audio.Scanner
	format  Format // of the audio, once it is known
	aligned alignment
	held    []byte // came and was not given out
	given   int64  // bytes given out
}

func newAssembly(req Request) *assembly {
	return &assembly{req: req, scanner: scannerOf(req.Format), aligned: alignment{text: []rune(req.Text)}}
}

// scannerOf reads the encodings that Format.Validate lets through.
func scannerOf(f Format) audio.Scanner {
	switch f.Encoding {
	case EncodingMP3:
		return audio.ScanMP3()
	case EncodingWAV:
		return audio.ScanWAV()
	case EncodingOpus:
		return audio.ScanOggOpus()
	default:
		return audio.ScanRaw(f.SampleRate, max(1, f.Channels), f.bitsPerSample())
	}
}

// add takes a piece in and gives out what is whole.
func (a *assembly) add(piece Piece) (Chunk, error) {
	a.aligned.add(piece.Marks, a.scanner.Played())
	if err := a.scanner.Scan(piece.Data); err != nil {
		return Chunk{}, a.fault(err.Error())
	}
	if a.format.Encoding == "" {
		info, ok := a.scanner.Info()
		switch {
		case ok:
			var err error
			if a.format, err = delivered(a.req.Format, info); err != nil {
				return Chunk{}, err
			}
		case len(a.held)+len(piece.Data) > maxHeld:
			return Chunk{}, a.fault("no audio at its beginning")
		}
	}
	return a.chunk(a.take(piece.Data, a.scanner.Whole())), nil
}

func (a *assembly) fault(reason string) error {
	return incomplete(&AudioError{Want: a.req.Format, Reason: reason})
}

// take gives out the bytes up to the one that is at whole, from those held and
// the piece, and holds the others.
func (a *assembly) take(piece []byte, whole int64) []byte {
	if len(a.held) > 0 {
		a.held = append(a.held, piece...)
	} else {
		a.held = piece
	}
	n := int(whole - a.given)
	if n <= 0 || a.format.Encoding == "" {
		return nil
	}
	data := a.held[:n:n]
	a.held = a.held[n:]
	a.given = whole
	return data
}

func (a *assembly) chunk(data []byte) Chunk {
	c := Chunk{Data: data, Format: a.format, Offset: a.req.Offset, Played: a.scanner.Played()}
	if spoken, ok := a.aligned.spokenAt(c.Played); ok {
		c.Spoken = c.Offset + spoken
	}
	return c
}

// end gives out what is still held of a stream that is whole.
func (a *assembly) end() (Chunk, error) {
	if a.given == 0 && len(a.held) == 0 {
		return Chunk{}, incomplete(failover.ErrEmpty)
	}
	if err := a.scanner.End(); err != nil {
		return Chunk{}, a.fault(err.Error())
	}
	played := a.scanner.Played()
	if played == 0 {
		return Chunk{}, incomplete(failover.ErrEmpty)
	}
	if reason := a.aligned.fault(played); reason != "" {
		return Chunk{}, a.fault(reason)
	}
	rest := a.chunk(a.held)
	a.held = nil
	return rest, nil
}

// delivered is the format of audio with a header, if it is what was wanted.
func delivered(want Format, info audio.Info) (Format, error) {
	got := want
	got.SampleRate, got.Channels = info.SampleRate, info.Channels
	switch {
	case !want.Allows(got):
		return Format{}, incomplete(&AudioError{Want: want, Reason: "delivered " + got.String()})
	case want.Encoding == EncodingWAV && info.BitsPerSample != want.bitsPerSample():
		return Format{}, incomplete(&AudioError{Want: want, Reason: "the samples are not 16 bits wide"})
	}
	return got, nil
}
