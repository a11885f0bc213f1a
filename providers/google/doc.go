// Package google is Google's Gemini models as providers of failover, over the
// vendor's own SDK, google.golang.org/genai.
//
//	gemini, err := google.New(key, google.WithModels(llm.Models{
//		"smart": {ID: "gemini-3.1-pro-preview"},
//		"fast":  {ID: "gemini-3.8-flash"},
//	}))
//	...
//	client, err := llm.New([]llm.Provider{gemini.LLM(), other.LLM()})
//
// It speaks the Gemini API, whose key is from Google AI Studio. Vertex AI is
// another service, with other credentials, and is not supported.
//
// One attempt is one request: the SDK's retries and its automatic continuation
// are off. [Use] takes over a client of the SDK that is already there.
//
// A conversation begun at another vendor goes on here. Gemini 3 wants each
// step with tool calls to carry the signature of the thought behind it; calls
// of other vendors have none, and are sent with the value that Google's
// documentation gives for this case.
//
// An answer that a filter kept back whole, or a prompt that it blocked, is an
// error of class filtered; an answer that it cut short has llm.FinishRefused.
// Texts to go on after (prefill) are taken by models up to Gemini 3.1; newer
// ones refuse them, and are left out of such requests.
package google
