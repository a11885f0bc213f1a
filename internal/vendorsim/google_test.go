package vendorsim_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

const googleWeather = `"tools":[{"functionDeclarations":[{"name":"weather","description":"Tells it.",` +
	`"parametersJsonSchema":{"type":"object","properties":{"city":{"type":"string"}},"additionalProperties":false}}]}]`

const (
	oldGemini = "/v1beta/models/gemini-2.5-flash:generateContent"
	newGemini = "/v1beta/models/gemini-3-pro-preview:generateContent"
)

func gemini(more string, contents ...string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"contents":[%s]%s}`, strings.Join(contents, ","), more)
}

func turn(role string, parts ...string) string {
	return fmt.Sprintf(`{"role":%q,"parts":[%s]}`, role, strings.Join(parts, ","))
}

func words(role, text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text always can be
	}
	return turn(role, `{"text":`+string(quoted)+`}`)
}

func TestGoogleAnswers(t *testing.T) {
	t.Parallel()
	d := dialects["google"]
	s := vendorsim.Google(key)
	defer s.Close()
	got := object(t, d.good(t, s, oldGemini, gemini(`"systemInstruction":{"parts":[{"text":"Be kind."}]},"generationConfig":{"maxOutputTokens":500,"temperature":0.5,"seed":7}`,
		turn("user", `{"text":"What is it?"}`, `{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}`))))
	assert.Equal(t, "STOP", at(got, "candidates", 0, "finishReason"))
	assert.Equal(t, "model", at(got, "candidates", 0, "content", "role"))
	assert.Contains(t, at(got, "candidates", 0, "content", "parts", 0, "text"), "Image 1 is 8 bytes of image/png.")
	assert.Equal(t, "gemini-2.5-flash", got["modelVersion"])
	assert.NotNil(t, at(got, "usageMetadata", "promptTokenCount"))
	asked := s.Asked()[0]
	assert.Equal(t, "Be kind.", asked.System)
	assert.EqualValues(t, 7, *asked.Seed)

	got = object(t, d.good(t, s, oldGemini, gemini("", words("user", "Hello."), words("model", "You said: Hello."))))
	assert.Equal(t, strings.TrimPrefix(helloAnswer, "You said: Hello."), at(got, "candidates", 0, "content", "parts", 0, "text"))

	schema := `{"type":"object","properties":{"n":{"type":"integer"}}}`
	for _, field := range []string{"responseSchema", "responseJsonSchema"} {
		got = object(t, d.good(t, s, oldGemini, gemini(`"generationConfig":{"responseMimeType":"application/json","`+field+`":`+schema+`}`, words("user", "A number?"))))
		assert.Equal(t, `{"n":1}`, at(got, "candidates", 0, "content", "parts", 0, "text"))
	}
	got = object(t, d.good(t, s, oldGemini, gemini(`"generationConfig":{"thinkingConfig":{"includeThoughts":true}}`, words("user", "Hello."))))
	assert.Equal(t, true, at(got, "candidates", 0, "content", "parts", 0, "thought"))
	assert.NotNil(t, at(got, "usageMetadata", "thoughtsTokenCount"))
}

func TestGoogleStreams(t *testing.T) {
	t.Parallel()
	d := dialects["google"]
	s := vendorsim.Google(key)
	defer s.Close()
	body := d.good(t, s, d.stream, d.helloIn)
	assert.Contains(t, string(body), "\r\n\r\n")
	events := readEvents(t, body)
	var text strings.Builder
	for i, e := range events {
		m := e.json(t)
		assert.Equal(t, i == len(events)-1, at(m, "candidates", 0, "finishReason") == "STOP")
		assert.NotNil(t, m["usageMetadata"])
		text.WriteString(at(m, "candidates", 0, "content", "parts", 0, "text").(string))
	}
	assert.Equal(t, helloAnswer, text.String())

	var list []any
	require.NoError(t, json.Unmarshal(d.good(t, s, strings.TrimSuffix(d.stream, "?alt=sse"), d.helloIn), &list), "an array without alt=sse")
	assert.Len(t, list, len(events))

	s.Answer(func(vendorsim.LLMRequest) vendorsim.LLMAnswer {
		return vendorsim.LLMAnswer{Text: "Look.", Calls: []vendorsim.LLMCall{{Name: "weather", Arguments: `{}`}, {Name: "weather", Arguments: `{"city":"Oslo"}`}}}
	})
	events = readEvents(t, d.good(t, s, d.stream, gemini(googleWeather, words("user", "Weather?"))))
	require.Len(t, events, 4, "calls come whole")
	call := at(events[2].json(t), "candidates", 0, "content", "parts", 0)
	assert.Equal(t, map[string]any{"city": "Oslo"}, at(call, "functionCall", "args"))
	assert.Nil(t, at(call, "functionCall", "id"), "older models have none")
}

func TestGoogleWantsItsSignatures(t *testing.T) {
	t.Parallel()
	d := dialects["google"]
	s := vendorsim.Google(key)
	defer s.Close()
	user := words("user", "Weather?")
	first := object(t, d.good(t, s, newGemini, gemini(googleWeather, user)))
	part := at(first, "candidates", 0, "content", "parts", 0)
	assert.Equal(t, "weather", at(part, "functionCall", "name"))
	assert.NotNil(t, at(part, "functionCall", "id"))
	signature, ok := at(part, "thoughtSignature").(string)
	require.True(t, ok)
	_, err := base64.StdEncoding.DecodeString(signature)
	require.NoError(t, err, "it is bytes")

	response := turn("user", `{"functionResponse":{"name":"weather","response":{"output":"sun"}}}`)
	call := func(signature string) string {
		if signature != "" {
			signature = `,"thoughtSignature":"` + signature + `"`
		}
		return turn("model", `{"functionCall":{"name":"weather","args":{}}`+signature+`}`)
	}
	dummy := "skip_thought_signature_validator"
	for _, good := range []string{signature, dummy, base64.StdEncoding.EncodeToString([]byte(dummy)), "context_engineering_is_the_way_to_go"} {
		got := object(t, d.good(t, s, newGemini, gemini(googleWeather, user, call(good), response)))
		assert.Contains(t, at(got, "candidates", 0, "content", "parts", 0, "text"), "The tool said: sun.")
	}
	asked := s.Asked()
	assert.True(t, asked[len(asked)-1].Messages[1].Calls[0].Signed)

	status, body := d.refused(t, s, newGemini, gemini(googleWeather, user, call(""), response))
	assert.Equal(t, 400, status)
	assert.Contains(t, body, "missing a thought_signature")
	status, body = d.refused(t, s, newGemini, gemini(googleWeather, user, call("bm90IHlvdXJz"), response))
	assert.Equal(t, 400, status)
	assert.Contains(t, body, "Corrupted thought signature")
	d.good(t, s, oldGemini, gemini(googleWeather, user, call(""), response))
	d.good(t, s, newGemini, gemini(googleWeather, user, call(""), response, words("model", "Sun."), user))
}

func TestGoogleScripts(t *testing.T) {
	t.Parallel()
	d := dialects["google"]
	s := vendorsim.Google(key)
	defer s.Close()
	for name, path := range map[string]string{"whole": d.path, "stream": d.stream} {
		t.Run(name, func(t *testing.T) {
			say := func(a vendorsim.LLMAnswer) map[string]any {
				s.Answer(vendorsim.Answers(a))
				body := d.good(t, s, path, d.hello)
				if name == "whole" {
					return object(t, body)
				}
				events := readEvents(t, body)
				return events[len(events)-1].json(t)
			}
			got := say(vendorsim.LLMAnswer{Blocked: "PROHIBITED_CONTENT"})
			assert.Nil(t, got["candidates"])
			assert.Equal(t, "PROHIBITED_CONTENT", at(got, "promptFeedback", "blockReason"))
			assert.Nil(t, say(vendorsim.LLMAnswer{NoChoices: true})["candidates"])
			assert.Equal(t, "SAFETY", at(say(vendorsim.LLMAnswer{Finish: vendorsim.FinishContentFilter}), "candidates", 0, "finishReason"))
			assert.Equal(t, "SPII", at(say(vendorsim.LLMAnswer{Finish: "SPII"}), "candidates", 0, "finishReason"))
			got = say(vendorsim.LLMAnswer{Calls: []vendorsim.LLMCall{{Name: "f", Arguments: `{"a`}}})
			assert.Equal(t, "MALFORMED_FUNCTION_CALL", at(got, "candidates", 0, "finishReason"))
			got = say(vendorsim.LLMAnswer{Text: "x", Usage: vendorsim.LLMUsage{Input: 100, Output: 30, Cached: 60, Reasoning: 20}})
			assert.InDelta(t, 60, at(got, "usageMetadata", "cachedContentTokenCount"), 0)
			assert.InDelta(t, 20, at(got, "usageMetadata", "thoughtsTokenCount"), 0)
			assert.InDelta(t, 10, at(got, "usageMetadata", "candidatesTokenCount"), 0)
			assert.InDelta(t, 130, at(got, "usageMetadata", "totalTokenCount"), 0)
		})
	}
	s.Answer(nil)
	got := object(t, d.good(t, s, d.path, gemini(`"generationConfig":{"maxOutputTokens":2}`, words("user", "Hello."))))
	assert.Equal(t, "MAX_TOKENS", at(got, "candidates", 0, "finishReason"))
}

func TestGoogleRefuses(t *testing.T) {
	t.Parallel()
	d := dialects["google"]
	s := vendorsim.Google(key)
	defer s.Close()
	user := words("user", "Hello.")
	call := turn("model", `{"functionCall":{"name":"f","args":{}}}`)
	response := turn("user", `{"functionResponse":{"name":"f","response":{"output":"a"}}}`)
	for name, c := range map[string]struct {
		path   string
		body   string
		status int
		want   string
	}{
		"no JSON":             {body: `{"contents"`, want: "Invalid JSON payload"},
		"unknown field":       {body: gemini(`"messages":[]`, user), want: `Unknown name \"messages\"`},
		"unknown model":       {path: "/v1beta/models/gemini-0:generateContent", body: gemini("", user), status: 404, want: "NOT_FOUND"},
		"unknown method":      {path: "/v1beta/models/gemini-2.5-pro:sing", body: gemini("", user), status: 404, want: "NOT_FOUND"},
		"unknown version":     {path: "/v7/models/gemini-2.5-pro:generateContent", body: gemini("", user), status: 404, want: "NOT_FOUND"},
		"no contents":         {body: gemini(""), want: "contents is not specified"},
		"role":                {body: gemini("", words("assistant", "x")), want: "valid role"},
		"no parts":            {body: gemini("", turn("user")), want: "parts must not be empty"},
		"empty part":          {body: gemini("", turn("user", `{}`)), want: "oneof field 'data'"},
		"image of a kind":     {body: gemini("", turn("user", `{"inlineData":{"mimeType":"image/gif","data":"AAAA"}}`)), want: "Unsupported MIME type: image/gif"},
		"call without result": {body: gemini("", user, call, user), want: "number of function response parts"},
		"call at the start":   {body: gemini("", call, response), want: "immediately after a user turn"},
		"result of nothing":   {body: gemini("", user, response), want: "immediately after a function call turn"},
		"result without name": {body: gemini("", user, call, strings.Replace(response, `"name":"f",`, "", 1)), want: "function_response.name"},
		"result of text":      {body: gemini("", user, call, strings.Replace(response, `{"output":"a"}`, `"a"`, 1)), want: "function_response.response"},
		"name of a tool":      {body: gemini(`"tools":[{"functionDeclarations":[{"name":"1 2"}]}]`, user), want: "Invalid function name"},
		"schema of a tool":    {body: gemini(strings.Replace(googleWeather, "parametersJsonSchema", "parameters", 1), user), want: `Unknown name \"additionalProperties\"`},
		"mode":                {body: gemini(`"toolConfig":{"functionCallingConfig":{"mode":"SOME"}}`, user), want: "function_calling_config.mode"},
		"allowed":             {body: gemini(googleWeather+`,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["x"]}}`, user), want: "not a declared function"},
		"temperature":         {body: gemini(`"generationConfig":{"temperature":3}`, user), want: "temperature"},
		"high limit":          {body: gemini(`"generationConfig":{"maxOutputTokens":99999}`, user), want: "maxOutputTokens"},
		"schema without JSON": {body: gemini(`"generationConfig":{"responseSchema":{}}`, user), want: "only allowed for response_mime_type"},
		"JSON with tools":     {body: gemini(googleWeather+`,"generationConfig":{"responseMimeType":"application/json"}`, user), want: "Function calling with a response mime type"},
		"too long":            {path: "/v1beta/models/gemma-3-27b-it:generateContent", body: gemini("", words("user", strings.Repeat("word ", 110000))), want: "exceeds the maximum number of tokens"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.path == "" {
				c.path = oldGemini
			}
			status, body := d.refused(t, s, c.path, c.body)
			assert.Equal(t, either(c.status, 400), status, body)
			assert.Contains(t, body, c.want)
			assert.InDelta(t, status, at(object(t, []byte(body)), "error", "code"), 0)
		})
	}
	assert.Empty(t, s.Asked())
	status, body := dialect{}.refused(t, s, oldGemini, d.hello)
	assert.Equal(t, 403, status)
	assert.Contains(t, body, "unregistered callers")
	dialect{}.good(t, s, oldGemini+"?key="+key, d.hello)
}

func either(n, other int) int {
	if n != 0 {
		return n
	}
	return other
}

func TestGoogleErrors(t *testing.T) {
	t.Parallel()
	d := dialects["google"]
	s := vendorsim.Google(key, vendorsim.InMemory())
	defer s.Close()
	for _, c := range []struct {
		status     int
		code       string
		name, text string
	}{
		{400, "", "INVALID_ARGUMENT", ""},
		{400, "API_KEY_INVALID", "INVALID_ARGUMENT", "API key not valid"},
		{400, "FAILED_PRECONDITION", "FAILED_PRECONDITION", "billing"},
		{400, "PROMPT_LENGTH", "INVALID_ARGUMENT", "exceeds the maximum number of tokens"},
		{402, "", "FAILED_PRECONDITION", ""},
		{403, "", "PERMISSION_DENIED", ""},
		{404, "", "NOT_FOUND", ""},
		{429, "", "RESOURCE_EXHAUSTED", `"retryDelay":"34s"`},
		{429, "QUOTA_PER_DAY", "RESOURCE_EXHAUSTED", "PerDay"},
		{500, "", "INTERNAL", ""},
		{503, "", "UNAVAILABLE", "overloaded"},
		{504, "", "DEADLINE_EXCEEDED", ""},
		{418, "", "UNKNOWN", ""},
	} {
		s.Fail(vendorsim.Status(c.status).Code(c.code))
		status, body := d.refused(t, s, d.path, d.hello)
		assert.Equal(t, c.status, status)
		assert.Equal(t, c.name, at(object(t, []byte(body)), "error", "status"), body)
		assert.Contains(t, body, c.text)
	}
}

func TestGoogleModels(t *testing.T) {
	t.Parallel()
	d := dialects["google"]
	s := vendorsim.Google(key)
	defer s.Close()
	page := object(t, d.good(t, s, "/v1beta/models?pageSize=5", ""))
	assert.Len(t, page["models"], 5)
	rest := object(t, d.good(t, s, "/v1beta/models?pageSize=5&pageToken="+page["nextPageToken"].(string), ""))
	assert.NotEmpty(t, rest["models"])
	assert.Nil(t, rest["nextPageToken"])
	assert.Equal(t, "models/gemini-2.5-pro", object(t, d.good(t, s, "/v1beta/models/gemini-2.5-pro", ""))["name"])
	status, _ := d.refused(t, s, "/v1beta/models/gemini-0", "")
	assert.Equal(t, 404, status)
	resp, _, err := d.send(t, s, "/other", "")
	require.NoError(t, err)
	assert.Equal(t, 404, resp.StatusCode)
	assert.Contains(t, resp.Header.Get("Content-Type"), "text/html")
}
