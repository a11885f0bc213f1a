package llm

import "fmt"

// Prompt is a system prompt in as many versions as providers need: models
// differ in what they have to be told.
type Prompt struct {
	// Default is for providers without a version of their own.
	Default PromptVersion
	// For are the versions by provider's name, each pinned to it.
	For map[string]PromptVersion
}

// PromptVersion is one text.
type PromptVersion struct {
	// Version names it, for Response.Prompt and your records.
	Version string
	// Text is put before Request.System.
	Text string
}

// Prompts are the prompts that Request.Prompt names.
type Prompts map[string]Prompt

// of is the version for a provider.
func (p Prompt) of(provider string) PromptVersion {
	if v, ok := p.For[provider]; ok {
		return v
	}
	return p.Default
}

// apply puts the provider's version of the request's prompt before its system
// text.
func (p Prompts) apply(req Request, provider string) Request {
	text := p[req.Prompt].of(provider).Text
	req.Prompt = ""
	if text == "" {
		return req
	}
	if req.System != "" {
		text += "\n\n" + req.System
	}
	req.System = text
	return req
}

// version names what apply took.
func (p Prompts) version(req Request, provider string) string {
	if req.Prompt == "" {
		return ""
	}
	return p[req.Prompt].of(provider).Version
}

func (p Prompts) check(providers []Provider) error {
	names := map[string]bool{}
	for _, q := range providers {
		names[q.Name] = true
	}
	for name, prompt := range p {
		for provider := range prompt.For {
			if !names[provider] {
				return fmt.Errorf("llm: WithPrompts: prompt %q: unknown provider %q", name, provider)
			}
			if prompt.For[provider].Text == "" {
				return fmt.Errorf("llm: WithPrompts: prompt %q: the version for %q has no Text", name, provider)
			}
		}
		if prompt.Default.Text == "" && len(prompt.For) < len(providers) {
			return fmt.Errorf("llm: WithPrompts: prompt %q has no Default and not a version for every provider", name)
		}
	}
	return nil
}
