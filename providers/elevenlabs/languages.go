package elevenlabs

import (
	"strings"

	"github.com/gofailover/failover/providers/tts"
)

// scribeLanguages are the languages of the Scribe models, from
// https://elevenlabs.io/docs/overview/capabilities/speech-to-text, by their codes
// of ISO 639-3, with the code that a BCP 47 tag has: that of ISO 639-1 where there
// is one.
var scribeLanguages = map[string]string{
	"afr": "af", "amh": "am", "ara": "ar", "hye": "hy", "asm": "as", "ast": "ast", "aze": "az", "bel": "be",
	"ben": "bn", "bos": "bs", "bul": "bg", "mya": "my", "yue": "yue", "cat": "ca", "ceb": "ceb", "nya": "ny",
	"hrv": "hr", "ces": "cs", "dan": "da", "nld": "nl", "eng": "en", "est": "et", "fil": "fil", "fin": "fi",
	"fra": "fr", "ful": "ff", "glg": "gl", "lug": "lg", "kat": "ka", "deu": "de", "ell": "el", "guj": "gu",
	"hau": "ha", "heb": "he", "hin": "hi", "hun": "hu", "isl": "is", "ibo": "ig", "ind": "id", "gle": "ga",
	"ita": "it", "jpn": "ja", "jav": "jv", "kea": "kea", "kan": "kn", "kaz": "kk", "khm": "km", "kor": "ko",
	"kur": "ku", "kir": "ky", "lao": "lo", "lav": "lv", "lin": "ln", "lit": "lt", "luo": "luo", "ltz": "lb",
	"mkd": "mk", "msa": "ms", "mal": "ml", "mlt": "mt", "zho": "zh", "mri": "mi", "mar": "mr", "mon": "mn",
	"nep": "ne", "nso": "nso", "nor": "no", "oci": "oc", "ori": "or", "pus": "ps", "fas": "fa", "pol": "pl",
	"por": "pt", "pan": "pa", "ron": "ro", "rus": "ru", "srp": "sr", "sna": "sn", "snd": "sd", "slk": "sk",
	"slv": "sl", "som": "so", "spa": "es", "swa": "sw", "swe": "sv", "tam": "ta", "tgk": "tg", "tel": "te",
	"tha": "th", "tur": "tr", "ukr": "uk", "umb": "umb", "urd": "ur", "uzb": "uz", "vie": "vi", "cym": "cy",
	"wol": "wo", "xho": "xh", "zul": "zu",
}

// spokenCode is what to send as language_code for a BCP 47 tag: its language
// alone, because the API knows no regions. It returns false for a language that
// Scribe does not speak.
func spokenCode(tag string) (string, bool) {
	if tag == "" {
		return "", true
	}
	for _, code := range scribeLanguages {
		if tts.SameLanguage(code, tag) {
			return code, true
		}
	}
	return "", false
}

// languageTag makes a BCP 47 tag of a code of ISO 639-1 or ISO 639-3.
func languageTag(code string) string {
	code = strings.ToLower(strings.TrimSpace(code))
	if tag, ok := scribeLanguages[code]; ok {
		return tag
	}
	return code
}
