package tts

import "time"

// Chunk is one item of a stream of speech: audio, the marker of a restart, or
// the end. Its memory is the consumer's own.
type Chunk struct {
	// Data is audio in Format. The chunks' data one after the other are the
	// bytes of the vendor's answer, headers included where the format has any.
	// A chunk of PCM, mu-law, A-law or MP3 ends where a sample or a frame ends.
	// Empty at a restart and at the end.
	Data []byte
	// Format is what Data is: sample rate and channels are set.
	Format Format
	// Offset is where the text that this chunk's provider was given begins,
	// counted in characters of the text that was asked for. 0 unless another
	// provider continues a stream that broke off.
	Offset int
	// Spoken is how many characters of the text that was asked for have been
	// spoken by the end of this chunk. 0 where the vendor does not say.
	Spoken int
	// Played is the playing time from the beginning of this chunk's provider to
	// the end of this chunk; 0 where it cannot be told.
	Played time.Duration
	// Restart marks that everything before it is to be discarded: the speech
	// comes from its beginning again. It only comes under failover.Restart.
	Restart bool
	// Summary is set in the last item, and in no other.
	Summary *Summary
}

// Summary is what is known of a stream of speech at its end.
type Summary struct {
	// Provider is the name of the provider that spoke, of the last one where
	// others began.
	Provider string
	// Model and Voice are that vendor's ids of what spoke, empty where it does
	// not say and was not told.
	Model, Voice string
	// RequestID is that vendor's id of the request, for its support desk.
	RequestID string
	// Characters is how many characters that vendor counted, or the number of
	// characters in the text it was given where it does not say.
	Characters int
	// Duration is the playing time of all of the stream.
	Duration time.Duration
}

// IsContent says whether a chunk has audio. It is the StreamProvider.Content of
// [WrapStream].
func (c Chunk) IsContent() bool { return len(c.Data) > 0 }

// IsFinal says whether a chunk is the end of the stream. It is the
// StreamProvider.Final of [WrapStream].
func (c Chunk) IsFinal() bool { return c.Summary != nil }

// restarted makes the marker.
func restarted() Chunk { return Chunk{Restart: true} }
