package live_test

import (
	"context"
	"io"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/live"
	"github.com/gofailover/failover/providers/stt"
)

var deepgramModels = deepgram.WithLiveModels(stt.Models{"": "nova-2", "best": "nova-3", "old": "base"})

func TestDeepgramQuery(t *testing.T) {
	const plain = "channels=1&encoding=linear16&interim_results=true&language=en&model=nova-2&punctuate=true&sample_rate=16000"
	for name, c := range map[string]struct {
		change func(*stt.LiveRequest)
		set    string
	}{
		"plain":       {func(*stt.LiveRequest) {}, ""},
		"mu-law":      {func(r *stt.LiveRequest) { r.Format = stt.MuLaw(8000) }, "encoding=mulaw&sample_rate=8000"},
		"A-law":       {func(r *stt.LiveRequest) { r.Format = stt.ALaw(8000) }, "encoding=alaw&sample_rate=8000"},
		"stereo":      {func(r *stt.LiveRequest) { r.Format.Channels = 2 }, "channels=2"},
		"model":       {func(r *stt.LiveRequest) { r.Model = "best" }, "model=nova-3"},
		"explicit":    {func(r *stt.LiveRequest) { r.Model = "deepgram:nova-3-medical" }, "model=nova-3-medical"},
		"no language": {func(r *stt.LiveRequest) { r.Language = "" }, "language=multi"},
		"region":      {func(r *stt.LiveRequest) { r.Language = "de-CH" }, "language=de-CH"},
		"speakers":    {func(r *stt.LiveRequest) { r.Diarize = true }, "diarize=true"},
		"bare":        {func(r *stt.LiveRequest) { r.NoPunctuation = true }, "punctuate=false"},
		"pause":       {func(r *stt.LiveRequest) { r.Pause = 800 * time.Millisecond }, "endpointing=800"},
		"keywords":    {func(r *stt.LiveRequest) { r.Keywords = []string{"Zoë", "a b"} }, "keywords=Zo%C3%AB&keywords=a+b"},
		"keyterms":    {func(r *stt.LiveRequest) { r.Model, r.Keywords = "best", []string{"x"} }, "model=nova-3&keyterm=x"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, says())
			req := pcm()
			c.change(&req)
			p := deepgramAt(t, w.url, deepgramModels)
			assert.True(t, p.Supports(req))
			dialed(t, p, req)
			assert.Equal(t, with(t, plain, c.set), w.asked)
		})
	}
}

// with is a query with some values set.
func with(t *testing.T, query, set string) url.Values {
	t.Helper()
	want, err := url.ParseQuery(query)
	require.NoError(t, err)
	changes, err := url.ParseQuery(set)
	require.NoError(t, err)
	maps.Copy(want, changes)
	return want
}

func TestDeepgramIsLeftOut(t *testing.T) {
	for name, change := range map[string]func(*stt.LiveRequest){
		"Model \"odd\" has no id":     func(r *stt.LiveRequest) { r.Model = "odd" },
		"Model \"elevenlabs:x\"":      func(r *stt.LiveRequest) { r.Model = "elevenlabs:x" },
		"Format 96000 Hz":             func(r *stt.LiveRequest) { r.Format = stt.PCM(96000) },
		"Language is not given, and ": func(r *stt.LiveRequest) { r.Language, r.Model = "", "old" },
		"Pause 1ms is too short":      func(r *stt.LiveRequest) { r.Pause = time.Millisecond },
		"Keywords are more than 100":  func(r *stt.LiveRequest) { r.Keywords = strings.Fields(strings.Repeat("word ", 101)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := deepgramAt(t, "http://127.0.0.1:1", deepgramModels)
			req := pcm()
			change(&req)
			assert.False(t, p.Supports(req))
			_, err := p.Dial(t.Context(), req)
			require.ErrorContains(t, err, name)
			assert.Equal(t, failover.ClassUnsupported, failover.ClassOf(err))
		})
	}
	p := deepgramAt(t, "http://127.0.0.1:1")
	assert.True(t, p.Supports(stt.LiveRequest{}), "what is wrong with a request is no reason to ask another")
	_, err := p.Dial(t.Context(), stt.LiveRequest{})
	assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
}

func TestDeepgramEvents(t *testing.T) {
	const ms = time.Millisecond
	w := newWire(t, says(
		`{"type":"Metadata","request_id":"early"}`, // before the end it says nothing
		`{"type":"SomethingNew","channel":"x"}`,
		`{"type":"Results","channel_index":[0,1],"start":0,"duration":1.02,"is_final":false,"channel":{"alternatives":[{"transcript":"hel"}]}}`,
		`{"type":"Results","start":1.02,"duration":2.5,"is_final":true,"speech_final":true,"from_finalize":false,
		  "channel":{"alternatives":[{"transcript":"Hello, you.","confidence":0.75,"languages":["en","fr"],"words":[
		    {"word":"hello","punctuated_word":"Hello,","start":1.1,"end":1.456,"confidence":0.5,"speaker":0},
		    {"word":"you","start":1.6,"end":2,"confidence":1,"speaker":1}]}]},
		  "metadata":{"request_id":"req-1","model_info":{"name":"nova"}}}`,
		`{"type":"Results","start":3.52,"duration":1,"is_final":true,"channel":{"alternatives":[{"transcript":"one","words":[{"word":"one","start":3.6,"end":3.8,"speaker":2}]}]}}`,
		`{"type":"UtteranceEnd","channel":[0,1],"last_word_end":3.8}`,
		`{"type":"Results","start":-1,"duration":1e30,"is_final":true,"channel":{"alternatives":[]}}`,
	))
	conn := dialed(t, deepgramAt(t, w.url), stt.LiveRequest{Format: stt.PCM(16000)})
	assert.Equal(t, stt.LiveEvent{Text: "hel", End: 1020 * ms}, received(t, conn))
	assert.Equal(t, stt.LiveEvent{
		Text: "Hello, you.", Start: 1020 * ms, End: 3520 * ms, Final: true, EndOfSpeech: true,
		Language: "en", Confidence: 0.75, Model: "nova", RequestID: "req-1",
		Words: []stt.Word{
			{Text: "Hello,", Start: 1100 * ms, End: 1456 * ms, Confidence: 0.5, Speaker: "speaker_0"},
			{Text: "you", Start: 1600 * ms, End: 2000 * ms, Confidence: 1, Speaker: "speaker_1"},
		},
	}, received(t, conn))
	assert.Equal(t, "speaker_2", received(t, conn).Speaker)
	assert.Equal(t, stt.LiveEvent{Start: 3800 * ms, End: 3800 * ms, EndOfSpeech: true}, received(t, conn))
	assert.Equal(t, stt.LiveEvent{Final: true}, received(t, conn), "a time that makes no sense is none")
}

func TestDeepgramMessages(t *testing.T) {
	w := newWire(t, func(ctx context.Context, ws *websocket.Conn) {})
	conn := dialed(t, deepgramAt(t, w.url), pcm())
	go func() { _, _ = conn.Receive(context.Background()) }() // a pong must be read
	require.NoError(t, conn.Send(t.Context(), make([]byte, 640)))
	require.NoError(t, conn.KeepAlive(t.Context())) // there was audio
	require.NoError(t, conn.KeepAlive(t.Context())) // there was none
	require.NoError(t, conn.Flush(t.Context()))
	require.NoError(t, conn.Finish(t.Context()))
	for _, want := range []string{"audio", `{"type":"KeepAlive"}`, `{"type":"Finalize"}`, `{"type":"CloseStream"}`} {
		assert.Equal(t, want, <-w.heard)
	}
}

func TestDeepgramEndsWithItsMetadata(t *testing.T) {
	w := newWire(t, says(
		`{"type":"Results","start":0,"duration":1,"is_final":true,"channel":{"alternatives":[{"transcript":"bye"}]}}`,
		`{"type":"Metadata","duration":1}`,
	))
	conn := dialed(t, deepgramAt(t, w.url), pcm())
	require.NoError(t, conn.Finish(t.Context()))
	assert.Equal(t, "bye", received(t, conn).Text)
	_, err := conn.Receive(t.Context())
	require.Equal(t, io.EOF, err)
	require.NoError(t, conn.Close(), "the vendor answers the goodbye")
}

func TestDeepgramCloses(t *testing.T) {
	for name, c := range map[string]struct {
		code   websocket.StatusCode
		reason string
		class  failover.Class
		want   string
	}{
		"undecodable":   {1008, "DATA-0000", failover.ClassUnsupported, "DATA-0000"},
		"mute":          {1011, "NET-0000", failover.ClassTransient, "NET-0000"},
		"a sentence":    {1011, "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001", failover.ClassTransient, "NET-0001"},
		"at another":    {1008, "NET-0001", failover.ClassTransient, "NET-0001"},
		"a new code":    {1011, "ASR-0815", failover.ClassTransient, "ASR-0815"},
		"a new reason":  {1011, "the planet is tired", failover.ClassTransient, "close 1011"},
		"policy":        {1008, "no", failover.ClassUnsupported, "no"},
		"normal":        {1000, "", failover.ClassIncomplete, "close 1000"},
		"going away":    {1001, "", failover.ClassTransient, "close 1001"},
		"overloaded":    {1013, "", failover.ClassRateLimited, "close 1013"},
		"its own":       {4001, "", failover.ClassTransient, "close 4001"},
		"a key in it":   {1011, key + "-with-0123456789-digits", failover.ClassTransient, "close 1011"},
		"not its audio": {1003, "", failover.ClassUnsupported, "close 1003"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, func(_ context.Context, ws *websocket.Conn) { _ = ws.Close(c.code, c.reason) })
			_, err := dialed(t, deepgramAt(t, w.url), pcm()).Receive(t.Context())
			assert.Equal(t, c.class, failover.ClassOf(err))
			assert.Equal(t, c.want, codeOf(err))
			saysNothing(t, err, c.reason)
		})
	}
}

func TestDeepgramErrorMessage(t *testing.T) {
	w := newWire(t, says(`{"type":"Error","variant":"DATA-0000","description":"the vendor's own words","message":"more of them"}`))
	_, err := dialed(t, deepgramAt(t, w.url), pcm()).Receive(t.Context())
	assert.Equal(t, failover.ClassUnsupported, failover.ClassOf(err))
	assert.Equal(t, "DATA-0000", codeOf(err))
	saysNothing(t, err)
}

// Check is the client's, and names are the caller's.
func TestDeepgramProvider(t *testing.T) {
	c, err := deepgram.New(key, deepgram.WithName("dg"), deepgram.WithAccount("acct"))
	require.NoError(t, err)
	p := live.Deepgram(c)
	assert.Equal(t, "dg", p.Name)
	assert.Equal(t, "acct", p.Account)
	assert.True(t, p.WordTimes)
	assert.NotNil(t, p.Check)
}
