package providertest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/providertest"
)

func llmConformance(t *testing.T, fault string) {
	t.Helper()
	noCredit := `{"error":{"code":"insufficient_quota","type":"insufficient_quota","message":"` + providertest.Canary + `"}}`
	providertest.TestLLM(t, providertest.LLM{
		New:         newTalker(fault),
		Wire:        providertest.OpenAI,
		Model:       "smart",
		Lacks:       providertest.Lacks{Prefill: true},
		Unsupported: []llm.Request{{Model: "openai:gpt-4.1"}},
		Refusals: []providertest.Refusal{{
			Name: "no credit", Status: 429, Body: noCredit,
			Want: failover.ClassExhausted, Code: "insufficient_quota", Message: providertest.Canary,
		}},
		Events: []providertest.Refusal{{
			Name: "no credit", Body: "data: " + noCredit + "\n\n", Want: failover.ClassExhausted, Code: "insufficient_quota",
		}},
	})
}

// TestAGoodLLMAdapterPasses is for language models what TestAGoodAdapterPasses
// is for speech.
func TestAGoodLLMAdapterPasses(t *testing.T) { llmConformance(t, "") }

const llmFaultVariable = "PROVIDERTEST_LLM_FAULT"

// TestBadLLMAdapter is run by TestEveryLLMFaultIsFound, in a process of its own.
func TestBadLLMAdapter(t *testing.T) {
	fault := os.Getenv(llmFaultVariable)
	if fault == "" {
		t.Skip("run by TestEveryLLMFaultIsFound")
	}
	llmConformance(t, fault)
}

// TestEveryLLMFaultIsFound breaks the adapter in one way at a time: the suite
// must fail in the part that is there for it, and say which rule was broken.
func TestEveryLLMFaultIsFound(t *testing.T) {
	t.Parallel()
	for fault, found := range map[string]struct{ by, rule string }{
		faultTrust:     {"streams/broken off", "was passed off as whole"},
		faultHalfCall:  {"answers", "tool calls, want"},
		faultLastWord:  {"streams/broken off", "was passed off as whole"},
		faultMute:      {"requests", "the system's text is"},
		faultOneCall:   {"answers", "tool calls, want"},
		faultLongIDs:   {"histories", "does not go on here"},
		faultForeign:   {"histories", "see llm.Message.For"},
		faultUnasked:   {"requests", "prefill: the provider reported success"},
		faultNoUsage:   {"answers", "read what the vendor counted"},
		faultBlocked:   {"answers", "blocked: the provider reported success"},
		faultImages:    {"requests", "want both as they are and in order"},
		faultHang:      {"streams/left", "clients leave, want 1 and 1"},
		faultEvents:    {"streams/error inside", "want rate_limited"},
		faultAmbient:   {"environment", "the environment makes the provider fail"},
		faultMeterless: {"limits", "want 7 of 100 left"},
		faultMixed:     {"before anything is sent", "wrote through the request"},
		faultSlow:      {"streams/as it comes", "pass each on when it is there"},
		faultDouble:    {"streams/broken off", "one call made 2 HTTP requests, want 1"},
		faultLost:      {"answers", "pass on every character"},
		faultNoSummary: {"answers", "neither a Summary nor an error"},
		faultDeaf:      {"time", "deadlock"}, // nobody else would end the call either
		faultHasty:     {"time", "how long to wait is the router's to say"},
		faultRetry:     {"concurrency", "retries and redirects belong to the router"},
		faultBlank:     {"answers", "Response.Provider is not set"},
		faultLeak:      {"refusals", "read or close the body of every response"},
		faultPrint:     {"connection", "prints a URL"},
		faultMessage:   {"refusals", "prints the vendor's message"},
		faultRedirect:  {"refusals", "one call made 2 HTTP requests, want 1"},
		faultBound:     {"refusals", "bytes of an error's body were read: bound it"},
		faultGullible:  {"broken answers", "passed off as whole"},
		faultEager:     {"before anything is sent", "want an error of class invalid"},
		faultHint:      {"refusals", "Error.RetryAfter is 0s, want 7s"},
		faultCode:      {"refusals", "the error is of class rate_limited, want exhausted"},
		faultPaid:      {"health check", "it must be free and change nothing"},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			self, err := os.Executable()
			require.NoError(t, err)
			part := "^" + strings.ReplaceAll(strings.ReplaceAll(found.by, " ", "_"), "/", "$/^") + "$"
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestBadLLMAdapter$/"+part, "-test.short", "-test.timeout=60s")
			cmd.Env = append(os.Environ(), llmFaultVariable+"="+fault)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "the suite passed an adapter that %s:\n%s", fault, out)
			assert.Contains(t, string(out), found.rule)
		})
	}
}
