package openai

import "github.com/gofailover/failover/providers/tts"

// languages are those that OpenAI says its models hear and speak well
// (https://developers.openai.com/api/docs/guides/speech-to-text#supported-languages),
// by their ISO 639-1 codes, with the names that whisper-1 has for them.
var languages = map[string]string{
	"af": "afrikaans", "ar": "arabic", "hy": "armenian", "az": "azerbaijani", "be": "belarusian", "bs": "bosnian",
	"bg": "bulgarian", "ca": "catalan", "zh": "chinese", "hr": "croatian", "cs": "czech", "da": "danish", "nl": "dutch",
	"en": "english", "et": "estonian", "fi": "finnish", "fr": "french", "gl": "galician", "de": "german", "el": "greek",
	"he": "hebrew", "hi": "hindi", "hu": "hungarian", "is": "icelandic", "id": "indonesian", "it": "italian",
	"ja": "japanese", "kn": "kannada", "kk": "kazakh", "ko": "korean", "lv": "latvian", "lt": "lithuanian",
	"mk": "macedonian", "ms": "malay", "mr": "marathi", "mi": "maori", "ne": "nepali", "no": "norwegian", "fa": "persian",
	"pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sk": "slovak",
	"sl": "slovenian", "es": "spanish", "sw": "swahili", "sv": "swedish", "tl": "tagalog", "ta": "tamil", "th": "thai",
	"tr": "turkish", "uk": "ukrainian", "ur": "urdu", "vi": "vietnamese", "cy": "welsh",
}

// languageCode is OpenAI's code of the language of a BCP 47 tag; empty if it has
// none.
func languageCode(tag string) string {
	for code := range languages {
		if tts.SameLanguage(code, tag) {
			return code
		}
	}
	return ""
}
