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
		"order-1: queued by telnyx",
		"order-2: queued by twilio",
		"order-3: may have been sent, so it is not sent again",
		"order-3: was sent already",
		"order-4: queued by telnyx",
		"news-1: the recipient wants no messages",
		"order-1  twilio 0, telnyx 1",
		"order-2  twilio 1, telnyx 0",
		"order-3  twilio 1, telnyx 0",
		"order-4  twilio 0, telnyx 1",
		"news-1   twilio 0, telnyx 0",
	} {
		require.Contains(t, story, want)
	}
	for _, secret := range []string{anna, berta, "has been shipped", authToken, telnyxKey} {
		require.NotContains(t, story, secret, "the story prints the errors as they are")
	}
}
