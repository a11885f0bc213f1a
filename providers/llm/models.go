package llm

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Models maps the model names an application uses to one vendor's models:
//
//	llm.Models{"smart": {ID: "gpt-5.1"}, "fast": {ID: "gpt-5-mini"}}
//
// The row "" is the model of requests that name none. A name with a colon is
// explicit: "openai:gpt-5.1" is that model at OpenAI, needs no row, and leaves
// every other vendor out. Any other name without a row is unsupported.
type Models map[string]Model

// Model is one model of a vendor.
type Model struct {
	// ID is the vendor's own name of it.
	ID string
	// Can says what it can do; nil leaves that to the vendor's table of known
	// models, and for one that is not in it to the vendor's refusal.
	Can *Capabilities
	// Price is what it costs; nil: unknown.
	Price *Price
	// MaxTokens is sent where the request sets none. 0 takes the adapter's.
	MaxTokens int
}

// Capabilities are what a model can do. Requests that need more are not given
// to it.
type Capabilities struct {
	// Vision: images in messages.
	Vision bool
	// ImageURLs: the vendor fetches images.
	ImageURLs bool
	// Tools: tools can be called.
	Tools bool
	// JSON: answers can be JSON. JSONSchema: and follow a schema.
	JSON, JSONSchema bool
	// Prefill: an answer can go on after a text of the assistant's.
	Prefill bool
	// NoStream: it cannot be streamed.
	NoStream bool
	// Context is how many tokens fit in, the answer included; 0: unknown.
	Context int
	// Output is the longest answer in tokens; 0: unknown.
	Output int
}

// Find is the model for a name of vendor's; false for a name without a row.
func (t Models) Find(vendor, name string) (Model, bool) {
	if m, ok := t[name]; ok {
		return m, m.ID != ""
	}
	if prefix, id, explicit := strings.Cut(name, ":"); explicit {
		for _, row := range t.Names() { // sorted: of two rows always the same
			if m := t[row]; m.ID == id && prefix == vendor {
				return m, true // with what is known of it
			}
		}
		return Model{ID: id}, prefix == vendor && id != ""
	}
	return Model{}, false
}

// Clone copies the table.
func (t Models) Clone() Models { return maps.Clone(t) }

// Names are the names of the table, sorted.
func (t Models) Names() []string { return slices.Sorted(maps.Keys(t)) }

// Lacks says what of the request the model cannot do: the name of the field
// that asks for it and the capability; "" if it can do all. The estimate of
// tokens is a low one, so that no request is turned away that would fit.
func (c *Capabilities) Lacks(req Request) (field, what string) {
	if c == nil {
		return "", ""
	}
	_, prefill := req.Prefill()
	switch {
	case len(req.Tools) > 0 && !c.Tools:
		return "Tools", "tools"
	case len(req.Format.Schema) > 0 && !c.JSONSchema:
		return "Format.Schema", "JSON schema"
	case req.Format.structured() && !c.JSON && !c.JSONSchema:
		return "Format.JSON", "JSON"
	case prefill && !c.Prefill:
		return "Messages", "prefill"
	case c.Output > 0 && req.MaxTokens > c.Output:
		return "MaxTokens", "an answer that long"
	case c.Context > 0 && leastTokens(req)+req.MaxTokens > c.Context:
		return "Messages", "a context that long"
	}
	images, urls := req.images()
	switch {
	case images+urls > 0 && !c.Vision:
		return "Messages", "images"
	case urls > 0 && !c.ImageURLs:
		return "Messages", "images by URL"
	}
	return "", ""
}

// images counts pictures, those with bytes and those with a URL.
func (r Request) images() (data, urls int) {
	for _, m := range r.Messages {
		for _, p := range m.Parts {
			switch {
			case p.Image == nil:
			case p.Image.URL != "":
				urls++
			default:
				data++
			}
		}
	}
	return data, urls
}

// Tokens per character. English has about four characters to a token
// (OpenAI's rule of thumb); no common text has more than six.
const (
	usualChars = 4
	mostChars  = 6
)

// EstimateTokens is a rough guess of how many tokens the request has, for
// estimates of cost: a quarter of its characters.
func EstimateTokens(req Request) int { return (req.characters() + usualChars - 1) / usualChars }

func leastTokens(req Request) int { return req.characters() / mostChars }

// characters counts those of everything a model reads but images.
func (r Request) characters() int {
	n := utf8.RuneCountInString(r.System)
	for _, t := range r.Tools {
		n += len(t.Name) + utf8.RuneCountInString(t.Description) + len(t.Schema)
	}
	n += len(r.Format.Schema)
	for _, m := range r.Messages {
		for _, p := range m.Parts {
			n += utf8.RuneCountInString(p.Text)
			if p.Call != nil {
				n += len(p.Call.Name) + len(p.Call.Args)
			}
			if p.Result != nil {
				n += utf8.RuneCountInString(p.Result.Content)
			}
		}
	}
	return n
}
