// Package llm is language models with failover: one conversation that any
// vendor can go on with, and a client that asks the next vendor when one fails.
//
//	client ─┬─ Complete ─ router ─┬─ openai
//	        └─ Stream ─── router ─┼─ anthropic
//	                              └─ google
//
// A request carries logical models. Each provider is given its own table, so
// that a failover lands on a model of the same quality rather than on whatever
// is left:
//
//	gpt, err := openai.New(openaiKey, openai.WithModels(llm.Models{"smart": {ID: "gpt-5.1"}}))
//	...
//	claude, err := anthropic.New(anthropicKey, anthropic.WithModels(llm.Models{"smart": {ID: "claude-sonnet-4-5"}}))
//	...
//	client, err := llm.New([]llm.Provider{gpt.LLM(), claude.LLM()})
//	...
//	answer, err := client.Complete(ctx, llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Hello.")}})
//
// The history is nobody's own: append [Response.Message] and ask again, and
// the conversation goes on at whichever vendor serves next, tool calls and
// their results included. What only one vendor understands (the signature of a
// thought) is kept in the message, given back to that vendor, and left out for
// the others.
//
// A vendor of your own joins as a [Provider]: a function for a whole answer, a
// function for a stream, or both.
package llm
