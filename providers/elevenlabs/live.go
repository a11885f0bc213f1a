package elevenlabs

import (
	"maps"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/stt"
)

// WithLiveModels gives the table from model names to the ids of models for live
// transcription, such as "scribe_v2_realtime". Requests that name no model get
// the row "", or the default of the package providers/live.
func WithLiveModels(models stt.Models) Option {
	return optionFunc(func(o *options) error {
		o.live = maps.Clone(models)
		return nil
	})
}

// Live is the client as the package providers/live takes it:
//
//	client, err := stt.NewLive([]stt.LiveProvider{live.ElevenLabs(eleven)})
func (c *Client) Live() httpcall.Live {
	return httpcall.Live{
		Name: c.name, Account: c.account, Calls: c.calls, ReadError: readError, Check: c.check,
		Model: func(name string) (string, bool) { return c.live.ID(Vendor, name) },
	}
}
