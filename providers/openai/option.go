package openai

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/openai/openai-go/v3/option"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// Option configures a [Client].
type Option interface{ apply(*options) error }

type optionFunc func(*options) error

func (f optionFunc) apply(o *options) error { return f(o) }

type options struct {
	settings

	models     llm.Models
	baseURL    string
	http       *http.Client
	keyHeader  string
	maxTokens  string
	calls      []option.RequestOption
	connection []string // the options given that Use has no use for
}

// collect applies opts and completes them.
func collect(opts []Option) (*options, error) {
	o := &options{settings: settings{vendor: Vendor}, baseURL: DefaultBaseURL}
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt.apply(o); err != nil {
			return nil, fmt.Errorf("openai: %w", err)
		}
	}
	if o.name == "" {
		o.name = o.vendor
	}
	if o.account == "" {
		o.account = o.name
	}
	if o.maxTokens == "" && o.vendor != Vendor {
		o.maxTokens = maxTokensOld
	}
	o.legacyMaxTokens = o.maxTokens == maxTokensOld
	return o, nil
}

// WithName names the client's provider. Default the vendor's name. Two clients
// in one router need two names.
func WithName(name string) Option {
	return optionFunc(func(o *options) error {
		if name == "" {
			return errors.New("WithName: the name is empty")
		}
		o.name = name
		return nil
	})
}

// WithAccount says whose quota and key it is: clients of one account cool down
// together when either is refused. Default the client's name.
func WithAccount(account string) Option {
	return optionFunc(func(o *options) error {
		o.account = account
		return nil
	})
}

// WithVendor names the vendor of a compatible server, such as "groq": the
// prefix of explicit models ("groq:llama-3.3-70b-versatile") and the owner of
// the reasoning that is kept in messages, which is given back to that vendor
// only, with the tool calls that it led to. OpenAI's rules for schemas and
// pictures and its table of models are not applied to other vendors. Default
// "openai".
func WithVendor(name string) Option {
	return optionFunc(func(o *options) error {
		if name == "" || strings.ContainsAny(name, "/: ") {
			return fmt.Errorf("WithVendor: %.40q is empty or contains a slash, colon or space", name)
		}
		o.vendor = name
		return nil
	})
}

// WithBaseURL sends requests elsewhere: to a compatible server, or to a
// regional endpoint. "/chat/completions" is appended. Default [DefaultBaseURL].
func WithBaseURL(url string) Option {
	return optionFunc(func(o *options) error {
		o.connection = append(o.connection, "WithBaseURL")
		// It is the same rule for all adapters; the client that it makes is not
		// needed.
		if _, err := httpcall.New("WithBaseURL", url, nil, nil); err != nil {
			return err
		}
		o.baseURL = url
		return nil
	})
}

// WithHTTPClient takes the transport of client, to set proxies, TLS or
// connection limits. Its Timeout, redirect policy and cookies are not used: an
// attempt is ended by its context, and a redirect would carry the key away.
// Default a transport shared by the adapters of this project.
func WithHTTPClient(client *http.Client) Option {
	return optionFunc(func(o *options) error {
		o.connection = append(o.connection, "WithHTTPClient")
		if client == nil {
			return errors.New("WithHTTPClient: the client is nil")
		}
		o.http = client
		return nil
	})
}

// WithKeyHeader sends the key under this header, as it is, in place of
// "Authorization: Bearer". Azure's is "api-key".
func WithKeyHeader(name string) Option {
	return optionFunc(func(o *options) error {
		o.connection = append(o.connection, "WithKeyHeader")
		if !isHeaderName(name) {
			return fmt.Errorf("WithKeyHeader: %.40q is no name of a header", name)
		}
		o.keyHeader = name
		return nil
	})
}

// WithOrganization says which organisation requests count for.
func WithOrganization(id string) Option {
	return connectionHeader("WithOrganization", "OpenAI-Organization", id)
}

// WithProject says which project requests count for.
func WithProject(id string) Option { return connectionHeader("WithProject", "OpenAI-Project", id) }

func connectionHeader(name, header, value string) Option {
	return optionFunc(func(o *options) error {
		o.connection = append(o.connection, name)
		if value == "" {
			return fmt.Errorf("%s: the id is empty", name)
		}
		return o.header(name, header, value)
	})
}

// WithHeader sends a header with every request, such as OpenRouter's
// "HTTP-Referer".
func WithHeader(name, value string) Option {
	return optionFunc(func(o *options) error { return o.header("WithHeader", name, value) })
}

// header adds a header, and never prints its value: people put keys there.
func (o *options) header(by, name, value string) error {
	switch {
	case !isHeaderName(name):
		return fmt.Errorf("%s: %.40q is no name of a header", by, name)
	case strings.ContainsFunc(value, unicode.IsControl):
		return fmt.Errorf("%s: the value of %s cannot be sent", by, name)
	}
	o.calls = append(o.calls, option.WithHeader(name, value))
	return nil
}

// isHeaderName says whether a header can have that name: letters, digits and
// what RFC 9110 allows between them.
func isHeaderName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		letter := r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// WithQuery sends a query parameter with every request, such as Azure's
// "api-version".
func WithQuery(name, value string) Option {
	return optionFunc(func(o *options) error {
		if name == "" {
			return errors.New("WithQuery: the name is empty")
		}
		o.calls = append(o.calls, option.WithQuery(name, value))
		return nil
	})
}

// The names of the field that bounds an answer.
const (
	maxTokensNew = "max_completion_tokens"
	maxTokensOld = "max_tokens"
)

// WithMaxTokensField names the field that bounds an answer:
// "max_completion_tokens", the default at OpenAI, or "max_tokens", the default
// at other vendors, which all of them know.
func WithMaxTokensField(name string) Option {
	return optionFunc(func(o *options) error {
		if name != maxTokensNew && name != maxTokensOld {
			return fmt.Errorf("WithMaxTokensField: %.40q is neither %q nor %q", name, maxTokensNew, maxTokensOld)
		}
		o.maxTokens = name
		return nil
	})
}

// WithStore has OpenAI keep the answers, and the Metadata of the request with
// them. Default off: nothing is kept, and Metadata is not sent.
func WithStore() Option {
	return optionFunc(func(o *options) error {
		o.store = true
		return nil
	})
}

// WithModels gives the table from model names to the vendor's models. Requests
// that name no model get the row "". Without a table only explicit models
// ("openai:gpt-5.1") are served. What a model of OpenAI's can do is filled in
// where the row does not say and the model is a known one.
func WithModels(models llm.Models) Option {
	return optionFunc(func(o *options) error {
		for _, name := range models.Names() {
			switch m := models[name]; {
			case m.ID == "":
				return fmt.Errorf("WithModels: %.40q has no ID", name)
			case m.MaxTokens < 0:
				return fmt.Errorf("WithModels: %.40q: MaxTokens %d is negative", name, m.MaxTokens)
			}
		}
		o.models = models
		return nil
	})
}

// WithVoices gives the table from voice names to the vendor's, such as "marin",
// or the id of a voice of one's own ("voice_1234"). Requests that name no voice
// get the row "", or [DefaultVoice] at OpenAI.
func WithVoices(voices tts.Voices) Option {
	return optionFunc(func(o *options) error {
		o.voices = maps.Clone(voices)
		return nil
	})
}

// WithTTSModels gives the table from model names to models that speak. Requests
// that name no model get the row "", or [DefaultTTSModel] at OpenAI.
func WithTTSModels(models tts.Models) Option {
	return optionFunc(func(o *options) error {
		o.ttsModels = maps.Clone(models)
		return nil
	})
}

// WithTTSFormats says which audio a server makes, such as tts.WAV(48000). A row
// with zeros stands for any rate or number of channels: what came is told from
// its bytes. The protocol has names for MP3, WAV, Opus and PCM.
//
// Default at OpenAI what it makes: MP3, WAV and PCM at 24 kHz and Opus, mono.
// Default at other vendors MP3, WAV and Opus of any rate, and no PCM, which does
// not tell its rate.
func WithTTSFormats(formats ...tts.Format) Option {
	return optionFunc(func(o *options) error {
		for _, f := range formats {
			if err := f.Validate(); err != nil {
				return fmt.Errorf("WithTTSFormats: %w", err)
			}
			if audioFormat(f.Encoding) == "" {
				return fmt.Errorf("WithTTSFormats: %v cannot be asked for", f)
			}
		}
		o.ttsFormats = slices.Clone(formats)
		return nil
	})
}

// WithSTTModels gives the table from model names to models that listen.
// Requests that name no model get the row "", or at OpenAI the one of
// [DefaultSTTModel], [DefaultWordsModel] and [DefaultDiarizeModel] that tells
// what they ask for. Other vendors' models that have "whisper" in their names
// are taken for Whisper, which tells words and heeds keywords.
func WithSTTModels(models stt.Models) Option {
	return optionFunc(func(o *options) error {
		o.sttModels = maps.Clone(models)
		return nil
	})
}
