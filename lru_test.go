package failover_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// used is an entry of the model: a list, the least recently used first.
type used struct {
	key   string
	value int
	at    int64
}

// FuzzTable compares the table with a list that is searched from end to end.
func FuzzTable(f *testing.F) {
	f.Add(2, int64(10), []byte{0, 1, 1, 0, 2, 1, 3, 9, 0, 1, 5, 0})
	f.Add(1, int64(0), []byte{0, 0, 0, 0, 0, 1, 1, 1, 1})
	f.Fuzz(func(t *testing.T, most int, ttl int64, steps []byte) {
		if most < 1 || ttl < 0 {
			return
		}
		table, model, now := failover.NewTable(most, ttl), []used(nil), int64(0)
		for ; len(steps) >= 3; steps = steps[3:] {
			now += int64(steps[2] % 8)
			key, value := fmt.Sprint(steps[1]%6), int(steps[2])
			model = slices.DeleteFunc(model, func(u used) bool { return now-u.at > ttl })
			at := slices.IndexFunc(model, func(u used) bool { return u.key == key })
			switch steps[0] % 3 {
			case 0:
				table.Put(key, value, now)
				if at >= 0 {
					model = slices.Delete(model, at, at+1)
				}
				model = append(model, used{key, value, now})
				if len(model) > most {
					model = model[1:]
				}
			case 1:
				got, ok := table.Get(key, now)
				require.Equal(t, at >= 0, ok, "key %s at %d", key, now)
				if ok {
					require.Equal(t, model[at].value, got)
					model = append(slices.Delete(model, at, at+1), used{key, got, now})
				}
			case 2:
				table.Drop(key, now)
				if at >= 0 {
					model = slices.Delete(model, at, at+1)
				}
			}
			require.Equal(t, len(model), table.Len())
		}
	})
}
