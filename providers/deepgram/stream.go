package deepgram

import "github.com/gofailover/failover/providers/tts"

// TTSStream is the account's text to speech as a stream: POST /v1/speak, whose
// answer is passed on while it is being made. It delivers the formats of
// [Client.TTS]; a WAV file may say in its header that its length is not known.
// Check is the same. Every call returns a new value, whose fields can be set.
func (c *Client) TTSStream() tts.StreamProvider {
	s := c.speaker()
	p := tts.WrapStream(c.name, s.Stream)
	p.Account, p.Check, p.Supports = c.account, c.check, s.Supports
	p.Continue = tts.ContinueWhere(s.Supports)
	return p
}
