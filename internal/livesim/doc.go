// Package livesim runs vendors' live transcription over WebSocket, as far as the
// adapters of this repository use it: same paths, same checks, same messages,
// and the closing handshake. And it fails on command.
//
//	sim := livesim.Deepgram("key")
//	defer sim.Close()
//	client, err := deepgram.New("key", deepgram.WithBaseURL(sim.URL()))
//	...
//	sim.Fail(livesim.Cut().At(livesim.AfterFinals(2))) // the next connection
//	sim.FailAlways(livesim.Silent())                   // and those after it
//	sim.Heal()
//
// It listens: a [Voice] speaks words that are numbers, and a simulator writes
// down those that it was really sent. A word of which it got only a part comes
// out with a question mark. So a transcript tells exactly what was lost, doubled
// or cut.
//
// What it says depends on the audio alone, not on how it was divided, so that
// transcripts are the same every time. Servers listen on TCP or, with
// [InMemory], on pipes, which work under the fake time of testing/synctest.
package livesim
