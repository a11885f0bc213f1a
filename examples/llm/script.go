package main

import (
	"strings"

	"github.com/gofailover/failover/internal/vendorsim"
)

// What the simulated models and the tool say. In your service this file is
// gone.

const sea = "The sea is wide and the sea is deep, and who listens to it for long hears the same story told by many voices."

// script is the mind of every model.
func script(r vendorsim.LLMRequest) vendorsim.LLMAnswer {
	last := r.Messages[len(r.Messages)-1]
	small := strings.Contains(r.Model, "nano")
	switch {
	case strings.Contains(last.Text, "umbrella"):
		return vendorsim.LLMAnswer{Calls: []vendorsim.LLMCall{
			{Name: "forecast", Arguments: `{"city":"Oslo"}`}, {Name: "forecast", Arguments: `{"city":"Rome"}`},
		}}
	case len(last.Results) > 0:
		return said("You need one where there is rain. I was told: " + last.Results[0].Text + " " + last.Results[1].Text)
	case strings.Contains(last.Text, "wear"):
		return said("A coat in Oslo, where it rains; a shirt in Rome.")
	case strings.Contains(last.Text, "sea"):
		return said(strings.TrimPrefix(sea, r.Prefill))
	case strings.Contains(last.Text, "mushroom") && small:
		return vendorsim.LLMAnswer{Refusal: "I cannot help with that."}
	case strings.Contains(last.Text, "mushroom"):
		return said("Nobody can tell that from a sentence. Do not eat it.")
	case strings.Contains(last.Text, "snow") && small:
		return said("Well, perhaps.")
	case strings.Contains(last.Text, "snow"):
		return said("In Oslo most likely, in Rome most likely not.")
	case strings.Contains(last.Text, "seven"):
		return said("42.")
	default:
		return said("You are welcome.")
	}
}

func said(text string) vendorsim.LLMAnswer { return vendorsim.LLMAnswer{Text: text} }

// forecast is the tool.
func forecast(args string) string {
	if strings.Contains(args, "Oslo") {
		return "Oslo: rain, 4 degrees."
	}
	return "Rome: sun, 17 degrees."
}
