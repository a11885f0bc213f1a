package failover_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

func TestSmoke(t *testing.T) {
	r, err := failover.New(failover.Providers(
		failover.Wrap("a", func(context.Context, string) (string, error) { return "", errors.New("boom") }),
		failover.Wrap("b", func(_ context.Context, s string) (string, error) { return s + "!", nil }),
	))
	require.NoError(t, err)
	got, err := r.Do(t.Context(), "x")
	require.NoError(t, err)
	require.Equal(t, "x!", got)
}
