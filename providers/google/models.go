package google

import (
	"strings"

	"github.com/gofailover/failover/providers/llm"
)

const (
	contextTokens = 1_048_576
	outputTokens  = 65_536
)

// known is what Google's model pages (https://ai.google.dev/gemini-api/docs/models,
// read on 2026-11-21) say of the models for text that are served. They count
// input and output apart: 1,048,576 tokens in, 65,536 out.
//
// Prefill: since Gemini 3.5 Flash-Lite and 3.6 Flash a request that ends with
// a model's turn is refused, so their pages say; before, the model went on
// after it. Of the models that Google is about to route, or routes, to later
// ones it is not promised.
//
// Images by URL: https://ai.google.dev/gemini-api/docs/file-input-methods, for
// all models but Gemini 2.0.
var known = map[string]llm.Capabilities{
	"gemini-3.8-flash":       capable(false),
	"gemini-3.7-flash":       capable(false),
	"gemini-3.6-flash":       capable(false),
	"gemini-3.5-flash":       capable(false),
	"gemini-3.5-flash-lite":  capable(false),
	"gemini-3.1-pro-preview": capable(true),
	"gemini-3.1-flash-lite":  capable(true),
	"gemini-3-flash-preview": capable(true),
	"gemini-2.5-pro":         capable(false),
	"gemini-2.5-flash":       capable(false),
	"gemini-2.5-flash-lite":  capable(true),
}

func capable(prefill bool) llm.Capabilities {
	return llm.Capabilities{
		Vision: true, ImageURLs: true, Tools: true, JSON: true, JSONSchema: true, Prefill: prefill,
		Context: contextTokens + outputTokens, Output: outputTokens,
	}
}

// capabilities is what is known of a model by its id; nil if it is nothing.
func capabilities(model string) *llm.Capabilities {
	can, ok := known[modelID(model)]
	if !ok {
		return nil
	}
	return &can
}

// filled is a table whose rows say what is known of their models.
func filled(models llm.Models) llm.Models {
	table := llm.Models{}
	for name, m := range models {
		if m.Can == nil {
			m.Can = capabilities(m.ID)
		}
		table[name] = m
	}
	return table
}

const (
	modelsPrefix = "models/"
	tunedPrefix  = "tunedModels/"
)

// isModelID says whether id can be a model's: it becomes part of a path.
func isModelID(id string) bool {
	id = strings.TrimPrefix(strings.TrimPrefix(id, modelsPrefix), tunedPrefix)
	if id == "" || strings.Contains(id, "..") {
		return false
	}
	for _, c := range []byte(id) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && strings.IndexByte("._-", c) < 0 {
			return false
		}
	}
	return true
}

// modelID is a model's name without what the API puts before it.
func modelID(name string) string { return strings.TrimPrefix(name, modelsPrefix) }

// beforeGemini3 says whether a model is of a generation before Gemini 3, which
// knows no signatures of thoughts for calls of others, and no JSON beside
// tools.
func beforeGemini3(id string) bool {
	id = modelID(id)
	for _, old := range []string{"gemini-1", "gemini-2", "gemma", "learnlm"} {
		if strings.HasPrefix(id, old) {
			return true
		}
	}
	return false
}
