package stt_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// noise is a second of random samples up to a peak.
func noise(peak int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for range 8000 {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(random.IntN(2*peak+1)-peak)))
	}
	return b
}

func bare(data []byte, format stt.Format) stt.Request {
	return stt.Request{Audio: stt.Bytes(data), Format: format}
}

func TestNonEmpty(t *testing.T) {
	t.Parallel()
	const silent, loud, unknown = "", "stt: the transcript is empty, and the audio is not silent",
		"stt: the transcript is empty, and whether the audio is silent cannot be told"
	hush := vendorsim.Hush(time.Second, 8000)
	muLawHush := make([]byte, 8000)
	for i := range muLawHush {
		muLawHush[i] = 0xFF
	}
	spooled := stt.Reader(onlyOnce(vendorsim.SayWAV("Hello.", 8000)), 0)
	_, err := stt.Request{Audio: spooled}.Open(t.Context())
	require.NoError(t, err)
	for name, c := range map[string]struct {
		req  stt.Request
		want string
	}{
		"speech":            {bare(vendorsim.Say("Hello.", 8000), stt.PCM(8000)), loud},
		"speech in WAV":     {bare(vendorsim.SayWAV("Hello.", 8000), stt.Format{}), loud},
		"speech in mu-law":  {bare(vendorsim.SayMuLaw("Hello.", 8000), stt.MuLaw(8000)), loud},
		"speech in A-law":   {bare(vendorsim.SayALaw("Hello.", 8000), stt.ALaw(8000)), loud},
		"speech in a file":  {stt.Request{Audio: stt.File(file(t, vendorsim.SayWAV("Hello.", 8000)))}, loud},
		"speech at the end": {bare(append(hush, vendorsim.Say("Hello.", 8000)...), stt.PCM(8000)), loud},
		"what was read":     {stt.Request{Audio: spooled}, loud},
		"silence":           {bare(hush, stt.PCM(8000)), silent},
		"silence in mu-law": {bare(muLawHush, stt.MuLaw(8000)), silent},
		"a quiet room":      {bare(noise(150), stt.PCM(8000)), silent},
		"a loud room":       {bare(noise(400), stt.PCM(8000)), loud},
		"MP3":               {bare(vendorsim.SayMP3("Hello."), stt.Format{}), unknown},
		"URL":               {stt.Request{Audio: stt.URL("https://a.test/b.wav")}, unknown},
		"a file that went":  {stt.Request{Audio: stt.File("gone")}, unknown},
		"no audio at all":   {stt.Request{}, unknown},
	} {
		err := stt.NonEmpty(t.Context(), c.req, &stt.Transcript{})
		if c.want == silent {
			require.NoError(t, err, name)
		} else {
			require.EqualError(t, err, c.want, name)
		}
		require.NoError(t, stt.NonEmpty(t.Context(), c.req, &stt.Transcript{Text: "anything"}), name)
	}
	require.NoError(t, stt.NonEmptyAbove(-30)(t.Context(), bare(noise(400), stt.PCM(8000)), &stt.Transcript{}))
	require.Error(t, stt.NonEmptyAbove(-70)(t.Context(), bare(noise(150), stt.PCM(8000)), &stt.Transcript{}))
	// A format that does not say how many channels has one.
	require.Error(t, stt.NonEmpty(t.Context(),
		bare(vendorsim.Say("Hello.", 8000), stt.Format{Encoding: tts.EncodingPCM, SampleRate: 8000}), &stt.Transcript{}))
}

func TestValidators(t *testing.T) {
	t.Parallel()
	sure := func(confidences ...float64) *stt.Transcript {
		heard := &stt.Transcript{Text: "a"}
		for _, c := range confidences {
			heard.Words = append(heard.Words, stt.Word{Text: "a", Confidence: c})
		}
		return heard
	}
	in := func(tag string) *stt.Transcript { return &stt.Transcript{Text: "a", Language: tag} }
	french, any := stt.Request{Language: "fr-CA"}, stt.Request{}
	for name, c := range map[string]struct {
		validator stt.Validator
		req       stt.Request
		heard     *stt.Transcript
		want      string
	}{
		"confident":            {stt.Confident(0.8), any, &stt.Transcript{Confidence: 0.8}, ""},
		"not confident":        {stt.Confident(0.8), any, &stt.Transcript{Confidence: 0.79}, "stt: the transcript has confidence 0.79, below 0.80"},
		"says nothing of it":   {stt.Confident(0.8), any, &stt.Transcript{}, ""},
		"words":                {stt.ConfidentWords(0.5, 0.75), any, sure(0.9, 0.5, 0.6, 0.1), ""},
		"too few words":        {stt.ConfidentWords(0.5, 0.75), any, sure(0.9, 0.4, 0.6, 0.1), "stt: the transcript has 2 of 4 words with confidence 0.50 or more, below a share of 0.75"},
		"words without":        {stt.ConfidentWords(0.5, 1), any, sure(0, 0.9, 0), ""},
		"no words":             {stt.ConfidentWords(0.5, 1), any, sure(), ""},
		"its language":         {stt.InLanguage(), french, in("fr"), ""},
		"another language":     {stt.InLanguage(), french, in("en"), "stt: the transcript is in another language"},
		"any language":         {stt.InLanguage(), any, in("en"), ""},
		"language unknown":     {stt.InLanguage(), any, in(""), ""},
		"one of them":          {stt.InLanguage("en", "fr"), any, in("fr-FR"), ""},
		"none of them":         {stt.InLanguage("en", "fr"), french, in("es"), "stt: the transcript is in another language"},
		"says no language":     {stt.InLanguage("en"), french, in(""), "stt: the transcript does not say its language"},
		"nothing was said":     {stt.InLanguage("en"), any, &stt.Transcript{Language: "fr"}, ""},
		"Norwegian":            {stt.InLanguage("nb-NO"), any, in("no"), ""},
		"all":                  {stt.All(stt.Confident(0.5), stt.InLanguage()), french, in("fr"), ""},
		"the first that fails": {stt.All(stt.Confident(0.5), stt.InLanguage(), stt.Confident(2)), french, in("en"), "stt: the transcript is in another language"},
		"none":                 {stt.All(), any, in("en"), ""},
		// With failover.WithEmptyAnswers there may be no transcript at all.
		"nothing":                {stt.All(stt.Confident(0.5), stt.ConfidentWords(0.5, 1), stt.InLanguage("en")), any, nil, ""},
		"nothing of what speaks": {stt.NonEmpty, bare(vendorsim.Say("Hello.", 8000), stt.PCM(8000)), nil, "stt: the transcript is empty, and the audio is not silent"},
	} {
		err := c.validator(context.Background(), c.req, c.heard)
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.EqualError(t, err, c.want, name)
		assert.Implements(t, (*interface{ SafeToPrint() })(nil), err)
	}
}
