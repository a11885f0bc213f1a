package live_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/livesim"
)

// speech is three utterances: of the first the vendors make one final result,
// the second is so long that Deepgram makes two of it, and after the third the
// audio is over at once. It lasts 12.5 seconds.
func speech(k *talk) {
	v := k.rig.voice
	k.speak(slices.Concat(
		v.Say(100*time.Millisecond, 1, 2, 3, 4, 5, 6), v.Silence(2*time.Second),
		v.Say(100*time.Millisecond, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), v.Silence(2*time.Second),
		v.Say(50*time.Millisecond, 17, 18, 19, 20, 21), v.Word(22),
	))
}

const allOfIt = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22"

// moments are those at which a fault may strike.
var moments = []livesim.Moment{
	livesim.AtOnce(), livesim.After(150 * time.Millisecond), livesim.AfterAudio(500 * time.Millisecond),
	livesim.AfterInterims(1), livesim.AfterInterims(4), livesim.AfterFinals(1), livesim.AfterFinals(2),
	livesim.AtFinish(), livesim.AtLast(),
}

// strikes are the faults that strike at a moment.
func strikes(vendor string) []livesim.Fault {
	faults := []livesim.Fault{
		livesim.Cut(), livesim.Reset(), livesim.Close(1011, "NET-0000"), livesim.Close(1000, ""), livesim.Close(1001, "going away"),
		livesim.Close(1008, "DATA-0000"), livesim.Close(1013, "try again later"), livesim.Silent(), livesim.Deaf(), livesim.Garbage(),
		livesim.Binary(), livesim.BadJSON(), livesim.Huge(2 << 20), livesim.Again(), livesim.Skip(), livesim.Late(2 * time.Second),
		livesim.Late(20 * time.Second),
	}
	if vendor == "elevenlabs" {
		for _, code := range []string{
			"auth_error", "quota_exceeded", "rate_limited", "queue_overflow", "resource_exhausted", "input_error",
			"transcriber_error", "error", "unaccepted_terms", "chunk_size_exceeded", "session_time_limit_exceeded",
			"insufficient_audio_activity",
		} {
			faults = append(faults, livesim.Message(code))
		}
	}
	return faults
}

// lasting are the faults that hold from the beginning of a connection.
func lasting() []livesim.Fault {
	faults := []livesim.Fault{
		livesim.Slow(300 * time.Millisecond), livesim.Endless(), livesim.Pongless(), livesim.Unheard(), livesim.Hanging(),
	}
	for _, status := range []int{400, 401, 402, 403, 404, 408, 429, 500, 502, 503, 529, http.StatusOK, http.StatusFound} {
		faults = append(faults, livesim.Status(status, ""))
	}
	return faults
}

// faults are all, at every moment at which they can strike.
func faults(vendor string) []livesim.Fault {
	all := lasting()
	for _, f := range strikes(vendor) {
		for _, m := range moments {
			all = append(all, f.At(m))
		}
	}
	return all
}

// Whatever happens to the first vendor, and whenever: every word comes once, and
// nothing is lost.
func TestMatrixOfOneFault(t *testing.T) {
	for _, vendors := range [][]string{{"deepgram", "elevenlabs"}, {"elevenlabs", "deepgram"}} {
		for _, f := range faults(vendors[0]) {
			t.Run(fmt.Sprint(strings.Join(vendors, " then "), "/", f), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					r := newRig(t, vendors)
					defer r.close()
					r.sims[0].Fail(f)
					k := r.start(t.Context())
					speech(k)
					k.finish()
					require.NoError(t, k.err)
					if !assert.Equal(t, allOfIt, k.text()) {
						t.Logf("\n%s\n%+v", k.story(), k.session.Summary())
					}
				})
			})
		}
	}
}
