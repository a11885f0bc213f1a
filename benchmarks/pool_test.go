package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every request of a pool is one call, and no provider is left out.
func TestPoolSpreadsCalls(t *testing.T) {
	t.Parallel()
	for _, strategy := range poolStrategies() {
		t.Run(strategy.name, func(t *testing.T) {
			t.Parallel()
			do, endpoints, err := strategy.pool(largePool)
			require.NoError(t, err)
			for range 2 * largePool {
				_, err := do(t.Context(), Req{})
				require.NoError(t, err)
			}
			for i, e := range endpoints {
				assert.Equal(t, 2, e.calls, "calls of provider %d", i)
			}
		})
	}
}
