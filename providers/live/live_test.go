package live_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOneVendorWritesDown(t *testing.T) {
	for _, vendor := range []string{"deepgram", "elevenlabs"} {
		t.Run(vendor, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, []string{vendor})
				defer r.close()
				k := r.start(t.Context())
				k.speak(r.voice.Say(200*time.Millisecond, 1, 2, 3))
				k.speak(r.voice.Silence(2 * time.Second))
				k.speak(r.voice.Say(0, 4, 5, 6, 7))
				k.finish()
				require.NoError(t, k.err)
				assert.Equal(t, "1 2 3 4 5 6 7", k.text())
				t.Log("\n" + k.story())
				t.Logf("%+v", k.session.Summary())
			})
		})
	}
}
