// Package deepgram serves text to speech over the Deepgram API, with net/http
// and nothing else.
//
//	deep, err := deepgram.New(key,
//		deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en"}))
//	...
//	client, err := tts.New(failover.Providers(deep.TTS(), other.TTS()))
//
// # What it delivers
//
// Headerless PCM and WAV at 8, 16, 24, 32 and 48 kHz, mu-law and A-law at 8 and
// 16 kHz, MP3 at 22.05 kHz, Opus at 48 kHz; mono; at a speed between 0.7 and
// 1.5. At Deepgram a voice, its model family and its language are one name
// ("aura-2-thalia-en"): a request for another language or family than its
// voice has leaves this provider out.
//
// A stream has the same formats.
//
// # How it fails
//
// Every attempt is one HTTP request, ended by its context. Errors are
// failover.Error values; they print the vendor's code and the request id,
// never the key, the text, the URL or the vendor's message.
package deepgram
