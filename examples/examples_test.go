// Package examples_test runs every example as a reader would.
package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExamplesRun(t *testing.T) {
	t.Parallel()
	want := map[string]string{ // a line that only a working example prints
		"cascade":    "2 model(s) asked",
		"health":     "primary is healthy: true",
		"interop":    "[berta][says][Good][evening.], by second; first: unauthorized",
		"mirror":     "compared 4, agreed 3",
		"nested":     "served by other vendor",
		"quickstart": "recovered",
		"streaming":  "finished by deepgram; continued 1, restarted 0",
		"weighted":   "large 500   medium 300   small 100",
		"wrap":       "served by second",
	}
	folders, err := filepath.Glob("*/main.go")
	require.NoError(t, err)
	folders = slices.DeleteFunc(folders, func(main string) bool {
		_, err := os.Stat(filepath.Join(filepath.Dir(main), "go.mod"))
		return err == nil // a module of its own is run there
	})
	require.Len(t, folders, len(want), "every example is listed here")
	for _, main := range folders {
		name := filepath.Dir(main)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), "go", "run", "./"+name).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), want[name])
		})
	}
}
