// Package stt is speech to text with failover: one request that any vendor can
// serve, and a client that asks the next vendor when one fails.
//
//	client ─ Transcribe ─ router ─┬─ deepgram
//	                              └─ elevenlabs
//
// A request has audio, says what it knows of it, and what it wants to be told:
//
//	deep, err := deepgram.New(deepgramKey)
//	...
//	eleven, err := elevenlabs.New(elevenKey)
//	...
//	client, err := stt.New(failover.Providers(deep.STT(), eleven.STT()))
//	...
//	heard, err := client.TranscribeFile(ctx, "call.wav", stt.Request{Language: "en", Diarize: true})
//
// # Audio
//
// Audio is [Bytes], a [File], a [URL], or a [Reader] that can be read once: that
// is read to its end, up to a bound, before any provider is asked. Every attempt
// sends all of the audio, from its beginning; what cannot be had whole is
// refused, and never sent empty or cut. A URL is given to vendors that take one,
// and fetched here only if [Source.FetchWith] says so.
//
// Files say themselves what they are. Headerless audio (PCM, mu-law, A-law) needs
// Request.Format, and is sent as a WAV file, so that no vendor can take it for
// something else.
//
// # Same language, same options
//
// A failover changes neither: a provider whose model does not know the language,
// or that cannot tell the words, the speakers or whatever else was asked for, is
// left out. Model names are logical: each provider has a [Models] table, so that
// a failover lands on a model of the same quality rather than on whatever is
// left.
//
// # While it is spoken
//
// [NewLive] makes a client for audio that comes as it is spoken: a [Session] takes
// it, and tells interim and final results. When its vendor fails, the next one
// gets the audio since the last final result. It stays there until that
// connection ends, even if the first vendor is well again. The connections are in
// package live, a module of its own.
//
// # Good enough
//
// A transcript is checked before it counts: words and speakers are there if they
// were asked for, and the vendor has listened to all of the audio. Whether it is
// good enough is for Provider.Validate, for which there are [NonEmpty],
// [Confident], [ConfidentWords] and [InLanguage], joined by [All]:
//
//	p := deep.STT()
//	p.Validate = stt.All(stt.NonEmpty, stt.Confident(0.6), stt.InLanguage())
//
// An attempt may take [DefaultTimeout] and half the playing time of the audio.
//
// # Vendors of your own
//
// A vendor of your own joins as a [Provider]: wrap any function from [Request]
// to *[Transcript] with failover.Wrap, open the audio with [Request.Open], and let
// [NewTranscript] check what the vendor delivered.
package stt
