package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out))
	for _, line := range []string{
		`openai     forecast({"city":"Oslo"}) forecast({"city":"Rome"})`,
		"! openai: transient (503",
		"anthropic  You need one where there is rain. I was told: Oslo: rain, 4 degrees. Rome: sun, 17 degrees.",
		"google     A coat in Oslo",
		"finished by google; continued 1, restarted 0",
		"finished by openai; continued 0, restarted 1",
		"! cheap: unsatisfactory (llm: the answer is a refusal)",
		"! cheap: unsatisfactory (llm: the answer has confidence 0.30, below 0.70)",
		"12 of 500 requests left",
		"anthropic  You are welcome.",
		"All of this cost ",
	} {
		require.Contains(t, out.String(), line)
	}
}
