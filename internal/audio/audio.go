// Package audio reads the headers of audio files and streams, to tell what they
// hold and whether they are whole. It decodes nothing but samples, to tell how
// loud they are.
package audio

import (
	"math"
	"time"
)

// Info is what the bytes of an audio file say of themselves.
type Info struct {
	// SampleRate is in Hz.
	SampleRate int
	// Channels is the number of channels.
	Channels int
	// BitsPerSample is the width of a sample, 0 where a codec has none.
	BitsPerSample int
	// Duration is the playing time.
	Duration time.Duration
}

// Error says why bytes are not the audio they should be. Its text never
// contains any of them.
type Error string

func (e Error) Error() string { return string(e) }

// seconds is n samples at rate as a duration. The product of a count of
// samples and a billion overflows after 53 hours at 48 kHz, so it is taken in
// two parts.
func seconds(n, rate int64) time.Duration {
	if rate <= 0 {
		return 0
	}
	whole, rest := n/rate, n%rate
	if whole >= int64(math.MaxInt64/time.Second) {
		return math.MaxInt64 // a header can claim anything
	}
	return time.Duration(whole)*time.Second + time.Duration(rest)*time.Second/time.Duration(rate)
}

// Raw is the Info of headerless samples: the caller knows everything but their
// number.
func Raw(data []byte, sampleRate, channels, bitsPerSample int) (Info, error) {
	info := Info{SampleRate: sampleRate, Channels: channels, BitsPerSample: bitsPerSample}
	frame := channels * bitsPerSample / 8
	if frame <= 0 || len(data)%frame != 0 {
		return Info{}, Error("the last sample is cut")
	}
	info.Duration = seconds(int64(len(data)/frame), int64(sampleRate))
	return info, nil
}
