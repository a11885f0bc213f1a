package failover_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// The path is what Report of the outermost nested router takes, and no more:
// a router that only happens to be called inside an attempt is not part of it.
func TestProviderPath(t *testing.T) {
	t.Parallel()
	var path string
	sender := func(name string) failover.Provider[string, string] {
		p := failover.Wrap(name, func(ctx context.Context, _ string) (string, error) {
			path = failover.ProviderPath(ctx)
			return "sent", nil
		})
		p.SideEffect = true
		return p
	}
	router := func(p failover.Provider[string, string]) *failover.Router[string, string] {
		r, err := failover.New(failover.Providers(p), failover.WithTimeout(0))
		require.NoError(t, err)
		t.Cleanup(func() { _ = r.Close() })
		return r
	}
	calls := func(r *failover.Router[string, string]) failover.Provider[string, string] {
		return failover.Wrap("app", r.Do)
	}
	pool := router(sender("key"))
	for name, c := range map[string]struct {
		router *failover.Router[string, string]
		want   string
	}{
		"flat":                      {router(sender("flat")), "flat"},
		"nested":                    {router(failover.Nest("pool", pool)), "pool/key"},
		"nested twice":              {router(failover.Nest("all", router(failover.Nest("pool", pool)))), "all/pool/key"},
		"called by a plain one":     {router(calls(pool)), "key"},
		"nested in a called one":    {router(calls(router(failover.Nest("pool", pool)))), "pool/key"},
		"called by one inside that": {router(failover.Nest("outer", router(calls(pool)))), "key"},
	} {
		path = "unset"
		_, err := c.router.Do(t.Context(), "hello")
		require.NoError(t, err, name)
		assert.Equal(t, c.want, path, name)
	}
	assert.Empty(t, failover.ProviderPath(t.Context()))

	plain, err := failover.New(failover.Providers(failover.Wrap("plain", func(ctx context.Context, _ string) (string, error) {
		path = failover.ProviderPath(ctx)
		return "read", nil
	})))
	require.NoError(t, err)
	_, err = plain.Do(t.Context(), "hello")
	require.NoError(t, err)
	assert.Empty(t, path, "without side effects")
}
