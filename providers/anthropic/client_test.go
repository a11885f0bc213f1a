package anthropic_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/llm"
)

const key = "sk-ant-test-0123456789"

// models has one model that takes a prefill and sampling, and one that does
// not.
var models = llm.Models{
	"":      {ID: "claude-sonnet-4-5"},
	"smart": {ID: "claude-opus-5-5"},
	"other": {ID: "claude-3-haiku-20240307", MaxTokens: 1000},
}

// start runs a simulator and makes a client of it.
func start(t *testing.T, opts ...anthropic.Option) (*vendorsim.Server, *anthropic.Client) {
	t.Helper()
	s := vendorsim.Anthropic(key)
	t.Cleanup(s.Close)
	base := []anthropic.Option{
		anthropic.WithBaseURL(s.URL()), anthropic.WithHTTPClient(s.Client()), anthropic.WithModels(models),
	}
	c, err := anthropic.New(key, append(base, opts...)...)
	require.NoError(t, err)
	return s, c
}

func hello() llm.Request { return llm.Request{Messages: []llm.Message{llm.User("Hello.")}} }

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for want, construct := range map[string]func() (*anthropic.Client, error){
		"anthropic: the API key is empty": func() (*anthropic.Client, error) {
			return anthropic.New("")
		},
		"anthropic: the API key contains a space, line end or other character that no key has": func() (*anthropic.Client, error) {
			return anthropic.New(key + "\n")
		},
		"anthropic: WithBaseURL: base URL: must begin with https:// or http://": func() (*anthropic.Client, error) {
			return anthropic.New(key, anthropic.WithBaseURL("api.anthropic.com/"+key))
		},
		"anthropic: WithHTTPClient: the client is nil": func() (*anthropic.Client, error) {
			return anthropic.New(key, anthropic.WithHTTPClient(nil))
		},
		"anthropic: WithName: the name is empty": func() (*anthropic.Client, error) {
			return anthropic.New(key, anthropic.WithName(""))
		},
		"anthropic: WithMaxTokens: 0 is not above 0": func() (*anthropic.Client, error) {
			return anthropic.New(key, anthropic.WithMaxTokens(0))
		},
		`anthropic: WithModels: model "smart" has no ID`: func() (*anthropic.Client, error) {
			return anthropic.New(key, anthropic.WithModels(llm.Models{"smart": {}}))
		},
		`anthropic: WithModels: model "smart": MaxTokens -1 is negative`: func() (*anthropic.Client, error) {
			return anthropic.New(key, anthropic.WithModels(llm.Models{"smart": {ID: "x", MaxTokens: -1}}))
		},
		`anthropic: WithBeta: "a b" is no name of a feature`: func() (*anthropic.Client, error) {
			return anthropic.New(key, anthropic.WithBeta("a b"))
		},
		"anthropic: WithRequestOptions: an option is nil": func() (*anthropic.Client, error) {
			return anthropic.New(key, anthropic.WithRequestOptions(nil))
		},
		"anthropic: Use: the client is empty: make it with NewClient": func() (*anthropic.Client, error) {
			return anthropic.Use(sdk.Client{})
		},
		"anthropic: Use: WithBaseURL, WithHTTPClient: that is for the SDK's client to say": func() (*anthropic.Client, error) {
			return anthropic.Use(sdk.NewClient(option.WithoutEnvironmentDefaults()),
				anthropic.WithBaseURL("https://example.com"), anthropic.WithHTTPClient(&http.Client{}))
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
	c, err := anthropic.New(key, anthropic.WithName("claude-eu"), nil)
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, "anthropic.Client(claude-eu)", fmt.Sprintf(verb, c))
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "client", c)
	assert.Contains(t, log.String(), "anthropic.Client(claude-eu)")
	assert.NotContains(t, log.String(), key)
	assert.NotContains(t, fmt.Sprintf("%+v %#v", c.LLM(), c.LLM()), key)
}

func TestProviderFields(t *testing.T) {
	t.Parallel()
	c, err := anthropic.New(key)
	require.NoError(t, err)
	p := c.LLM()
	assert.Equal(t, "anthropic", p.Name)
	assert.Equal(t, "anthropic", p.Vendor)
	assert.Equal(t, "anthropic", p.Account)
	assert.Zero(t, p.Timeout, "the client's")
	assert.NotNil(t, p.Models, "without a table only explicit models are served")
	assert.Empty(t, p.Models)

	c, err = anthropic.New(key, anthropic.WithName("fast"), anthropic.WithAccount("team"), anthropic.WithModels(models))
	require.NoError(t, err)
	p = c.LLM()
	assert.Equal(t, "fast", p.Name)
	assert.Equal(t, "anthropic", p.Vendor)
	assert.Equal(t, "team", p.Account)
	assert.True(t, p.Models[""].Can.Prefill, "known models are filled in")
	assert.False(t, p.Models["smart"].Can.Prefill)
	assert.Nil(t, p.Models["other"].Can, "others are tried")
	assert.Nil(t, models[""].Can, "the user's table stays as it was")

	c, err = anthropic.New(key, anthropic.WithName("alone"))
	require.NoError(t, err)
	assert.Equal(t, "alone", c.LLM().Account, "clients with two names have two keys unless told otherwise")
}

// The SDK reads half a dozen variables and a profile. None of it may matter.
func TestTheEnvironmentIsNotRead(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, "default.json"), []byte("garbage"), 0o600))
	for _, name := range []string{
		"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "ANTHROPIC_PROFILE", "ANTHROPIC_CUSTOM_HEADERS",
		"ANTHROPIC_FEDERATION_RULE_ID", "ANTHROPIC_ORGANIZATION_ID", "ANTHROPIC_IDENTITY_TOKEN_FILE", "ANTHROPIC_WEBHOOK_SIGNING_KEY",
		"ANTHROPIC_WORKSPACE_ID", "ANTHROPIC_OPEN_TELEMETRY",
	} {
		t.Setenv(name, "garbage: from the environment")
	}
	t.Setenv("ANTHROPIC_CONFIG_DIR", home)
	t.Setenv("HOME", home)
	s, c := start(t)
	answer, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	assert.NotEmpty(t, answer.Text())
	for name, values := range s.Requests()[0].Header {
		for _, v := range values {
			assert.NotContains(t, name+v, "garbage")
			assert.NotContains(t, name+v, "environment")
		}
	}
}

func TestUseTakesTheUsersClient(t *testing.T) {
	t.Parallel()
	s := vendorsim.Anthropic(key)
	defer s.Close()
	mine := sdk.NewClient(option.WithoutEnvironmentDefaults(), option.WithAPIKey(key), option.WithBaseURL(s.URL()),
		option.WithHTTPClient(s.Client()), option.WithMaxRetries(5), option.WithRequestTimeout(time.Nanosecond),
		option.WithHeader("X-Mine", "yes"))
	c, err := anthropic.Use(mine, anthropic.WithModels(models), anthropic.WithName("mine"))
	require.NoError(t, err)
	p := c.LLM()
	assert.Equal(t, "mine", p.Name)

	answer, err := p.Complete(t.Context(), hello())
	require.NoError(t, err, "our time holds, not the SDK client's")
	assert.NotEmpty(t, answer.Text())
	require.NoError(t, p.Check(t.Context()))
	_, err = llm.Collect(p.Stream(t.Context(), hello()))
	require.NoError(t, err)
	assert.Len(t, s.Requests(), 3)
	for _, r := range s.Requests() {
		assert.Equal(t, "yes", r.Header.Get("X-Mine"))
		assert.Equal(t, "0", r.Header.Get("X-Stainless-Retry-Count"))
	}
}

// One attempt is one request, however often the SDK would have asked.
func TestNothingIsRepeated(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]vendorsim.Fault{
		"408":               vendorsim.Status(408).Header("X-Should-Retry", "true"),
		"409":               vendorsim.Status(409),
		"429":               vendorsim.Status(429).RetryAfter(0),
		"500":               vendorsim.Status(500),
		"529":               vendorsim.Status(529),
		"redirect":          vendorsim.Redirect(307, "/v1/models"),
		"reset":             vendorsim.Reset(),
		"reset after read":  vendorsim.ResetAfterRead(),
		"hang-up":           vendorsim.HangUp(),
		"cut":               vendorsim.Cut(),
		"error in a stream": vendorsim.SSEErrorAfter(3, 529, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ways := map[string]func(p llm.Provider) error{
				"Complete": func(p llm.Provider) error { _, err := p.Complete(t.Context(), hello()); return err },
				"Stream":   func(p llm.Provider) error { _, err := llm.Collect(p.Stream(t.Context(), hello())); return err },
				"Check":    func(p llm.Provider) error { return p.Check(t.Context()) },
				"List":     func(p llm.Provider) error { _, err := p.List(t.Context()); return err },
			}
			if name == "error in a stream" {
				ways = map[string]func(p llm.Provider) error{"Stream": ways["Stream"]}
			}
			for way, call := range ways {
				s, c := start(t)
				s.FailAlways(fault)
				require.Error(t, call(c.LLM()), way)
				if name != "reset" { // there the request does not arrive
					assert.Equal(t, 1, s.Stats().Requests, way)
				} else {
					assert.Equal(t, 1, s.Stats().Connections, way)
				}
			}
		})
	}
}

func TestHeadersAndBodyOfOptions(t *testing.T) {
	t.Parallel()
	s, c := start(t, anthropic.WithBeta("context-1m-2025-08-07", "other-2026-01-01"), anthropic.WithMaxTokens(77),
		anthropic.WithRequestOptions(option.WithJSONSet("thinking.type", "adaptive"), option.WithMaxRetries(9)))
	s.FailAlways(vendorsim.Status(500))
	_, err := c.LLM().Complete(t.Context(), hello())
	require.Error(t, err)
	require.Len(t, s.Requests(), 1, "retries stay off")
	r := s.Requests()[0]
	assert.Equal(t, "context-1m-2025-08-07,other-2026-01-01", r.Header.Get("Anthropic-Beta"))
	assert.Equal(t, "2023-06-01", r.Header.Get("Anthropic-Version"))
	assert.Empty(t, r.Header.Get("Traceparent"))
	require.Error(t, c.LLM().Check(t.Context()))
	assert.Empty(t, s.Requests()[1].Body, "what is for answers is for them alone")
	assert.Equal(t, "context-1m-2025-08-07,other-2026-01-01", s.Requests()[1].Header.Get("Anthropic-Beta"))
	assert.JSONEq(t, `{"model":"claude-sonnet-4-5","max_tokens":77,"thinking":{"type":"adaptive"},
		"messages":[{"role":"user","content":[{"type":"text","text":"Hello."}]}]}`, string(r.Body))
}
