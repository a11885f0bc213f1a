// Package tts is text to speech with failover: one request that any vendor can
// serve, and a client that asks the next vendor when one fails.
//
//	client ─ Synthesize ─ router ─┬─ elevenlabs
//	                              └─ deepgram
//
// A request carries logical names. Each provider is given its own table, so
// that a failover lands on a voice of the same character rather than on
// whatever is left:
//
//	eleven, err := elevenlabs.New(elevenKey,
//		elevenlabs.WithVoices(tts.Voices{"host": "21m00Tcm4TlvDq8ikWAM"}))
//	...
//	deep, err := deepgram.New(deepgramKey,
//		deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en"}))
//	...
//	client, err := tts.New(failover.Providers(eleven.TTS(), deep.TTS()))
//	...
//	audio, err := client.Synthesize(ctx, tts.Request{
//		Text: "Hello.", Voice: "host", Format: tts.WAV(24000),
//	})
//
// The format is explicit: a provider either delivers it or is left out, and
// what it delivered is checked from its bytes. An answer that is empty, cut or
// in another format counts as a failure of that provider, never as success.
//
// # Streams
//
// [NewStream] makes the client for speech that is played while it is being
// made:
//
//	client, err := tts.NewStream(failover.StreamProviders(eleven.TTSStream(), deep.TTSStream()))
//	...
//	for chunk, err := range client.SynthesizeStream(ctx, req) {
//		if err != nil {
//			return err
//		}
//		play(chunk.Data)
//	}
//
// Pipe writes the same to an io.Writer, Reader makes it an io.ReadCloser, and
// [Collect] makes of it what Synthesize returns.
//
// A vendor that fails before its first audio is not noticed. When one breaks
// off later, failover.WithInterrupted decides: the stream ends with an error
// (the default), begins again after a marker ([Chunk].Restart), or goes on at
// another vendor with the text that was not spoken yet (see [Continue]). A
// stream that is not whole has no [Summary].
//
// # Vendors of your own
//
// A vendor of your own joins as a [Provider]: wrap any function from [Request]
// to *[Audio] with failover.Wrap, and let [NewAudio] check what it delivers. One
// that streams joins by [WrapStream], and [Chunks] checks it.
package tts
