package anthropic

import "github.com/gofailover/failover/providers/llm"

// known is what well-known models can do, as of 20 November 2026. Sources, all
// at https://platform.claude.com/docs/en: models/overview and the page of each
// model for context, output, thinking and forced tools;
// build-with-claude/structured-outputs for schemas, which all models from 4.5 on
// follow; api/errors for prefill and the migration guides of each model for
// sampling, both refused by later models. A model that is not here is tried, and
// the vendor says what it cannot do.
var known = map[string]knownModel{
	"claude-fable-5-1":  {can: able(1_000_000, 128_000), noSampling: true, thinks: true, noForce: true},
	"claude-fable-5":    {can: able(1_000_000, 128_000), noSampling: true, thinks: true},
	"claude-opus-5-5":   {can: able(1_000_000, 128_000), noSampling: true, thinks: true, noForce: true},
	"claude-opus-5":     {can: able(1_000_000, 128_000), noSampling: true, thinks: true},
	"claude-opus-4-8":   {can: able(1_000_000, 128_000), noSampling: true},
	"claude-opus-4-7":   {can: able(1_000_000, 128_000), noSampling: true},
	"claude-opus-4-6":   {can: able(1_000_000, 128_000)},
	"claude-sonnet-5-5": {can: able(1_000_000, 128_000), noSampling: true, thinks: true, noForce: true},
	"claude-sonnet-5":   {can: able(1_000_000, 128_000), noSampling: true, thinks: true},
	// The sources disagree about the longest answer.
	"claude-sonnet-4-6": {can: able(1_000_000, 0)},
	"claude-haiku-5-5":  {can: able(1_000_000, 128_000), noSampling: true, thinks: true},

	"claude-opus-4-5":          {can: prefilled(200_000)},
	"claude-opus-4-5-20251101": {can: prefilled(200_000)},
	// 200,000, and a million under a beta.
	"claude-sonnet-4-5":          {can: prefilled(1_000_000)},
	"claude-sonnet-4-5-20250929": {can: prefilled(1_000_000)},
	"claude-haiku-4-5":           {can: prefilled(200_000)},
	"claude-haiku-4-5-20251001":  {can: prefilled(200_000)},
}

type knownModel struct {
	can llm.Capabilities
	// noSampling: it takes no temperature and no top_p but the usual ones.
	noSampling bool
	// thinks: it does so unless told otherwise.
	thinks bool
	// noForce: a tool cannot be forced on it.
	noForce bool
}

func able(context, output int) llm.Capabilities {
	return llm.Capabilities{
		Vision: true, ImageURLs: true, Tools: true, JSON: true, JSONSchema: true,
		Context: context, Output: output,
	}
}

// prefilled are the models of the 4.5 generation, the last that go on after a
// text.
func prefilled(context int) llm.Capabilities {
	c := able(context, 64_000)
	c.Prefill = true
	return c
}

// filled is a row with what is known of its model.
func filled(m llm.Model) llm.Model {
	if k, ok := known[m.ID]; ok && m.Can == nil {
		m.Can = &k.can
	}
	return m
}

// model is the model for a request, or an error that says what it cannot do.
func (c *Client) model(req llm.Request) (llm.Model, error) {
	m, ok := c.models.Find(Vendor, req.Model)
	if !ok {
		return m, llm.Unsupported("Model", "%.70q has no row in the table of %s", req.Model, c.name)
	}
	m = filled(m)
	if field, what := m.Can.Lacks(req); what != "" {
		return m, llm.Unsupported(field, "needs %s, which %s does not offer", what, m.ID)
	}
	return m, nil
}
