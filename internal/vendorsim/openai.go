package vendorsim

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// OpenAI starts a simulator of OpenAI that accepts key.
//
// It also is a server that is compatible with OpenAI: any path that ends like
// one of OpenAI's will do, and under another prefix than /v1 any model.
func OpenAI(key string, opts ...Option) *Server {
	return Start(OpenAIVendor(key), opts...)
}

// OpenAIVendor is chat completions, speech both ways and the models of OpenAI.
// It hears what [Say] has said.
func OpenAIVendor(key string) Vendor {
	v := newLLM(openAIModels, openAIEvent, func(v *llm) http.Handler { return openAI{llm: v, key: key} })
	return Vendor{Name: "openai", KeyHeader: "Authorization", Handler: v, Refuse: func(status int, code string) Answer {
		a := openAIRefuse(status, code)
		openAI{llm: v}.headers(a.Header) // a limit that is reached is told, too
		return a
	}}
}

// openAIModels that are strict take max_completion_tokens only and the usual
// temperature only.
var openAIModels = []llmModel{
	{name: "gpt-5.5", window: 1050000, output: 128000, thinks: true, strict: true},
	{name: "gpt-5.2", window: 400000, output: 128000, thinks: true, strict: true},
	{name: "gpt-5.1", window: 400000, output: 128000, thinks: true, strict: true},
	{name: "gpt-5", window: 400000, output: 128000, thinks: true, strict: true},
	{name: "gpt-5-mini", window: 400000, output: 128000, thinks: true, strict: true},
	{name: "gpt-5-nano", window: 400000, output: 128000, thinks: true, strict: true},
	{name: "o3", window: 200000, output: 100000, thinks: true, strict: true},
	{name: "o3-mini", window: 200000, output: 100000, thinks: true, strict: true, noVision: true},
	{name: "o4-mini", window: 200000, output: 100000, thinks: true, strict: true},
	{name: "gpt-4.1", window: 1047576, output: 32768},
	{name: "gpt-4.1-mini", window: 1047576, output: 32768},
	{name: "gpt-4o", window: 128000, output: 16384},
	{name: "gpt-4o-mini", window: 128000, output: 16384},
	{name: "gpt-4", window: 8192, output: 8192, noVision: true, noSchema: true},
	{name: "gpt-3.5-turbo", window: 16385, output: 4096, noVision: true, noSchema: true},
}

type openAI struct {
	*llm

	key string
}

const openAIPath = "/v1/chat/completions"

func (o openAI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	_, model, isModel := strings.Cut(path, "/models/")
	w.Header().Set("X-Request-ID", "req_openai_1")
	switch {
	case !o.keyed(w, r):
	case o.operation(path) != nil && r.Method != http.MethodPost:
		write(w, openAIError(http.StatusMethodNotAllowed, "invalid_request_error", "method_not_supported", "",
			"Not allowed to "+r.Method+" on "+path+"."))
	case o.operation(path) != nil:
		o.operation(path)(w, r)
	case strings.HasSuffix(path, "/models") && r.Method == http.MethodGet:
		o.list(w)
	case isModel && r.Method == http.MethodGet:
		o.one(w, model)
	default:
		write(w, openAIError(http.StatusNotFound, "invalid_request_error", "", "",
			"Invalid URL ("+r.Method+" "+path+")"))
	}
}

// operation is what a path is posted to.
func (o openAI) operation(path string) http.HandlerFunc {
	switch {
	case strings.HasSuffix(path, "/chat/completions"):
		return o.chat
	case strings.HasSuffix(path, "/audio/speech"):
		return o.speak
	case strings.HasSuffix(path, "/audio/transcriptions"):
		return o.transcribe
	default:
		return nil
	}
}

// keyed checks the key, in the header of Azure too.
func (o openAI) keyed(w http.ResponseWriter, r *http.Request) bool {
	switch r.Header.Get("Authorization") {
	case "Bearer " + o.key:
		return true
	case "":
		if r.Header.Get("Api-Key") == o.key {
			return true
		}
		write(w, openAIError(http.StatusUnauthorized, "invalid_request_error", "", "", "You didn't provide an API key."))
	default:
		write(w, openAIRefuse(http.StatusUnauthorized, "invalid_api_key"))
	}
	return false
}

func (o openAI) list(w http.ResponseWriter) {
	all := []any{}
	for _, m := range o.models {
		all = append(all, openAIModel(m.name))
	}
	for _, name := range audioModels() {
		all = append(all, openAIModel(name))
	}
	writeObject(w, object{"object": "list", "data": all})
}

func (o openAI) one(w http.ResponseWriter, name string) {
	if _, ok := o.model(name); !ok && !contains(audioModels(), name) {
		write(w, openAIUnknown(name))
		return
	}
	writeObject(w, openAIModel(name))
}

// audioModels are those that speak and those that listen.
func audioModels() []string {
	return append(slices.Sorted(maps.Keys(openAIEars)), openAISpeechModels...)
}

func openAIModel(name string) object {
	return object{"id": name, "object": "model", "created": 1715367049, "owned_by": "system"}
}

func openAIUnknown(name string) Answer {
	return openAIError(http.StatusNotFound, "invalid_request_error", "model_not_found", "",
		"The model `"+name+"` does not exist or you do not have access to it.")
}

// chat checks a request and answers it.
func (o openAI) chat(w http.ResponseWriter, r *http.Request) {
	req, refusal := readOpenAI(r.Body)
	if refusal == nil && req.Model == "" {
		refusal = openAIInvalid("", "", "you must provide a model parameter")
	}
	if refusal != nil {
		write(w, *refusal)
		return
	}
	m, ok := o.model(req.Model)
	if !ok && r.URL.Path != openAIPath {
		m, ok = llmModel{name: req.Model, window: 128000, output: 16384}, true
	}
	if !ok {
		write(w, openAIUnknown(req.Model))
		return
	}
	if refusal := req.refuse(m); refusal != nil {
		write(w, *refusal)
		return
	}
	asked, a := o.answer(req.neutral())
	if a.Status >= http.StatusBadRequest {
		write(w, openAIRefuse(a.Status, a.Code))
		return
	}
	o.headers(w.Header())
	x := openAIAnswer{req: req, asked: asked, answer: a, created: time.Now().Unix()}
	if req.Stream {
		x.stream(w)
		return
	}
	writeObject(w, x.whole())
}

// headers tell the limits; a reset is a duration as Go writes it.
func (o openAI) headers(h http.Header) {
	l := o.limit()
	h.Set("Openai-Processing-Ms", "12")
	h.Set("Openai-Version", "2020-10-01")
	h.Set("X-Ratelimit-Limit-Requests", itoa(l.Requests))
	h.Set("X-Ratelimit-Remaining-Requests", itoa(l.RequestsLeft))
	h.Set("X-Ratelimit-Reset-Requests", l.Reset.String())
	h.Set("X-Ratelimit-Limit-Tokens", itoa(l.Tokens))
	h.Set("X-Ratelimit-Remaining-Tokens", itoa(l.TokensLeft))
	h.Set("X-Ratelimit-Reset-Tokens", l.Reset.String())
}
