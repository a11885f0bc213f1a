package stt

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofailover/failover/providers/tts"
)

// Format says what headerless audio is. It is the type that text to speech
// uses, so that a tts.Audio's Format can be given as it is.
type Format = tts.Format

// PCM is headerless 16-bit little-endian mono, commonly PCM(16000).
func PCM(sampleRate int) Format { return tts.PCM(sampleRate) }

// MuLaw is headerless G.711 mu-law mono; telephony has MuLaw(8000).
func MuLaw(sampleRate int) Format { return tts.MuLaw(sampleRate) }

// ALaw is headerless G.711 A-law mono; telephony has ALaw(8000).
func ALaw(sampleRate int) Format { return tts.ALaw(sampleRate) }

// Request is audio to be written down. It is a value: a provider's Adapt
// changes a copy of its own, and all copies share the one audio.
type Request struct {
	// Audio is the speech. Required; see [Bytes], [File], [URL] and [Reader].
	Audio Source
	// Format is what the audio is. Headerless audio (PCM, mu-law, A-law) needs
	// it with its SampleRate; files say themselves what they are, and may leave
	// it zero. What it says of a WAV, MP3 or Ogg file must be so.
	Format Format
	// Duration is how long the audio plays. 0 finds it out where the bytes
	// tell: headerless audio, WAV, FLAC, MP3 and Opus in Ogg. The time an
	// attempt may take and [PerMinute] follow from it.
	Duration time.Duration
	// Model is a name in the providers' [Models] tables, such as "accurate".
	// Empty takes the table's row "", or the vendor's default.
	Model string
	// Language is the language spoken, as a BCP 47 tag ("en", "en-GB"). Empty
	// leaves it to the vendor to find out. A provider whose model does not
	// know the language is left out.
	Language string
	// Words asks for the words with their times. A provider that cannot tell
	// them is left out. Where it costs nothing they come without being asked
	// for.
	Words bool
	// Diarize asks who speaks: Segment.Speaker and Word.Speaker. A provider
	// that cannot tell is left out.
	Diarize bool
	// NoPunctuation asks for bare words, without punctuation. A provider that
	// always punctuates is left out. Default punctuated.
	NoPunctuation bool
	// Keywords are names and terms that may occur and should be recognised. A
	// provider whose model takes none, or not so many or such long ones, is
	// left out.
	Keywords []string
}

// Validate says what is wrong with the request whoever serves it; nil if
// nothing is. It looks at no audio: a file that does not exist is found when it
// is opened. [Client.Transcribe] and the providers of this module call it
// before anything is sent. Its errors contain no keyword, path or URL.
func (r Request) Validate() error {
	if err := r.Audio.validate(); err != nil {
		return err
	}
	switch {
	case r.Duration < 0:
		return invalid("Duration", "%v is negative", r.Duration)
	case r.Language != "" && !tts.IsLanguage(r.Language):
		return invalid("Language", "%.40q is no BCP 47 tag", r.Language)
	}
	for i, word := range r.Keywords {
		if strings.TrimSpace(word) == "" || !utf8.ValidString(word) || strings.ContainsAny(word, "\r\n") {
			return invalid("Keywords", "has a term that is empty or no line of text, at %d", i)
		}
	}
	return r.validateFormat()
}

func (r Request) validateFormat() error {
	if r.Format == (Format{}) {
		return nil
	}
	err := r.Format.Validate()
	if e, ok := errors.AsType[*tts.RequestError](err); ok {
		return &RequestError{Field: e.Field, Reason: e.Reason}
	}
	return err
}

// Open opens the audio at its beginning, as a file that says itself what it is:
// headerless audio gets a WAV header. Adapters call it once for every attempt,
// and close what it returns. It reads a [Reader] to its end first, if nobody
// did, and fetches a [URL] that may be fetched. Its errors are failover.Error,
// of class invalid where the audio is at fault, and no error of the provider's;
// or the context's.
func (r Request) Open(ctx context.Context) (*Audio, error) {
	return r.Audio.open(ctx, r.Format, true)
}

// OpenRaw is [Request.Open] without the header: for vendors that are told what
// headerless audio is.
func (r Request) OpenRaw(ctx context.Context) (*Audio, error) {
	return r.Audio.open(ctx, r.Format, false)
}

// prepare finds out before any provider is asked whether the audio can be had,
// and how long it plays.
func (r Request) prepare(ctx context.Context) error {
	if r.Audio.at.kind == kindURL {
		return nil
	}
	opened, err := r.OpenRaw(ctx)
	if err != nil {
		return err
	}
	_ = opened.Close()
	r.PlayingTime()
	return nil
}

// PlayingTime is Duration, or what the bytes say, and 0 where neither is known:
// for a URL that was not fetched, for a Reader that was not read, for formats it
// does not know. It reads the file of a [File] the first time.
func (r Request) PlayingTime() time.Duration {
	if r.Duration > 0 {
		return r.Duration
	}
	played, _ := r.Audio.playingTime(r.Format)
	return played
}
