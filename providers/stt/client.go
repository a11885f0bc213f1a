package stt

import (
	"context"
	"slices"
	"time"

	"github.com/gofailover/failover"
)

// Provider is one way to write speech down.
type Provider = failover.Provider[Request, *Transcript]

// DefaultTimeout bounds one attempt at a provider that sets no Timeout of its
// own, together with half the playing time of the audio where it is known.
// failover.WithTimeout overrides it; the half of the playing time is added to
// that too. Where only the vendor knows how long the audio is (a URL, m4a, WebM),
// say it in Request.Duration, or give the providers more time.
const DefaultTimeout = 10 * time.Second

// Client writes speech down through a router over several providers. It is safe
// for concurrent use.
type Client struct {
	router *failover.Router[Request, *Transcript]
}

// New makes a client over providers, the preferred one first. The options are
// the router's; the defaults here are the name "stt" and an attempt timeout of
// [DefaultTimeout] and half the playing time. A provider's own Timeout stands
// as it is. It refuses what failover.New refuses.
func New(providers []Provider, opts ...failover.Option) (*Client, error) {
	providers = slices.Clone(providers)
	for i := range providers {
		if p := &providers[i]; p.Timeout == 0 && p.ExtraTime == nil {
			p.ExtraTime = HalfOfAudio
		}
	}
	defaults := failover.WithOptions(failover.WithName("stt"), failover.WithTimeout(DefaultTimeout))
	router, err := failover.New(providers, defaults, failover.WithOptions(opts...))
	if err != nil {
		return nil, err
	}
	return &Client{router: router}, nil
}

// HalfOfAudio is half the playing time of a request's audio, 0 where it is not
// known. It is the Provider.ExtraTime that [New] gives to providers without
// Timeout.
func HalfOfAudio(req Request) time.Duration { return req.PlayingTime() / 2 }

// Transcribe writes the request's audio down with the first provider that can.
// Every attempt gets all of the audio from its beginning.
//
// A request that fails Validate, and audio that cannot be read or is empty, are
// refused with a failover.Error of class invalid before any provider is asked.
// Other errors are the router's: see failover.Router.Do.
func (c *Client) Transcribe(ctx context.Context, req Request) (*Transcript, error) {
	if err := req.Validate(); err != nil {
		return nil, Invalid(err)
	}
	if err := req.prepare(ctx); err != nil {
		return nil, err
	}
	result, err := c.router.Route(ctx, req)
	if err != nil {
		return nil, err
	}
	// A copy: a provider may hand out a transcript it keeps. None at all is
	// possible with failover.WithEmptyAnswers.
	var heard Transcript
	if result.Value != nil {
		heard = *result.Value
	}
	heard.Provider = result.Provider
	return &heard, nil
}

// TranscribeFile is Transcribe of the [File] at path; req says the rest.
func (c *Client) TranscribeFile(ctx context.Context, path string, req Request) (*Transcript, error) {
	req.Audio = File(path)
	return c.Transcribe(ctx, req)
}

// TranscribeURL is Transcribe of the [URL]; req says the rest.
func (c *Client) TranscribeURL(ctx context.Context, url string, req Request) (*Transcript, error) {
	req.Audio = URL(url)
	return c.Transcribe(ctx, req)
}

// Router is the router underneath, for Route, Status, Plan, SetPrimary, Disable
// and the rest.
func (c *Client) Router() *failover.Router[Request, *Transcript] { return c.router }

// Close closes the router: see failover.Router.Close.
func (c *Client) Close() error { return c.router.Close() }
