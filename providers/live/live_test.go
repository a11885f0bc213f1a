package live_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/livesim"
	"github.com/gofailover/failover/providers/stt"
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
			})
		})
	}
}

// Nobody writes audio for minutes, as while a call is on hold: the connection is
// kept alive, by every vendor's own rules, and the times go on.
func TestPausedAudio(t *testing.T) {
	for _, vendor := range []string{"deepgram", "elevenlabs"} {
		t.Run(vendor, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, []string{vendor})
				defer r.close()
				k := r.start(t.Context())
				var s script
				s.say(r.voice, 100*time.Millisecond, 1, 3)
				s.rest(r.voice, 2*time.Second)
				k.speak(s.audio)
				pass(3 * time.Minute)
				said := len(s.audio)
				s.say(r.voice, 100*time.Millisecond, 4, 6)
				k.speak(s.audio[said:])
				k.finish()
				require.NoError(t, k.err)
				s.check(k)
				assert.Empty(t, k.session.Summary().Failovers)
				all := r.sims[0].Connections()
				require.Len(t, all, 1)
				assert.GreaterOrEqual(t, all[0].Pings, 44)
				assert.GreaterOrEqual(t, len(all[0].Messages), 44, "what the vendor takes for a sign of life")
				assert.Equal(t, 1000, all[0].Status, "and in the end there was a goodbye")
			})
		})
	}
}

// The speaker is silent for minutes, with the microphone on.
func TestSilentAudio(t *testing.T) {
	for _, vendor := range []string{"deepgram", "elevenlabs"} {
		t.Run(vendor, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, []string{vendor})
				defer r.close()
				k := r.start(t.Context())
				var s script
				s.rest(r.voice, 3*time.Minute)
				s.say(r.voice, 100*time.Millisecond, 1, 3)
				s.rest(r.voice, 3*time.Minute)
				s.say(r.voice, 100*time.Millisecond, 4, 6)
				k.speak(s.audio)
				k.finish()
				require.NoError(t, k.err)
				s.check(k)
				assert.Empty(t, k.session.Summary().Failovers)
				assert.Len(t, r.sims[0].Connections(), 1)
			})
		})
	}
}

// Noise for minutes, words in it and after it.
func TestNoisyAudio(t *testing.T) {
	for _, vendor := range []string{"deepgram", "elevenlabs"} {
		t.Run(vendor, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, []string{vendor})
				defer r.close()
				k := r.start(t.Context())
				var s script
				s.audio = append(s.audio, r.voice.Noise(time.Minute)...)
				s.say(r.voice, 100*time.Millisecond, 1, 3)
				s.audio = append(s.audio, r.voice.Noise(time.Minute)...)
				s.say(r.voice, 100*time.Millisecond, 4, 6)
				s.audio = append(s.audio, r.voice.Noise(10*time.Second)...)
				k.speak(s.audio)
				k.finish()
				require.NoError(t, k.err)
				s.check(k)
				assert.Empty(t, k.session.Summary().Failovers)
				assert.Len(t, r.sims[0].Connections(), 1)
			})
		})
	}
}

// Over sockets of the kernel, without a bubble.
func TestOverTCP(t *testing.T) {
	for _, f := range []livesim.Fault{
		livesim.None(), livesim.Status(503, ""), livesim.Status(401, ""), livesim.Reset().At(livesim.AfterFinals(1)), livesim.Cut().At(livesim.AfterFinals(2)),
		livesim.Close(1011, "NET-0000").At(livesim.AfterInterims(1)), livesim.Garbage().At(livesim.AfterFinals(1)), livesim.Reset().At(livesim.AtFinish()),
		livesim.Silent().At(livesim.AfterFinals(1)), livesim.Deaf().At(livesim.AtOnce()), livesim.Unheard(),
	} {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			dg, el := livesim.Deepgram(key), livesim.ElevenLabs(key)
			defer dg.Close()
			defer el.Close()
			dg.Fail(f)
			client, err := stt.NewLive([]stt.LiveProvider{deepgramAt(t, dg.URL()), elevenLabsAt(t, el.URL())})
			require.NoError(t, err)
			r := &rig{t: t, client: client, voice: livesim.Voice{Rate: 16000}, req: pcm()}
			r.req.Quiet = 500 * time.Millisecond
			k := r.start(t.Context())
			s := speech(r.voice)
			_, err = k.session.Write(s.audio)
			require.NoError(t, err)
			k.finish()
			require.NoError(t, k.err)
			s.check(k)
		})
	}
}

func TestSessionErrorsSayNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pairs[0])
		defer r.close()
		r.sims[0].FailAlways(livesim.Status(401, ""))
		r.sims[1].FailAlways(livesim.Message("auth_error"))
		k := r.start(t.Context())
		k.speak(r.voice.Say(100*time.Millisecond, 1, 2, 3))
		k.finish()
		saysNothing(t, k.err, ".test")
		assert.Equal(t, "failover: all providers failed: deepgram: unauthorized (401 INVALID_AUTH, request dg-refused); "+
			"elevenlabs: unauthorized (auth_error, request el-1)", k.err.Error())
		for _, f := range k.session.Summary().Failovers {
			saysNothing(t, f.Err, ".test")
		}
	})
}
