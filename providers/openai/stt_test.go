package openai_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/openai/openai-go/v3"
	sdkoption "github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/openai"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// listener is a client with a table of models that listen.
func listener(t *testing.T, opts ...openai.Option) (*vendorsim.Server, *openai.Client) {
	t.Helper()
	return start(t, append([]openai.Option{openai.WithSTTModels(sttModels)}, opts...)...)
}

// sentForm is the form of the nth request: its fields, and the file by the name
// that it was given.
func sentForm(t *testing.T, s *vendorsim.Server, n int) (fields map[string][]string, name, kind string, file []byte) {
	t.Helper()
	require.Greater(t, len(s.Requests()), n)
	r := s.Requests()[n]
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/form-data", media)
	fields = map[string][]string{}
	for form := multipart.NewReader(bytes.NewReader(r.Body), params["boundary"]); ; {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return fields, name, kind, file
		}
		require.NoError(t, err)
		data, err := io.ReadAll(part)
		require.NoError(t, err)
		if part.FileName() != "" {
			name, kind, file = part.FileName(), part.Header.Get("Content-Type"), data
			continue
		}
		fields[part.FormName()] = append(fields[part.FormName()], string(data))
	}
}

func TestRecordingsOnTheWire(t *testing.T) {
	t.Parallel()
	file := vendorsim.SayWAV("Hello you.", 16000)
	for name, c := range map[string]struct {
		req  stt.Request
		opts []openai.Option
		want map[string][]string
	}{
		"defaults": {want: map[string][]string{"model": {"gpt-transcribe"}, "response_format": {"json"}}},
		"hints": {
			req:  stt.Request{Language: "fr-CA", Keywords: []string{"Amélie", "AC-42"}},
			want: map[string][]string{"model": {"gpt-transcribe"}, "response_format": {"json"}, "languages[]": {"fr"}, "keywords[]": {"Amélie", "AC-42"}},
		},
		"words": {
			req: stt.Request{Words: true, Language: "en", Keywords: []string{"AC-42", "Oslo"}},
			want: map[string][]string{
				"model": {"whisper-1"}, "response_format": {"verbose_json"}, "timestamp_granularities[]": {"word", "segment"},
				"language": {"en"}, "prompt": {"AC-42, Oslo"},
			},
		},
		"whisper without words": {
			req: stt.Request{Model: "timed"}, want: map[string][]string{"model": {"whisper-1"}, "response_format": {"verbose_json"}},
		},
		"speakers": {
			req: stt.Request{Diarize: true, Language: "en"},
			want: map[string][]string{
				"model": {"gpt-4o-transcribe-diarize"}, "response_format": {"diarized_json"}, "chunking_strategy": {"auto"}, "language": {"en"},
			},
		},
		"gpt-4o": {
			req: stt.Request{Model: "sure", Language: "nb-NO", Keywords: []string{"Oslo"}},
			want: map[string][]string{
				"model": {"gpt-4o-transcribe"}, "response_format": {"json"}, "include[]": {"logprobs"}, "language": {"no"}, "prompt": {"Oslo"},
			},
		},
		"a model that is not known": {
			req:  stt.Request{Model: "openai:gpt-4o-mini-transcribe-2030", Language: "de"},
			want: map[string][]string{"model": {"gpt-4o-mini-transcribe-2030"}, "response_format": {"json"}, "include[]": {"logprobs"}, "language": {"de"}},
		},
		"another vendor": {
			opts: []openai.Option{openai.WithVendor("acme"), openai.WithSTTModels(stt.Models{"": "hears"})},
			req:  stt.Request{Language: "eo"},
			want: map[string][]string{"model": {"hears"}, "response_format": {"json"}, "language": {"eo"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := listener(t, c.opts...)
			s.FailAlways(vendorsim.Body(http.StatusOK, "application/json", `{"text":""}`)) // whatever the model
			c.req.Audio = stt.Bytes(file)
			_, err := client.STT().Do(t.Context(), c.req)
			require.NoError(t, err)
			fields, name, kind, sent := sentForm(t, s, 0)
			assert.Equal(t, c.want, fields)
			assert.Equal(t, "audio.wav", name)
			assert.Equal(t, "audio/wav", kind)
			assert.Equal(t, file, sent)
			assert.Equal(t, "/v1/audio/transcriptions", s.Requests()[0].Path)
			assert.True(t, s.Requests()[0].Keyed)
		})
	}
}

func TestTranscripts(t *testing.T) {
	t.Parallel()
	said := "Good evening, Ann. [..] [#1] I am Bob! [#0] Well, well-known Bob?"
	text := "Good evening, Ann. I am Bob! Well, well-known Bob?"
	audio := stt.Bytes(vendorsim.SayWAV(said, 16000))
	_, client := listener(t)
	for model, c := range map[string]struct {
		words, diarize bool
		confident      bool
		speakers       string
	}{
		"":      {},
		"timed": {words: true, confident: true},
		"sure":  {confident: true},
		"turns": {diarize: true, speakers: "speaker_0 speaker_1 speaker_0"},
	} {
		heard, err := client.STT().Do(t.Context(), stt.Request{Audio: audio, Model: model, Words: c.words, Diarize: c.diarize})
		require.NoError(t, err, model)
		assert.Equal(t, text, heard.Text, model)
		assert.Equal(t, "openai", heard.Provider)
		assert.Equal(t, "req_openai_1", heard.RequestID)
		assert.InDelta(t, 5.1, heard.Duration.Seconds(), 1, model)
		assert.Equal(t, c.confident, heard.Confidence > 0.9 && heard.Confidence < 1, "%s: %v", model, heard.Confidence)
		if !c.words {
			assert.Empty(t, heard.Words, model)
		}
		var speakers []string
		for _, segment := range heard.Segments {
			assert.Equal(t, strings.TrimSpace(segment.Text), segment.Text)
			assert.Greater(t, segment.End, segment.Start)
			if segment.Speaker != "" {
				speakers = append(speakers, segment.Speaker)
			}
		}
		assert.Equal(t, c.speakers, strings.Join(speakers, " "), model)
		if c.words {
			var words []string
			for _, w := range heard.Words {
				words = append(words, w.Text)
				assert.Greater(t, w.End, w.Start)
			}
			assert.Equal(t, text, strings.Join(words, " "), "with their punctuation")
		}
	}
}

// Languages are named in different ways.
func TestLanguagesHeard(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"text":"a"}`:                                           "sv-FI",
		`{"text":"a","language":null}`:                           "sv-FI",
		`{"text":"a","language":7}`:                              "sv-FI",
		`{"text":"a","languages":[]}`:                            "sv-FI",
		`{"text":"a","language":"swedish"}`:                      "sv",
		`{"text":"a","language":"Finnish"}`:                      "fi",
		`{"text":"a","language":"fi"}`:                           "fi",
		`{"text":"a","language":"fi-FI"}`:                        "fi-FI",
		`{"text":"a","language":"a language"}`:                   "sv-FI",
		`{"text":"a","language":"haw"}`:                          "haw",
		`{"text":"a","language":"hawaiian"}`:                     "sv-FI",
		`{"text":"a","languages":[{"code":"fi"}]}`:               "fi",
		`{"text":"a","languages":[{"code":"fi"},{"code":"sv"}]}`: "fi",
	} {
		s, client := listener(t)
		s.Fail(vendorsim.Body(http.StatusOK, "application/json", body))
		heard, err := client.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("Hej.", 8000)), Language: "sv-FI"})
		require.NoError(t, err, body)
		assert.Equal(t, want, heard.Language, body)
	}
}

// Words have the punctuation of the text where they are those of the text.
func TestPunctuationOfWords(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct{ words, want string }{
		"Hello, you.":                {"Hello|you", "Hello,|you."},
		` "Hello", he said. `:        {"Hello|he|said", `"Hello",|he|said.`},
		"well-known (they say): yes": {"well|known|they|say|yes", "well-|known|(they|say):|yes"},
		"A – B":                      {"A|B", "A|–B"},
		"¿Qué? ¡No!":                 {"Qué|No", "¿Qué?|¡No!"},
		"It's 3.14, isn't it?":       {"It's|3.14|isn't|it", "It's|3.14,|isn't|it?"},
		"你好，世界。":                     {"你|好|世|界", "你|好，|世|界。"},
		"Hello there, you.":          {"Hello|you", "Hello|you"}, // a word is missing
		"Hello you and me.":          {"Hello|you", "Hello|you"}, // at the end
		"hello":                      {"Hello", "Hello"},
	} {
		var words []string
		for i, w := range strings.Split(c.words, "|") {
			words = append(words, fmt.Sprintf(`{"word":%q,"start":%d,"end":%d}`, " "+w, i, i+1))
		}
		s, client := listener(t)
		s.Fail(vendorsim.Body(http.StatusOK, "application/json", fmt.Sprintf(`{"text":%q,"words":[%s]}`, text, strings.Join(words, ","))))
		heard, err := client.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("Hej.", 8000)), Words: true})
		require.NoError(t, err, text)
		var got []string
		for _, w := range heard.Words {
			got = append(got, w.Text)
		}
		assert.Equal(t, c.want, strings.Join(got, "|"), text)
	}
}

func TestConfidence(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]float64{
		`{"text":"a"}`:                   0,
		`{"text":"","logprobs":[]}`:      0,
		`{"text":"a","logprobs":"none"}`: 0,
		`{"text":"a","logprobs":[{"token":"a","logprob":-0.6931471805599453}]}`:                                        0.5,
		`{"text":"a b","logprobs":[{"logprob":0},{"logprob":-1.3862943611198906}]}`:                                    0.5,
		`{"text":"a","logprobs":[{"logprob":0.5}]}`:                                                                    1,
		`{"text":"a","segments":[{"text":"a","start":0,"end":1}]}`:                                                     0,
		`{"text":"a","segments":[{"avg_logprob":-0.6931471805599453,"tokens":[1,2],"end":1}]}`:                         0.5,
		`{"text":"a","segments":[{"avg_logprob":0,"tokens":[1,2,3]},{"avg_logprob":-2.772588722239781,"tokens":[4]}]}`: 0.5,
	} {
		s, client := listener(t)
		s.Fail(vendorsim.Body(http.StatusOK, "application/json", body))
		heard, err := client.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("Hej.", 8000))})
		require.NoError(t, err, body)
		assert.InDelta(t, want, heard.Confidence, 1e-9, body)
	}
}

// Models that are paid by the second say how many they heard, rounded up: too
// few are not all of the audio.
func TestSecondsCounted(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]failover.Class{
		`{"text":"a","usage":{"type":"duration","seconds":10}}`:   0,
		`{"text":"a","usage":{"type":"duration","seconds":8}}`:    0,
		`{"text":"a","usage":{"type":"duration","seconds":7}}`:    failover.ClassIncomplete,
		`{"text":"a","usage":{"type":"duration","seconds":20}}`:   failover.ClassIncomplete,
		`{"text":"a","usage":{"type":"tokens","input_tokens":9}}`: 0,
		`{"text":"a","usage":{"seconds":"ten"}}`:                  0,
		`{"text":"a","usage":null}`:                               0,
		`{"text":"a","duration":9.4,"usage":{"seconds":7}}`:       0,
	} {
		s, client := listener(t)
		s.FailAlways(vendorsim.Body(http.StatusOK, "application/json", body))
		audio := vendorsim.Hush(9500*time.Millisecond, 8000)
		heard, err := client.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(audio), Format: stt.PCM(8000)})
		assert.Equal(t, want, failover.ClassOf(err), body)
		if err == nil && !strings.Contains(body, "9.4") {
			assert.Equal(t, 9500*time.Millisecond, heard.Duration, body)
		}
		// Where nobody else knows, the vendor's count it is.
		heard, err = client.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes([]byte("\x1A\x45\xDF\xA3 WebM"))})
		require.NoError(t, err)
		if strings.Contains(body, `"seconds":10`) {
			assert.Equal(t, 10*time.Second, heard.Duration)
		}
	}
}

// What is asked for is there, or the answer is not whole.
func TestWhatWasAskedForIsMissing(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		req   stt.Request
		fault vendorsim.Fault
	}{
		"incomplete (200, stt: the transcript has no words, which were asked for, request req_openai_1)":      {stt.Request{Words: true}, vendorsim.Without("words")},
		"incomplete (200, stt: the transcript names no speakers, which were asked for, request req_openai_1)": {stt.Request{Diarize: true}, vendorsim.Without("segments")},
		"incomplete (200, the answer is no transcript, request req_openai_1)":                                 {stt.Request{}, vendorsim.Without("text")},
	} {
		s, client := listener(t)
		s.Fail(c.fault)
		c.req.Audio = stt.Bytes(vendorsim.SayWAV("Hello you.", 8000))
		_, err := client.STT().Do(t.Context(), c.req)
		require.EqualError(t, err, want)
		assert.Equal(t, failover.ClassIncomplete, class(err))
	}
	// Silence has none of these.
	_, client := listener(t)
	for _, req := range []stt.Request{{}, {Words: true}, {Diarize: true}, {Model: "sure"}} {
		req.Audio, req.Format = stt.Bytes(vendorsim.Hush(time.Second, 8000)), stt.PCM(8000)
		heard, err := client.STT().Do(t.Context(), req)
		require.NoError(t, err)
		assert.Empty(t, heard.Text)
		assert.Equal(t, time.Second, heard.Duration)
	}
}

func TestSizeOfRecordings(t *testing.T) {
	t.Parallel()
	s, client := listener(t)
	p := client.STT()
	largest := vendorsim.SayWAV("Hello.", 8000)
	largest = append(largest, make([]byte, 25<<20-len(largest))...)
	s.FailAlways(vendorsim.Body(http.StatusOK, "application/json", `{"text":"Hello."}`))
	req := stt.Request{Audio: stt.Bytes(largest)}
	assert.True(t, p.Supports(req))
	_, err := p.Do(t.Context(), req)
	require.NoError(t, err)

	// A reader is seen when it has been read; headerless audio gets a header.
	over := append(slices.Clip(largest), 0)
	samples := stt.Request{Audio: stt.Bytes(make([]byte, 25<<20-43)), Format: stt.MuLaw(8000)}
	assert.False(t, p.Supports(samples))
	_, err = p.Do(t.Context(), samples)
	assert.Equal(t, failover.ClassUnsupported, class(err))
	req = stt.Request{Audio: stt.Reader(bytes.NewReader(over), 0)}
	assert.True(t, p.Supports(req), "nobody knows yet")
	_, err = p.Do(t.Context(), req)
	require.EqualError(t, err, "unsupported (stt: Audio has 26214401 bytes, and openai takes 26214400)")
	assert.False(t, p.Supports(req))
	assert.Len(t, s.Requests(), 1, "what is too long is not sent")

	// Another vendor may take more, and says so itself.
	_, other := startOther(t, openai.WithSTTModels(stt.Models{"": "whisper-large-v3"}))
	assert.True(t, other.STT().Supports(stt.Request{Audio: stt.Bytes(over)}))
}

func TestPlayingTimeOfRecordings(t *testing.T) {
	t.Parallel()
	_, client := listener(t)
	p := client.STT()
	for model, longest := range map[string]time.Duration{"": 0, "timed": 0, "sure": 1500 * time.Second, "cheap": 1500 * time.Second, "turns": 1400 * time.Second} {
		req := stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("Hi.", 8000)), Model: model}
		for played, want := range map[time.Duration]bool{
			100 * time.Millisecond: true, 99 * time.Millisecond: false,
			max(longest, time.Second): true, longest + time.Second: longest == 0, 5 * time.Hour: longest == 0,
		} {
			req.Duration = played
			assert.Equal(t, want, p.Supports(req), "%s %v", model, played)
		}
	}
	_, err := p.Do(t.Context(), stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("Hi.", 8000)), Model: "turns", Duration: time.Hour})
	require.EqualError(t, err, `unsupported (stt: Audio plays 1h0m0s, and model "gpt-4o-transcribe-diarize" takes 23m20s)`)
}

// A file that is gone is no fault of the vendor's, and no request.
func TestFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s, client := listener(t)
	path := filepath.Join(t.TempDir(), "patient-4711.wav")
	require.NoError(t, os.WriteFile(path, vendorsim.SayWAV("Hello.", 8000), 0o600))
	p := client.STT()
	req := stt.Request{Audio: stt.File(path)}
	_, err := p.Do(t.Context(), req)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	_, err = p.Do(t.Context(), req)
	assert.Equal(t, failover.ClassInvalid, class(err))
	assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), "patient")
	assert.Len(t, s.Requests(), 1)
}

// A file that shrinks while it is being sent is no fault of the vendor's either.
func TestFileThatShrinks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "patient-4711.wav")
	require.NoError(t, os.WriteFile(path, vendorsim.SayWAV(strings.Repeat("[..]", 30), 8000), 0o600))
	shrinks := roundTripper(func(r *http.Request) (*http.Response, error) {
		defer r.Body.Close()
		assert.NoError(t, os.Truncate(path, 100))
		_, err := io.Copy(io.Discard, r.Body)
		return nil, fmt.Errorf("writing: %w", err)
	})
	c, err := openai.New(key, openai.WithHTTPClient(&http.Client{Transport: shrinks}))
	require.NoError(t, err)
	_, err = c.STT().Do(t.Context(), stt.Request{Audio: stt.File(path)})
	assert.Equal(t, failover.ClassInvalid, class(err))
	require.EqualError(t, err, "invalid (stt: Audio became shorter while it was being read)")
}

// roundTripper is a transport in a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What is sent has its length in its header, and is not sent again by the
// transport.
func TestUploadIsSentOnce(t *testing.T) {
	t.Parallel()
	file := vendorsim.SayWAV("Hello.", 8000)
	var sent *http.Request
	var body []byte
	c, err := openai.New(key, openai.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		defer r.Body.Close()
		sent = r
		var err error
		body, err = io.ReadAll(r.Body)
		return vendorsim.Record(http.StatusOK, http.Header{"Content-Type": {"application/json"}}, `{"text":"Hello."}`), err
	})}))
	require.NoError(t, err)
	_, err = c.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(file)})
	require.NoError(t, err)
	assert.Equal(t, int64(len(body)), sent.ContentLength)
	assert.Nil(t, sent.GetBody)
	assert.Contains(t, string(body), string(file))
}

func TestListenerFields(t *testing.T) {
	t.Parallel()
	models := stt.Models{"fine": "gpt-4o-transcribe"}
	_, c := start(t, openai.WithName("gpt-eu"), openai.WithAccount("team"), openai.WithSTTModels(models))
	delete(models, "fine")
	p := c.STT()
	assert.Equal(t, "gpt-eu", p.Name)
	assert.Equal(t, "team", p.Account)
	assert.Zero(t, p.Timeout, "the client's, with half the audio")
	assert.Nil(t, p.ExtraTime, "the client's")
	assert.NotContains(t, fmt.Sprintf("%+v %#v", p, p), key)
	require.NoError(t, p.Check(t.Context()))
	assert.True(t, p.Supports(stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("Hi.", 8000)), Model: "fine"}), "the table is a copy")
	assert.True(t, p.Supports(stt.Request{}), "what is wrong with a request Do says better")

	_, other := startOther(t)
	_, err := other.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("Hi.", 8000))})
	require.EqualError(t, err, "unsupported (stt: Model is empty, and acme has no usual one)")
}

func TestUseListens(t *testing.T) {
	t.Parallel()
	s := vendorsim.OpenAI(key)
	t.Cleanup(s.Close)
	own := sdk.NewClient(sdkoption.WithAPIKey(key), sdkoption.WithBaseURL(s.URL()+"/v1"), sdkoption.WithHTTPClient(s.Client()))
	c, err := openai.Use(own)
	require.NoError(t, err)
	req := stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("Hello you.", 8000))}
	heard, err := c.STT().Do(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, "Hello you.", heard.Text)
	s.Fail(vendorsim.Status(503), vendorsim.Status(503))
	_, err = c.STT().Do(t.Context(), req)
	assert.Equal(t, failover.ClassTransient, class(err))
	assert.Len(t, s.Requests(), 2, "the client's retries are off for the calls of this package")
}

// What one model says another hears.
func TestSpeechThereAndBack(t *testing.T) {
	t.Parallel()
	_, client := listener(t)
	spoken, err := client.TTS().Do(t.Context(), tts.Request{Text: "Hello.", Format: tts.PCM(24000)})
	require.NoError(t, err)
	heard, err := client.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(spoken.Data), Format: spoken.Format})
	require.NoError(t, err)
	assert.Equal(t, spoken.Duration, heard.Duration)
}

// FuzzTranscript reads arbitrary answers: it never panics, and gives a
// transcript that makes sense or an error that prints nothing of the body.
func FuzzTranscript(f *testing.F) {
	for _, body := range partial {
		f.Add(body)
	}
	f.Add(`{"text":"Hi, you.","language":"english","duration":0.24,"words":[{"word":"Hi","start":0,"end":0.1},{"word":"you","start":0.1,"end":0.2}]}`)
	f.Add(`{"text":"a","segments":[{"text":" a","speaker":"B","start":0,"end":1,"avg_logprob":-0.2,"tokens":[1]}],"logprobs":[{"logprob":-1}]}`)
	f.Add(`{"text":"…","words":[{"word":"","start":0,"end":0}]}`)
	file := vendorsim.SayWAV("Hej.", 8000)
	f.Fuzz(func(t *testing.T, body string) {
		c, err := openai.New(key, openai.WithHTTPClient(&http.Client{Transport: answerWith{http.StatusOK, "application/json", body}}))
		if err != nil {
			t.Fatal(err)
		}
		heard, err := c.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(file)})
		if err != nil {
			checkPrinted(t, err)
			return
		}
		if !(heard.Confidence >= 0 && heard.Confidence <= 1) || heard.Duration <= 0 || heard.Provider == "" {
			t.Errorf("makes no sense: %+v", heard)
		}
	})
}
