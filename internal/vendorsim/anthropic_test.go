package vendorsim_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

const anthropicWeather = `{"name":"weather","description":"Tells it.","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}`

const (
	oldClaude = "claude-sonnet-4-5" // continues a prefill
	newClaude = "claude-sonnet-5"   // does not
)

func claude(model, more string, messages ...string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"model":%q,"max_tokens":2000,"messages":[%s]%s}`, model, strings.Join(messages, ","), more)
}

func says(role, content string) string {
	text, err := json.Marshal(content)
	if err != nil {
		panic(err) // a text always can be
	}
	return fmt.Sprintf(`{"role":%q,"content":%s}`, role, text)
}

func has(role string, blocks ...string) string {
	return fmt.Sprintf(`{"role":%q,"content":[%s]}`, role, strings.Join(blocks, ","))
}

func TestAnthropicAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := dialects["anthropic"]
		s := vendorsim.Anthropic(key, vendorsim.InMemory())
		defer s.Close()
		resp, body, err := d.send(t, s, d.path, claude(newClaude, `"system":[{"type":"text","text":"Be kind.","cache_control":{"type":"ephemeral"}}],"stop_sequences":["END"]`,
			has("user", `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}`, `{"type":"text","text":"What is it?"}`)))
		require.NoError(t, err)
		require.Equal(t, 200, resp.StatusCode, "%s", body)
		reset, err := time.Parse(time.RFC3339, resp.Header.Get("Anthropic-Ratelimit-Requests-Reset"))
		require.NoError(t, err)
		assert.Equal(t, 6*time.Minute, time.Until(reset))
		assert.Equal(t, "9999", resp.Header.Get("Anthropic-Ratelimit-Requests-Remaining"))
		assert.NotEmpty(t, resp.Header.Get("Anthropic-Ratelimit-Input-Tokens-Limit"))
		assert.NotEmpty(t, resp.Header.Get("Request-Id"))

		got := object(t, body)
		assert.Equal(t, "message", got["type"])
		assert.Equal(t, "end_turn", got["stop_reason"])
		assert.Contains(t, at(got, "content", 0, "text"), "Image 1 is 8 bytes of image/png.")
		assert.Equal(t, "Be kind.", s.Asked()[0].System)

		s.Answer(vendorsim.Answers(vendorsim.LLMAnswer{Text: "x", Usage: vendorsim.LLMUsage{Input: 100, Output: 7, Cached: 60}}))
		got = object(t, d.good(t, s, d.path, d.hello))
		assert.InDelta(t, 40, at(got, "usage", "input_tokens"), 0)
		assert.InDelta(t, 60, at(got, "usage", "cache_read_input_tokens"), 0)
		assert.InDelta(t, 7, at(got, "usage", "output_tokens"), 0)
	})
}

// grown collects the blocks of a stream as a client does.
func grown(t *testing.T, events []event) (content []map[string]any, stop any) {
	t.Helper()
	open := -1
	for i, e := range events {
		m := e.json(t)
		assert.Equal(t, e.name, m["type"])
		switch e.name {
		case "message_start":
			assert.Zero(t, i)
			assert.Equal(t, []any{}, at(m, "message", "content"))
			assert.Nil(t, at(m, "message", "stop_reason"))
		case "content_block_start":
			assert.Equal(t, -1, open)
			open = int(m["index"].(float64))
			assert.Equal(t, open, len(content))
			content = append(content, at(m, "content_block").(map[string]any))
		case "content_block_delta":
			require.InDelta(t, open, m["index"], 0)
			b := content[open]
			for from, to := range map[string]string{"text": "text", "thinking": "thinking", "signature": "signature", "partial_json": "json"} {
				if more, ok := at(m, "delta", from).(string); ok {
					before, _ := b[to].(string)
					b[to] = before + more
				}
			}
		case "content_block_stop":
			open = -1
		case "message_delta":
			stop = at(m, "delta", "stop_reason")
			assert.NotNil(t, at(m, "usage", "output_tokens"))
		case "message_stop":
			assert.Len(t, events, i+1)
		default:
			assert.Equal(t, "ping", e.name)
		}
	}
	return content, stop
}

func TestAnthropicStreams(t *testing.T) {
	t.Parallel()
	d := dialects["anthropic"]
	s := vendorsim.Anthropic(key)
	defer s.Close()
	s.Answer(func(vendorsim.LLMRequest) vendorsim.LLMAnswer {
		return vendorsim.LLMAnswer{
			Thinking: "Let me think.", Text: "Two calls.",
			Calls: []vendorsim.LLMCall{{Name: "weather", Arguments: `{"city":"Oslo"}`}, {Name: "weather", Arguments: `{}`}},
		}
	})
	ask := claude(newClaude, `"thinking":{"type":"adaptive"},"tools":[`+anthropicWeather+`]`, says("user", "Weather?"))
	content, stop := grown(t, readEvents(t, d.good(t, s, d.path, strings.Replace(ask, "{", `{"stream":true,`, 1))))
	require.Len(t, content, 4)
	assert.Equal(t, "tool_use", stop)
	assert.Equal(t, "Let me think.", content[0]["thinking"])
	assert.NotEmpty(t, content[0]["signature"])
	assert.Equal(t, "Two calls.", content[1]["text"])
	assert.JSONEq(t, `{"city":"Oslo"}`, content[2]["json"].(string))
	assert.Equal(t, "toolu_2", content[3]["id"])

	whole := object(t, d.good(t, s, d.path, ask))
	assert.Equal(t, content[0]["signature"], at(whole, "content", 0, "signature"))
	assert.Equal(t, map[string]any{"city": "Oslo"}, at(whole, "content", 2, "input"))

	s.Fail(vendorsim.CutAt("input_json_delta"))
	_, cut, err := d.send(t, s, d.path, strings.Replace(ask, "{", `{"stream":true,`, 1))
	require.Error(t, err)
	assert.NotContains(t, string(cut), "stop_reason\":\"tool_use")
}

func TestAnthropicGoesOn(t *testing.T) {
	t.Parallel()
	d := dialects["anthropic"]
	s := vendorsim.Anthropic(key)
	defer s.Close()
	ask := claude(oldClaude, `"tools":[`+anthropicWeather+`]`, says("user", "Weather?"))
	first := object(t, d.good(t, s, d.path, ask))
	assert.Equal(t, "tool_use", first["stop_reason"])
	assert.Equal(t, map[string]any{"city": "sample"}, at(first, "content", 0, "input"))

	call := `{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"sample"}}`
	result := `{"type":"tool_result","tool_use_id":"toolu_1","is_error":true,"content":[{"type":"text","text":"no such city"}]}`
	got := object(t, d.good(t, s, d.path, claude(oldClaude, `"tools":[`+anthropicWeather+`]`,
		says("user", "Weather?"), has("assistant", call), has("user", result, `{"type":"text","text":"Well?"}`))))
	assert.Contains(t, at(got, "content", 0, "text"), "The tool failed with: no such city. You said: Well? ")

	for prefill, want := range map[string]string{
		"You said: Hello. That":  " was message 1 of our conversation. I have nothing to add to it.",
		"Something quite other:": " " + helloAnswer,
	} {
		got = object(t, d.good(t, s, d.path, claude(oldClaude, "", says("user", "Hello."), says("assistant", prefill))))
		assert.Equal(t, want, at(got, "content", 0, "text"))
	}
	asked := s.Asked()
	assert.NotEmpty(t, asked[len(asked)-1].Prefill)
	assert.Len(t, asked[len(asked)-1].Messages, 1)

	format := `"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"n":{"type":"integer"}},"additionalProperties":false}}}`
	got = object(t, d.good(t, s, d.path, claude(newClaude, format, says("user", "A number?"))))
	assert.Equal(t, `{"n":1}`, at(got, "content", 0, "text"))
}

func TestAnthropicScripts(t *testing.T) {
	t.Parallel()
	d := dialects["anthropic"]
	s := vendorsim.Anthropic(key)
	defer s.Close()
	say := func(a vendorsim.LLMAnswer) map[string]any {
		s.Answer(vendorsim.Answers(a))
		return object(t, d.good(t, s, d.path, d.hello))
	}
	got := say(vendorsim.LLMAnswer{Refusal: "It is not safe."})
	assert.Equal(t, "refusal", got["stop_reason"])
	assert.Equal(t, "It is not safe.", at(got, "stop_details", "explanation"))
	assert.Empty(t, say(vendorsim.LLMAnswer{})["content"])
	assert.Equal(t, "pause_turn", say(vendorsim.LLMAnswer{Text: "x", Finish: "pause_turn"})["stop_reason"])
	assert.Equal(t, "model_context_window_exceeded", say(vendorsim.LLMAnswer{Text: "x", Finish: "model_context_window_exceeded"})["stop_reason"])

	s.Answer(nil)
	got = object(t, d.good(t, s, d.path, strings.Replace(d.hello, "100", "2", 1)))
	assert.Equal(t, "max_tokens", got["stop_reason"])
	got = object(t, d.good(t, s, d.path, claude(oldClaude, `"stop_sequences":["message"]`, says("user", "Hello."))))
	assert.Equal(t, "stop_sequence", got["stop_reason"])
	assert.Equal(t, "message", got["stop_sequence"])
}

func TestAnthropicRefuses(t *testing.T) {
	t.Parallel()
	d := dialects["anthropic"]
	s := vendorsim.Anthropic(key)
	defer s.Close()
	user := says("user", "Hello.")
	call := `{"type":"tool_use","id":"t1","name":"weather","input":{}}`
	result := `{"type":"tool_result","tool_use_id":"t1","content":"sun"}`
	enabled := `"thinking":{"type":"enabled","budget_tokens":1024}`
	for name, c := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"no JSON":               {`{"model"`, 400, "not valid JSON"},
		"unknown field":         {claude(oldClaude, `"seed":1`, user), 400, "seed: Extra inputs are not permitted"},
		"unknown model":         {claude("claude-0", "", user), 404, "model: claude-0"},
		"no limit":              {strings.Replace(claude(oldClaude, "", user), `"max_tokens":2000,`, "", 1), 400, "max_tokens: Field required"},
		"high limit":            {strings.Replace(claude(oldClaude, "", user), "2000", "2000000", 1), 400, "maximum allowed number of output tokens"},
		"temperature":           {claude(oldClaude, `"temperature":1.5`, user), 400, "temperature: range: 0..1"},
		"no messages":           {claude(oldClaude, ""), 400, "at least one message"},
		"role":                  {claude(oldClaude, "", says("system", "x")), 400, "messages.0.role"},
		"assistant first":       {claude(oldClaude, "", says("assistant", "x")), 400, "first message must use"},
		"user twice":            {claude(oldClaude, "", user, user), 400, "roles must alternate"},
		"empty text":            {claude(oldClaude, "", says("user", "")), 400, "text content blocks must be non-empty"},
		"empty system":          {claude(oldClaude, `"system":[{"type":"text","text":""}]`, user), 400, "text content blocks must be non-empty"},
		"blank text":            {claude(oldClaude, "", says("user", " ")), 400, "non-whitespace"},
		"call without result":   {claude(oldClaude, "", user, has("assistant", call), user), 400, "`tool_use` ids were found without `tool_result` blocks immediately after: t1"},
		"result after text":     {claude(oldClaude, "", user, has("assistant", call), has("user", `{"type":"text","text":"a"}`, result)), 400, "immediately after: t1"},
		"call at the end":       {claude(oldClaude, "", user, has("assistant", call)), 400, "immediately after: t1"},
		"result of nothing":     {claude(oldClaude, "", has("user", result)), 400, "unexpected `tool_use_id`"},
		"id of a call":          {claude(oldClaude, "", user, has("assistant", strings.Replace(call, "t1", "a:b", 1)), has("user", result)), 400, "tool_use.id"},
		"input of a call":       {claude(oldClaude, "", user, has("assistant", strings.Replace(call, "{}", `"x"`, 1)), has("user", result)), 400, "valid dictionary"},
		"image of a kind":       {claude(oldClaude, "", has("user", `{"type":"image","source":{"type":"base64","media_type":"image/bmp","data":"AAAA"}}`)), 400, "media_type"},
		"image by HTTP":         {claude(oldClaude, "", has("user", `{"type":"image","source":{"type":"url","url":"http://x/a.png"}}`)), 400, "HTTPS"},
		"tool":                  {claude(oldClaude, `"tools":[{"name":"a b","input_schema":{"type":"object"}}]`, user), 400, "tools.0.custom.name"},
		"schema of a tool":      {claude(oldClaude, `"tools":[{"name":"a","input_schema":{}}]`, user), 400, "input_schema.type"},
		"choice of a tool":      {claude(oldClaude, `"tools":[`+anthropicWeather+`],"tool_choice":{"type":"tool","name":"x"}`, user), 400, "not found in provided tools"},
		"choice without tools":  {claude(oldClaude, `"tool_choice":{"type":"any"}`, user), 400, "while providing tools"},
		"prefill":               {claude(newClaude, "", user, says("assistant", "x")), 400, "does not support assistant message prefill"},
		"space at the end":      {claude(oldClaude, "", user, says("assistant", "x ")), 400, "trailing whitespace"},
		"foreign thought":       {claude(oldClaude, "", user, has("assistant", `{"type":"thinking","thinking":"hm","signature":"c2ln"}`, `{"type":"text","text":"a"}`), user), 400, "Invalid `signature`"},
		"call without thought":  {claude(oldClaude, enabled, user, has("assistant", call), has("user", result)), 400, "Expected `thinking`"},
		"prefill of a thinker":  {claude(oldClaude, enabled, user, says("assistant", "x")), 400, "prefill"},
		"small budget":          {claude(oldClaude, `"thinking":{"type":"enabled","budget_tokens":10}`, user), 400, "budget_tokens"},
		"forced thinker":        {claude(oldClaude, enabled+`,"tools":[`+anthropicWeather+`],"tool_choice":{"type":"any"}`, user), 400, "forces tool use"},
		"temperature, thinking": {claude(oldClaude, enabled+`,"temperature":0`, user), 400, "may only be set to 1"},
		"open schema":           {claude(oldClaude, `"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}`, user), 400, "additionalProperties"},
		"too long":              {claude("claude-haiku-4-5", "", says("user", strings.Repeat("word ", 170000))), 400, "prompt is too long"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := d.refused(t, s, d.path, c.body)
			assert.Equal(t, c.status, status, body)
			assert.Contains(t, body, c.want)
			assert.Contains(t, body, `"type":"error"`)
		})
	}
	assert.Empty(t, s.Asked())

	for _, header := range []string{"X-Api-Key", "Anthropic-Version"} {
		without := dialect{headers: map[string]string{"X-Api-Key": key, "Anthropic-Version": "2023-06-01"}}
		delete(without.headers, header)
		_, body := without.refused(t, s, d.path, d.hello)
		assert.Contains(t, body, strings.ToLower(header))
	}
}

// A thought comes back with its signature, and nothing else does.
func TestAnthropicKnowsItsThoughts(t *testing.T) {
	t.Parallel()
	d := dialects["anthropic"]
	s := vendorsim.Anthropic(key)
	defer s.Close()
	more := `"thinking":{"type":"enabled","budget_tokens":1024},"tools":[` + anthropicWeather + `]`
	first := object(t, d.good(t, s, d.path, claude(oldClaude, more, says("user", "Weather?"))))
	content, err := json.Marshal(first["content"])
	require.NoError(t, err)
	result := has("user", `{"type":"tool_result","tool_use_id":"toolu_1","content":"sun"}`)
	turn := `{"role":"assistant","content":` + string(content) + `}`
	d.good(t, s, d.path, claude(oldClaude, more, says("user", "Weather?"), turn, result))
	assert.NotEmpty(t, s.Asked()[1].Messages[1].Thinking)

	changed := strings.Replace(turn, "wants", "wanted", 1)
	require.NotEqual(t, turn, changed)
	status, body := d.refused(t, s, d.path, claude(oldClaude, more, says("user", "Weather?"), changed, result))
	assert.Equal(t, 400, status)
	assert.Contains(t, body, "Invalid `signature`")
}

func TestAnthropicErrors(t *testing.T) {
	t.Parallel()
	d := dialects["anthropic"]
	s := vendorsim.Anthropic(key, vendorsim.InMemory())
	defer s.Close()
	for _, c := range []struct {
		status     int
		code       string
		kind, text string
	}{
		{400, "", "invalid_request_error", ""},
		{400, "credit_balance", "invalid_request_error", "credit balance is too low"},
		{400, "usage_limits", "invalid_request_error", "reached your specified API usage limits"},
		{400, "prompt_length", "invalid_request_error", "prompt is too long"},
		{401, "", "authentication_error", "invalid x-api-key"},
		{402, "", "billing_error", ""},
		{403, "", "permission_error", ""},
		{404, "", "not_found_error", ""},
		{409, "", "conflict_error", ""},
		{413, "", "request_too_large", ""},
		{429, "", "rate_limit_error", ""},
		{500, "", "api_error", ""},
		{503, "", "api_error", ""},
		{504, "", "timeout_error", ""},
		{529, "", "overloaded_error", "Overloaded"},
		{500, "overloaded_error", "overloaded_error", "Overloaded"},
	} {
		s.Fail(vendorsim.Status(c.status).Code(c.code))
		resp, body, err := d.send(t, s, d.path, d.hello)
		require.NoError(t, err)
		assert.Equal(t, c.status, resp.StatusCode)
		assert.NotEmpty(t, resp.Header.Get("Request-Id"))
		assert.Equal(t, c.kind, at(object(t, body), "error", "type"), "%s", body)
		assert.Contains(t, at(object(t, body), "error", "message"), c.text)
	}
}

func TestAnthropicModels(t *testing.T) {
	t.Parallel()
	d := dialects["anthropic"]
	s := vendorsim.Anthropic(key)
	defer s.Close()
	got := object(t, d.good(t, s, "/v1/models?limit=1", ""))
	assert.Len(t, got["data"], 1)
	assert.Equal(t, true, got["has_more"])
	assert.Equal(t, oldClaude, object(t, d.good(t, s, "/v1/models/"+oldClaude, ""))["id"])
	status, body := d.refused(t, s, "/v1/models/claude-0", "")
	assert.Equal(t, 404, status)
	assert.Contains(t, body, "not_found_error")
	status, _ = d.refused(t, s, "/v1/models?limit=0", "")
	assert.Equal(t, 400, status)
	status, _ = d.refused(t, s, "/v1/other", d.hello)
	assert.Equal(t, 404, status)
}
