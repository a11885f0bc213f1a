// Package live writes speech down while it is being spoken, over the WebSocket
// APIs of Deepgram and ElevenLabs. It is a module of its own, because it needs a
// WebSocket library: github.com/coder/websocket, which needs nothing else.
//
//	deep, err := deepgram.New(deepgramKey)
//	...
//	eleven, err := elevenlabs.New(elevenKey)
//	...
//	client, err := stt.NewLive([]stt.LiveProvider{live.Deepgram(deep), live.ElevenLabs(eleven)})
//	...
//	session, err := client.Start(ctx, stt.LiveRequest{Format: stt.PCM(16000), Language: "en"})
//
// Key, base URL, transport, name, account and the table of models
// (WithLiveModels) are those of the vendor's client. See stt.LiveClient for what
// a session does.
//
// # What they take
//
//	            Deepgram                       ElevenLabs
//	audio       PCM, mu-law and A-law,         PCM at 8, 16, 22.05, 24, 44.1 and 48 kHz,
//	            8 to 48 kHz, one or two        mu-law at 8 kHz, one channel
//	            channels mixed
//	model       DefaultDeepgramModel           DefaultElevenLabsModel
//	language    any tag; none with nova-2      any tag, by its language alone;
//	            and nova-3, which then expect  or none
//	            several
//	speakers    yes                            no
//	bare words  yes                            no
//	keywords    100 of them                    50 of up to 20 characters
//	pause       10 ms to 10 s                  above 300 ms to 3 s
//	words       with times and confidence      with times and confidence
//
// A provider is left out of a session that asks for what it does not have, so
// that a failover changes neither language nor format.
//
// # How they fail
//
// A refused upgrade is read as any refusal of the vendor's API, a code in a
// closing frame or an error message by the vendor's list. Whether a connection
// is alive is asked with a ping every four seconds. Errors are failover.Error
// values; they print the vendor's code and the request id, never the key, the
// URL, the transcript or the vendor's message.
package live
