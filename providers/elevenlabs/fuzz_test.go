package elevenlabs_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/tts"
)

// answerWith is a transport that gives one answer to everything.
type answerWith struct {
	status int
	body   string
}

func (a answerWith) RoundTrip(r *http.Request) (*http.Response, error) {
	w := vendorsim.Record(a.status, http.Header{"Content-Type": {"application/json"}}, a.body)
	w.Request = r
	return w, nil
}

// FuzzErrors reads arbitrary answers as errors: it never panics, there is
// always a class, and what is printed is shaped like codes and ids, whatever
// the body says.
func FuzzErrors(f *testing.F) {
	for _, row := range refusals {
		f.Add(row.Status, row.Body)
	}
	f.Add(400, `{"detail":{"code":{"status":1},"status":null,"message":[]}}`)
	f.Add(500, `{"err_code":17,"err_msg":{},"category":"x y z w"}`)
	f.Add(429, "\xff\xfe<html>")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return // net/http gives no other
		}
		c, err := elevenlabs.New(key, elevenlabs.WithVoices(voices), elevenlabs.WithHTTPClient(&http.Client{Transport: answerWith{status, body}}))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.TTS().Do(t.Context(), tts.Request{Text: "Hello.", Voice: "host", Format: tts.WAV(24000)})
		if err == nil {
			t.Fatalf("%d with a JSON answer is no success", status)
		}
		e := failover.Classify(err)
		if status >= 300 && e.Class == failover.ClassUnknown {
			t.Errorf("no class for status %d", status)
		}
		text := fmt.Sprintf("%v %+v %#v", err, err, e)
		if len(text) > 1000 {
			t.Errorf("prints %d bytes", len(text))
		}
		for _, r := range text {
			if r > unicode.MaxASCII || r < ' ' || strings.ContainsRune(`<>{}[]"\+@/?&=%`, r) {
				t.Errorf("prints %q of the body: %s", r, text)
			}
		}
	})
}
