// Package openai serves language models and speech over OpenAI's API, with the
// official SDK: OpenAI itself, and every server that speaks the same protocol
// (OpenRouter, Groq, Together, vLLM, Ollama, Azure).
//
//	gpt, err := openai.New(key, openai.WithModels(llm.Models{"smart": {ID: "gpt-5.1"}, "fast": {ID: "gpt-5-mini"}}))
//	...
//	client, err := llm.New([]llm.Provider{gpt.LLM(), other.LLM()})
//
// Who has a client of the SDK already hands it to [Use]. A compatible server
// has a name and a base URL of its own:
//
//	groq, err := openai.New(groqKey,
//		openai.WithVendor("groq"),
//		openai.WithBaseURL("https://api.groq.com/openai/v1"),
//		openai.WithModels(llm.Models{"fast": {ID: "llama-3.3-70b-versatile"}}))
//
// # What is sent
//
// One attempt is one HTTP request: the SDK's retries are off, and its
// environment variables are not read by [New]. Histories that began elsewhere
// are made to fit: results follow the calls they answer, and ids of calls that
// are longer than OpenAI's 40 characters are shortened, in the call and its
// result alike. A call without a result is an invalid request.
//
// JSON schemas of tools keep their meaning; OpenAI wants an object at the root
// and has no anyOf, oneOf, allOf, not or enum there, so that a tool with one is
// unsupported. The schema of an answer is enforced (strict) where its keywords
// are those that OpenAI can enforce and all its properties are required; then
// further properties are forbidden where it does not mention them. Any other
// schema is sent as it is, as a guide: llm.MatchesFormat checks what came of
// it. Other vendors than OpenAI get all schemas as they are. JSON without a
// schema (Format.JSON) is asked for in the system prompt too where the
// conversation does not mention it, because OpenAI refuses it otherwise.
//
// Models that think take no Temperature and no Stop: the vendor says so, and
// the next provider is asked. A Provider.Adapt can leave them out instead.
//
// OpenAI's models do not go on after a text of the assistant's: a prefill is
// unsupported, unless the row of the model says otherwise. Metadata is sent
// under [WithStore] only, because OpenAI takes it only with answers it keeps.
// Reasoning that a server shows comes as thinking; OpenAI itself shows none.
//
// # Speech
//
//	gpt, err := openai.New(key, openai.WithVoices(tts.Voices{"host": "marin"}))
//	...
//	client, err := tts.New(failover.Providers(gpt.TTS(), other.TTS()))
//
// OpenAI speaks MP3, WAV and PCM at 24 kHz, and Opus; mono; no bit rate can be
// chosen. Its voices speak every language that its models hear well. A text has
// at most 4096 characters. The older models (tts-1, tts-1-hd) heed the Speed of
// a request; gpt-4o-mini-tts is not known to, and is left out of requests that
// have one. A stream of gpt-4o-mini-tts is whole when the vendor has said so;
// see [Client.TTSStream].
//
//	client, err := stt.New([]stt.Provider{gpt.STT(), other.STT()})
//
// Which model listens follows from what a request asks for, unless the request
// or the table says so: gpt-transcribe, whisper-1 for Words,
// gpt-4o-transcribe-diarize for Diarize. None does both, and none leaves the
// punctuation out. Keywords are sent to gpt-transcribe as such and to whisper-1
// and gpt-4o-transcribe in a prompt. What is longer or larger than a model takes
// is not sent where that is known before; see [Client.STT].
//
// Other vendors have neither voices nor models that are usual, and are asked
// where this package does not know what they take.
//
// # How it fails
//
// The vendor's code is read before the HTTP status: an exhausted quota and a
// rate limit are both a 429. A refusal of the model is an answer, with
// llm.FinishRefused; an answer that a filter kept back whole is an error of
// class filtered. A stream that ends before its finish reason is incomplete.
// Errors are failover.Error values; they print the code and the request id,
// never the key, the conversation, the URL or the vendor's message.
package openai
