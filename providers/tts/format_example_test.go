package tts_test

import (
	"fmt"

	"github.com/gofailover/failover/providers/tts"
)

// A format may leave open what its files say of themselves.
func ExampleFormat_Allows() {
	delivered := tts.Format{Encoding: tts.EncodingMP3, SampleRate: 22050, Channels: 1, BitRate: 48000}
	fmt.Println(tts.MP3(0, 0).Allows(delivered))
	fmt.Println(tts.MP3(44100, 128000).Allows(delivered))
	// Output:
	// true
	// false
}
