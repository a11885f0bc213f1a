package failover_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

func TestZeroClassAndOutcomeAreUnknown(t *testing.T) {
	t.Parallel()
	var e failover.Error
	require.Equal(t, failover.ClassUnknown, e.Class)
	require.Equal(t, failover.OutcomeUnknown, e.Outcome)
}

func TestClassText(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, class := range failover.Classes() {
		name := class.String()
		require.Regexp(t, "^[a-z_]+$", name)
		require.False(t, seen[name], name)
		seen[name] = true

		data, err := json.Marshal(class)
		require.NoError(t, err)
		require.JSONEq(t, `"`+name+`"`, string(data))
		var back failover.Class
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, class, back)
	}
	require.Len(t, seen, 12)
	require.Equal(t, "class(200)", failover.Class(200).String())

	var c failover.Class
	for _, bad := range []string{"", "Timeout", "success", "nonsense"} {
		require.ErrorContains(t, c.UnmarshalText([]byte(bad)), "unknown class", bad)
	}
}

func TestOutcomeText(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[failover.Outcome]string{
		failover.OutcomeUnknown: "unknown", failover.OutcomeNotAccepted: "not_accepted", failover.OutcomeAccepted: "accepted",
	} {
		data, err := json.Marshal(outcome)
		require.NoError(t, err)
		require.JSONEq(t, `"`+want+`"`, string(data))
		var back failover.Outcome
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, outcome, back)
	}
	require.Equal(t, "outcome(9)", failover.Outcome(9).String())
	var o failover.Outcome
	require.ErrorContains(t, o.UnmarshalText([]byte("maybe")), "unknown outcome")
}
