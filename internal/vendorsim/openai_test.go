package vendorsim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

const openAIWeather = `{"type":"function","function":{"name":"weather","description":"Tells it.",` +
	`"parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}`

// pixel is the shortest image that is one by its type.
const pixel = "data:image/png;base64,iVBORw0KGgo="

func chat(model, more string, messages ...string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"model":%q,"messages":[%s]%s}`, model, strings.Join(messages, ","), more)
}

func TestOpenAIChats(t *testing.T) {
	t.Parallel()
	d := dialects["openai"]
	s := vendorsim.OpenAI(key)
	defer s.Close()

	resp, body, err := d.send(t, s, d.path, chat("gpt-4o", `"max_tokens":50,"temperature":0.5,"stop":"END","seed":7,"user":"u","unknown":1`,
		`{"role":"system","content":"Be kind."}`,
		`{"role":"user","content":[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{"url":"`+pixel+`"}}]}`,
	))
	require.NoError(t, err)
	require.Equal(t, 200, resp.StatusCode, "%s", body)
	assert.Equal(t, "10000", resp.Header.Get("X-Ratelimit-Limit-Requests"))
	assert.Equal(t, "9999", resp.Header.Get("X-Ratelimit-Remaining-Requests"))
	assert.Equal(t, "6m0s", resp.Header.Get("X-Ratelimit-Reset-Tokens"))
	assert.NotEmpty(t, resp.Header.Get("X-Request-Id"))
	assert.NotEmpty(t, resp.Header.Get("Openai-Processing-Ms"))

	got := object(t, body)
	assert.Equal(t, "chat.completion", got["object"])
	assert.Equal(t, "stop", at(got, "choices", 0, "finish_reason"))
	assert.Contains(t, at(got, "choices", 0, "message", "content"), "Image 1 is 8 bytes of image/png.")
	assert.InDelta(t, at(got, "usage", "total_tokens"),
		at(got, "usage", "prompt_tokens").(float64)+at(got, "usage", "completion_tokens").(float64), 0)

	asked := s.Asked()[0]
	assert.Equal(t, "Be kind.", asked.System)
	assert.Equal(t, 50, asked.MaxTokens)
	assert.Equal(t, []string{"END"}, asked.Stop)
	assert.EqualValues(t, 7, *asked.Seed)
	assert.Equal(t, "image/png", asked.Messages[0].Images[0].MediaType)
}

func TestOpenAIStreams(t *testing.T) {
	t.Parallel()
	d := dialects["openai"]
	s := vendorsim.OpenAI(key)
	defer s.Close()
	events := readEvents(t, d.good(t, s, d.path, chat("gpt-4o", `"stream":true,"stream_options":{"include_usage":true}`,
		`{"role":"user","content":"Hello."}`)))
	n := len(events)
	assert.Equal(t, "[DONE]", events[n-1].data)
	usage := events[n-2].json(t)
	assert.Empty(t, usage["choices"])
	assert.NotNil(t, at(usage, "usage", "prompt_tokens"))
	assert.Equal(t, "stop", at(events[n-3].json(t), "choices", 0, "finish_reason"))
	assert.Equal(t, "assistant", at(events[0].json(t), "choices", 0, "delta", "role"))
	var text strings.Builder
	for _, e := range events[:n-3] {
		c := e.json(t)
		assert.Equal(t, "chat.completion.chunk", c["object"])
		assert.Nil(t, at(c, "choices", 0, "finish_reason"))
		text.WriteString(at(c, "choices", 0, "delta", "content").(string))
	}
	assert.Equal(t, helloAnswer, text.String())
}

func TestOpenAICallsTools(t *testing.T) {
	t.Parallel()
	d := dialects["openai"]
	s := vendorsim.OpenAI(key)
	defer s.Close()
	user := `{"role":"user","content":"Weather?"}`
	got := object(t, d.good(t, s, d.path, chat("gpt-4o", `"tools":[`+openAIWeather+`]`, user)))
	assert.Equal(t, "tool_calls", at(got, "choices", 0, "finish_reason"))
	assert.Nil(t, at(got, "choices", 0, "message", "content"))
	call := at(got, "choices", 0, "message", "tool_calls", 0)
	assert.Equal(t, "call_1", at(call, "id"))
	assert.JSONEq(t, `{"city":"sample"}`, at(call, "function", "arguments").(string))

	calls := `{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{}"}},` +
		`{"id":"call_2","type":"function","function":{"name":"weather","arguments":"{}"}}]}`
	got = object(t, d.good(t, s, d.path, chat("gpt-4o", `"tools":[`+openAIWeather+`]`, user, calls,
		`{"role":"tool","tool_call_id":"call_2","content":"rain"}`, `{"role":"tool","tool_call_id":"call_1","content":"sun"}`)))
	assert.Contains(t, at(got, "choices", 0, "message", "content"), "The tool said: rain. The tool said: sun.")
	last := s.Asked()[1].Messages
	require.Len(t, last, 3)
	assert.Len(t, last[2].Results, 2)

	s.Answer(func(vendorsim.LLMRequest) vendorsim.LLMAnswer {
		return vendorsim.LLMAnswer{Text: "Look.", Calls: []vendorsim.LLMCall{
			{Name: "weather", Arguments: `{"city":"Oslo"}`}, {ID: "own", Name: "weather", Arguments: `{"city":`},
		}}
	})
	arguments := map[float64]string{}
	ids := map[float64]any{}
	for _, e := range readEvents(t, d.good(t, s, d.path, chat("gpt-4o", `"stream":true,"tools":[`+openAIWeather+`]`, user))) {
		if e.data == "[DONE]" {
			continue
		}
		delta := at(e.json(t), "choices", 0, "delta", "tool_calls", 0)
		if delta == nil {
			continue
		}
		i := at(delta, "index").(float64)
		if id := at(delta, "id"); id != nil {
			ids[i] = id
		}
		arguments[i] += at(delta, "function", "arguments").(string)
	}
	assert.Equal(t, map[float64]any{0: "call_1", 1: "own"}, ids)
	assert.Equal(t, map[float64]string{0: `{"city":"Oslo"}`, 1: `{"city":`}, arguments)
	s.Fail(vendorsim.CutAt(`{\"city\"`))
	_, cut, err := d.send(t, s, d.path, chat("gpt-4o", `"stream":true,"tools":[`+openAIWeather+`]`, user))
	require.Error(t, err)
	assert.Contains(t, string(cut), "tool_calls")
	assert.NotContains(t, string(cut), `"finish_reason":"`)
}

func TestOpenAIAnswersWithJSON(t *testing.T) {
	t.Parallel()
	d := dialects["openai"]
	s := vendorsim.OpenAI(key)
	defer s.Close()
	format := `"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":` +
		`{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}}}`
	got := object(t, d.good(t, s, d.path, chat("gpt-4o", format, `{"role":"user","content":"A number?"}`)))
	assert.Equal(t, `{"n":1}`, at(got, "choices", 0, "message", "content"))
}

func TestOpenAIScripts(t *testing.T) {
	t.Parallel()
	d := dialects["openai"]
	s := vendorsim.OpenAI(key)
	defer s.Close()
	say := func(a vendorsim.LLMAnswer) map[string]any {
		s.Answer(vendorsim.Answers(a))
		return object(t, d.good(t, s, d.path, d.hello))
	}
	got := say(vendorsim.LLMAnswer{Refusal: "I will not."})
	assert.Equal(t, "I will not.", at(got, "choices", 0, "message", "refusal"))
	assert.Nil(t, at(got, "choices", 0, "message", "content"))
	assert.Empty(t, say(vendorsim.LLMAnswer{NoChoices: true})["choices"])
	assert.Equal(t, "", at(say(vendorsim.LLMAnswer{}), "choices", 0, "message", "content"))
	got = say(vendorsim.LLMAnswer{Text: "half", Finish: vendorsim.FinishContentFilter})
	assert.Equal(t, "content_filter", at(got, "choices", 0, "finish_reason"))
	got = say(vendorsim.LLMAnswer{Text: "x", Usage: vendorsim.LLMUsage{Input: 100, Output: 30, Cached: 60, Reasoning: 20}})
	assert.InDelta(t, 60, at(got, "usage", "prompt_tokens_details", "cached_tokens"), 0)
	assert.InDelta(t, 20, at(got, "usage", "completion_tokens_details", "reasoning_tokens"), 0)
	assert.InDelta(t, 130, at(got, "usage", "total_tokens"), 0)

	s.Answer(nil)
	got = object(t, d.good(t, s, d.path, chat("gpt-4o", `"max_completion_tokens":2`, `{"role":"user","content":"Hello."}`)))
	assert.Equal(t, "length", at(got, "choices", 0, "finish_reason"))
	assert.Equal(t, "You said", at(got, "choices", 0, "message", "content"))
	got = object(t, d.good(t, s, d.path, chat("gpt-4o", `"stop":["Hello"]`, `{"role":"user","content":"Hello."}`)))
	assert.Equal(t, "You said: ", at(got, "choices", 0, "message", "content"))
	s.Limits(vendorsim.LLMLimits{Requests: 10, RequestsLeft: 1, Reset: 12 * time.Millisecond})
	resp, _, err := d.send(t, s, d.path, d.hello)
	require.NoError(t, err)
	assert.Equal(t, "1", resp.Header.Get("X-Ratelimit-Remaining-Requests"))
	assert.Equal(t, "12ms", resp.Header.Get("X-Ratelimit-Reset-Requests"))
}

func TestOpenAIRefuses(t *testing.T) {
	t.Parallel()
	d := dialects["openai"]
	s := vendorsim.OpenAI(key)
	defer s.Close()
	user := `{"role":"user","content":"Hello."}`
	call := `{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	for name, c := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"no JSON":             {`{"model"`, 400, "could not parse"},
		"no model":            {chat("", "", user), 400, "model"},
		"unknown model":       {chat("gpt-0", "", user), 404, `"code":"model_not_found"`},
		"no messages":         {chat("gpt-4o", ""), 400, "missing_required_parameter"},
		"role":                {chat("gpt-4o", "", `{"role":"robot","content":"x"}`), 400, "messages[0].role"},
		"no content":          {chat("gpt-4o", "", `{"role":"user","content":null}`), 400, "messages[0].content"},
		"result of nothing":   {chat("gpt-4o", "", user, `{"role":"tool","tool_call_id":"c1","content":"x"}`), 400, "messages with role 'tool'"},
		"call without result": {chat("gpt-4o", "", user, call, user), 400, "did not have response messages: c1"},
		"call at the end":     {chat("gpt-4o", "", user, call), 400, "did not have response messages: c1"},
		"call without id":     {chat("gpt-4o", "", user, strings.Replace(call, "c1", "", 1)), 400, "tool_calls[0].id"},
		"long id":             {chat("gpt-4o", "", user, strings.Replace(call, "c1", strings.Repeat("c", 41), 1)), 400, "string_above_max_length"},
		"name of a tool":      {chat("gpt-4o", `"tools":[{"type":"function","function":{"name":"a b"}}]`, user), 400, "tools[0].function.name"},
		"schema of a tool":    {chat("gpt-4o", `"tools":[{"type":"function","function":{"name":"a","parameters":{"type":"string"}}}]`, user), 400, "invalid_function_parameters"},
		"strict schema":       {chat("gpt-4o", `"tools":[`+strings.Replace(openAIWeather, `"name"`, `"strict":true,"name"`, 1)+`]`, user), 400, "additionalProperties"},
		"choice of a tool":    {chat("gpt-4o", `"tools":[`+openAIWeather+`],"tool_choice":{"type":"function","function":{"name":"x"}}`, user), 400, "Tool choice"},
		"choice of none":      {chat("gpt-4o", `"tool_choice":"auto"`, user), 400, "tool_choice"},
		"format":              {chat("gpt-4o", `"response_format":{"type":"xml"}`, user), 400, "response_format.type"},
		"JSON without a word": {chat("gpt-4o", `"response_format":{"type":"json_object"}`, user), 400, "must contain the word 'json'"},
		"schema unsupported":  {chat("gpt-4", `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{}}}`, user), 400, "not supported with this model"},
		"image unsupported":   {chat("o3-mini", "", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"`+pixel+`"}}]}`), 400, "image_url is only supported"},
		"image of a kind":     {chat("gpt-4o", "", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/tiff;base64,AAAA"}}]}`), 400, "unsupported image"},
		"image of assistant":  {chat("gpt-4o", "", `{"role":"assistant","content":[{"type":"image_url","image_url":{"url":"`+pixel+`"}}]}`), 400, "only allowed for messages with role 'user'"},
		"temperature":         {chat("gpt-4o", `"temperature":3`, user), 400, "temperature"},
		"old limit":           {chat("gpt-5", `"max_tokens":5`, user), 400, "unsupported_parameter"},
		"zero limit":          {chat("gpt-4o", `"max_tokens":0`, user), 400, "below minimum"},
		"high limit":          {chat("gpt-4o", `"max_tokens":99999`, user), 400, "too large"},
		"two limits":          {chat("gpt-4o", `"max_tokens":5,"max_completion_tokens":5`, user), 400, "at the same time"},
		"choices":             {chat("gpt-4o", `"n":2`, user), 400, `"param":"n"`},
		"options":             {chat("gpt-4o", `"stream_options":{"include_usage":true}`, user), 400, "stream_options"},
		"too long":            {chat("gpt-4", "", `{"role":"user","content":"`+strings.Repeat("word ", 9000)+`"}`), 400, "context_length_exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := d.refused(t, s, d.path, c.body)
			assert.Equal(t, c.status, status, body)
			assert.Contains(t, body, c.want)
			assert.Contains(t, body, `"param":`)
		})
	}
	status, body := d.refused(t, s, "/v1/other", d.hello)
	assert.Equal(t, 404, status)
	assert.Contains(t, body, "Invalid URL")
	status, _ = d.refused(t, s, d.path, "")
	assert.Equal(t, 405, status)
	assert.Empty(t, s.Asked())
}

func TestOpenAIErrors(t *testing.T) {
	t.Parallel()
	d := dialects["openai"]
	s := vendorsim.OpenAI(key, vendorsim.InMemory())
	defer s.Close()
	for _, c := range []struct {
		status     int
		code       string
		kind, want any
	}{
		{400, "", "invalid_request_error", nil},
		{400, "context_length_exceeded", "invalid_request_error", "context_length_exceeded"},
		{400, "content_policy_violation", "image_generation_user_error", "content_policy_violation"},
		{401, "", "invalid_request_error", "invalid_api_key"},
		{403, "", "request_forbidden", "unsupported_country_region_territory"},
		{404, "", "invalid_request_error", "model_not_found"},
		{408, "", "invalid_request_error", nil},
		{409, "", "invalid_request_error", nil},
		{413, "", "invalid_request_error", nil},
		{422, "", "invalid_request_error", nil},
		{429, "", "requests", "rate_limit_exceeded"},
		{429, "insufficient_quota", "insufficient_quota", "insufficient_quota"},
		{429, "billing_not_active", "billing_not_active", "billing_not_active"},
		{429, "project_spend_limit_exceeded", "requests", "project_spend_limit_exceeded"},
		{500, "", "server_error", nil},
		{502, "", "server_error", nil},
		{503, "", "service_unavailable_error", "server_is_overloaded"},
		{503, "slow_down", "service_unavailable_error", "slow_down"},
	} {
		s.Fail(vendorsim.Status(c.status).Code(c.code))
		resp, body, err := d.send(t, s, d.path, d.hello)
		require.NoError(t, err)
		assert.Equal(t, c.status, resp.StatusCode)
		assert.NotEmpty(t, resp.Header.Get("X-Request-Id"))
		assert.Equal(t, c.kind, at(object(t, body), "error", "type"), "%s", body)
		assert.Equal(t, c.want, at(object(t, body), "error", "code"), "%s", body)
	}
}

func TestOpenAICompatibleServers(t *testing.T) {
	t.Parallel()
	s := vendorsim.OpenAI(key)
	defer s.Close()
	d := dialects["openai"]
	body := chat("llama-4", "", `{"role":"user","content":"Hello."}`)
	for _, path := range []string{"/chat/completions", "/api/v1/chat/completions", "/openai/v1/chat/completions"} {
		assert.Contains(t, string(d.good(t, s, path, body)), helloAnswer)
	}
	azure := dialect{headers: map[string]string{"Api-Key": key}}
	assert.Contains(t, string(azure.good(t, s, "/openai/deployments/mine/chat/completions?api-version=2024-10-21", body)), helloAnswer)

	list := object(t, d.good(t, s, "/v1/models", ""))
	assert.Equal(t, "list", list["object"])
	assert.NotEmpty(t, list["data"])
	assert.Equal(t, "gpt-4o", object(t, d.good(t, s, "/v1/models/gpt-4o", ""))["id"])
	status, refusal := d.refused(t, s, "/v1/models/gpt-0", "")
	assert.Equal(t, http.StatusNotFound, status)
	assert.Contains(t, refusal, "model_not_found")
}
