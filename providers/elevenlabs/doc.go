// Package elevenlabs serves text to speech and speech to text over the
// ElevenLabs API, with net/http and nothing else.
//
//	eleven, err := elevenlabs.New(key,
//		elevenlabs.WithVoices(tts.Voices{"host": "21m00Tcm4TlvDq8ikWAM"}))
//	...
//	client, err := tts.New(failover.Providers(eleven.TTS(), other.TTS()))
//	...
//	listener, err := stt.New(failover.Providers(eleven.STT(), other.STT()))
//
// # What it delivers
//
// MP3 at 22.05, 24 and 44.1 kHz, WAV and headerless PCM from 8 to 48 kHz, mu-law
// and A-law at 8 kHz, Opus at 48 kHz; mono; at a speed between 0.7 and 1.2.
// Some formats and voices need a plan that includes them: the vendor then says
// so, and the next provider is asked. Requests for anything else leave this
// provider out.
//
// As a stream it delivers the same but for WAV. [WithTimestamps] asks for the
// time of each character too.
//
// # What it takes
//
// Files of all kinds, headerless audio, and https URLs of files. [DefaultSTTModel]
// is scribe_v2; a request in a language that Scribe does not know leaves this
// provider out, and so does one for bare words: it always punctuates. Confidence
// is that of the words, and segments end at pauses and where another speaker
// begins, for the API has neither.
//
// # How it fails
//
// Every attempt is one HTTP request, ended by its context. The vendor's code
// is read before the HTTP status, because an exhausted quota arrives as 401
// beside a refused key, and an error inside an answer that began as a success
// is read as any other. Errors are failover.Error values; they print the code
// and the request id, never the key, the text, the URL or the vendor's message.
package elevenlabs
