package vendorsim

import (
	"net/http"
	"strconv"
	"strings"
)

// Google starts a simulator of Google's Gemini API that accepts key.
func Google(key string, opts ...Option) *Server {
	return Start(GoogleVendor(key), opts...)
}

// GoogleVendor is the generation of content and the models of Google.
func GoogleVendor(key string) Vendor {
	v := newLLM(googleModels, googleEvent, func(v *llm) http.Handler {
		g := google{llm: v, key: key}
		mux := http.NewServeMux()
		mux.HandleFunc("POST /{version}/models/{call}", g.keyed(g.call))
		mux.HandleFunc("GET /{version}/models", g.keyed(g.list))
		mux.HandleFunc("GET /{version}/models/{model}", g.keyed(g.one))
		mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
			write(w, Answer{
				Status: http.StatusNotFound, Header: http.Header{"Content-Type": {"text/html; charset=UTF-8"}},
				Body: []byte("<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n"),
			})
		})
		return mux
	})
	return Vendor{Name: "google", KeyHeader: "X-Goog-Api-Key", Handler: v, Refuse: googleRefuse}
}

// googleModels that are strict want a signature with every call of theirs.
var googleModels = []llmModel{
	{name: "gemini-3.5-flash", window: 1048576, output: 65536, thinks: true, strict: true},
	{name: "gemini-3.1-pro-preview", window: 1048576, output: 65536, thinks: true, strict: true},
	{name: "gemini-3-pro-preview", window: 1048576, output: 65536, thinks: true, strict: true},
	{name: "gemini-3-flash-preview", window: 1048576, output: 65536, thinks: true, strict: true},
	{name: "gemini-2.5-pro", window: 1048576, output: 65536, thinks: true},
	{name: "gemini-2.5-flash", window: 1048576, output: 65536, thinks: true},
	{name: "gemini-2.5-flash-lite", window: 1048576, output: 65536, thinks: true},
	{name: "gemini-2.0-flash", window: 1048576, output: 8192},
	{name: "gemma-3-27b-it", window: 131072, output: 8192, noSchema: true},
}

type google struct {
	*llm

	key string
}

// keyed takes the key in the header or in the query.
func (g google) keyed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		given := r.Header.Get("X-Goog-Api-Key")
		if given == "" {
			given = r.URL.Query().Get("key")
		}
		version := r.PathValue("version")
		switch {
		case given == "":
			write(w, googleError(http.StatusForbidden, "PERMISSION_DENIED",
				"Method doesn't allow unregistered callers (callers without established identity). "+
					"Please use API Key or other form of API consumer identity to call this API."))
		case given != g.key:
			write(w, googleRefuse(http.StatusBadRequest, "API_KEY_INVALID"))
		case version != "v1" && version != "v1beta" && version != "v1alpha":
			write(w, googleError(http.StatusNotFound, "NOT_FOUND", "Method not found."))
		default:
			next(w, r)
		}
	}
}

func (g google) list(w http.ResponseWriter, r *http.Request) {
	size, start := 50, 0
	if s := r.URL.Query().Get("pageSize"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			write(w, *googleInvalid("Invalid value at 'page_size' (TYPE_INT32), %q", s))
			return
		}
		size = either(n, size)
	}
	if s := r.URL.Query().Get("pageToken"); s != "" {
		start = min(atoi(s), len(g.models))
	}
	end := min(start+size, len(g.models))
	all := []any{}
	for _, m := range g.models[start:end] {
		all = append(all, googleModel(m))
	}
	page := object{"models": all}
	if end < len(g.models) {
		page["nextPageToken"] = itoa(end)
	}
	writeObject(w, page)
}

func (g google) one(w http.ResponseWriter, r *http.Request) {
	m, ok := g.model(r.PathValue("model"))
	if !ok {
		write(w, googleUnknown(r, r.PathValue("model")))
		return
	}
	writeObject(w, googleModel(m))
}

func googleModel(m llmModel) object {
	return object{
		"name": "models/" + m.name, "baseModelId": m.name, "version": "001", "displayName": m.name,
		"inputTokenLimit": m.window, "outputTokenLimit": m.output, "thinking": m.thinks,
		"supportedGenerationMethods": []string{"generateContent", "countTokens"},
	}
}

func googleUnknown(r *http.Request, name string) Answer {
	return googleError(http.StatusNotFound, "NOT_FOUND", "models/"+name+" is not found for API version "+r.PathValue("version")+
		", or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.")
}

// call splits a model from what it is to do.
func (g google) call(w http.ResponseWriter, r *http.Request) {
	name, method, _ := strings.Cut(r.PathValue("call"), ":")
	if method != "generateContent" && method != "streamGenerateContent" {
		write(w, googleError(http.StatusNotFound, "NOT_FOUND", "Method not found."))
		return
	}
	m, ok := g.model(name)
	if !ok {
		write(w, googleUnknown(r, name))
		return
	}
	req, refusal := readGoogle(r.Body)
	if refusal == nil {
		refusal = req.refuse(m)
	}
	if refusal != nil {
		write(w, *refusal)
		return
	}
	neutral := req.neutral(name)
	neutral.Stream = method == "streamGenerateContent"
	asked, answer := g.answer(neutral)
	if answer.Status >= http.StatusBadRequest {
		write(w, googleRefuse(answer.Status, answer.Code))
		return
	}
	w.Header().Set("Server-Timing", "gfet4t7; dur=12")
	x := googleAnswer{model: m, asked: asked, answer: answer}
	switch {
	case !neutral.Stream:
		writeObject(w, x.whole())
	case r.URL.Query().Get("alt") == "sse":
		x.stream(w)
	default:
		writeObject(w, x.chunks()) // without alt=sse the parts are a JSON array
	}
}
