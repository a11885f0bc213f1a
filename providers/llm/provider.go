package llm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofailover/failover"
)

// Provider is one account at one vendor, or a client of your own. What fails
// apart is registered apart. Name is required, and one of Complete and Stream.
type Provider struct {
	// Name is unique in a client and contains no "/".
	Name string
	// Vendor is the prefix of explicit models, as in "openai:gpt-5.1", and the
	// owner of what is opaque in messages. Empty takes the Name.
	Vendor string
	// Account groups providers that share a key. Empty: it stands alone.
	Account string

	// Complete gives a whole answer. nil: the provider only streams, and
	// Complete collects.
	Complete failover.Func[Request, *Response]
	// Stream gives an answer as it comes. nil: the provider is left out of
	// streams.
	Stream failover.StreamFunc[Request, Chunk]

	// Models is the table of models. A request whose model has no row, or one
	// that lacks what it needs, is not given to this provider. nil: the provider
	// serves every name.
	Models Models
	// Known says what the vendor's own models can do, for those that the table
	// says nothing of; nil for one that is not known.
	Known func(id string) *Capabilities
	// Check is a cheap probe of health, for failover.WithHealthChecks.
	Check func(ctx context.Context) error
	// List names the vendor's models; nil: it cannot.
	List func(ctx context.Context) ([]ModelInfo, error)
	// Limits are what the vendor last said of its rate limits, whatever the
	// model it said it for: register models with limits of their own apart. nil:
	// it says nothing.
	Limits func() RateLimits

	// Adapt changes the request for this provider, before its model is looked
	// up. It must not write through the request's slices and maps.
	Adapt func(Request) Request
	// Supports says whether this provider can serve the request at all, beside
	// what the table of models says.
	Supports func(Request) bool
	// Explain says why Supports says no, in an error that contains nothing of
	// the conversation; nil where it says yes. nil: nobody knows.
	Explain func(Request) error
	// Validate says whether an answer is good enough; an error moves on to the
	// next provider. See [ValidJSON] and its neighbours. A stream is judged
	// only where all of it is held: see failover.WithCommit.
	Validate func(ctx context.Context, req Request, resp *Response) error

	// Weight is the share under failover.Weighted. 0 means 1.
	Weight int
	// Limit is a local limit of rate and concurrency.
	Limit failover.Limit
	// Timeout bounds one whole answer. 0 takes the client's.
	Timeout time.Duration
	// FirstContent, Idle and Total bound a stream. 0 takes the client's.
	FirstContent, Idle, Total time.Duration
}

// ModelInfo is a model as its vendor lists it.
type ModelInfo struct {
	// Provider is who offers it.
	Provider string `json:"provider"`
	// ID is the vendor's name of it.
	ID string `json:"id"`
	// Name is how the vendor shows it to people, empty where it has no such
	// name.
	Name string `json:"name,omitzero"`
	// Names are those of the provider's table that stand for it.
	Names []string `json:"names,omitempty"`
	// Created is when the vendor made it; zero if it does not say.
	Created time.Time `json:"created,omitzero"`
}

func (p *Provider) vendor() string {
	if p.Vendor == "" {
		return p.Name
	}
	return p.Vendor
}

func (p *Provider) check() error {
	switch {
	case p.Name == "":
		return errors.New("llm: New: a provider has no Name")
	case p.Complete == nil && p.Stream == nil:
		return fmt.Errorf("llm: New: provider %q: Complete and Stream are nil", p.Name)
	}
	for name, m := range p.Models {
		if m.ID == "" {
			return fmt.Errorf("llm: New: provider %q: model %q has no ID", p.Name, name)
		}
	}
	return nil
}

// find is the provider's model for a request; ok is true with a zero Model
// where it serves every name.
func (p *Provider) find(req Request) (Model, bool) {
	if p.Models == nil {
		return Model{}, true
	}
	m, ok := p.Models.Find(p.vendor(), req.Model)
	if ok && m.Can == nil && p.Known != nil {
		m.Can = p.Known(m.ID)
	}
	return m, ok
}

// can says whether the provider can serve the request.
func (p *Provider) can(req Request) bool {
	if p.Supports != nil && !p.Supports(req) {
		return false
	}
	m, ok := p.find(req)
	if !ok {
		return false
	}
	_, lacks := m.Can.Lacks(req)
	return lacks == ""
}

// why says why the provider cannot serve the request; nil if it can, or that is
// not known.
func (p *Provider) why(req Request) error {
	m, ok := p.find(req)
	if !ok {
		return invalid("Model", "%.70q has no row", req.Model)
	}
	if field, what := m.Can.Lacks(req); what != "" {
		return invalid(field, "needs %s, which %.70q lacks", what, m.ID)
	}
	if p.Explain != nil {
		return p.Explain(req)
	}
	return nil
}

// cost estimates what the request costs here, -1 if that is unknown.
func (p *Provider) cost(req Request) float64 {
	if m, ok := p.find(req); ok && m.Price != nil {
		if req.MaxTokens == 0 {
			req.MaxTokens = m.MaxTokens
		}
		return m.Price.Estimate(req)
	}
	return -1
}

// priced adds to an answer what its usage costs.
func (p *Provider) priced(req Request, u Usage) (cost float64, ok bool) {
	m, found := p.find(req)
	if !found || m.Price == nil {
		return 0, false
	}
	return m.Price.Of(u), true
}
