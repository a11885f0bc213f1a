package vendorsim_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

const key = "test-key"

// hello asks for "Hello." as a plain client would.
func hello(ctx context.Context, s *vendorsim.Server) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		s.URL()+"/v1/text-to-speech/"+vendorsim.ElevenLabsVoices[0]+"?output_format=pcm_16000", strings.NewReader(`{"text":"Hello."}`))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Xi-Api-Key", key)
	resp, err := s.Client().Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// 360 ms at 16 kHz, two bytes a sample.
const helloBytes = 360 * 16 * 2

func TestFaultsInMemory(t *testing.T) {
	t.Parallel()
	isReset := func(t *testing.T, _ *http.Response, _ []byte, err error) {
		t.Helper()
		require.ErrorIs(t, err, syscall.ECONNRESET)
	}
	isCut := func(t *testing.T, resp *http.Response, _ []byte, err error) {
		t.Helper()
		require.Error(t, err)
		require.NotNil(t, resp, "the header arrived")
		assert.Equal(t, 200, resp.StatusCode)
	}
	for _, c := range []struct {
		fault vendorsim.Fault
		check func(*testing.T, *http.Response, []byte, error)
	}{
		{vendorsim.Reset(), isReset},
		{vendorsim.ResetAfterRead(), isReset},
		{vendorsim.HangUp(), func(t *testing.T, _ *http.Response, _ []byte, err error) {
			require.ErrorIs(t, err, io.EOF)
		}},
		{vendorsim.Garbage(), func(t *testing.T, _ *http.Response, _ []byte, err error) {
			require.ErrorContains(t, err, "malformed HTTP")
		}},
		{vendorsim.HalfHeader(), func(t *testing.T, _ *http.Response, _ []byte, err error) {
			require.ErrorContains(t, err, "connection broken")
		}},
		{vendorsim.Cut(), isCut},
		{vendorsim.CutReset(), isCut},
		{vendorsim.CutChunks(), isCut},
		{vendorsim.BadChunk(), isCut},
		{vendorsim.Truncate(), func(t *testing.T, _ *http.Response, body []byte, err error) {
			require.NoError(t, err)
			assert.Len(t, body, helloBytes/2+1)
		}},
		{vendorsim.Empty(), func(t *testing.T, resp *http.Response, body []byte, err error) {
			require.NoError(t, err)
			assert.Equal(t, 200, resp.StatusCode)
			assert.Empty(t, body)
		}},
		{vendorsim.Page(), func(t *testing.T, resp *http.Response, body []byte, err error) {
			require.NoError(t, err)
			assert.Contains(t, resp.Header.Get("Content-Type"), "text/html")
			assert.Contains(t, string(body), "sign in")
		}},
		{vendorsim.HugeError(500, 1<<20), func(t *testing.T, resp *http.Response, body []byte, err error) {
			require.NoError(t, err)
			assert.Equal(t, 500, resp.StatusCode)
			assert.Greater(t, len(body), 1<<20)
		}},
		{vendorsim.Status(503), func(t *testing.T, resp *http.Response, body []byte, err error) {
			require.NoError(t, err)
			assert.Equal(t, 503, resp.StatusCode)
			assert.Contains(t, string(body), `"code":"service_unavailable"`)
			assert.Empty(t, resp.Header.Get("Retry-After"))
		}},
		{vendorsim.Status(429).Code("system_busy").RetryAfter(7), func(t *testing.T, resp *http.Response, body []byte, err error) {
			require.NoError(t, err)
			assert.Equal(t, "7", resp.Header.Get("Retry-After"))
			assert.Contains(t, string(body), `"code":"system_busy"`)
		}},
		{vendorsim.Status(429).RetryAfterMs(250), func(t *testing.T, resp *http.Response, _ []byte, err error) {
			require.NoError(t, err)
			assert.Equal(t, "250", resp.Header.Get("Retry-After-Ms"))
		}},
		{vendorsim.Status(429).RetryAfterDate(time.Minute), func(t *testing.T, resp *http.Response, _ []byte, err error) {
			require.NoError(t, err)
			date, err := http.ParseTime(resp.Header.Get("Date"))
			require.NoError(t, err)
			at, err := http.ParseTime(resp.Header.Get("Retry-After"))
			require.NoError(t, err)
			assert.Equal(t, time.Minute, at.Sub(date))
		}},
		{vendorsim.None(), func(t *testing.T, _ *http.Response, body []byte, err error) {
			require.NoError(t, err)
			assert.Len(t, body, helloBytes)
		}},
	} {
		t.Run(c.fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := vendorsim.ElevenLabs(key, vendorsim.InMemory())
				defer s.Close()
				s.Fail(c.fault)
				resp, body, err := hello(t.Context(), s)
				c.check(t, resp, body, err)

				// The fault is used up, and the next request is served.
				_, body, err = hello(t.Context(), s)
				require.NoError(t, err)
				assert.Len(t, body, helloBytes)
				synctest.Wait()
				if c.fault.String() != "none" {
					assert.Equal(t, 1, s.Stats().Faults)
				}
			})
		})
	}
}

// TestFaultsThatTakeTime uses fake time: what is tested is when things happen.
func TestFaultsThatTakeTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault vendorsim.Fault
		after time.Duration
		cut   bool
	}{
		{vendorsim.SlowFirstByte(3 * time.Second), 3 * time.Second, false},
		{vendorsim.Trickle(1440, time.Second), 7 * time.Second, false}, // 8 parts, 7 pauses
		{vendorsim.Silence(), 20 * time.Second, true},
		{vendorsim.Stall(), 20 * time.Second, true},
		{vendorsim.SlowFirstByte(time.Hour), 20 * time.Second, true},
		{vendorsim.Trickle(1440, time.Minute), 20 * time.Second, true},
	} {
		t.Run(c.fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := vendorsim.ElevenLabs(key, vendorsim.InMemory())
				defer s.Close()
				s.Fail(c.fault)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				start := time.Now()
				_, body, err := hello(ctx, s)
				assert.Equal(t, c.after, time.Since(start))
				synctest.Wait()
				if !c.cut {
					require.NoError(t, err)
					assert.Len(t, body, helloBytes)
					assert.Zero(t, s.Stats().Disconnects)
					return
				}
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, 1, s.Stats().Disconnects, "the server sees the client leave")
			})
		})
	}
}

func TestEndless(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.ElevenLabs(key, vendorsim.InMemory())
		defer s.Close()
		s.FailAlways(vendorsim.Endless(1 << 30))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			s.URL()+"/v1/text-to-speech/"+vendorsim.ElevenLabsVoices[0], strings.NewReader(`{"text":"Hello."}`))
		require.NoError(t, err)
		req.Header.Set("Xi-Api-Key", key)
		resp, err := s.Client().Do(req)
		require.NoError(t, err)
		_, err = io.CopyN(io.Discard, resp.Body, 4<<20)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.NoError(t, s.Await(t.Context(), func(s vendorsim.Stats) bool { return s.Answered == 1 }))
		assert.GreaterOrEqual(t, s.Stats().Sent, int64(4<<20))
	})
}

func TestDownAndUp(t *testing.T) {
	t.Parallel()
	story := func(t *testing.T, opts ...vendorsim.Option) {
		t.Helper()
		s := vendorsim.ElevenLabs(key, opts...)
		defer s.Close()
		url := s.URL()
		_, _, err := hello(t.Context(), s)
		require.NoError(t, err)

		s.Down()
		s.Client().CloseIdleConnections()
		_, _, err = hello(t.Context(), s)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		assert.Equal(t, "dial", op.Op)

		require.NoError(t, s.Up())
		require.NoError(t, s.Up(), "up already")
		assert.Equal(t, url, s.URL())
		_, body, err := hello(t.Context(), s)
		require.NoError(t, err)
		assert.Len(t, body, helloBytes)
		assert.Equal(t, 2, s.Stats().Requests)

		s.Close()
		require.Error(t, s.Up(), "closed for good")
	}
	t.Run("TCP", func(t *testing.T) { story(t) })
	t.Run("in memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { story(t, vendorsim.InMemory()) })
	})
}

func TestFlap(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key)
	defer s.Close()
	s.Flap(2, 1, vendorsim.Status(500))
	var got []int
	for range 7 {
		resp, _, err := hello(t.Context(), s)
		require.NoError(t, err)
		got = append(got, resp.StatusCode)
	}
	assert.Equal(t, []int{200, 200, 500, 200, 200, 500, 200}, got)
	s.Heal()
	for range 3 {
		resp, _, err := hello(t.Context(), s)
		require.NoError(t, err)
		assert.Equal(t, 200, resp.StatusCode)
	}
}

func TestFailWhen(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key)
	defer s.Close()
	s.FailWhen(func(r vendorsim.Request) vendorsim.Fault {
		if strings.Contains(string(r.Body), "Hello") {
			return vendorsim.Status(503)
		}
		return vendorsim.None()
	})
	resp, _, err := hello(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, 503, resp.StatusCode)
}

// Over TCP the kernel makes the faults, so errors are its own.
func TestFaultsOverTCP(t *testing.T) {
	t.Parallel()
	for _, fault := range []vendorsim.Fault{vendorsim.Reset(), vendorsim.ResetAfterRead()} {
		t.Run(fault.String(), func(t *testing.T) {
			t.Parallel()
			s := vendorsim.ElevenLabs(key)
			defer s.Close()
			s.FailAlways(fault)
			_, _, err := hello(t.Context(), s)
			require.ErrorIs(t, err, syscall.ECONNRESET)
		})
	}
	t.Run("a client that leaves", func(t *testing.T) {
		t.Parallel()
		s := vendorsim.ElevenLabs(key)
		defer s.Close()
		s.FailAlways(vendorsim.Silence())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, _, err := hello(ctx, s)
			done <- err
		}()
		require.NoError(t, s.Await(t.Context(), func(s vendorsim.Stats) bool { return s.Requests == 1 }))
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		require.NoError(t, s.Await(t.Context(), func(s vendorsim.Stats) bool { return s.Disconnects == 1 }))
	})
	t.Run("close frees who waits", func(t *testing.T) {
		t.Parallel()
		s := vendorsim.ElevenLabs(key)
		s.FailAlways(vendorsim.Silence())
		done := make(chan error, 1)
		go func() {
			_, _, err := hello(t.Context(), s)
			done <- err
		}()
		require.NoError(t, s.Await(t.Context(), func(s vendorsim.Stats) bool { return s.Requests == 1 }))
		s.Close()
		require.Error(t, <-done)
		assert.Zero(t, s.Stats().Disconnects, "the server left, not the client")
		s.Close() // a second time does nothing
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key, vendorsim.WithTLS())
	defer s.Close()
	_, body, err := hello(t.Context(), s)
	require.NoError(t, err)
	assert.Len(t, body, helloBytes)

	s.Client().CloseIdleConnections()
	s.Fail(vendorsim.Reset())
	_, _, err = hello(t.Context(), s)
	require.ErrorIs(t, err, syscall.ECONNRESET, "in the handshake")

	stranger := &http.Client{Transport: &http.Transport{}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL(), http.NoBody)
	require.NoError(t, err)
	resp, err := stranger.Do(req)
	if err == nil {
		resp.Body.Close()
	}
	require.ErrorContains(t, err, "certificate")

	plain := vendorsim.ElevenLabs(key)
	defer plain.Close()
	req, err = http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(plain.URL(), "http:", "https:", 1), http.NoBody)
	require.NoError(t, err)
	resp, err = stranger.Do(req)
	if err == nil {
		resp.Body.Close()
	}
	require.ErrorContains(t, err, "HTTP response to HTTPS client")
}

func TestRecord(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key)
	defer s.Close()
	_, _, err := hello(t.Context(), s)
	require.NoError(t, err)
	got := s.Requests()
	require.Len(t, got, 1)
	assert.Equal(t, 1, got[0].Number)
	assert.Equal(t, http.MethodPost, got[0].Method)
	assert.Equal(t, "/v1/text-to-speech/"+vendorsim.ElevenLabsVoices[0], got[0].Path)
	assert.Equal(t, "pcm_16000", got[0].Query.Get("output_format"))
	assert.JSONEq(t, `{"text":"Hello."}`, string(got[0].Body))
	assert.True(t, got[0].Keyed)
	for _, values := range got[0].Header {
		assert.NotContains(t, values, key)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key)
	defer s.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	require.ErrorIs(t, s.Await(ctx, func(vendorsim.Stats) bool { return false }), context.Canceled)
}
