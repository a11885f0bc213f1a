package failover

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Wish is what one call asks of the router; see [With].
type Wish struct {
	router string // "" for all
	apply  func(*wishes) error
}

// With returns a context that carries wishes to every router reached with it,
// nested ones included. A later wish of the same kind replaces an earlier one;
// Only and Avoid add up. Filters (Only, Avoid, MaxCost) come first, then
// Sticky, then Prefer, then the strategy.
//
// A wish that cannot be (a negative cost, a provider in Only that the router
// does not have) makes Do return an error.
func With(ctx context.Context, list ...Wish) context.Context {
	s := scopeOf(ctx)
	next := &scope{}
	if s != nil {
		*next = *s
	}
	next.wishes = append(slices.Clip(next.wishes), list...)
	return context.WithValue(ctx, scopeKey{}, next)
}

// For binds wishes to the router of that name (see [WithName]); routers
// of other names do not see them.
func For(router string, list ...Wish) Wish {
	list = slices.Clone(list)
	return Wish{router: router, apply: func(w *wishes) error {
		if router == "" {
			return fmt.Errorf("failover: For: the router's name is empty") //nolint:perfsprint // reads like its neighbours
		}
		for _, wish := range list {
			if wish.router != "" && wish.router != router {
				continue
			}
			if wish.apply == nil {
				continue
			}
			if err := wish.apply(w); err != nil {
				return err
			}
		}
		return nil
	}}
}

// Prefer asks the named providers first, in this order, if they are eligible.
// A name may be a path into a nested router ("pool/key1").
func Prefer(providers ...string) Wish {
	providers = slices.Clone(providers)
	return Wish{apply: func(w *wishes) error { w.prefer = providers; return nil }}
}

// Only restricts the call to the named providers. A name that the router does
// not have is an error. Several Only keep what is in all of them.
func Only(providers ...string) Wish {
	providers = slices.Clone(providers)
	return Wish{apply: func(w *wishes) error {
		if len(providers) == 0 {
			return fmt.Errorf("failover: Only: no provider is named") //nolint:perfsprint // reads like its neighbours
		}
		w.only = append(w.only, providers)
		return nil
	}}
}

// Avoid leaves out the named providers; a name the router does not have is
// left out already.
func Avoid(providers ...string) Wish {
	providers = slices.Clone(providers)
	return Wish{apply: func(w *wishes) error { w.avoid = append(w.avoid, providers...); return nil }}
}

// Sticky keeps calls of the same key (a conversation, say) with the provider
// that served the last one, until it fails; then with the one they moved to.
// A sticky call is no trial of a recovering provider while another can serve it. See [WithSticky]
// for the bounds of the table.
func Sticky(key string) Wish {
	return Wish{apply: func(w *wishes) error { w.sticky = key; return nil }}
}

// MaxCost bounds the sum of the estimated costs of all attempts and hedges of
// the call, in the unit of the providers' Cost. A provider whose cost is
// unknown is left out.
func MaxCost(most float64) Wish {
	return Wish{apply: func(w *wishes) error {
		if most < 0 || math.IsNaN(most) {
			return fmt.Errorf("failover: MaxCost: %v is negative or no number", most)
		}
		w.maxCost, w.capped = most, true
		return nil
	}}
}

// atMost is MaxCost as it goes inward: it never raises what was wished for the
// nested router.
func atMost(most float64) Wish {
	return Wish{apply: func(w *wishes) error {
		if !w.capped || most < w.maxCost {
			w.maxCost, w.capped = most, true
		}
		return nil
	}}
}

// Optimize chooses by these weights for this call, as [Scored] does, whatever
// the router's strategy is.
func Optimize(weights Weights) Wish {
	return Wish{apply: func(w *wishes) error {
		w.optimize = &weights
		return weights.check()
	}}
}

// NoFailover keeps the call at the provider that is tried first; retries there
// remain.
func NoFailover() Wish {
	return Wish{apply: func(w *wishes) error { w.noFailover = true; return nil }}
}

// UncertainPolicy says what follows an attempt whose side effect may have
// happened.
type UncertainPolicy uint8

const (
	// Stop returns an [UncertainError]. The default: two messages are worse
	// than an error that says "maybe".
	Stop UncertainPolicy = iota
	// FailOver asks the next provider all the same: at least once instead of
	// at most once, for a one-time password, say.
	FailOver
)

// OnUncertain chooses at-least-once for this call. It holds only if every
// router on the way is reached with it.
func OnUncertain(p UncertainPolicy) Wish {
	return Wish{apply: func(w *wishes) error {
		if p > FailOver {
			return fmt.Errorf("failover: OnUncertain: %d is no policy", p)
		}
		w.failOver, w.onUncertain = p == FailOver, true
		return nil
	}}
}

// wishes are those that apply to one router.
type wishes struct {
	prefer      []string
	only        [][]string
	avoid       []string
	sticky      string
	maxCost     float64
	capped      bool
	optimize    *Weights
	noFailover  bool
	failOver    bool
	onUncertain bool // failOver was given, be it false
}

// collect adds up the wishes meant for the router of this name.
func collect(list []Wish, router string) (*wishes, error) {
	w := &wishes{}
	for _, wish := range list {
		if wish.apply == nil || (wish.router != "" && wish.router != router) {
			continue
		}
		if err := wish.apply(w); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// check says whether every provider named in Only is known to the router.
func (w *wishes) check(c *core) error {
	for _, names := range w.only {
		for _, name := range names {
			if !c.knows(name) {
				return &unknownProviderError{"Only", name}
			}
		}
	}
	return nil
}

// allows says whether Only and Avoid leave the provider in. A path into it
// lets Only pass, and is for the nested router to judge; Avoid of a path
// leaves only that inner provider out.
func (w *wishes) allows(name string) bool {
	for _, names := range w.only {
		if !slices.ContainsFunc(names, func(n string) bool { return head(n) == name }) {
			return false
		}
	}
	return !slices.Contains(w.avoid, name)
}

// inward rewrites the wishes for the router nested in provider: names lose
// the provider's part of their path, and what does not concern it is dropped.
func inward(list []Wish, router, provider string) []Wish {
	inner := make([]Wish, 0, len(list))
	for _, wish := range list {
		if wish.router != "" && wish.router != router {
			inner = append(inner, wish) // meant for a router of that name, with its names
			continue
		}
		if wish.apply == nil {
			continue
		}
		outer := &wishes{}
		_ = wish.apply(outer) // checked where it was collected
		inner = append(inner, outer.inward(provider, wish.router == ""))
	}
	return inner
}

// inward is one outer wish as the nested router sees it. A wish bound to the
// outer router by name keeps only its paths.
func (w *wishes) inward(provider string, unbound bool) Wish {
	next := wishes{}
	if unbound {
		next = *w
	}
	next.prefer = below(w.prefer, provider)
	if next.prefer == nil && w.prefer != nil && unbound {
		next.prefer = []string{} // it replaces an earlier one, if only by nobody
	}
	next.avoid = below(w.avoid, provider)
	next.only = nil
	for _, names := range w.only {
		// The provider itself was named: all of it is meant.
		if paths := below(names, provider); len(paths) > 0 && !slices.Contains(names, provider) {
			next.only = append(next.only, paths)
		}
	}
	return Wish{apply: func(to *wishes) error { to.merge(&next); return nil }}
}

func (w *wishes) merge(from *wishes) {
	if from.prefer != nil {
		w.prefer = from.prefer
	}
	w.only = append(w.only, from.only...)
	w.avoid = append(w.avoid, from.avoid...)
	if from.sticky != "" {
		w.sticky = from.sticky
	}
	if from.capped {
		w.maxCost, w.capped = from.maxCost, true
	}
	if from.optimize != nil {
		w.optimize = from.optimize
	}
	w.noFailover = w.noFailover || from.noFailover
	if from.onUncertain {
		w.failOver, w.onUncertain = from.failOver, true
	}
}

// below returns the rest of those paths that lead into provider.
func below(names []string, provider string) []string {
	var inner []string
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, provider+"/"); ok {
			inner = append(inner, rest)
		}
	}
	return inner
}

// head is the first part of a path.
func head(path string) string {
	name, _, _ := strings.Cut(path, "/")
	return name
}
