package vendorsim

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"sync"
	"time"
)

// llm is the part of a vendor of language models that is the same for all: the
// script, what was asked, the models, the limits.
type llm struct {
	handler http.Handler
	event   func(Answer) []byte // of an error inside a stream
	models  []llmModel

	talking sync.Mutex // one call of the script at a time

	mu     sync.Mutex
	script Script
	asked  []LLMRequest
	limits LLMLimits
}

// llmModel is a model and what it cannot do.
type llmModel struct {
	name      string
	window    int // tokens of request and answer
	output    int // tokens of an answer
	noVision  bool
	noSchema  bool
	noPrefill bool
	thinks    bool
	strict    bool // about the form of a request: each vendor has such a generation
}

// LLMLimits are what a vendor tells about its limits with every answer.
type LLMLimits struct {
	Requests, RequestsLeft int
	Tokens, TokensLeft     int
	// Reset is how long it takes until everything is left again.
	Reset time.Duration
}

// usualLimits leave room.
var usualLimits = LLMLimits{
	Requests: 10000, RequestsLeft: 9999, Tokens: 2000000, TokensLeft: 1999000, Reset: 6 * time.Minute,
}

// newLLM makes a vendor; make gets it before it has a handler.
func newLLM(models []llmModel, event func(Answer) []byte, handler func(*llm) http.Handler) *llm {
	v := &llm{event: event, models: models, script: Echo, limits: usualLimits}
	v.handler = handler(v)
	return v
}

func (v *llm) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.handler.ServeHTTP(w, r) }

// language is the vendor of a server that has one of language models.
func (s *Server) language() *llm {
	v, ok := s.vendor.Handler.(*llm)
	if !ok {
		panic("vendorsim: " + s.vendor.Name + " has no language models")
	}
	return v
}

// WithScript sets what the models of the server say, as [Server.Answer] does.
func WithScript(script Script) Option {
	return func(s *Server) { s.Answer(script) }
}

// WithModels adds models that can do everything, under the names that a test
// or an example wants them to have.
func WithModels(names ...string) Option {
	return func(s *Server) {
		v := s.language()
		v.models = slices.Clone(v.models)
		for _, name := range names {
			v.models = append(v.models, llmModel{name: name, window: 128000, output: 16384})
		}
	}
}

// Answer sets what the models say from now on; nil is [Echo].
func (s *Server) Answer(script Script) {
	v := s.language()
	if script == nil {
		script = Echo
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.script = script
}

// Limits sets what the vendor tells about its limits from now on. They are
// told, not enforced: [Status] 429 does that.
func (s *Server) Limits(limits LLMLimits) {
	v := s.language()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.limits = limits
}

// Asked are the requests that were good enough to be answered so far, in
// order. Those that met a fault instead of an answer are not among them.
func (s *Server) Asked() []LLMRequest {
	v := s.language()
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.asked)
}

func (v *llm) model(name string) (llmModel, bool) {
	i := slices.IndexFunc(v.models, func(m llmModel) bool { return m.name == name })
	if i < 0 {
		return llmModel{}, false
	}
	return v.models[i], true
}

// answer asks the script.
func (v *llm) answer(r LLMRequest) (LLMRequest, LLMAnswer) {
	v.talking.Lock()
	defer v.talking.Unlock()
	v.mu.Lock()
	r.Number = len(v.asked) + 1
	v.asked = append(v.asked, r)
	script := v.script
	v.mu.Unlock()
	// Outside the lock, because a script may look at the server.
	return r, settle(r, script(r))
}

func (v *llm) limit() LLMLimits {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.limits
}

// sign gives what a vendor gives with a thought and wants back with it. It is
// the same for the same thought, so that a server knows those of its earlier
// self, as the vendors' do.
func sign(vendor, thought string) string {
	sum := sha256.Sum256([]byte(vendor + "\n" + thought))
	return base64.StdEncoding.EncodeToString(sum[:])
}
