package once_test

import (
	"io"
	"log"
	"os"
	"testing"
)

// net/http logs what peers say that nobody has asked for.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}
