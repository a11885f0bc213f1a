package live

import (
	"strings"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

// deepgramCodes are the vendor's codes in closing frames; see
// https://developers.deepgram.com/docs/stt-troubleshooting-websocket-data-and-net-errors.
var deepgramCodes = map[string]failover.Class{
	// It cannot decode the audio: another vendor may.
	"DATA-0000": failover.ClassUnsupported,
	// It had nothing to say for too long, or heard nothing: the network or the
	// vendor, for silence is bridged.
	"NET-0000": failover.ClassTransient,
	"NET-0001": failover.ClassTransient,
}

// elevenLabsCodes are the vendor's types of errors; see
// https://elevenlabs.io/docs/api-reference/speech-to-text/v-1-speech-to-text-realtime.
var elevenLabsCodes = map[string]failover.Class{
	"auth_error":             failover.ClassUnauthorized,
	"unaccepted_terms":       failover.ClassUnauthorized,
	"unaccepted_terms_error": failover.ClassUnauthorized,
	"quota_exceeded":         failover.ClassExhausted,
	"quota_exceeded_error":   failover.ClassExhausted,
	"rate_limited":           failover.ClassRateLimited,
	"queue_overflow":         failover.ClassRateLimited,
	"resource_exhausted":     failover.ClassRateLimited,
	"input_error":            failover.ClassUnsupported,
	"invalid_request":        failover.ClassUnsupported,
	"chunk_size_exceeded":    failover.ClassUnsupported,
	"transcriber_error":      failover.ClassTransient,
	"error":                  failover.ClassTransient,
}

// expired are the types of errors that are none: the vendor ends a connection
// that has lasted long, or on which nobody speaks.
var expired = map[string]bool{"session_time_limit_exceeded": true, "insufficient_audio_activity": true}

// codeIn is the code in the reason of a closing frame: a code as it is, or one
// of Deepgram's within a sentence ("… See https://dpgr.am/net0001").
func codeIn(reason string) string {
	lower := strings.ToLower(reason)
	for _, family := range []string{"net", "data"} {
		_, after, ok := strings.Cut(lower, family)
		for ok {
			digits := strings.TrimPrefix(after, "-")
			if len(digits) >= 4 && strings.Trim(digits[:4], "0123456789") == "" {
				return strings.ToUpper(family) + "-" + digits[:4]
			}
			_, after, ok = strings.Cut(after, family)
		}
	}
	if strings.ContainsAny(reason, " ") {
		return "" // a sentence
	}
	return httpcall.Code(reason)
}
