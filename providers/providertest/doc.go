// Package providertest has the tests that every provider passes, for adapters
// of this module and for yours.
//
//	func TestConformance(t *testing.T) {
//		providertest.TestTTS(t, providertest.TTS{
//			New: func(key, baseURL string, client *http.Client) (tts.Provider, error) {
//				c, err := acme.New(key, acme.WithBaseURL(baseURL), acme.WithHTTPClient(client))
//				if err != nil {
//					return tts.Provider{}, err
//				}
//				return c.TTS(), nil
//			},
//			Vendor:  acmeSimulator, // an http.Handler that answers as Acme does
//			Request: tts.Request{Voice: "host", Format: tts.WAV(24000)},
//			Refusals: []providertest.Refusal{{
//				Name: "no credit", Status: 402,
//				Body: `{"error":"no_credit","text":"` + providertest.Canary + `"}`,
//				Want: failover.ClassExhausted, Code: "no_credit",
//			}},
//		})
//	}
//
// [TestTTSStream] is the suite for speech that is streamed, [TestSTT] that for
// speech to text, [TestLLM] that for language models, whole and streamed.
// [TestSMS] and [TestCall] are for what must not happen twice: their vendor
// counts what it has done, and they break it before and after it has.
//
// A suite puts the vendor's handler on an in-memory connection, breaks it in
// every way a vendor or a network breaks, under the fake time of
// testing/synctest, and looks at what the provider makes of it. Failures say
// which rule was broken.
package providertest
