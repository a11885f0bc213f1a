package tts

import (
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/audio"
)

// Audio is speech, whole.
type Audio struct {
	// Data is the audio in Format, headers included where the format has any.
	Data []byte
	// Format is what Data is: sample rate and channels are always set.
	Format Format
	// Duration is the playing time.
	Duration time.Duration

	// Provider is the name of the provider that served the request.
	Provider string
	// Model and Voice are the vendor's ids of what spoke, empty where the
	// vendor does not say and was not told.
	Model, Voice string
	// RequestID is the vendor's id of the request, for its support desk.
	RequestID string
	// Characters is how many characters the vendor counted, or the number of
	// characters in the text where it does not say.
	Characters int
}

// Empty says whether there is no audio. A router takes an empty answer for
// none and asks the next provider.
func (a *Audio) Empty() bool { return a == nil || len(a.Data) == 0 }

// NewAudio checks from its bytes that data is what was asked for, and whole as
// far as its format can tell, and fills in Format and Duration. Adapters call
// it on everything a vendor delivers. Its errors are failover.Error of class
// incomplete: the vendor said yes and did not deliver.
//
// Headerless formats say nothing of themselves. Of those it checks that the
// last sample is whole.
func NewAudio(want Format, data []byte) (*Audio, error) {
	if len(data) == 0 {
		return nil, incomplete(failover.ErrEmpty)
	}
	info, err := inspect(want, data)
	if err != nil {
		return nil, incomplete(&AudioError{Want: want, Reason: err.Error()})
	}
	got, err := delivered(want, info)
	switch {
	case err != nil:
		return nil, err
	case info.Duration == 0:
		return nil, incomplete(failover.ErrEmpty)
	}
	return &Audio{Data: data, Format: got, Duration: info.Duration}, nil
}

func inspect(want Format, data []byte) (audio.Info, error) {
	switch want.Encoding {
	case EncodingMP3:
		return audio.MP3(data)
	case EncodingWAV:
		return audio.WAV(data)
	case EncodingOpus:
		return audio.OggOpus(data)
	case EncodingPCM, EncodingMuLaw, EncodingALaw:
		return audio.Raw(data, want.SampleRate, max(1, want.Channels), want.bitsPerSample())
	default:
		return audio.Info{}, audio.Error("unknown encoding")
	}
}

// incomplete is a request that was accepted and answered with less than it
// asked for.
func incomplete(cause error) error {
	return &failover.Error{Class: failover.ClassIncomplete, Outcome: failover.OutcomeAccepted, Err: cause}
}
