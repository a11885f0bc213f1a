package vendorsim

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Anthropic starts a simulator of Anthropic that accepts key.
func Anthropic(key string, opts ...Option) *Server {
	return Start(AnthropicVendor(key), opts...)
}

// AnthropicVendor is messages and the models of Anthropic.
func AnthropicVendor(key string) Vendor {
	v := newLLM(anthropicModels, anthropicEvent, func(v *llm) http.Handler {
		a := anthropic{llm: v, key: key}
		mux := http.NewServeMux()
		mux.HandleFunc("POST /v1/messages", a.keyed(a.messages))
		mux.HandleFunc("GET /v1/models", a.keyed(a.list))
		mux.HandleFunc("GET /v1/models/{model}", a.keyed(a.one))
		mux.HandleFunc("/", a.keyed(func(w http.ResponseWriter, _ *http.Request) {
			write(w, anthropicError(http.StatusNotFound, "not_found_error", "Not Found"))
		}))
		return mux
	})
	return Vendor{Name: "anthropic", KeyHeader: "X-Api-Key", Handler: v, Refuse: func(status int, code string) Answer {
		a := anthropicRefuse(status, code)
		anthropic{llm: v}.headers(a.Header) // a limit that is reached is told, too
		return a
	}}
}

// anthropicModels that are strict want the thoughts before a call back when
// they think.
var anthropicModels = []llmModel{
	{name: "claude-opus-5-5", window: 1000000, output: 128000, thinks: true, noPrefill: true},
	{name: "claude-sonnet-5-5", window: 1000000, output: 128000, thinks: true, noPrefill: true},
	{name: "claude-haiku-5-5", window: 200000, output: 64000, thinks: true, noPrefill: true},
	{name: "claude-opus-5", window: 1000000, output: 128000, thinks: true, noPrefill: true},
	{name: "claude-sonnet-5", window: 1000000, output: 128000, thinks: true, noPrefill: true},
	{name: "claude-opus-4-6", window: 200000, output: 128000, thinks: true, noPrefill: true},
	{name: "claude-sonnet-4-6", window: 200000, output: 64000, thinks: true, noPrefill: true},
	{name: "claude-opus-4-5", window: 200000, output: 64000, thinks: true, strict: true},
	{name: "claude-opus-4-5-20251101", window: 200000, output: 64000, thinks: true, strict: true},
	{name: "claude-sonnet-4-5", window: 200000, output: 64000, thinks: true, strict: true},
	{name: "claude-sonnet-4-5-20250929", window: 200000, output: 64000, thinks: true, strict: true},
	{name: "claude-haiku-4-5", window: 200000, output: 64000, thinks: true, strict: true},
	{name: "claude-haiku-4-5-20251001", window: 200000, output: 64000, thinks: true, strict: true},
	{name: "claude-3-haiku-20240307", window: 200000, output: 4096, noSchema: true},
}

type anthropic struct {
	*llm

	key string
}

func (a anthropic) keyed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Request-Id", anthropicRequestID)
		w.Header().Set("Anthropic-Organization-Id", "org-1")
		switch {
		case r.Header.Get("X-Api-Key") == "":
			write(w, anthropicError(http.StatusUnauthorized, "authentication_error", "x-api-key header is required"))
		case r.Header.Get("X-Api-Key") != a.key:
			write(w, anthropicRefuse(http.StatusUnauthorized, ""))
		case r.Header.Get("Anthropic-Version") == "":
			write(w, anthropicError(http.StatusBadRequest, "invalid_request_error", "anthropic-version: header is required"))
		case r.Header.Get("Anthropic-Version") != "2023-06-01":
			write(w, anthropicError(http.StatusBadRequest, "invalid_request_error",
				"anthropic-version: \""+r.Header.Get("Anthropic-Version")+"\" is not a valid version"))
		default:
			next(w, r)
		}
	}
}

func (a anthropic) list(w http.ResponseWriter, r *http.Request) {
	limit := 20
	if s := r.URL.Query().Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 1000 {
			write(w, *anthropicInvalid("limit: Input should be a number between 1 and 1000"))
			return
		}
		limit = n
	}
	all := []any{}
	for _, m := range a.models[:min(limit, len(a.models))] {
		all = append(all, anthropicModel(m))
	}
	writeObject(w, object{
		"data": all, "has_more": limit < len(a.models), "first_id": a.models[0].name, "last_id": a.models[len(all)-1].name,
	})
}

func (a anthropic) one(w http.ResponseWriter, r *http.Request) {
	m, ok := a.model(r.PathValue("model"))
	if !ok {
		write(w, anthropicUnknown(r.PathValue("model")))
		return
	}
	writeObject(w, anthropicModel(m))
}

func anthropicModel(m llmModel) object {
	return object{
		"type": "model", "id": m.name, "display_name": strings.ReplaceAll(m.name, "-", " "), "created_at": "2025-09-29T00:00:00Z",
		"max_input_tokens": m.window, "max_tokens": m.output, "lifecycle": "active",
	}
}

func anthropicUnknown(name string) Answer {
	return anthropicError(http.StatusNotFound, "not_found_error", "model: "+name)
}

// messages checks a request and answers it.
func (a anthropic) messages(w http.ResponseWriter, r *http.Request) {
	req, refusal := readAnthropic(r.Body)
	if refusal != nil {
		write(w, *refusal)
		return
	}
	m, ok := a.model(req.Model)
	if !ok {
		write(w, anthropicUnknown(req.Model))
		return
	}
	if refusal := req.refuse(m); refusal != nil {
		write(w, *refusal)
		return
	}
	asked, answer := a.answer(req.neutral())
	if answer.Status >= http.StatusBadRequest {
		write(w, anthropicRefuse(answer.Status, answer.Code))
		return
	}
	a.headers(w.Header())
	x := anthropicAnswer{req: req, asked: asked, answer: answer}
	if req.Stream {
		x.stream(w)
		return
	}
	writeObject(w, x.whole())
}

// headers tell the limits; a reset is a time.
func (a anthropic) headers(h http.Header) {
	l := a.limit()
	reset := time.Now().Add(l.Reset).UTC().Format(time.RFC3339)
	set := func(kind string, limit, left int) {
		prefix := "Anthropic-Ratelimit-" + kind
		h.Set(prefix+"-Limit", itoa(limit))
		h.Set(prefix+"-Remaining", itoa(left))
		h.Set(prefix+"-Reset", reset)
	}
	set("Requests", l.Requests, l.RequestsLeft)
	set("Tokens", l.Tokens, l.TokensLeft)
	set("Input-Tokens", l.Tokens, l.TokensLeft)
	set("Output-Tokens", l.Tokens, l.TokensLeft)
}
