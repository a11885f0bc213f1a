package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStory(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out))
	story := out.String()
	for _, want := range []string{
		"reminder-1: queued by telnyx",
		"reminder-2: queued by twilio",
		"reminder-2: in_progress",
		"reminder-2: hung up",
		"reminder-3: may be ringing, so nobody dials again",
		"reminder-3: was placed already",
		"reminder-4: queued by telnyx",
		"reminder-1 twilio 0, telnyx 1",
		"reminder-2 twilio 1, telnyx 0",
		"reminder-3 twilio 1, telnyx 0",
		"reminder-4 twilio 0, telnyx 1",
	} {
		require.Contains(t, story, want)
	}
	for _, secret := range []string{anna, reminder, authToken, telnyxKey} {
		require.NotContains(t, story, secret, "the story prints the errors as they are")
	}
}
