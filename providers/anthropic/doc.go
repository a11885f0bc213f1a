// Package anthropic serves language models over Anthropic's Messages API, on
// the official SDK.
//
//	claude, err := anthropic.New(key,
//		anthropic.WithModels(llm.Models{"smart": {ID: "claude-sonnet-4-6"}}))
//	...
//	client, err := llm.New([]llm.Provider{claude.LLM(), other.LLM()})
//
// [Use] takes a client of the SDK that you have already. Nothing is read from
// the environment unless that client does.
//
// # What it delivers
//
// Whole answers and streams, with text, images, tools, thinking, stop
// sequences, and JSON that follows a schema. What the vendor or the model cannot
// do leaves this provider out of a request, and asked directly it says which
// field it cannot serve:
//
//   - a prefill, a temperature, a top_p or a tool that must be called at a model
//     that takes none, and temperatures above 1;
//   - a schema of an answer with keywords that the vendor does not follow, such
//     as minimum or oneOf. Objects that do not say so are closed, for the vendor
//     knows no others;
//   - images other than JPEG, PNG, GIF and WebP;
//   - a conversation with a tool call that nobody answered.
//
// There is no JSON mode without a schema: the model is told to answer with a
// JSON object, and llm.MatchesFormat checks whether it did. There is no seed.
// Of the metadata only user_id is sent. Where a request and its model's row say
// no MaxTokens, the answer ends after those of [WithMaxTokens].
//
// A conversation that was begun elsewhere goes on: the ids of calls are made
// such as this vendor takes, the results of a turn are put together, tools that
// were called earlier and are gone are declared and not called, and one that the
// assistant begins gets a word of the user's before. What a thought needs to be
// taken back comes with it as llm.Opaque.
//
// Later models think unless told otherwise, and are told to show it, so that a
// stream is not taken for dead. They want their thoughts back with nothing
// changed before them, neither system nor tools nor messages; where you do change
// a conversation, have those dropped that do not fit any more:
//
//	anthropic.WithBeta("thinking-binding-controls-2026-08-01"),
//	anthropic.WithRequestOptions(option.WithJSONSet("thinking", map[string]any{
//		"type": "adaptive", "display": "summarized",
//		"block_binding": map[string]any{"prefix_mismatch_behavior": "drop_block"},
//	})),
//
// # How it fails
//
// Every attempt is one HTTP request, ended by its context: the SDK's retries
// are off. The vendor's type of an error is read before the status, because an
// error inside a stream has none, and for a request that is refused as invalid
// also what it says, because an empty purse and a full context have no type of
// their own. Errors are failover.Error values; they print the type and the
// request id, never the key, the conversation, the URL or the vendor's message.
package anthropic
