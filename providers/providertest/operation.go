package providertest

import (
	"context"
	"net/http"
	"testing"

	"github.com/gofailover/failover/internal/vendorsim"
)

// operation is what the suites of speech have in common: one call that is one
// request, and is answered whole.
type operation struct {
	vendor   http.Handler
	refusals []Refusal
	// make gives one call of the provider under test, which fails if what came
	// of it is not what was asked for, and its Check, nil if it has none.
	make func(t *testing.T, key string, s *vendorsim.Server, client *http.Client) (call, check func(ctx context.Context) error)
}

func (o operation) call(t *testing.T, s *vendorsim.Server) func(ctx context.Context) error {
	t.Helper()
	call, _ := o.make(t, Key, s, s.Client())
	return call
}

// check is the Check, if there is one.
func (o operation) check(t *testing.T, s *vendorsim.Server) func(ctx context.Context) error {
	t.Helper()
	_, check := o.make(t, Key, s, s.Client())
	if check == nil {
		t.Skip("the provider has no Check")
	}
	return check
}
