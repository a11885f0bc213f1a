// Package deepgram serves text to speech and speech to text over the Deepgram
// API, with net/http and nothing else.
//
//	deep, err := deepgram.New(key,
//		deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en"}))
//	...
//	client, err := tts.New(failover.Providers(deep.TTS(), other.TTS()))
//	...
//	listener, err := stt.New(failover.Providers(deep.STT(), other.STT()))
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
// # What it takes
//
// Files of all kinds, headerless audio, and URLs of files. [DefaultSTTModel] is
// nova-3; of the models nova-3 and nova-2 the languages are known, and a request
// in another one leaves this provider out. A region that the API does not know
// ("en-CA") is asked for without it. Keywords are sent as keyterm to nova-3, and
// as keywords, which are single words, to older models.
//
// # How it fails
//
// Every attempt is one HTTP request, ended by its context. Errors are
// failover.Error values; they print the vendor's code and the request id,
// never the key, the text, the URL or the vendor's message.
package deepgram
