package providertest_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

func streamConformance(t *testing.T, fault string) {
	t.Helper()
	providertest.TestTTSStream(t, providertest.TTSStream{
		New:         newAcmeStream(fault),
		Vendor:      acmeAPI(),
		Request:     tts.Request{Format: tts.PCM(16000)},
		Formats:     []tts.Format{{Encoding: tts.EncodingPCM, SampleRate: 16000}},
		Unsupported: []tts.Request{{Format: tts.PCM(8000)}, {Format: tts.MP3(0, 0)}},
		Events: []providertest.Refusal{{
			Name: "no credit", Body: `{"code":"no_credit","message":"` + providertest.Canary + `"}`,
			Want: failover.ClassExhausted, Code: "no_credit",
		}},
	})
}

func conformance(t *testing.T, fault string) {
	t.Helper()
	providertest.TestTTS(t, providertest.TTS{
		New:         newAcme(fault),
		Vendor:      acmeAPI(),
		Request:     tts.Request{Format: tts.PCM(16000)},
		Formats:     []tts.Format{{Encoding: tts.EncodingPCM, SampleRate: 16000}},
		Unsupported: []tts.Request{{Format: tts.PCM(8000)}, {Format: tts.MP3(0, 0)}},
		Refusals: []providertest.Refusal{{
			Name: "no credit", Status: 400, Body: `{"code":"no_credit","message":"` + providertest.Canary + `"}`,
			Want: failover.ClassExhausted, Code: "no_credit", Message: providertest.Canary,
		}},
	})
}

func sttConformance(t *testing.T, fault string) {
	t.Helper()
	providertest.TestSTT(t, providertest.STT{
		New:         newListener(fault),
		Vendor:      acmeListenAPI(),
		Text:        acmeText,
		Formats:     []stt.Format{stt.PCM(16000), stt.MuLaw(8000)},
		Unsupported: []stt.Request{{Language: "fr"}, {Diarize: true}, {Audio: stt.URL("https://audio.test/a.wav")}},
		Refusals: []providertest.Refusal{{
			Name: "no credit", Status: 400, Body: `{"code":"no_credit","message":"` + providertest.Canary + `"}`,
			Want: failover.ClassExhausted, Code: "no_credit", Message: providertest.Canary,
		}},
		Partial: []string{`{"text":""}`, `{"words":[]}`},
	})
}

// TestAGoodAdapterPasses has nothing of this module's inside but its public
// packages.
func TestAGoodAdapterPasses(t *testing.T) {
	conformance(t, "")
	streamConformance(t, "")
	sttConformance(t, "")
}

const (
	faultVariable       = "PROVIDERTEST_FAULT"
	streamFaultVariable = "PROVIDERTEST_STREAM_FAULT"
	sttFaultVariable    = "PROVIDERTEST_STT_FAULT"
)

// TestBadAdapter is run by TestEveryFaultIsFound, in a process of its own.
func TestBadAdapter(t *testing.T) {
	fault, streamFault, sttFault := os.Getenv(faultVariable), os.Getenv(streamFaultVariable), os.Getenv(sttFaultVariable)
	switch {
	case sttFault != "":
		sttConformance(t, sttFault)
	case fault != "":
		conformance(t, fault)
	case streamFault != "":
		streamConformance(t, streamFault)
	default:
		t.Skip("run by TestEveryFaultIsFound")
	}
}

// TestEveryFaultIsFound breaks the adapter in one way at a time: the suite must
// fail, and say which rule was broken.
func TestEveryFaultIsFound(t *testing.T) {
	t.Parallel()
	for fault, rule := range map[string]string{
		faultLeak:      "read or close the body of every response",
		faultRetry:     "retries and redirects belong to the router",
		faultPrint:     "prints a URL",
		faultPrintKey:  "prints the API key",
		faultMessage:   "prints the vendor's message",
		faultRedirect:  "one call made 2 HTTP requests, want 1",
		faultBound:     "bytes of an error's body were read: bound it",
		faultDeaf:      "deadlock", // nobody else would end the call either
		faultGullible:  "passed off as whole",
		faultClassless: "the error is of class unknown, want",
		faultEager:     "want an error of class invalid",
		faultHint:      "Error.RetryAfter is 0s, want 7s",
		faultCode:      "the error is of class invalid, want exhausted",
		faultHasty:     "it must end with its context",
		faultProbe:     "the provider reported success",
		faultPaid:      "a probe must be free",
		faultWindow:    "Supports does not say no",
		faultBlank:     "Audio.Characters is not set",
		faultEffect:    "speech has no side effect",
	} {
		findsFault(t, faultVariable, fault, rule)
	}
}

// TestEveryStreamFaultIsFound does the same to an adapter that streams.
func TestEveryStreamFaultIsFound(t *testing.T) {
	t.Parallel()
	for fault, rule := range map[string]string{
		faultReuse:     "do not reuse its memory",
		faultCollect:   "pass each on when it is there",
		faultSilent:    "were passed off as whole",
		faultOpen:      "read or close the body",
		faultAhead:     "one call made 1 HTTP requests, want 0",
		faultRepeat:    "one call made 2 HTTP requests, want 1",
		faultNoSummary: "the stream ended without its end marker",
		faultAfter:     "Summary belongs into the last item",
		faultEvent:     "read the error inside the answer",
		faultDrop:      "pass on every byte",
		faultOffset:    "Chunk.Offset is 0, want that of the request, 7",
		faultStart:     "nobody took over",
		faultTail:      "were passed off as whole",
		faultDeafness:  "deadlock",

		faultLeak:      "read or close the body of every response",
		faultPrint:     "prints a URL",
		faultPrintKey:  "prints the API key",
		faultClassless: "the error is of class unknown, want",
		faultHint:      "Error.RetryAfter is 0s, want 7s",
	} {
		findsFault(t, streamFaultVariable, fault, rule)
	}
}

// TestEverySTTFaultIsFound does the same to an adapter that listens.
func TestEverySTTFaultIsFound(t *testing.T) {
	t.Parallel()
	for fault, rule := range map[string]string{
		faultOnce:     "the second attempt failed",
		faultHalf:     "send all of it",
		faultHeadless: "Do failed: invalid (415)",
		faultFetch:    "Supports does not say no to a URL",
		faultPath:     "prints the path or the URL",
		faultBlame:    "the error is of class transient, want invalid",
		faultWordless: "Transcript.Words are not what was said",
		faultNameless: "Transcript.Model is not set",

		faultLeak:      "read or close the body of every response",
		faultRetry:     "retries and redirects belong to the router",
		faultPrint:     "prints a URL",
		faultPrintKey:  "prints the API key",
		faultMessage:   "prints the vendor's message",
		faultRedirect:  "one call made 2 HTTP requests, want 1",
		faultBound:     "bytes of an error's body were read: bound it",
		faultDeaf:      "deadlock",
		faultGullible:  "passed off as whole",
		faultClassless: "the error is of class unknown, want",
		faultEager:     "want an error of class invalid",
		faultHint:      "Error.RetryAfter is 0s, want 7s",
		faultCode:      "the error is of class invalid, want exhausted",
		faultHasty:     "it must end with its context",
		faultProbe:     "the provider reported success",
		faultPaid:      "a probe must be free",
		faultWindow:    "Supports does not say no",
		faultBlank:     "Transcript.Duration is not set",
		faultEffect:    "listening has no side effect",
	} {
		findsFault(t, sttFaultVariable, fault, rule)
	}
}

// findsFault runs the suite on a bad adapter and wants it to say the rule.
func findsFault(t *testing.T, variable, fault, rule string) {
	t.Helper()
	t.Run(fault, func(t *testing.T) {
		t.Parallel()
		self, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestBadAdapter$", "-test.short", "-test.timeout=60s")
		cmd.Env = append(os.Environ(), variable+"="+fault)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "the suite passed an adapter that %s:\n%s", fault, out)
		assert.Contains(t, string(out), rule)
	})
}
