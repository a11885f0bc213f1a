package main

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStory(t *testing.T) {
	t.Parallel()
	before := runtime.NumGoroutine()
	var out strings.Builder
	err := run(t.Context(), &out)
	story := out.String()
	t.Log("\n" + story)
	require.NoError(t, err)

	turns := strings.Split(story, "\n\n")[1:]
	require.Len(t, turns, 6, "five turns and what came of them")
	for i, facts := range [][]string{
		{
			"heard   when does my train leave ", "[deepgram]",
			"Your train leaves at nine. It is on time today.", "[anthropic]",
			"s of audio", "[elevenlabs]",
		},
		{
			"heard   which platform does it use ", "[deepgram, then elevenlabs]",
			"! deepgram: transient (", "elevenlabs goes on with the audio from ",
			"It leaves from platform two. That is across the bridge.", "[anthropic]",
			"s of audio", "[elevenlabs]",
		},
		{
			"heard   can i take my bicycle ", "[elevenlabs]",
			"Yes, there is room for it. Please take the last car.", "[anthropic, then google]",
			"! anthropic: incomplete (", `google goes on with "last car."`,
			"s of audio", "[elevenlabs]",
		},
		{
			"heard   how long does it take ", "[elevenlabs]",
			"The journey takes three hours. You arrive at noon.", "[anthropic]",
			"s of audio", "[elevenlabs, then deepgram, then elevenlabs]",
			"! elevenlabs: timeout (", `deepgram goes on with "three hours."`,
		},
		{
			"heard   thank you and good bye ", "[elevenlabs]",
			"You are welcome. I wish you a good journey.", "[anthropic]",
			"s of audio", "[elevenlabs]",
		},
		{
			"live transcription ", "model ", "voice ", "The live transcription was silent for ",
			"Lost: nothing. Each of the caller's 25 words was heard once.",
		},
	} {
		rest := turns[i]
		for _, fact := range facts {
			_, after, found := strings.Cut(rest, fact)
			require.True(t, found, "%q is not there, or not after what comes before it, in\n%s", fact, turns[i])
			rest = after
		}
	}
	require.Equal(t, 3, strings.Count(story, " ! "), "outages")
	require.NotContains(t, story, "<", "a part of a word was taken for one")
	for _, secret := range []string{deepgramKey, elevenKey, anthropicKey, googleKey, "127.0.0.1", "own words"} {
		require.NotContains(t, story, secret)
	}

	// One more is the one that looks.
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 10*time.Second, 10*time.Millisecond)
}
