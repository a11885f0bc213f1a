package providertest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// inaudible are requests that nobody can serve.
func (c STT) inaudible(t *testing.T) map[string]stt.Request {
	t.Helper()
	all := map[string]stt.Request{}
	file := spokenFile()
	for name, source := range map[string]stt.Source{
		"no audio":               {},
		"empty bytes":            stt.Bytes(nil),
		"file that is not there": stt.File(secretFile(t, file) + ".gone"),
		"directory":              stt.File(t.TempDir()),
		"empty file":             stt.File(secretFile(t, nil)),
		"empty reader":           stt.Reader(strings.NewReader(""), 0),
		"reader that fails":      stt.Reader(iotest.TimeoutReader(onlyReader{strings.NewReader(Canary)}), 0),
		"reader with an error":   stt.Reader(iotest.ErrReader(errors.New(Canary)), 0),
		"reader over its bound":  stt.Reader(bytes.NewReader(file), int64(len(file)-1)),
		"URL without a scheme":   stt.URL("audio.test/secret-token.wav"),
		"URL of a file":          stt.URL("file:///secret-token.wav"),
	} {
		req := c.Request
		req.Audio = source
		all[name] = req
	}
	bare, odd, other, babel, negative, blank := c.Request, c.Request, c.Request, c.Request, c.Request, c.Request
	bare.Format = stt.Format{Encoding: tts.EncodingPCM}
	odd.Format = stt.Format{Encoding: "telegraph"}
	other.Format = stt.PCM(8000) // it is a file with a header
	babel.Language = "not a language"
	negative.Duration = -time.Second
	blank.Keywords = []string{" "}
	all["headerless audio without a rate"], all["unknown encoding"], all["file that is called headerless"] = bare, odd, other
	all["malformed language"], all["negative duration"], all["blank keyword"] = babel, negative, blank
	return all
}

func (c STT) testLocal(t *testing.T) {
	for name, req := range c.inaudible(t) {
		inBubble(t, name, c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			_, err := c.provider(t, s).Do(t.Context(), req)
			wantClass(t, err, failover.ClassInvalid, name)
			wantRequests(t, s, 0)
			for how, text := range printed(err) {
				if strings.Contains(text, "patient") || strings.Contains(text, "secret-token") {
					t.Errorf("%s of the error prints the path or the URL; keep them out of errors: %s", how, text)
				}
			}
		})
	}
	for i, req := range c.Unsupported {
		if req.Audio == (stt.Source{}) {
			req.Audio = c.Request.Audio
		}
		name := strings.TrimSpace(strconv.Itoa(i) + " " + req.Model + " " + req.Language)
		inBubble(t, "unsupported "+name, c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			p := c.provider(t, s)
			if p.Supports == nil || p.Supports(req) {
				t.Error("Supports does not say no, so a router wastes an attempt")
			}
			_, err := p.Do(t.Context(), req)
			e := wantClass(t, err, failover.ClassUnsupported, name)
			if e.Outcome != failover.OutcomeNotAccepted {
				t.Errorf("the outcome is %v, want %v: nothing was sent", e.Outcome, failover.OutcomeNotAccepted)
			}
			wantRequests(t, s, 0)
		})
	}
	inBubble(t, "context that has ended", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.provider(t, s).Do(ctx, c.Request)
		wantEnded(t, err, context.Canceled, "a context that ended before the call")
		wantRequests(t, s, 0)
	})
}

// testUpload breaks what happens while the audio is being sent.
func (c STT) testUpload(t *testing.T) {
	long := c.Request
	long.Audio = stt.Bytes(longFile(longForServer))
	for _, row := range []struct {
		fault vendorsim.Fault
		want  failover.Class
	}{
		{vendorsim.Status(http.StatusUnauthorized), failover.ClassUnauthorized},
		{vendorsim.Status(http.StatusRequestEntityTooLarge), failover.ClassUnsupported},
		{vendorsim.Status(http.StatusTooManyRequests).RetryAfter(7), failover.ClassRateLimited},
		{vendorsim.Status(http.StatusServiceUnavailable), failover.ClassTransient},
	} {
		early := vendorsim.Early(row.fault)
		refused := func(t *testing.T, s *vendorsim.Server, req stt.Request) {
			t.Helper()
			s.Fail(early)
			_, err := c.provider(t, s).Do(t.Context(), req)
			e := wantClass(t, err, row.want, early.String()+", while the audio was being sent")
			if e.Status == 0 {
				t.Error("Error.Status is 0: the vendor has answered, though not all of the audio was sent")
			}
			if row.want == failover.ClassRateLimited && e.RetryAfter != 7*time.Second {
				t.Errorf("Error.RetryAfter is %v, want 7s", e.RetryAfter)
			}
			wantRequests(t, s, 1)
		}
		inBubble(t, early.String(), c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			refused(t, s, long)
			<-time.After(time.Second) // fake: a server waits for the rest before it hangs up
		})
		overTCP(t, early.String()+" over TCP", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			if testing.Short() {
				t.Skip("a server waits for half a second before it hangs up")
			}
			longer := c.Request
			longer.Audio = stt.Bytes(longFile(longForNetwork))
			refused(t, s, longer)
		})
	}
	reset := vendorsim.ResetUpload(100_000)
	broken := func(t *testing.T, s *vendorsim.Server) {
		t.Helper()
		s.Fail(reset)
		_, err := c.provider(t, s).Do(t.Context(), long)
		wantClass(t, err, failover.ClassTransient, reset.String())
		wantRequests(t, s, 1)
	}
	inBubble(t, reset.String(), c.Vendor, broken)
	overTCP(t, reset.String()+" over TCP", c.Vendor, broken)

	inBubble(t, "deadline while the vendor does not read", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		const deadline = 5 * time.Second
		s.Fail(vendorsim.StallUpload(100_000))
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		start := time.Now()
		_, err := c.provider(t, s).Do(ctx, long)
		wantEnded(t, err, context.DeadlineExceeded, "the caller's deadline")
		wantAt(t, start, deadline)
		<-time.After(time.Hour) // fake: the vendor reads what has arrived, and notices
	})
}

func (c STT) testAnswer(t *testing.T) {
	faults := []vendorsim.Fault{
		vendorsim.Empty(), vendorsim.Cut(), vendorsim.CutReset(), vendorsim.CutChunks(), vendorsim.BadChunk(), vendorsim.Page(),
		vendorsim.Truncate(),
		vendorsim.Body(http.StatusOK, "application/json", `{"message":"`+Canary+`"}`),
		vendorsim.Body(http.StatusOK, "application/json", `null`),
		vendorsim.Body(http.StatusOK, "application/json", `[]`),
		vendorsim.Body(http.StatusOK, "", `{"message":"`+Canary+`"}`),
		vendorsim.Body(http.StatusOK, "text/plain", Canary),
		vendorsim.Body(http.StatusNoContent, "", ""),
	}
	for _, body := range c.Partial {
		faults = append(faults, vendorsim.Body(http.StatusOK, "application/json", body))
	}
	for i, fault := range faults {
		inBubble(t, strconv.Itoa(i)+" "+fault.String(), c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			s.FailAlways(fault)
			req := c.Request
			_, err := c.provider(t, s).Do(t.Context(), req)
			if err == nil {
				t.Fatalf("%v was passed off as whole", fault)
			}
			wantClass(t, err, failover.ClassIncomplete, fault.String())
			wantRequests(t, s, 1)
		})
	}
	inBubble(t, "endless", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		if testing.Short() {
			t.Skip("reads until the provider has had enough")
		}
		const tooMuch = 1 << 30
		s.FailWhen(func(vendorsim.Request) vendorsim.Fault { return vendorsim.Endless(tooMuch) })
		_, err := c.provider(t, s).Do(t.Context(), c.Request)
		wantClass(t, err, failover.ClassIncomplete, "an answer without end")
		if s.Stats().Sent >= tooMuch {
			t.Error("a gigabyte was read: bound the answer")
		}
	})
}

// testAgain puts the provider behind a client, and has the first attempt fail:
// the second must have all of the audio too, wherever it comes from.
func (c STT) testAgain(t *testing.T) {
	file := spokenFile()
	for name, source := range map[string]func(t *testing.T) stt.Source{
		"bytes":  func(*testing.T) stt.Source { return stt.Bytes(file) },
		"file":   func(t *testing.T) stt.Source { t.Helper(); return stt.File(secretFile(t, file)) },
		"reader": func(*testing.T) stt.Source { return stt.Reader(onlyReader{bytes.NewReader(file)}, 0) },
	} {
		for _, fault := range []vendorsim.Fault{
			vendorsim.Status(http.StatusServiceUnavailable), vendorsim.ResetAfterRead(), vendorsim.ResetUpload(1000), vendorsim.Cut(),
		} {
			inBubble(t, name+" after "+fault.String(), c.Vendor, func(t *testing.T, s *vendorsim.Server) {
				first, second := c.provider(t, s), c.provider(t, s)
				second.Name, second.Account = "second", "second"
				client, err := stt.New([]stt.Provider{first, second})
				if err != nil {
					t.Fatal(err)
				}
				s.Fail(fault)
				req := c.Request
				req.Audio = source(t)
				heard, err := client.Transcribe(t.Context(), req)
				if err != nil {
					t.Fatalf("the second attempt failed: %v", err)
				}
				c.wantTranscript(t, heard, req)
				wantRequests(t, s, 2)
				wantSent(t, s, 1, file)
			})
		}
	}
}
