package providertest

import (
	"strings"

	"github.com/gofailover/failover/internal/vendorsim"
)

// Wire is a protocol of language models in which the suite can play the vendor.
type Wire string

// The protocols. The vendor has the models that its namesake has, gpt-4.1,
// claude-sonnet-4-5 and gemini-2.5-flash among them, and under another prefix
// than /v1 OpenAI's protocol has any model.
const (
	OpenAI    Wire = "openai"    // chat completions, OpenAI's and everybody's
	Anthropic Wire = "anthropic" // messages
	Google    Wire = "google"    // generateContent
)

// wire is what the suite has to know of a protocol.
type wire struct {
	vendor func(key string) vendorsim.Vendor
	// end is what the event has in it that says that the answer is over.
	end string
	// variables of the environment that SDKs of the vendor read.
	variables []string
}

var wires = map[Wire]wire{
	OpenAI: {
		vendor: vendorsim.OpenAIVendor,
		end:    `"finish_reason":"`,
		variables: []string{
			"OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS",
		},
	},
	Anthropic: {
		vendor: vendorsim.AnthropicVendor,
		end:    `"stop_reason":"`,
		variables: []string{
			"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_PROFILE",
		},
	},
	Google: {
		vendor: vendorsim.GoogleVendor,
		end:    `"finishReason"`,
		variables: []string{
			"GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "GOOGLE_GENAI_USE_VERTEXAI",
			"GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION",
		},
	},
}

func (w Wire) known() bool { return wires[w].vendor != nil }

// vendor plays the vendor, under a name of which no error may show anything.
func (w Wire) vendor() vendorsim.Vendor {
	v := wires[w].vendor(Key)
	v.Name = "vendor"
	return v
}

// events are those of a stream, and the number of the one that ends the answer.
func (w Wire) events(body string) (all []string, end int) {
	body = strings.ReplaceAll(body, "\r\n", "\n")
	all = strings.Split(strings.TrimSuffix(body, "\n\n"), "\n\n")
	end = len(all) - 1
	for i, event := range all {
		if strings.Contains(event, wires[w].end) {
			end = i
			break
		}
	}
	return all, end
}

// showsThoughts says whether the protocol has a place for thoughts.
func (w Wire) showsThoughts() bool { return w != OpenAI }

// countsThoughts says whether the protocol tells the tokens of thoughts.
func (w Wire) countsThoughts() bool { return w != Anthropic }
