package google_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genai"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/google"
	"github.com/gofailover/failover/providers/llm"
)

const (
	key   = "AIza-google-test"
	newer = "gemini-3.1-pro-preview"
	older = "gemini-2.5-flash-lite"
)

var models = llm.Models{"": {ID: older}, "new": {ID: newer}}

// start runs a simulator and makes a client of it.
func start(t *testing.T, opts ...google.Option) (*vendorsim.Server, *google.Client) {
	t.Helper()
	s := vendorsim.Google(key)
	t.Cleanup(s.Close)
	return s, client(t, s, opts...)
}

func client(t *testing.T, s *vendorsim.Server, opts ...google.Option) *google.Client {
	t.Helper()
	base := []google.Option{google.WithBaseURL(s.URL()), google.WithHTTPClient(s.Client()), google.WithModels(models)}
	c, err := google.New(key, append(base, opts...)...)
	require.NoError(t, err)
	return c
}

// ask is a request for a text.
func ask(messages ...llm.Message) llm.Request { return llm.Request{Messages: messages} }

func hello() llm.Request { return ask(llm.User("Hello.")) }

// sent is the body of the latest request.
func sent(t *testing.T, s *vendorsim.Server) string {
	t.Helper()
	all := s.Requests()
	require.NotEmpty(t, all)
	return string(all[len(all)-1].Body)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	vertex, err := genai.NewClient(t.Context(), &genai.ClientConfig{
		Backend: genai.BackendVertexAI, Project: "p", Location: "l", HTTPClient: &http.Client{},
	})
	require.NoError(t, err)
	for want, construct := range map[string]func() (*google.Client, error){
		"google: the API key is empty": func() (*google.Client, error) { return google.New("") },
		"google: the API key contains a space, line end or other character that no key has": func() (*google.Client, error) {
			return google.New(key + "\n")
		},
		"google: base URL: must begin with https:// or http://": func() (*google.Client, error) {
			return google.New(key, google.WithBaseURL("api.google.com"))
		},
		"google: WithBaseURL: the URL is empty": func() (*google.Client, error) {
			return google.New(key, google.WithBaseURL(""))
		},
		"google: WithHTTPClient: the client is nil": func() (*google.Client, error) {
			return google.New(key, google.WithHTTPClient(nil))
		},
		"google: WithName: the name is empty": func() (*google.Client, error) {
			return google.New(key, google.WithName(""))
		},
		"google: Use: the client is nil": func() (*google.Client, error) { return google.Use(nil) },
		"google: Use: the client is one for Vertex AI, which is not supported": func() (*google.Client, error) {
			return google.Use(vertex)
		},
	} {
		c, err := construct()
		require.EqualError(t, err, want)
		assert.Nil(t, c)
		assert.NotContains(t, err.Error(), key)
	}
}

func TestClientPrintsItsNameOnly(t *testing.T) {
	t.Parallel()
	c, err := google.New(key, google.WithName("gemini-eu"), nil)
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, "google.Client(gemini-eu)", fmt.Sprintf(verb, c))
	}
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("made", "client", c)
	assert.Contains(t, out.String(), "google.Client(gemini-eu)")
	assert.NotContains(t, out.String(), key)
	assert.NotContains(t, fmt.Sprintf("%+v %#v", c.LLM(), c.LLM()), key)
}

func TestProviderFields(t *testing.T) {
	t.Parallel()
	c, err := google.New(key)
	require.NoError(t, err)
	p := c.LLM()
	assert.Equal(t, "google", p.Name)
	assert.Equal(t, "google", p.Vendor)
	assert.Equal(t, "google", p.Account)
	assert.NotNil(t, p.Models, "without a table only explicit models are served")
	assert.Nil(t, p.Limits, "Google tells none")

	own := &llm.Capabilities{Tools: true}
	c, err = google.New(key, google.WithName("eu"), google.WithAccount("team"), google.WithModels(llm.Models{
		"a": {ID: "gemini-3.8-flash"}, "b": {ID: "models/gemini-3.1-flash-lite"}, "c": {ID: "gemini-9"}, "d": {ID: "gemini-3.8-flash", Can: own},
	}))
	require.NoError(t, err)
	p = c.LLM()
	assert.Equal(t, "eu", p.Name)
	assert.Equal(t, "team", p.Account)
	assert.False(t, p.Models["a"].Can.Prefill)
	assert.True(t, p.Models["b"].Can.Prefill)
	assert.Nil(t, p.Models["c"].Can, "unknown")
	assert.Same(t, own, p.Models["d"].Can)
	p.Models["a"].Can.Tools = false
	assert.True(t, c.LLM().Models["a"].Can.Tools, "every provider has its own")
}

func TestEnvironmentDoesNotMatter(t *testing.T) {
	for name, value := range map[string]string{
		"GOOGLE_API_KEY": "garbage", "GOOGLE_GENAI_USE_VERTEXAI": "true", "GOOGLE_GENAI_USE_ENTERPRISE": "1",
		"GOOGLE_CLOUD_PROJECT": "garbage", "GOOGLE_CLOUD_LOCATION": "garbage", "GOOGLE_CLOUD_REGION": "garbage",
		"GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1", "GOOGLE_VERTEX_BASE_URL": "http://127.0.0.1:1",
	} {
		t.Setenv(name, value)
	}
	s, c := start(t)
	_, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)

	sdk, err := genai.NewClient(t.Context(), &genai.ClientConfig{
		APIKey: key, Backend: genai.BackendGeminiAPI, HTTPClient: s.Client(), HTTPOptions: genai.HTTPOptions{BaseURL: s.URL()},
	})
	require.NoError(t, err)
	c, err = google.Use(sdk, google.WithModels(models))
	require.NoError(t, err)
	_, err = c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	assert.Equal(t, 2, s.Stats().Requests)
}

func TestUseTakesOverTheConfiguration(t *testing.T) {
	t.Parallel()
	s := vendorsim.Google(key)
	defer s.Close()
	config := genai.ClientConfig{
		APIKey: key, Backend: genai.BackendGeminiAPI,
		HTTPClient: &http.Client{Transport: s.Client().Transport, Timeout: time.Nanosecond},
		HTTPOptions: genai.HTTPOptions{
			BaseURL: s.URL(), APIVersion: "v1alpha", Headers: http.Header{"X-Team": {"red"}},
			ExtraBody: map[string]any{"serviceTier": "flex"}, Timeout: genai.Ptr(time.Nanosecond),
			RetryOptions: &genai.HTTPRetryOptions{Attempts: genai.Ptr[int32](5), InitialDelay: new(0.001)},
		},
	}
	sdk, err := genai.NewClient(t.Context(), &config)
	require.NoError(t, err)
	c, err := google.Use(sdk, google.WithModels(models), google.WithName("mine"))
	require.NoError(t, err)
	answer, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	assert.Equal(t, "mine", answer.Provider)
	seen := s.Requests()[0]
	assert.Equal(t, "/v1alpha/models/"+older+":generateContent", seen.Path)
	assert.Equal(t, "red", seen.Header.Get("X-Team"))
	assert.Contains(t, string(seen.Body), `"serviceTier":"flex"`)

	s.Fail(vendorsim.Status(503), vendorsim.Status(503))
	_, err = c.LLM().Complete(t.Context(), hello())
	require.Error(t, err)
	_, err = llm.Collect(c.LLM().Stream(t.Context(), hello()))
	require.Error(t, err)
	assert.Equal(t, 3, s.Stats().Requests, "the retries of the SDK's client are not taken over")
}

func TestCheckAndList(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	require.NoError(t, c.LLM().Check(t.Context()))
	seen := s.Requests()[0]
	assert.Equal(t, "/v1beta/models", seen.Path)
	assert.Equal(t, "1", seen.Query.Get("pageSize"))

	all, err := c.LLM().List(t.Context())
	require.NoError(t, err)
	assert.Contains(t, all, llm.ModelInfo{Provider: "google", ID: newer, Name: newer})
	assert.Equal(t, 2, s.Stats().Requests)

	s.Fail(vendorsim.Body(200, "application/json", `{"models":[{"name":"models/a"}],"nextPageToken":"p2"}`),
		vendorsim.Body(200, "application/json", `{"models":[{"name":"tunedModels/b","displayName":"B"}]}`))
	all, err = c.LLM().List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []llm.ModelInfo{{Provider: "google", ID: "a"}, {Provider: "google", ID: "tunedModels/b", Name: "B"}}, all)
	last := s.Requests()[3]
	assert.Equal(t, "p2", last.Query.Get("pageToken"))
}

func TestNothingIsPrinted(t *testing.T) {
	var out bytes.Buffer
	before := log.Writer()
	log.SetOutput(&out)
	defer log.SetOutput(before)
	s, c := start(t)
	for _, fault := range []vendorsim.Fault{
		vendorsim.CutAfter(2), vendorsim.EndWithin(2), vendorsim.ReplaceAfter(1, "data: {\r\n\r\n"), vendorsim.Page(),
	} {
		s.Fail(fault)
		_, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
		require.Error(t, err, fault)
	}
	for _, fault := range []vendorsim.Fault{vendorsim.Cut(), vendorsim.BadChunk(), vendorsim.Truncate(), vendorsim.Page()} {
		s.Fail(fault)
		_, err := c.LLM().Complete(t.Context(), hello())
		require.Error(t, err, fault)
	}
	assert.Empty(t, out.String(), "the SDK logs errors of reading; a library does not")
}

// compact is JSON without spaces, keys sorted, and without the empty settings
// that the SDK always sends.
func compact(t *testing.T, text string) string {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &v))
	if settings, ok := v["generationConfig"].(map[string]any); ok && len(settings) == 0 {
		delete(v, "generationConfig")
	}
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return string(out)
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	s.Answer(vendorsim.Answers(vendorsim.LLMAnswer{
		Text: "Good day.", Usage: vendorsim.LLMUsage{Input: 40, Output: 30, Cached: 10, Reasoning: 20},
	}))
	answer, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	assert.Positive(t, answer.Duration)
	answer.Duration = 0
	assert.Equal(t, &llm.Response{
		Message: llm.Assistant("Good day."), Finish: llm.FinishStop, Model: older, Provider: "google", RequestID: "google-1",
		Usage: llm.Usage{Input: 40, Output: 30, Cached: 10, Reasoning: 20},
	}, answer)
}

func TestContextEndsACall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Google(key, vendorsim.InMemory())
		defer s.Close()
		c := client(t, s)
		for _, fault := range []vendorsim.Fault{vendorsim.Silence(), vendorsim.Stall(), vendorsim.StallAfter(2)} {
			for name, call := range map[string]func(context.Context) error{
				"whole": func(ctx context.Context) error {
					_, err := c.LLM().Complete(ctx, hello())
					return err
				},
				"stream": func(ctx context.Context) error {
					_, err := llm.Collect(c.LLM().Stream(ctx, hello()))
					return err
				},
			} {
				before := s.Stats().Requests
				s.Fail(fault)
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				err := call(ctx)
				cancel()
				require.ErrorIs(t, err, context.DeadlineExceeded, "%s %s", name, fault)
				assert.Equal(t, before+1, s.Stats().Requests)
				assert.NotContains(t, strings.Join([]string{err.Error(), fmt.Sprintf("%#v", err)}, " "), "127.0.0.1")
			}
		}
	})
}
