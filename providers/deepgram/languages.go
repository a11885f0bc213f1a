package deepgram

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// languages are the tags that a model takes as language; nil of a model that is
// not known.
type languages []string

// The models and their languages, from
// https://developers.deepgram.com/docs/models-languages-overview. The vendor adds
// some every other month.
var (
	english = languages{"en", "en-US", "en-AU", "en-GB", "en-IN", "en-NZ"}

	nova2 = append(languages{
		"bg", "ca", "cs", "da", "da-DK", "de", "de-CH", "el", "es", "es-419", "et", "fi", "fr", "fr-CA", "hi", "hu", "id", "it", "ja",
		"ko", "ko-KR", "lt", "lv", "ms", "nl", "nl-BE", "no", "pl", "pt", "pt-BR", "pt-PT", "ro", "ru", "sk", "sv", "sv-SE", "th",
		"th-TH", "tr", "uk", "vi", "zh", "zh-CN", "zh-Hans", "zh-HK", "zh-Hant", "zh-TW",
	}, english...)

	nova3 = append(languages{
		"be", "bn", "bs", "hr", "kn", "mk", "mr", "sl", "sr", "ta", "te", "tl",
	}, nova2...)

	modelLanguages = map[string]languages{
		"nova-3": nova3, "nova-3-general": nova3, "nova-3-medical": english,
		"nova-2": nova2, "nova-2-general": nova2,
		"nova-2-meeting": english, "nova-2-phonecall": english, "nova-2-finance": english, "nova-2-conversationalai": english,
		"nova-2-voicemail": english, "nova-2-video": english, "nova-2-medical": english, "nova-2-drivethru": english,
		"nova-2-automotive": english, "nova-2-atc": english,
	}
)

// languages are those of a model, with what the user has added.
func (c *Client) languages(model string) languages {
	known, ok := modelLanguages[model]
	if !ok {
		return nil
	}
	return append(slices.Clip(known), c.sttLanguages[model]...)
}

func (o *options) addLanguages(model string, tags []string) error {
	if model == "" {
		return errors.New("WithSTTLanguages: the model is empty")
	}
	for _, tag := range tags {
		if !tts.IsLanguage(tag) {
			return fmt.Errorf("WithSTTLanguages: %.40q is no BCP 47 tag", tag)
		}
	}
	o.sttLanguages = maps.Clone(o.sttLanguages)
	if o.sttLanguages == nil {
		o.sttLanguages = map[string]languages{}
	}
	o.sttLanguages[model] = append(slices.Clip(o.sttLanguages[model]), tags...)
	return nil
}

// code is what to send for a tag: the same, or the language without its region,
// because the API refuses regions that it does not know ("en-CA"). Chinese has
// no language without a script. Empty means to have it found out; a model that
// speaks one language is told. It returns false for a language that the model
// does not speak.
func (l languages) code(tag string) (string, bool) {
	switch {
	case tag == "" && slices.Equal(l, english):
		return "en", true
	case tag == "" || l == nil:
		return tag, true
	}
	for _, known := range l {
		if strings.EqualFold(known, tag) {
			return known, true
		}
	}
	if primary, _, _ := strings.Cut(tag, "-"); strings.EqualFold(primary, "zh") {
		return "", false
	}
	for _, known := range l {
		if !strings.Contains(known, "-") && tts.SameLanguage(known, tag) {
			return known, true
		}
	}
	return "", false
}

func cloned(models stt.Models) stt.Models { return maps.Clone(models) }

// requestID reads an id of the request.
func requestID(raw []byte) string { return httpcall.Token(httpcall.String(raw)) }
