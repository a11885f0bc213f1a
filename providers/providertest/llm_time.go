package providertest

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
)

// testTime runs under fake time: a call ends at the very moment it should.
func (c LLM) testTime(t *testing.T) {
	const deadline, cancelled = 5 * time.Second, 2 * time.Second
	for _, fault := range []vendorsim.Fault{
		vendorsim.Silence(), vendorsim.Stall(), vendorsim.SlowFirstByte(time.Hour), vendorsim.Trickle(1, time.Minute),
	} {
		c.each(t, "deadline in "+fault.String(), func(t *testing.T, s *vendorsim.Server, ask asker) {
			s.FailAlways(fault)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			start := time.Now()
			_, err := ask(ctx, c.hello())
			wantEnded(t, err, context.DeadlineExceeded, "the caller's deadline")
			wantAt(t, start, deadline)
			wantGone(t, s)
		})
		c.each(t, "cancel in "+fault.String(), func(t *testing.T, s *vendorsim.Server, ask asker) {
			s.FailAlways(fault)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			time.AfterFunc(cancelled, cancel)
			start := time.Now()
			_, err := ask(ctx, c.hello())
			wantEnded(t, err, context.Canceled, "the caller's cancel")
			wantAt(t, start, cancelled)
			wantGone(t, s)
		})
	}
	for _, fault := range []vendorsim.Fault{vendorsim.SlowFirstByte(20 * time.Minute), vendorsim.Trickle(64, 10*time.Second)} {
		c.each(t, "patience with "+fault.String(), func(t *testing.T, s *vendorsim.Server, ask asker) {
			s.FailAlways(fault)
			if _, err := ask(t.Context(), c.hello()); err != nil {
				t.Fatalf("a slow answer failed, though its context had not ended: %v; how long to wait is the router's to say", err)
			}
		})
	}
}

// testConcurrency has many callers at once, every third of which meets a
// fault. Run it with -race.
func (c LLM) testConcurrency(t *testing.T) {
	c.bubble(t, "many callers", func(t *testing.T, s *vendorsim.Server) {
		const callers = 24
		p, modes := c.provider(t, s), c.modes()
		s.Flap(2, 1, vendorsim.Status(503))
		s.Answer(vendorsim.Answers()) // they echo
		errs, texts := make([]error, callers), make([]string, callers)
		words := strings.Fields(tale)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				req := c.hello()
				req.Messages = append(req.Messages, llm.User("My word is "+words[i%len(words)]+"."))
				got, err := modes[i%len(modes)].of(p)(t.Context(), req)
				errs[i] = err
				if err == nil {
					texts[i] = got.Text()
				}
			})
		}
		wg.Wait()
		failed := 0
		for i, err := range errs {
			if err != nil {
				failed++
				wantClass(t, err, failover.ClassTransient, "a 503 among concurrent calls")
			} else if !strings.Contains(texts[i], words[i%len(words)]+".") {
				t.Errorf("caller %d got another's answer: %q", i+1, texts[i])
			}
		}
		if failed != callers/3 {
			t.Errorf("%d of %d concurrent calls failed, want %d: one call's failure must not touch another", failed, callers, callers/3)
		}
		wantRequests(t, s, callers)
	})
}

// probes are Check and List, which are the same to a vendor that is ill.
func probes(p llm.Provider) map[string]func(context.Context) error {
	all := map[string]func(context.Context) error{}
	if p.Check != nil {
		all["Check"] = p.Check
	}
	if p.List != nil {
		all["List"] = func(ctx context.Context) error {
			_, err := p.List(ctx)
			return err
		}
	}
	return all
}

// probe runs a subtest for Check and one for List.
func (c LLM) probe(t *testing.T, name string, test func(t *testing.T, s *vendorsim.Server, probe func(context.Context) error)) {
	t.Helper()
	for _, which := range []string{"Check", "List"} {
		c.bubble(t, name+", "+which, func(t *testing.T, s *vendorsim.Server) {
			probe, ok := probes(c.provider(t, s))[which]
			if !ok {
				t.Skip("the provider has no " + which)
			}
			test(t, s, probe)
		})
	}
}

func (c LLM) testHealth(t *testing.T) {
	c.probe(t, "good", func(t *testing.T, s *vendorsim.Server, probe func(context.Context) error) {
		for range 2 {
			if err := probe(t.Context()); err != nil {
				t.Errorf("a healthy vendor failed: %v", err)
			}
		}
		for _, r := range s.Requests() {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				t.Errorf("the probe sent a %s: it must be free and change nothing", r.Method)
			}
		}
	})
	c.bubble(t, "wrong key", func(t *testing.T, s *vendorsim.Server) {
		for what, probe := range probes(c.providerWith(t, strangeKey, s, s.Client())) {
			wantClass(t, probe(t.Context()), failover.ClassUnauthorized, what+" with a refused key")
		}
	})
	for _, row := range []struct {
		fault vendorsim.Fault
		want  failover.Class
	}{
		{vendorsim.Status(http.StatusInternalServerError), failover.ClassTransient},
		{vendorsim.Status(http.StatusTooManyRequests), failover.ClassRateLimited},
		{vendorsim.ResetAfterRead(), failover.ClassTransient},
		{vendorsim.HangUp(), failover.ClassTransient},
		{vendorsim.Cut(), failover.ClassIncomplete},
		{vendorsim.Page(), failover.ClassIncomplete},
		{vendorsim.Empty(), failover.ClassIncomplete},
	} {
		c.probe(t, row.fault.String(), func(t *testing.T, s *vendorsim.Server, probe func(context.Context) error) {
			s.FailAlways(row.fault)
			wantClass(t, probe(t.Context()), row.want, "a vendor with "+row.fault.String())
			wantRequests(t, s, 1)
		})
	}
	for _, fault := range []vendorsim.Fault{vendorsim.Silence(), vendorsim.Stall()} {
		c.probe(t, fault.String(), func(t *testing.T, s *vendorsim.Server, probe func(context.Context) error) {
			s.FailAlways(fault)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			wantEnded(t, probe(ctx), context.DeadlineExceeded, "a silent vendor")
			wantAt(t, start, time.Second)
		})
	}
	c.probe(t, "refused", func(t *testing.T, s *vendorsim.Server, probe func(context.Context) error) {
		s.Down()
		wantClass(t, probe(t.Context()), failover.ClassTransient, "a vendor that is down")
	})
}

// testModels sees that the models are listed.
func (c LLM) testModels(t *testing.T) {
	c.bubble(t, "listed", func(t *testing.T, s *vendorsim.Server) {
		p := c.provider(t, s)
		if p.List == nil {
			t.Skip("the provider has no List")
		}
		models, err := p.List(t.Context())
		if err != nil {
			t.Fatalf("List failed: %v", err)
		}
		ids := map[string]bool{}
		for _, m := range models {
			switch {
			case m.ID == "" || ids[m.ID]:
				t.Errorf("the id %q is empty or there twice", m.ID)
			case m.Provider != p.Name:
				t.Errorf("ModelInfo.Provider is %q, want %q", m.Provider, p.Name)
			}
			ids[m.ID] = true
		}
		if m, ok := p.Models.Find(p.Vendor, c.Model); ok && !ids[m.ID] {
			t.Errorf("%d models are listed, %s not among them", len(models), m.ID)
		}
	})
}

// testLimits sees that the vendor's rate limits are read, from errors too.
func (c LLM) testLimits(t *testing.T) {
	for _, m := range c.modes() {
		c.bubble(t, m.name, func(t *testing.T, s *vendorsim.Server) { c.testLimitsOf(t, s, m) })
	}
}

func (c LLM) testLimitsOf(t *testing.T, s *vendorsim.Server, m mode) {
	t.Helper()
	p := c.provider(t, s)
	if p.Limits == nil || c.Wire == Google { // which tells none
		t.Skip("the vendor does not tell its limits")
	}
	if !p.Limits().At.IsZero() {
		t.Error("limits are known before the vendor said any")
	}
	for _, row := range []struct {
		fault vendorsim.Fault
		left  int
	}{{vendorsim.None(), 90}, {vendorsim.Status(http.StatusTooManyRequests), 7}} {
		s.Limits(vendorsim.LLMLimits{Requests: 100, RequestsLeft: row.left, Tokens: 1000, TokensLeft: 500, Reset: time.Minute})
		s.Fail(row.fault)
		_, err := m.of(p)(t.Context(), c.hello())
		got := p.Limits().Requests
		if got.Limit != 100 || got.Remaining != row.left || got.Reset.IsZero() {
			t.Errorf("Limits says %+v after %v (%v), want %d of 100 left", got, row.fault, err, row.left)
		}
	}
}

// misleading is what the environment says in testEnvironment.
const misleading = "said-by-the-environment"

// testEnvironment runs itself in a process whose environment has another key,
// and another address, for every SDK. Nothing of that may be used.
func (c LLM) testEnvironment(t *testing.T) {
	if os.Getenv("OPENAI_PROJECT_ID") == misleading {
		c.testMisled(t)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Skipf("no other process can be started: %v", err)
	}
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	cmd := exec.CommandContext(t.Context(), self, "-test.run="+pattern, "-test.v", "-test.timeout=60s") //nolint:gosec // this very test
	cmd.Env = os.Environ()
	for _, w := range wires {
		for _, name := range w.variables {
			value := misleading
			switch {
			case strings.HasSuffix(name, "_URL"):
				value = "http://127.0.0.1:1/" + misleading
			case strings.HasSuffix(name, "_HEADERS"):
				value = "X-Misled: " + misleading
			case strings.HasSuffix(name, "VERTEXAI"):
				value = "true"
			}
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS") {
		t.Errorf("in an environment that says otherwise: %v\n%s", err, out)
	}
}

func (c LLM) testMisled(t *testing.T) {
	c.each(t, "answer", func(t *testing.T, s *vendorsim.Server, ask asker) {
		if _, err := ask(t.Context(), c.hello()); err != nil {
			t.Errorf("the environment makes the provider fail: %v", err)
		}
		wantUnmoved(t, s)
	})
	c.probe(t, "probe", func(t *testing.T, s *vendorsim.Server, probe func(context.Context) error) {
		if err := probe(t.Context()); err != nil {
			t.Errorf("the environment makes the probe fail: %v", err)
		}
		wantUnmoved(t, s)
	})
}

func wantUnmoved(t *testing.T, s *vendorsim.Server) {
	t.Helper()
	wantRequests(t, s, 1)
	for _, r := range s.Requests() {
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, " "), misleading) {
				t.Errorf("the header %s comes from the environment: use nothing that was not given to New", name)
			}
		}
		if strings.Contains(r.Path+r.Query.Encode()+string(r.Body), misleading) {
			t.Error("the request has something from the environment: use nothing that was not given to New")
		}
	}
}
