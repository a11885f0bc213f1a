package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
)

// rig is an endpoint before two vendors, the first of which is down, and
// OpenAI's own client of it.
type rig struct {
	first, second *vendorsim.Server
	url           string
	client        sdk.Client
}

func newRig(t *testing.T, o options, interrupted ...failover.Interruption) *rig {
	t.Helper()
	r := &rig{
		first:  vendorsim.OpenAI("key", vendorsim.InMemory()),
		second: vendorsim.Anthropic("key", vendorsim.InMemory()),
	}
	t.Cleanup(r.first.Close)
	t.Cleanup(r.second.Close)
	r.first.FailAlways(vendorsim.Status(503))
	gpt, err := openai.New("key", openai.WithBaseURL(r.first.URL()+"/v1"), openai.WithHTTPClient(r.first.Client()),
		openai.WithModels(llm.Models{"smart": {ID: "gpt-5.1"}}))
	require.NoError(t, err)
	claude, err := anthropic.New("key", anthropic.WithBaseURL(r.second.URL()), anthropic.WithHTTPClient(r.second.Client()),
		anthropic.WithModels(llm.Models{"smart": {ID: "claude-sonnet-4-5"}}))
	require.NoError(t, err)
	client, err := llm.New([]llm.Provider{gpt.LLM(), claude.LLM()},
		llm.WithRouter(failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1})),
		llm.WithStreams(failover.WithInterrupted(append(interrupted, failover.Continue)...)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })

	o.Key, o.Models, o.Logger = callersKey, []string{"smart"}, slog.New(slog.DiscardHandler)
	server := httptest.NewServer(newEndpoint(client, o))
	t.Cleanup(server.Close)
	r.url = server.URL
	r.client = sdk.NewClient(option.WithBaseURL(server.URL+"/v1"), option.WithAPIKey(callersKey),
		option.WithHTTPClient(server.Client()), option.WithMaxRetries(0))
	return r
}

// asked is what the second vendor was told last.
func (r *rig) asked(t *testing.T) vendorsim.LLMRequest {
	t.Helper()
	all := r.second.Asked()
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

func question(text string) sdk.ChatCompletionNewParams {
	return sdk.ChatCompletionNewParams{Model: "smart", Messages: []sdk.ChatCompletionMessageParamUnion{sdk.UserMessage(text)}}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	var served *http.Response
	answer, err := r.client.Chat.Completions.New(t.Context(), sdk.ChatCompletionNewParams{
		Model: "smart", MaxCompletionTokens: sdk.Int(300), Stop: sdk.ChatCompletionNewParamsStopUnion{OfString: sdk.String("END")},
		Messages: []sdk.ChatCompletionMessageParamUnion{
			sdk.SystemMessage("Be kind."), sdk.DeveloperMessage("Be brief."),
			sdk.UserMessage([]sdk.ChatCompletionContentPartUnionParam{
				sdk.TextContentPart("What is this?"),
				sdk.ImageContentPart(sdk.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64,iVBORw0KGgo="}),
			}),
			sdk.AssistantMessage("A picture."),
			sdk.UserMessage("Of what?"),
		},
	}, option.WithResponseInto(&served))
	require.NoError(t, err)
	require.Equal(t, "anthropic", served.Header.Get(servedBy))
	require.Equal(t, "smart", answer.Model)
	require.Equal(t, "stop", answer.Choices[0].FinishReason)
	require.Contains(t, answer.Choices[0].Message.Content, "You said: Of what?")
	require.Positive(t, answer.Usage.TotalTokens)
	require.Equal(t, 1, r.first.Stats().Requests)

	asked := r.asked(t)
	require.Equal(t, "Be kind.\n\nBe brief.", asked.System)
	require.Equal(t, 300, asked.MaxTokens)
	require.Equal(t, []string{"END"}, asked.Stop)
	require.Len(t, asked.Messages, 3)
	require.Equal(t, []vendorsim.LLMImage{{MediaType: "image/png", Data: []byte("\x89PNG\r\n\x1a\n")}}, asked.Messages[0].Images)
	require.Equal(t, "A picture.", asked.Messages[1].Text)
}

func TestStream(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	params := question("Good morning.")
	params.StreamOptions.IncludeUsage = sdk.Bool(true)
	stream := r.client.Chat.Completions.NewStreaming(t.Context(), params)
	var all sdk.ChatCompletionAccumulator
	pieces := 0
	for stream.Next() {
		require.True(t, all.AddChunk(stream.Current()))
		pieces++
	}
	require.NoError(t, stream.Err())
	require.Equal(t, "You said: Good morning. That was message 1 of our conversation. I have nothing to add to it.",
		all.Choices[0].Message.Content)
	require.Equal(t, "assistant", string(all.Choices[0].Message.Role))
	require.Equal(t, "stop", all.Choices[0].FinishReason)
	require.Positive(t, all.Usage.TotalTokens)
	require.Greater(t, pieces, 10)
	require.Equal(t, 1, r.first.Stats().Requests)
}

// Two tools are called at once, streamed and not, and their results go back.
func TestTools(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.second.Answer(func(q vendorsim.LLMRequest) vendorsim.LLMAnswer {
		if len(q.Messages[len(q.Messages)-1].Results) > 0 {
			return vendorsim.LLMAnswer{Text: "Oslo."}
		}
		return vendorsim.LLMAnswer{Text: "I look.", Calls: []vendorsim.LLMCall{
			{Name: "weather", Arguments: `{"city":"Oslo"}`}, {Name: "weather", Arguments: `{"city":"Rome"}`},
		}}
	})
	params := question("Where does it rain?")
	params.Tools = []sdk.ChatCompletionToolUnionParam{sdk.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: "weather", Description: sdk.String("Tells the weather."),
		Parameters: shared.FunctionParameters{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}},
	})}
	params.ToolChoice = sdk.ChatCompletionToolChoiceOptionUnionParam{OfAuto: sdk.String("required")}

	answer, err := r.client.Chat.Completions.New(t.Context(), params)
	require.NoError(t, err)
	stream := r.client.Chat.Completions.NewStreaming(t.Context(), params)
	var streamed sdk.ChatCompletionAccumulator
	for stream.Next() {
		require.True(t, streamed.AddChunk(stream.Current()))
	}
	require.NoError(t, stream.Err())
	for _, choice := range []sdk.ChatCompletionChoice{answer.Choices[0], streamed.Choices[0]} {
		require.Equal(t, "tool_calls", choice.FinishReason)
		require.Equal(t, "I look.", choice.Message.Content)
		require.Len(t, choice.Message.ToolCalls, 2)
		require.JSONEq(t, `{"city":"Oslo"}`, choice.Message.ToolCalls[0].Function.Arguments)
		require.JSONEq(t, `{"city":"Rome"}`, choice.Message.ToolCalls[1].Function.Arguments)
	}
	require.Equal(t, "required", r.asked(t).ToolChoice)
	require.Equal(t, "Tells the weather.", r.asked(t).Tools[0].Description)

	message := answer.Choices[0].Message
	params.ToolChoice = sdk.ChatCompletionToolChoiceOptionUnionParam{}
	params.Messages = append(params.Messages, message.ToParam(),
		sdk.ToolMessage("Rain.", message.ToolCalls[0].ID), sdk.ToolMessage("Sun.", message.ToolCalls[1].ID))
	answer, err = r.client.Chat.Completions.New(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, "Oslo.", answer.Choices[0].Message.Content)
	told := r.asked(t).Messages
	require.Len(t, told, 3)
	require.Equal(t, []string{"Rain.", "Sun."}, []string{told[2].Results[0].Text, told[2].Results[1].Text})
	require.Equal(t, told[1].Calls[1].ID, told[2].Results[1].ID)
}

func TestSchema(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	params := question("Who?")
	params.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
		Name: "person", Schema: map[string]any{
			"type": "object", "properties": map[string]any{"name": map[string]any{"type": "string"}}, "required": []string{"name"},
		},
	}}
	answer, err := r.client.Chat.Completions.New(t.Context(), params)
	require.NoError(t, err)
	require.Contains(t, answer.Choices[0].Message.Content, `"name"`)
	require.Contains(t, string(r.asked(t).Schema), `"name"`)
}

func TestModels(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	page, err := r.client.Models.List(t.Context())
	require.NoError(t, err)
	require.Len(t, page.Data, 1)
	require.Equal(t, "smart", page.Data[0].ID)
}

// Errors come in OpenAI's envelope, so that its client knows them.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		options options
		change  func(*rig, *sdk.ChatCompletionNewParams)
		status  int
		code    string
	}{
		{"a model that is not there", options{}, func(_ *rig, p *sdk.ChatCompletionNewParams) { p.Model = "gpt-5.1" }, 404, "model_not_found"},
		{"no messages", options{}, func(_ *rig, p *sdk.ChatCompletionNewParams) { p.Messages = nil }, 400, ""},
		{"two answers", options{}, func(_ *rig, p *sdk.ChatCompletionNewParams) { p.N = sdk.Int(2) }, 400, ""},
		{"a result without a call", options{}, func(_ *rig, p *sdk.ChatCompletionNewParams) {
			p.Messages = append(p.Messages, sdk.ToolMessage("Rain.", "call_1"))
		}, 400, ""},
		{"sound", options{}, func(_ *rig, p *sdk.ChatCompletionNewParams) {
			p.Messages = append(p.Messages, sdk.UserMessage([]sdk.ChatCompletionContentPartUnionParam{
				sdk.InputAudioContentPart(sdk.ChatCompletionContentPartInputAudioInputAudioParam{Data: "AAAA", Format: "wav"}),
			}))
		}, 400, ""},
		{"too long", options{MaxBody: 10}, func(*rig, *sdk.ChatCompletionNewParams) {}, 413, "request_too_large"},
		{"nobody is there", options{}, func(r *rig, _ *sdk.ChatCompletionNewParams) {
			r.second.FailAlways(vendorsim.Status(529))
		}, 503, "no_provider"},
		{"too busy", options{}, func(r *rig, _ *sdk.ChatCompletionNewParams) {
			r.first.FailAlways(vendorsim.Status(429))
			r.second.FailAlways(vendorsim.Status(429))
		}, 429, "rate_limit_exceeded"},
		{"silence", options{Timeout: 50 * time.Millisecond}, func(r *rig, _ *sdk.ChatCompletionNewParams) {
			r.second.FailAlways(vendorsim.Silence())
		}, 504, "timeout"},
	} {
		for _, streams := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, c.options)
				params := question("Good morning.")
				c.change(r, &params)
				var err error
				if streams {
					stream := r.client.Chat.Completions.NewStreaming(t.Context(), params)
					require.False(t, stream.Next())
					err = stream.Err()
				} else {
					_, err = r.client.Chat.Completions.New(t.Context(), params)
				}
				var refused *sdk.Error
				require.ErrorAs(t, err, &refused)
				require.Equal(t, c.status, refused.StatusCode)
				require.Equal(t, c.code, refused.Code)
				require.NotEmpty(t, refused.Message)
				require.NotContains(t, refused.RawJSON(), "anthropic") // whose business is not the caller's
			})
		}
	}
}

// What no client of OpenAI's sends is refused too.
func TestRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	for _, c := range []struct {
		method, path, key, body string
		status                  int
		says                    string
	}{
		{http.MethodPost, "/v1/chat/completions", "wrong", `{}`, 401, "invalid_api_key"},
		{http.MethodGet, "/v1/models", "", ``, 401, "invalid_api_key"},
		{http.MethodGet, "/v1/files", callersKey, ``, 404, "There is no GET /v1/files here."},
		{http.MethodGet, "/v1/chat/completions", callersKey, ``, 404, "invalid_request_error"},
		{http.MethodPost, "/v1/chat/completions", callersKey, `nonsense`, 400, "The body is not the JSON"},
		{http.MethodPost, "/v1/chat/completions", callersKey, `{"model":"smart","tool_choice":7}`, 400, "tool_choice is neither"},
		{
			http.MethodPost, "/v1/chat/completions", callersKey,
			`{"model":"smart","messages":[{"role":"user"},{"role":"tool","tool_call_id":"x"}]}`, 400, "invalid_request_error",
		},
		{
			http.MethodPost, "/v1/chat/completions", callersKey,
			`{"model":"smart","messages":[{"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f","arguments":"nonsense"}}]}]}`,
			400, "is no JSON object",
		},
		{
			http.MethodPost, "/v1/chat/completions", callersKey,
			`{"model":"smart","messages":[{"role":"robot","content":"Beep."}]}`, 400, `"param":"messages[0].role"`,
		},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, r.url+c.path, strings.NewReader(c.body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+c.key)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, c.status, resp.StatusCode, "%s", body)
		require.Contains(t, string(body), c.says)
	}
	require.Zero(t, r.first.Stats().Requests)
}

// A stream that nobody can go on with ends with an error, not as if it were
// whole.
func TestStreamBreaksOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.second.Fail(vendorsim.CutAfter(9))
	stream := r.client.Chat.Completions.NewStreaming(t.Context(), question("Good morning."))
	var all sdk.ChatCompletionAccumulator
	for stream.Next() {
		require.True(t, all.AddChunk(stream.Current()))
	}
	require.ErrorContains(t, stream.Err(), "No provider gave an answer.")
	require.Equal(t, "You said: Good morning. That was ", all.Choices[0].Message.Content)
	require.Empty(t, all.Choices[0].FinishReason)
}

// One that begins again is no better: what was sent cannot be taken back.
func TestStreamRestarts(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{}, failover.Restart)
	r.second.Answer(func(vendorsim.LLMRequest) vendorsim.LLMAnswer { return vendorsim.LLMAnswer{Text: "Something else."} })
	r.first.Answer(func(vendorsim.LLMRequest) vendorsim.LLMAnswer {
		return vendorsim.LLMAnswer{Text: "This breaks off early."}
	})
	r.first.Heal()
	r.first.Fail(vendorsim.CutAfter(3))
	params := question("Good morning.")
	params.ResponseFormat.OfJSONObject = &shared.ResponseFormatJSONObjectParam{} // which no other model goes on with
	stream := r.client.Chat.Completions.NewStreaming(t.Context(), params)
	var all sdk.ChatCompletionAccumulator
	for stream.Next() {
		require.True(t, all.AddChunk(stream.Current()))
	}
	require.ErrorContains(t, stream.Err(), "No provider gave an answer.")
	require.Equal(t, "This breaks ", all.Choices[0].Message.Content)
}

// A caller who leaves ends the work.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	for _, streams := range []bool{false, true} {
		r := newRig(t, options{MaxInFlight: 1})
		r.second.Fail(vendorsim.Silence())
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			if streams {
				stream := r.client.Chat.Completions.NewStreaming(ctx, question("Good morning."))
				stream.Next()
				left <- stream.Err()
				return
			}
			_, err := r.client.Chat.Completions.New(ctx, question("Good morning."))
			left <- err
		}()
		require.NoError(t, r.second.Await(t.Context(), func(s vendorsim.Stats) bool { return s.Requests == 1 }))

		// Until then its place is taken.
		_, err := r.client.Chat.Completions.New(t.Context(), question("Good evening."))
		var refused *sdk.Error
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 429, refused.StatusCode)

		leave()
		require.ErrorIs(t, <-left, context.Canceled)
		require.NoError(t, r.second.Await(t.Context(), func(s vendorsim.Stats) bool { return s.Disconnects == 1 }))
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out))
	require.Contains(t, out.String(), `"content":"You said: Good morning. That was message 1 of our conversation.`)
	require.Contains(t, out.String(), "200 OK, begun by anthropic")
	require.Contains(t, out.String(), `"content":"message 1 of "`) // in pieces of the third vendor's
	require.Contains(t, out.String(), "   < data: [DONE]")
}
