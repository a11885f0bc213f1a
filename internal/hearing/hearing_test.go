package hearing_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gofailover/failover/internal/hearing"
)

func TestSeconds(t *testing.T) {
	t.Parallel()
	for told, want := range map[float64]time.Duration{
		0: 0, 0.08: 80 * time.Millisecond, 1.2999999: 1299999900, 3600: time.Hour, 1e7: 1e7 * time.Second,
		-0.1: -1, 1e8: -1, 1e300: -1, math.Inf(1): -1, math.Inf(-1): -1,
	} {
		assert.Equal(t, want, hearing.Seconds(told), told)
	}
	assert.Negative(t, hearing.Seconds(math.NaN()))
}
