package failover

import (
	"context"
	"sync/atomic"
)

type scopeKey struct{}

// scope is what travels in the context: the caller's wishes and operation,
// and, inside an attempt, who is asking. One lookup finds all of it.
type scope struct {
	wishes    []Wish
	operation string // as the caller named it
	attempt   string // the id of the attempt we are in

	// Set inside an attempt.
	within *frame
	// sideEffect: an outer router is at-most-once, so are those inside.
	sideEffect bool
	// stops: that router stops at an unknown outcome, whatever is wished inside.
	stops bool
	// rerun: the operation was begun before.
	rerun bool
}

// frame is a router that we are inside of.
type frame struct {
	core  *core
	outer *frame
	at    *endpoint // where its attempt is
	// lent is what the router allows the one nested in its attempt; nil where
	// none is.
	lent *allowance
	// live is the stream of the attempt that the nested router serves; nil for
	// Do.
	live *live
}

// allowance is what an outer router allows a nested one, and learns of it.
type allowance struct {
	attempts  atomic.Int64 // still allowed
	spent     atomicFloat  // estimated cost so far
	uncertain atomic.Bool  // it was done, and may have been done before that
}

func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// attemptContext carries a scope into an attempt without a second context
// layer over the one that holds the attempt's deadline.
type attemptContext struct {
	context.Context //nolint:containedctx // it is a context

	scope scope
	frame frame
}

func (c *attemptContext) Value(key any) any {
	if _, ok := key.(scopeKey); ok {
		return &c.scope
	}
	return c.Context.Value(key)
}

// Operation names the operation that calls with this context belong to, for
// providers with side effects: the id reaches the provider ([OperationID]),
// errors and events, and a router gives one operation to a provider at most
// once: a second call with the same id, while the first runs or after it was
// accepted or uncertain, returns a [DuplicateError] or the [UncertainError]
// again. A router remembers the last 8192 operations, for 24 h at the most, and
// as many reports of operations it does not know. An empty id is no name.
func Operation(ctx context.Context, id string) context.Context {
	next := &scope{}
	if s := scopeOf(ctx); s != nil {
		*next = *s
	}
	next.operation = id
	return context.WithValue(ctx, scopeKey{}, next)
}

// OperationID returns the id of the operation: what [Operation] named, or,
// inside an attempt of a router with side effects, what the router made. It is
// empty elsewhere.
func OperationID(ctx context.Context) string {
	if s := scopeOf(ctx); s != nil {
		return s.operation
	}
	return ""
}

// AttemptID returns, inside a provider's Do, the id of this attempt: the
// operation's id, a dot and the number of the attempt. A repeat at a provider
// that dedupes has the same id. It is empty where OperationID is.
func AttemptID(ctx context.Context) string {
	if s := scopeOf(ctx); s != nil {
		return s.attempt
	}
	return ""
}

// ProviderPath returns, inside a provider's Do, where this provider is as
// [Router.Report] takes it: its name or, in a router that was nested with
// [Nest], the path from the outermost of them. An adapter puts it where a
// status webhook will bring it back. It is empty where [OperationID] is.
func ProviderPath(ctx context.Context) string {
	s := scopeOf(ctx)
	if s == nil || s.attempt == "" || s.within == nil {
		return ""
	}
	f := s.within
	path := f.at.name
	for ; f.nestedIn(f.outer); f = f.outer {
		path = f.outer.at.name + "/" + path
	}
	return path
}

// nestedIn says whether the router of f is the one that the attempt of outer
// was given to, not one that its code happens to call.
func (f *frame) nestedIn(outer *frame) bool {
	if outer == nil {
		return false
	}
	n, ok := outer.at.nested.(nestedRouter)
	return ok && n.core == f.core
}
