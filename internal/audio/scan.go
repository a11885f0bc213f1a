package audio

import "time"

// Scanner reads audio that comes piece by piece, and keeps none of it. What it
// says of a stream is what the function of the same format says of the file.
// It is not safe for concurrent use.
type Scanner interface {
	// Scan reads the next piece. An error means that this is not the audio it
	// should be, whatever follows.
	Scan(piece []byte) error
	// Info is what the header says, Duration apart; false until it was read.
	Info() (Info, bool)
	// Whole is how many of the bytes so far end at a boundary, so that other
	// audio of the same format may follow them: of a sample, of a frame. Files
	// that nothing may follow have no boundaries, and it counts all bytes
	// behind the header.
	Whole() int64
	// Played is the playing time of the whole samples, frames or pages.
	Played() time.Duration
	// End says what is wrong if this is all; nil if nothing is.
	End() error
}

// rawScanner reads headerless samples.
type rawScanner struct {
	info  Info
	frame int64
	size  int64
}

// ScanRaw reads headerless samples; see [Raw].
func ScanRaw(sampleRate, channels, bitsPerSample int) Scanner {
	return &rawScanner{
		info:  Info{SampleRate: sampleRate, Channels: channels, BitsPerSample: bitsPerSample},
		frame: max(1, int64(channels*bitsPerSample/8)),
	}
}

func (s *rawScanner) Scan(piece []byte) error {
	s.size += int64(len(piece))
	return nil
}

func (s *rawScanner) Info() (Info, bool) { return s.info, true }

func (s *rawScanner) Whole() int64 { return s.size - s.size%s.frame }

func (s *rawScanner) Played() time.Duration {
	return seconds(s.size/s.frame, int64(s.info.SampleRate))
}

func (s *rawScanner) End() error {
	if s.size%s.frame != 0 {
		return Error("the last sample is cut")
	}
	return nil
}
