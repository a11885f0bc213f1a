//go:build unix

package stt_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/providers/stt"
)

// To open a pipe would wait for who writes to it.
func TestPipesAreNoFiles(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "secret-pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	_, err := stt.Request{Audio: stt.File(pipe)}.Open(t.Context())
	wantInvalid(t, err, "stt: Audio is not a regular file; give stt.Reader what can be read once")
}
