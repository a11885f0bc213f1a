package deepgram

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/speech"
	"github.com/gofailover/failover/providers/tts"
)

// DefaultVoice speaks when a request names no voice and the table has no row
// "".
const DefaultVoice = "aura-2-thalia-en"

// The speeds that the parameter speed takes.
const (
	minSpeed = 0.7
	maxSpeed = 1.5
)

// encoding is how a format is asked for. Empty parameters are not sent: the
// API refuses those that an encoding does not have.
type encoding struct {
	format                                   tts.Format
	encoding, container, sampleRate, bitRate string
}

// ttsFormats is the table of combinations the API takes. A request that leaves
// rates open gets the first that fits.
var ttsFormats = func() []encoding {
	all := []encoding{
		// The sample rate of MP3 cannot be chosen.
		{format: mono(tts.MP3(22050, 48000)), encoding: "mp3", bitRate: "48000"},
		{format: mono(tts.MP3(22050, 32000)), encoding: "mp3", bitRate: "32000"},
	}
	for _, rate := range []int{24000, 8000, 16000, 32000, 48000} {
		all = append(all,
			encoding{format: mono(tts.WAV(rate)), encoding: "linear16", container: "wav", sampleRate: strconv.Itoa(rate)},
			encoding{format: tts.PCM(rate), encoding: "linear16", container: "none", sampleRate: strconv.Itoa(rate)},
		)
	}
	for _, rate := range []int{8000, 16000} {
		all = append(all,
			encoding{format: tts.MuLaw(rate), encoding: "mulaw", container: "none", sampleRate: strconv.Itoa(rate)},
			encoding{format: tts.ALaw(rate), encoding: "alaw", container: "none", sampleRate: strconv.Itoa(rate)},
		)
	}
	for _, rate := range []int{64000, 32000, 96000, 128000, 192000} {
		all = append(all, encoding{format: mono(tts.Opus(rate)), encoding: "opus", container: "ogg", bitRate: strconv.Itoa(rate)})
	}
	return all
}()

func mono(f tts.Format) tts.Format {
	f.Channels = 1
	return f
}

// TTS is the account's text to speech: POST /v1/speak. Its Check is a GET of
// /v1/projects, which is free; it proves that the service answers and knows
// the key, not that credit is left. Every call returns a new value, whose
// fields can be set.
func (c *Client) TTS() tts.Provider {
	s := c.speaker()
	return tts.Provider{Name: c.name, Account: c.account, Do: s.Synthesize, Check: c.check, Supports: s.Supports}
}

func (c *Client) speaker() *speech.Speaker {
	return &speech.Speaker{
		Name: c.name, Client: c.calls, Plan: c.plan, ReadError: readError,
		RequestID: "Dg-Request-Id", Characters: "Dg-Char-Count",
	}
}

type speechBody struct {
	Text string `json:"text"`
}

// plan translates a request, or says why this vendor cannot serve it.
func (c *Client) plan(req tts.Request) (speech.Plan, error) {
	if err := req.Validate(); err != nil {
		return speech.Plan{}, tts.Invalid(err)
	}
	voice, err := c.voice(req)
	if err != nil {
		return speech.Plan{}, err
	}
	query := url.Values{"model": {voice}}
	if rate := req.Rate(); rate < minSpeed || rate > maxSpeed {
		return speech.Plan{}, tts.Unsupported("Speed", "%v is outside %v to %v", rate, minSpeed, maxSpeed)
	} else if rate != 1 {
		query.Set("speed", strconv.FormatFloat(rate, 'g', -1, 64))
	}
	for _, e := range ttsFormats {
		if req.Format.Allows(e.format) {
			e.ask(query)
			return speech.Plan{Path: "/v1/speak", Query: query, Body: speechBody{req.Text}, Model: voice, Voice: voice}, nil
		}
	}
	return speech.Plan{}, tts.Unsupported("Format", "%v is not delivered by %s", req.Format, c.name)
}

// voice finds the name that is voice, model and language in one, and sees that
// it is what the request asks for.
func (c *Client) voice(req tts.Request) (string, error) {
	voice, ok := c.voices.ID(Vendor, req.Voice)
	if ok && voice == "" {
		voice = DefaultVoice
	}
	if !ok {
		return "", tts.Unsupported("Voice", "%.40q has no name at %s", req.Voice, c.name)
	}
	family, ok := c.models.ID(Vendor, req.Model)
	if !ok {
		return "", tts.Unsupported("Model", "%.40q has no name at %s", req.Model, c.name)
	}
	// "aura-angus-en" is of the family "aura", "aura-2-thalia-en" is not.
	if got, _ := splitVoice(voice); family != "" && family != got && family != voice {
		return "", tts.Unsupported("Model", "%.40q is not that of voice %.40q", family, voice)
	}
	if _, language := splitVoice(voice); language != "" && req.Language != "" && !tts.SameLanguage(language, req.Language) {
		return "", tts.Unsupported("Language", "%s is not spoken by voice %.40q", req.Language, voice)
	}
	return voice, nil
}

// splitVoice takes "aura-2-thalia-en" apart into family and language. A name
// of another shape, as a server of one's own may have, gives neither.
func splitVoice(voice string) (family, language string) {
	parts := strings.Split(voice, "-")
	if len(parts) < 3 || len(parts[len(parts)-1]) != 2 {
		return "", ""
	}
	return strings.Join(parts[:len(parts)-2], "-"), parts[len(parts)-1]
}

func (e encoding) ask(query url.Values) {
	for name, value := range map[string]string{
		"encoding": e.encoding, "container": e.container, "sample_rate": e.sampleRate, "bit_rate": e.bitRate,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
}

// check lists the projects. A key that is restricted to speech may not, but
// the refusal comes from a service that knows it.
func (c *Client) check(ctx context.Context) error {
	err := c.calls.Probe(ctx, httpcall.Request{Method: http.MethodGet, Path: "/v1/projects"}, readError)
	if e, ok := errors.AsType[*failover.Error](err); ok && strings.EqualFold(e.Code, codeInsufficientPermissions) {
		return nil
	}
	return err
}
