package openai

import "github.com/gofailover/failover/providers/llm"

// What OpenAI's models have in common.
var (
	// Of all that see: text and images in, functions and structured outputs.
	full = llm.Capabilities{Vision: true, ImageURLs: true, Tools: true, JSON: true, JSONSchema: true}
	// Text only, with functions and structured outputs.
	textual = llm.Capabilities{Tools: true, JSON: true, JSONSchema: true}
)

// sized is what a model can do with the sizes of its context and its longest
// answer.
func sized(can llm.Capabilities, context, output int) *llm.Capabilities {
	can.Context, can.Output = context, output
	return &can
}

// capabilities are those of OpenAI's models by their undated names, read on
// 2026-11-21 in catalogues that follow the vendor's own pages
// (https://developers.openai.com/api/docs/models): https://models.dev, and for
// the GPT-4.1 family https://openrouter.ai/openai. A model that is not here is
// tried and judged by its answer.
var capabilities = map[string]*llm.Capabilities{
	"gpt-5.5": sized(full, 1_050_000, 128_000),
	"gpt-5.4": sized(full, 1_050_000, 128_000),

	"gpt-5.2":    sized(full, 400_000, 128_000),
	"gpt-5.1":    sized(full, 400_000, 128_000),
	"gpt-5":      sized(full, 400_000, 128_000),
	"gpt-5-mini": sized(full, 400_000, 128_000),
	"gpt-5-nano": sized(full, 400_000, 128_000),

	"gpt-4.1":      sized(full, 1_047_576, 32_768),
	"gpt-4.1-mini": sized(full, 1_047_576, 32_768),
	"gpt-4.1-nano": sized(full, 1_047_576, 32_768),

	"gpt-4o":      sized(full, 128_000, 16_384),
	"gpt-4o-mini": sized(full, 128_000, 16_384),

	"o3":      sized(full, 200_000, 100_000),
	"o4-mini": sized(full, 200_000, 100_000),
	"o3-mini": sized(textual, 200_000, 100_000),
}

// known copies a table and fills in what is known of OpenAI's models. Other
// vendors use the same names for other things.
func known(models llm.Models, vendor string) llm.Models {
	table := models.Clone()
	if table == nil {
		table = llm.Models{} // nil would mean that every name is served
	}
	for name, m := range table {
		table[name] = informed(m, vendor)
	}
	return table
}

func informed(m llm.Model, vendor string) llm.Model {
	if can := capabilities[m.ID]; m.Can == nil && can != nil && vendor == Vendor {
		own := *can
		m.Can = &own
	}
	return m
}

// model finds the model of a request, and refuses one that cannot serve it.
func (c *Client) model(req llm.Request) (llm.Model, error) {
	m, ok := c.models.Find(c.vendor, req.Model)
	if !ok {
		return m, llm.Unsupported("Model", "%.70q is no model of %s", req.Model, c.name)
	}
	m = informed(m, c.vendor)
	if field, what := m.Can.Lacks(req); field != "" {
		return m, llm.Unsupported(field, "needs %s, which the model lacks", what)
	}
	return m, nil
}
