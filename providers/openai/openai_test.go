package openai_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
)

const key = "sk-openai-test"

var table = llm.Models{"smart": {ID: "gpt-4.1"}, "thinker": {ID: "gpt-5.1"}, "": {ID: "gpt-4o-mini"}}

// start runs a simulator and makes a client of it.
func start(t *testing.T, opts ...openai.Option) (*vendorsim.Server, *openai.Client) {
	t.Helper()
	s := vendorsim.OpenAI(key)
	t.Cleanup(s.Close)
	return s, dial(t, s, opts...)
}

func dial(t *testing.T, s *vendorsim.Server, opts ...openai.Option) *openai.Client {
	t.Helper()
	base := []openai.Option{openai.WithBaseURL(s.URL() + "/v1"), openai.WithHTTPClient(s.Client()), openai.WithModels(table)}
	c, err := openai.New(key, append(base, opts...)...)
	require.NoError(t, err)
	return c
}

// startOther runs a simulator of a compatible server of another vendor.
func startOther(t *testing.T, opts ...openai.Option) (*vendorsim.Server, *openai.Client) {
	t.Helper()
	s := vendorsim.OpenAI(key)
	t.Cleanup(s.Close)
	base := []openai.Option{
		openai.WithVendor("acme"), openai.WithBaseURL(s.URL() + "/compatible"),
		openai.WithModels(llm.Models{"smart": {ID: "acme-large"}, "prefiller": {ID: "acme-large", Can: &llm.Capabilities{Prefill: true}}}),
	}
	return s, dial(t, s, append(base, opts...)...)
}

// hello is a request that every model can serve.
func hello() llm.Request {
	return llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Hello.")}}
}

// body is the body of the only request so far.
func body(t *testing.T, s *vendorsim.Server) map[string]any {
	t.Helper()
	require.Len(t, s.Requests(), 1)
	var sent map[string]any
	require.NoError(t, json.Unmarshal(s.Requests()[0].Body, &sent))
	return sent
}

// class is the class of an error.
func class(err error) failover.Class {
	if err == nil {
		return failover.ClassUnknown
	}
	return failover.Classify(err).Class
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key  string
		opts []openai.Option
		want string
	}{
		"no key":         {want: "openai: the API key is empty"},
		"key with space": {key: key + "\n", want: "openai: the API key contains a space, line end or other character that no key has"},
		"base URL":       {key: key, opts: []openai.Option{openai.WithBaseURL("ftp://" + key)}, want: "openai: WithBaseURL: base URL: must begin with https:// or http://"},
		"HTTP client":    {key: key, opts: []openai.Option{openai.WithHTTPClient(nil)}, want: "openai: WithHTTPClient: the client is nil"},
		"name":           {key: key, opts: []openai.Option{openai.WithName("")}, want: "openai: WithName: the name is empty"},
		"vendor":         {key: key, opts: []openai.Option{openai.WithVendor("a:b")}, want: `openai: WithVendor: "a:b" is empty or contains a slash, colon or space`},
		"field":          {key: key, opts: []openai.Option{openai.WithMaxTokensField("tokens")}, want: `openai: WithMaxTokensField: "tokens" is neither "max_completion_tokens" nor "max_tokens"`},
		"model":          {key: key, opts: []openai.Option{openai.WithModels(llm.Models{"smart": {}})}, want: `openai: WithModels: "smart" has no ID`},
		"tokens":         {key: key, opts: []openai.Option{openai.WithModels(llm.Models{"smart": {ID: "a", MaxTokens: -1}})}, want: `openai: WithModels: "smart": MaxTokens -1 is negative`},
		"header":         {key: key, opts: []openai.Option{openai.WithHeader("a b", key)}, want: `openai: WithHeader: "a b" is no name of a header`},
		"header value":   {key: key, opts: []openai.Option{openai.WithHeader("X-Key", key+"\n")}, want: "openai: WithHeader: the value of X-Key cannot be sent"},
		"key header":     {key: key, opts: []openai.Option{openai.WithKeyHeader("a:b")}, want: `openai: WithKeyHeader: "a:b" is no name of a header`},
		"organisation":   {key: key, opts: []openai.Option{openai.WithOrganization("")}, want: "openai: WithOrganization: the id is empty"},
		"project":        {key: key, opts: []openai.Option{openai.WithProject("")}, want: "openai: WithProject: the id is empty"},
		"query":          {key: key, opts: []openai.Option{openai.WithQuery("", "1")}, want: "openai: WithQuery: the name is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := openai.New(c.key, c.opts...)
			require.EqualError(t, err, c.want)
			assert.Nil(t, client)
			assert.NotContains(t, err.Error(), key)
		})
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	t.Parallel()
	c, err := openai.New(key, openai.WithName("gpt-eu"), nil)
	require.NoError(t, err)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		assert.Equal(t, "openai.Client(gpt-eu)", fmt.Sprintf(format, c), format)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "client", c)
	assert.Contains(t, log.String(), "openai.Client(gpt-eu)")
	assert.NotContains(t, log.String(), key)
	assert.NotContains(t, fmt.Sprintf("%+v %#v", c.LLM(), c.LLM()), key)
}

func TestProviderFields(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts                  []openai.Option
		name, vendor, account string
	}{
		"default":  {name: "openai", vendor: "openai", account: "openai"},
		"named":    {opts: []openai.Option{openai.WithName("gpt")}, name: "gpt", vendor: "openai", account: "gpt"},
		"account":  {opts: []openai.Option{openai.WithName("gpt"), openai.WithAccount("team")}, name: "gpt", vendor: "openai", account: "team"},
		"a vendor": {opts: []openai.Option{openai.WithVendor("groq")}, name: "groq", vendor: "groq", account: "groq"},
	} {
		client, err := openai.New(key, c.opts...)
		require.NoError(t, err)
		p := client.LLM()
		assert.Equal(t, c.name, p.Name, name)
		assert.Equal(t, c.vendor, p.Vendor, name)
		assert.Equal(t, c.account, p.Account, name)
		assert.NotNil(t, p.Models, "a nil table would serve every name")
		assert.Zero(t, p.Limits().At, "nothing was said yet")
	}
}

func TestKnownModels(t *testing.T) {
	t.Parallel()
	given := llm.Models{
		"smart": {ID: "gpt-4.1"}, "new": {ID: "gpt-99"}, "mine": {ID: "gpt-4o", Can: &llm.Capabilities{Context: 7}},
	}
	c, err := openai.New(key, openai.WithModels(given))
	require.NoError(t, err)
	delete(given, "new")
	models := c.LLM().Models
	require.Contains(t, models, "new", "the table is a copy")
	assert.Nil(t, models["new"].Can, "a model that is not known is tried")
	assert.Equal(t, 7, models["mine"].Can.Context, "the row stands")
	require.NotNil(t, models["smart"].Can)
	assert.True(t, models["smart"].Can.JSONSchema)
	assert.False(t, models["smart"].Can.Prefill)
	assert.Nil(t, given["smart"].Can, "what was given is left alone")

	c, err = openai.New(key, openai.WithVendor("acme"), openai.WithModels(given))
	require.NoError(t, err)
	assert.Nil(t, c.LLM().Models["smart"].Can, "another vendor's model of the same name is another one")
}

func TestComplete(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	resp, err := c.LLM().Complete(t.Context(), llm.Request{
		Model: "smart", System: "Be brief.", Messages: []llm.Message{llm.User("Hello.")},
	})
	require.NoError(t, err)
	assert.Equal(t, "You said: Hello. That was message 1 of our conversation. I have nothing to add to it.", resp.Text())
	assert.Equal(t, llm.RoleAssistant, resp.Message.Role)
	assert.Equal(t, llm.FinishStop, resp.Finish)
	assert.Equal(t, "gpt-4.1", resp.Model)
	assert.Equal(t, "openai", resp.Provider)
	assert.Equal(t, "req_openai_1", resp.RequestID)
	assert.Positive(t, resp.Duration)
	assert.Positive(t, resp.Usage.Input)
	assert.Positive(t, resp.Usage.Output)
	require.Len(t, s.Requests(), 1)
	assert.Equal(t, "/v1/chat/completions", s.Requests()[0].Path)
	assert.True(t, s.Requests()[0].Keyed)
}

// The variables that the SDK's NewClient reads change nothing.
func TestEnvironmentIsNotRead(t *testing.T) {
	for _, name := range []string{
		"OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID",
		"OPENAI_WEBHOOK_SECRET",
	} {
		t.Setenv(name, "http://127.0.0.1:1/garbage")
	}
	t.Setenv("OPENAI_CUSTOM_HEADERS", "X-Garbage: yes")
	s, c := start(t)
	_, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	header := s.Requests()[0].Header
	for _, name := range []string{"X-Garbage", "Openai-Organization", "Openai-Project"} {
		assert.Empty(t, header.Get(name), name)
	}
}

func TestConnectionOptions(t *testing.T) {
	t.Parallel()
	s, c := start(t,
		openai.WithOrganization("org-1"), openai.WithProject("proj-1"), openai.WithHeader("X-Title", "Tests"), openai.WithQuery("api-version", "2026-01-01"))
	_, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	require.NoError(t, c.LLM().Check(t.Context()))
	for _, r := range s.Requests() {
		assert.Equal(t, "org-1", r.Header.Get("Openai-Organization"))
		assert.Equal(t, "proj-1", r.Header.Get("Openai-Project"))
		assert.Equal(t, "Tests", r.Header.Get("X-Title"))
		assert.Equal(t, "2026-01-01", r.Query.Get("api-version"))
	}
}

// Azure's way to name the deployment and to send the key.
func TestAzureStyle(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	c := dial(t, s, openai.WithBaseURL(s.URL()+"/openai/deployments/gpt-4.1"), openai.WithQuery("api-version", "2024-10-21"), openai.WithKeyHeader("api-key"))
	_, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	assert.Equal(t, "/openai/deployments/gpt-4.1/chat/completions", s.Requests()[0].Path)
	assert.Equal(t, "api-version=2024-10-21", s.Requests()[0].Query.Encode())
	assert.False(t, s.Requests()[0].Keyed, "Authorization is not sent")
	assert.Equal(t, key, s.Requests()[0].Header.Get("Api-Key"))
}

func TestUse(t *testing.T) {
	t.Parallel()
	s := vendorsim.OpenAI(key)
	t.Cleanup(s.Close)
	seen := 0
	own := sdk.NewClient(option.WithAPIKey(key), option.WithBaseURL(s.URL()+"/v1"), option.WithHTTPClient(s.Client()),
		option.WithMiddleware(func(r *http.Request, next option.MiddlewareNext) (*http.Response, error) {
			seen++
			return next(r)
		}))
	c, err := openai.Use(own, openai.WithModels(table), openai.WithName("mine"))
	require.NoError(t, err)

	resp, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	assert.Equal(t, "mine", resp.Provider)
	_, err = llm.Collect(c.LLM().Stream(t.Context(), hello()))
	require.NoError(t, err)
	require.NoError(t, c.LLM().Check(t.Context()))
	assert.Equal(t, 3, seen, "the client's own middlewares are kept")

	s.Fail(vendorsim.Status(503), vendorsim.Status(503))
	_, err = c.LLM().Complete(t.Context(), hello())
	assert.Equal(t, failover.ClassTransient, class(err))
	assert.Len(t, s.Requests(), 4, "the client's retries are off for the calls of this package")
}

func TestUseRefuses(t *testing.T) {
	t.Parallel()
	_, err := openai.Use(sdk.Client{})
	require.EqualError(t, err, "openai: Use: the client is empty: make it with NewClient")
	own := sdk.NewClient(option.WithAPIKey(key))
	_, err = openai.Use(own, openai.WithBaseURL("https://example.com"), openai.WithProject("p"))
	require.EqualError(t, err, "openai: Use: WithBaseURL, WithProject: that is for the SDK's client to say")
	_, err = openai.Use(own, openai.WithName(""))
	require.EqualError(t, err, "openai: WithName: the name is empty")
}

// One attempt is one request, whatever comes of it.
func TestOneAttemptIsOneRequest(t *testing.T) {
	t.Parallel()
	for _, f := range []vendorsim.Fault{
		vendorsim.Status(500), vendorsim.Status(503).RetryAfter(0), vendorsim.Status(429).Header("X-Should-Retry", "true"),
		vendorsim.Status(409), vendorsim.Status(408), vendorsim.HangUp(), vendorsim.ResetAfterRead(),
		vendorsim.Redirect(307, "/v1/elsewhere"), vendorsim.Redirect(302, "/v1/elsewhere"), vendorsim.HalfHeader(),
	} {
		for name, ask := range asks {
			t.Run(name+" "+f.String(), func(t *testing.T) {
				t.Parallel()
				s, c := start(t)
				s.Fail(f, f, f)
				_, err := ask(t.Context(), c, hello())
				require.Error(t, err)
				assert.Len(t, s.Requests(), 1)
			})
		}
	}
}

// asks are the two ways to ask.
var asks = map[string]func(context.Context, *openai.Client, llm.Request) (*llm.Response, error){
	"complete": func(ctx context.Context, c *openai.Client, req llm.Request) (*llm.Response, error) {
		return c.LLM().Complete(ctx, req)
	},
	"stream": func(ctx context.Context, c *openai.Client, req llm.Request) (*llm.Response, error) {
		return llm.Collect(c.LLM().Stream(ctx, req))
	},
}

// Without a client of one's own there is one with a transport that works, and
// of one that is given the Timeout is not used.
func TestHTTPClients(t *testing.T) {
	t.Parallel()
	s := vendorsim.OpenAI(key)
	defer s.Close()
	for name, opts := range map[string][]openai.Option{
		"default": nil,
		"hasty":   {openai.WithHTTPClient(&http.Client{Transport: s.Client().Transport, Timeout: 1})},
	} {
		c, err := openai.New(key, append(opts, openai.WithBaseURL(s.URL()+"/v1/"), openai.WithModels(table))...)
		require.NoError(t, err)
		_, err = c.LLM().Complete(t.Context(), hello())
		require.NoError(t, err, name)
	}
}

func TestModels(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	models, err := c.LLM().List(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, models)
	assert.Equal(t, "openai", models[0].Provider)
	assert.Equal(t, "gpt-5.5", models[0].ID)
	assert.Equal(t, int64(1715367049), models[0].Created.Unix())
	assert.Equal(t, "/v1/models", s.Requests()[0].Path)

	for name, body := range map[string]string{
		"array":  `[{"id":"a","display_name":"A","created":0}]`,
		"names":  `{"data":[{"id":"a","name":"A","created":1.5e9}]}`,
		"nobody": `{"data":[]}`,
	} {
		s.Fail(vendorsim.Body(200, "application/json", body))
		models, err := c.LLM().List(t.Context())
		require.NoError(t, err, name)
		if name != "nobody" {
			require.Len(t, models, 1, name)
			assert.Equal(t, "A", models[0].Name, name)
		}
	}
	for name, f := range map[string]vendorsim.Fault{
		"page": vendorsim.Page(), "empty": vendorsim.Empty(), "no list": vendorsim.Body(200, "application/json", `{"models":[]}`),
	} {
		s.Fail(f, f)
		_, err := c.LLM().List(t.Context())
		assert.Equal(t, failover.ClassIncomplete, class(err), name)
		assert.Equal(t, failover.ClassIncomplete, class(c.LLM().Check(t.Context())), name)
	}
}

// A key that may ask models and not list them is healthy.
func TestCheckWithARestrictedKey(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	restricted := `{"error":{"message":"You have insufficient permissions for this operation. Missing scopes: api.model.read.","type":"invalid_request_error","param":null,"code":null}}`
	s.Fail(vendorsim.Body(403, "application/json", restricted), vendorsim.Body(401, "application/json", restricted), vendorsim.Status(401))
	require.NoError(t, c.LLM().Check(t.Context()))
	require.NoError(t, c.LLM().Check(t.Context()))
	assert.Equal(t, failover.ClassUnauthorized, class(c.LLM().Check(t.Context())))
}

// A prompt is not buffered for ever: an answer without end is cut.
func TestEndlessAnswers(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/models") {
			w.WriteHeader(http.StatusInternalServerError)
		}
		block := strings.Repeat(" ", 1<<20)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, block); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	c, err := openai.New(key, openai.WithBaseURL(server.URL), openai.WithModels(table))
	require.NoError(t, err)
	assert.Equal(t, failover.ClassTransient, class(c.LLM().Check(t.Context())))
	_, err = c.LLM().Complete(t.Context(), hello())
	assert.Equal(t, failover.ClassIncomplete, class(err))
	assert.Equal(t, "incomplete (200, the answer is longer than any should be)", err.Error())
}
