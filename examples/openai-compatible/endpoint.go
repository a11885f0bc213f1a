package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofailover/failover/providers/llm"
)

// options are what the endpoint allows its callers.
type options struct {
	// Key is what callers show as a bearer token. Empty lets everybody in: then
	// something before the endpoint has to look.
	Key string
	// Models are the names that callers may ask for: those of the providers'
	// tables that you want to be seen.
	Models []string
	// MaxBody bounds a request. Default 10 MB, room for a few pictures.
	MaxBody int64
	// MaxInFlight bounds how many are answered at once. Default 64.
	MaxInFlight int
	// Timeout bounds an answer, all attempts together. Default 10 minutes.
	Timeout time.Duration
	// Logger is told what callers are not: who failed, and how. Default
	// slog.Default.
	Logger *slog.Logger
}

// servedBy is the header that names who answers, or began to.
const servedBy = "X-Served-By"

// endpoint speaks OpenAI's protocol to callers and asks a client for answers.
type endpoint struct {
	options

	client *llm.Client
	slots  chan struct{}
}

// newEndpoint makes the handler. Streams of the client must not restart
// (failover.Restart) unless they are held whole, for what was sent to a caller
// cannot be taken back.
func newEndpoint(client *llm.Client, o options) http.Handler {
	o.MaxBody = cmp.Or(o.MaxBody, 10<<20)
	o.MaxInFlight = cmp.Or(o.MaxInFlight, 64)
	o.Timeout = cmp.Or(o.Timeout, 10*time.Minute)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	e := &endpoint{options: o, client: client, slots: make(chan struct{}, o.MaxInFlight)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", e.chat)
	mux.HandleFunc("GET /v1/models", e.list)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, apiError{
			status: http.StatusNotFound, Message: "There is no " + r.Method + " " + r.URL.Path + " here.", Type: invalidRequest,
		})
	})
	return e.keyed(mux)
}

// keyed asks for the key.
func (e *endpoint) keyed(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(e.Key))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		given := sha256.Sum256([]byte(token)) // so that neither bytes nor length are told by the time it takes
		if e.Key != "" && subtle.ConstantTimeCompare(given[:], want[:]) != 1 {
			refuse(w, apiError{
				status: http.StatusUnauthorized, Message: "Incorrect API key provided.", Type: invalidRequest, Code: "invalid_api_key",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// list are the models that may be asked for.
func (e *endpoint) list(w http.ResponseWriter, _ *http.Request) {
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"`
		OwnedBy string `json:"owned_by"`
	}
	list := struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{Object: "list", Data: []model{}}
	for _, name := range e.Models {
		list.Data = append(list.Data, model{ID: name, Object: "model", OwnedBy: "failover"})
	}
	writeJSON(w, http.StatusOK, list)
}

// chat answers a conversation. The work ends with r's context: when the caller
// leaves, the vendor is told so, and nobody else is asked.
func (e *endpoint) chat(w http.ResponseWriter, r *http.Request) {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	default:
		refuse(w, apiError{
			status: http.StatusTooManyRequests, Message: "Too many requests at once.", Type: "requests", Code: "rate_limit_exceeded",
			wait: time.Second,
		})
		return
	}
	asked, req, err := e.read(w, r)
	if err != nil {
		e.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), e.Timeout)
	defer cancel()
	if asked.Stream {
		e.stream(ctx, w, r, asked, req)
		return
	}
	answer, err := e.client.Complete(ctx, req)
	if err != nil {
		e.fail(w, r, err)
		return
	}
	w.Header().Set(servedBy, answer.Provider)
	writeJSON(w, http.StatusOK, whole(asked, answer))
}

// read reads a request and puts it in the words of all vendors.
func (e *endpoint) read(w http.ResponseWriter, r *http.Request) (chatRequest, llm.Request, error) {
	var asked chatRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, e.MaxBody)).Decode(&asked); err != nil {
		return asked, llm.Request{}, unreadable(err)
	}
	if !slices.Contains(e.Models, asked.Model) {
		return asked, llm.Request{}, apiError{
			status: http.StatusNotFound, Message: "There is no such model here.", Type: invalidRequest, Param: "model",
			Code: "model_not_found",
		}
	}
	req, err := asked.request()
	return asked, req, err
}

// fail tells a caller, if there still is one, that there is no answer.
func (e *endpoint) fail(w http.ResponseWriter, r *http.Request, err error) {
	if p, ok := e.problem(r, err); ok {
		refuse(w, p)
	}
}

// problem is what a caller is told of an error; false for one who left.
func (e *endpoint) problem(r *http.Request, err error) (apiError, bool) {
	if r.Context().Err() != nil {
		return apiError{}, false
	}
	p := explain(err)
	if p.status >= http.StatusInternalServerError {
		e.Logger.ErrorContext(r.Context(), "no answer", slog.Any("error", err))
	}
	return p, true
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil { // of types of our own: it cannot be
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n'))
}
