package llm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gofailover/failover"
)

// DefaultTimeout bounds one attempt at a whole answer, at a provider that sets
// no Timeout of its own: long answers take minutes.
const DefaultTimeout = 2 * time.Minute

// DefaultFirstContent bounds the time to the first content of a stream, at a
// provider that sets none of its own. It is longer than the router's, because
// some models think without showing it; for one that thinks for longer, set
// Provider.FirstContent.
const DefaultFirstContent = 30 * time.Second

// Client answers conversations through routers over several providers: one for
// whole answers and one for streams, for they fail apart. It is safe for
// concurrent use; a single stream is not.
type Client struct {
	providers []Provider
	prompts   Prompts
	yield     float64
	router    *failover.Router[Request, *Response]
	streams   *failover.StreamRouter[Request, Chunk] // nil: nobody streams

	mu    sync.Mutex
	spent map[string]float64 // by provider, from usage
}

// Option configures a [Client].
type Option interface{ apply(*options) }

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

type options struct {
	both, whole, streams []failover.Option
	prompts              Prompts
	yield                float64
	err                  error
}

// WithRouter passes options to both routers: strategy, breakers, retries,
// observers. Options that only one of them takes go to [WithComplete] or
// [WithStreams].
func WithRouter(opts ...failover.Option) Option {
	return optionFunc(func(o *options) { o.both = append(o.both, opts...) })
}

// WithComplete passes options to the router of whole answers, such as
// failover.WithTimeout, over those of [WithRouter]. The defaults are the name
// "llm" and an attempt timeout of [DefaultTimeout].
func WithComplete(opts ...failover.Option) Option {
	return optionFunc(func(o *options) { o.whole = append(o.whole, opts...) })
}

// WithStreams passes options to the router of streams, such as
// failover.WithInterrupted and failover.WithCommit, over those of [WithRouter].
// The defaults are the name "llm-stream" and [DefaultFirstContent].
func WithStreams(opts ...failover.Option) Option {
	return optionFunc(func(o *options) { o.streams = append(o.streams, opts...) })
}

// WithPrompts gives the prompts that Request.Prompt names.
func WithPrompts(prompts Prompts) Option {
	return optionFunc(func(o *options) { o.prompts = prompts })
}

// WithYield asks a provider last while less than this share, 0 to 1, of one of
// its vendor's rate limits is left and another provider that can serve the
// request has more. Those others are asked in the order of the providers then,
// whatever the strategy; a failover.Prefer of the caller's is replaced. Default
// 0: off, a provider is asked until it refuses.
func WithYield(share float64) Option {
	return optionFunc(func(o *options) {
		if !(share >= 0 && share <= 1) && o.err == nil {
			o.err = fmt.Errorf("llm: WithYield: %v is outside 0 to 1", share)
		}
		o.yield = share
	})
}

// New makes a client over providers, the preferred one first. It refuses what
// failover.New and failover.NewStream refuse, a provider that can do nothing,
// a model without an ID, and a prompt without a text for somebody.
func New(providers []Provider, opts ...Option) (*Client, error) {
	var o options
	for _, opt := range opts {
		if opt != nil {
			opt.apply(&o)
		}
	}
	c := &Client{providers: slices.Clone(providers), prompts: maps.Clone(o.prompts), yield: o.yield, spent: map[string]float64{}}
	if o.err != nil {
		return nil, o.err
	}
	for i := range c.providers {
		if err := c.providers[i].check(); err != nil {
			return nil, err
		}
		c.providers[i].Models = c.providers[i].Models.Clone()
	}
	if err := o.prompts.check(c.providers); err != nil {
		return nil, err
	}
	if err := c.build(o); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Client) build(o options) error {
	var whole []failover.Provider[Request, *Response]
	var streams []failover.StreamProvider[Request, Chunk]
	for i := range c.providers {
		p := &c.providers[i]
		whole = append(whole, c.whole(p))
		if p.Stream != nil {
			streams = append(streams, c.streaming(p))
		}
	}
	router, err := failover.New(whole, failover.WithName("llm"), failover.WithTimeout(DefaultTimeout),
		failover.WithOptions(o.both...), failover.WithOptions(o.whole...))
	if err != nil {
		return err
	}
	c.router = router
	if len(streams) == 0 {
		return nil
	}
	c.streams, err = failover.NewStream(streams, failover.WithName("llm-stream"), failover.WithFirstContent(DefaultFirstContent),
		failover.WithOptions(o.both...), failover.WithOptions(o.streams...))
	if err != nil {
		_ = router.Close()
	}
	return err
}

// whole is a provider as the router of whole answers sees it.
func (c *Client) whole(p *Provider) failover.Provider[Request, *Response] {
	do := p.Complete
	if do == nil {
		do = func(ctx context.Context, req Request) (*Response, error) {
			answer, err := Collect(p.Stream(ctx, req))
			if err != nil {
				return nil, err
			}
			return answer, nil
		}
	}
	return failover.Provider[Request, *Response]{
		Name: p.Name, Account: p.Account, Weight: p.Weight, Limit: p.Limit, Timeout: p.Timeout, Check: p.Check,
		Do:       do,
		Supports: func(req Request) bool { return p.can(c.adapted(p, req)) },
		Adapt:    func(req Request) Request { return c.adapted(p, req) },
		Cost:     c.costOf(p),
		Validate: p.Validate,
	}
}

// streaming is a provider as the router of streams sees it.
func (c *Client) streaming(p *Provider) failover.StreamProvider[Request, Chunk] {
	s := failover.StreamProvider[Request, Chunk]{
		Name: p.Name, Account: p.Account, Weight: p.Weight, Limit: p.Limit, Check: p.Check,
		FirstContent: p.FirstContent, Idle: p.Idle, Total: p.Total,
		Do: p.Stream,
		Supports: func(req Request) bool {
			own := c.adapted(p, req)
			m, _ := p.find(own)
			return p.can(own) && (m.Can == nil || !m.Can.NoStream)
		},
		Adapt:   func(req Request) Request { return c.adapted(p, req) },
		Cost:    c.costOf(p),
		Content: Chunk.IsContent, Progress: Chunk.IsProgress, Final: Chunk.IsFinal, Irrevocable: Chunk.IsCall,
		Restarted: restarted,
		Continue: func(req Request, got []Chunk) (Request, bool) {
			rest, ok := Continue(req, got)
			return rest, ok && p.prefills(c.adapted(p, rest))
		},
	}
	if p.Validate != nil {
		s.Validate = func(ctx context.Context, req Request, held []Chunk) error {
			return judge(ctx, p, req, held)
		}
	}
	return s
}

// judge validates a stream of which all is held; of the others too little is
// known.
func judge(ctx context.Context, p *Provider, req Request, held []Chunk) error {
	if len(held) == 0 || !held[len(held)-1].IsFinal() {
		return nil
	}
	var c Collector
	for _, chunk := range held {
		c.Add(chunk)
	}
	return p.Validate(ctx, req, c.Response())
}

// prefills says whether the provider's model is known to go on after a text.
func (p *Provider) prefills(req Request) bool {
	m, ok := p.find(req)
	return ok && m.Can != nil && m.Can.Prefill && p.can(req)
}

// adapted is the request as the provider gets it.
func (c *Client) adapted(p *Provider, req Request) Request {
	req = c.prompts.apply(req, p.Name)
	if p.Adapt != nil {
		req = p.Adapt(req)
	}
	return req
}

func (c *Client) costOf(p *Provider) func(Request) float64 {
	return func(req Request) float64 { return p.cost(c.adapted(p, req)) }
}

// yielding prefers the providers with enough left of their rate limits, while
// one that can serve the request has too little.
func (c *Client) yielding(ctx context.Context, req Request, stream bool) context.Context {
	if c.yield == 0 {
		return ctx
	}
	now := time.Now()
	var ready []string
	scarce := false
	for i := range c.providers {
		p := &c.providers[i]
		switch {
		case !p.can(c.adapted(p, req)) || stream && p.Stream == nil:
		case p.Limits != nil && p.Limits().Left(now) < c.yield:
			scarce = true
		default:
			ready = append(ready, p.Name)
		}
	}
	if !scarce || len(ready) == 0 {
		return ctx
	}
	return failover.With(ctx, failover.Prefer(ready...))
}

// Complete answers the conversation with the first provider that can.
//
// A request that fails Validate is refused with a failover.Error of class
// invalid before any provider is asked, one that no provider can serve with an
// [UnsupportedError]. Other errors are the router's: see failover.Router.Do.
func (c *Client) Complete(ctx context.Context, req Request) (*Response, error) {
	result, err := c.Route(ctx, req)
	return result.Value, err
}

// Route is [Client.Complete] with the story: see failover.Router.Route. Its
// Cost is the estimate; that of the answer is what its usage came to.
func (c *Client) Route(ctx context.Context, req Request) (failover.Result[*Response], error) {
	if err := c.checkRequest(req); err != nil {
		return failover.Result[*Response]{}, err
	}
	result, err := c.router.Route(c.yielding(ctx, req, false), req)
	if err != nil || result.Value == nil {
		return result, c.explained(err, req)
	}
	answer := *result.Value // a copy: a provider may keep its own
	answer.Provider, answer.Duration = result.Provider, result.Duration
	if p := c.provider(result.Provider); p != nil {
		answer.Prompt = c.prompts.version(req, p.Name)
		answer.Cost, answer.Priced = p.priced(c.adapted(p, req), answer.Usage)
		c.spend(p, answer.Cost)
	}
	result.Value = &answer
	return result, nil
}

// spend adds to what a provider's answers have cost.
func (c *Client) spend(p *Provider, cost float64) {
	if cost > 0 {
		c.mu.Lock()
		c.spent[p.Name] += cost
		c.mu.Unlock()
	}
}

// explained adds to the error of a request that nobody was asked for why not.
func (c *Client) explained(err error, req Request) error {
	if !errors.Is(err, failover.ErrNoneAvailable) {
		return err
	}
	reasons := map[string]error{}
	for i := range c.providers {
		p := &c.providers[i]
		if why := p.why(c.adapted(p, req)); why != nil {
			reasons[p.Name] = why
		}
	}
	if len(reasons) == 0 {
		return err
	}
	return &UnsupportedError{Reasons: reasons, Err: err}
}

func (c *Client) checkRequest(req Request) error {
	if err := req.Validate(); err != nil {
		return Invalid(err)
	}
	if _, ok := c.prompts[req.Prompt]; req.Prompt != "" && !ok {
		return Invalid(invalid("Prompt", "%.40q is no prompt of the client", req.Prompt))
	}
	return nil
}

func (c *Client) provider(name string) *Provider {
	for i := range c.providers {
		if c.providers[i].Name == name {
			return &c.providers[i]
		}
	}
	return nil
}

// errNoStreams says that the client has nobody who streams.
var errNoStreams = errors.New("llm: no provider streams")

// Stream answers the conversation as it comes, with the first provider that
// can. Nothing happens before it is ranged over, once. The last item has the
// Summary; without it the answer is not whole, and there was an error: see
// failover.StreamRouter.Stream.
func (c *Client) Stream(ctx context.Context, req Request) failover.Stream[Chunk] {
	stream, _ := c.RouteStream(ctx, req)
	return stream
}

// RouteStream is [Client.Stream] with the story: see failover.StreamRouter.Route.
func (c *Client) RouteStream(ctx context.Context, req Request) (failover.Stream[Chunk], *failover.StreamResult) {
	err := c.checkRequest(req)
	if err == nil && c.streams == nil {
		err = errNoStreams
	}
	if err != nil {
		return func(yield func(Chunk, error) bool) { yield(Chunk{}, err) }, &failover.StreamResult{Err: err}
	}
	stream, result := c.streams.Route(c.yielding(ctx, req, true), req)
	return c.summed(stream, result, req), result
}

// summed fills in the summary what only the client knows.
func (c *Client) summed(stream failover.Stream[Chunk], result *failover.StreamResult, req Request) failover.Stream[Chunk] {
	return func(yield func(Chunk, error) bool) {
		begun := time.Now()
		for chunk, err := range stream {
			if chunk.Summary != nil {
				total := *chunk.Summary
				total.Provider, total.Duration = result.Provider, time.Since(begun)
				if p := c.provider(result.Provider); p != nil {
					total.Prompt = c.prompts.version(req, p.Name)
					total.Cost, total.Priced = p.priced(c.adapted(p, req), total.Usage)
					c.spend(p, total.Cost)
				}
				if result.Continued > 0 {
					total.Cost, total.Priced = 0, false // what broke off was charged for too, and nobody said how much
				}
				chunk.Summary = &total
			}
			if !yield(chunk, c.explained(err, req)) {
				return
			}
		}
	}
}

// Models lists the models of every provider that can list them, in the order
// of the providers, and which names of its table stand for each. Errors of
// single providers come joined, beside what the others said.
func (c *Client) Models(ctx context.Context) ([]ModelInfo, error) {
	var all []ModelInfo
	var failed []error
	for i := range c.providers {
		p := &c.providers[i]
		if p.List == nil {
			continue
		}
		models, err := p.List(ctx)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p.Name, err))
			continue
		}
		for _, m := range models {
			m.Provider = p.Name
			for _, name := range p.Models.Names() {
				if p.Models[name].ID == m.ID {
					m.Names = append(m.Names, name)
				}
			}
			all = append(all, m)
		}
	}
	return all, errors.Join(failed...)
}

// Cost estimates what the request costs at each provider that can serve it and
// whose price is known.
func (c *Client) Cost(req Request) map[string]float64 {
	costs := map[string]float64{}
	for i := range c.providers {
		p := &c.providers[i]
		own := c.adapted(p, req)
		if cost := p.cost(own); cost >= 0 && p.can(own) {
			costs[p.Name] = cost
		}
	}
	return costs
}

// Status is a snapshot of a client, ready for JSON.
type Status struct {
	Complete failover.Status  `json:"complete"`
	Stream   *failover.Status `json:"stream,omitempty"`
	// Limits are what the vendors last said of their rate limits, by provider.
	Limits map[string]RateLimits `json:"limits,omitempty"`
	// Spent is what answers have cost so far, by provider: their usage at the
	// prices of the tables. The routers' Cost is the sum of the estimates.
	Spent map[string]float64 `json:"spent,omitempty"`
}

// Status returns a snapshot of both routers and of the vendors' rate limits.
func (c *Client) Status() Status {
	s := Status{Complete: c.router.Status(), Limits: map[string]RateLimits{}}
	if c.streams != nil {
		streams := c.streams.Status()
		s.Stream = &streams
	}
	for i := range c.providers {
		p := &c.providers[i]
		if p.Limits == nil {
			continue
		}
		if l := p.Limits(); !l.At.IsZero() {
			s.Limits[p.Name] = l
		}
	}
	c.mu.Lock()
	s.Spent = maps.Clone(c.spent)
	c.mu.Unlock()
	return s
}

// Router is the router of whole answers, for Plan, SetPrimary, Disable and the
// rest.
func (c *Client) Router() *failover.Router[Request, *Response] { return c.router }

// StreamRouter is the router of streams; nil if no provider streams.
func (c *Client) StreamRouter() *failover.StreamRouter[Request, Chunk] { return c.streams }

// Close closes both routers: see failover.Router.Close.
func (c *Client) Close() error {
	err := c.router.Close()
	if c.streams != nil {
		err = errors.Join(err, c.streams.Close())
	}
	return err
}
