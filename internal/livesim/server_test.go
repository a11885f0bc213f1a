package livesim_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/gofailover/failover/internal/livesim"
)

const (
	key       = "key"
	dgQuery   = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&channels=1&punctuate=true"
	elQuery   = "/v1/speech-to-text/realtime?model_id=scribe_v2_realtime&audio_format=pcm_16000&commit_strategy=vad&include_timestamps=true"
	closeText = `{"type":"CloseStream"}`
)

var voice = livesim.Voice{Rate: 16000}

// dial opens a connection, or returns the status that refused it.
func dial(t *testing.T, sim *livesim.Server, target, header, value string) (*websocket.Conn, int) {
	t.Helper()
	conn, resp, err := websocket.Dial(t.Context(), sim.URL()+target, &websocket.DialOptions{
		HTTPClient: sim.Client(), HTTPHeader: http.Header{header: {value}},
	})
	if err != nil {
		if resp == nil {
			return nil, 0
		}
		return nil, resp.StatusCode
	}
	return conn, 0
}

func deepgram(t *testing.T, sim *livesim.Server) *websocket.Conn {
	t.Helper()
	conn, status := dial(t, sim, dgQuery, "Authorization", "Token "+key)
	if conn == nil {
		t.Fatalf("refused with %d", status)
	}
	return conn
}

func send(t *testing.T, conn *websocket.Conn, kind websocket.MessageType, data []byte) {
	t.Helper()
	if err := conn.Write(t.Context(), kind, data); err != nil {
		t.Fatal(err)
	}
}

// all reads messages to the end, and says how it came.
func all(ctx context.Context, conn *websocket.Conn) (messages []map[string]any, code websocket.StatusCode) {
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			return messages, websocket.CloseStatus(err)
		}
		var m map[string]any
		if json.Unmarshal(data, &m) != nil {
			m = map[string]any{"garbled": string(data)}
		}
		messages = append(messages, m)
	}
}

func TestDeepgramListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := livesim.Deepgram(key, livesim.InMemory())
		defer sim.Close()
		conn := deepgram(t, sim)
		go func() {
			send(t, conn, websocket.MessageBinary, voice.Say(100*time.Millisecond, 1, 2, 3))
			send(t, conn, websocket.MessageText, []byte(closeText))
		}()
		messages, code := all(t.Context(), conn)
		if code != websocket.StatusNormalClosure {
			t.Fatalf("closed with %d", code)
		}
		last := messages[len(messages)-1]
		if last["type"] != "Metadata" || last["duration"] != 1.2 {
			t.Fatalf("the end is %v", last)
		}
		final := messages[len(messages)-2]
		text := final["channel"].(map[string]any)["alternatives"].([]any)[0].(map[string]any)["transcript"]
		if final["is_final"] != true || text != "1 2 3." {
			t.Fatalf("the last result is %v", final)
		}
		seen := sim.Connections()[0]
		if seen.Audio != 1200*time.Millisecond || !slices.Equal(seen.Messages, []string{"CloseStream"}) || !slices.Equal(seen.Words, []string{"1", "2", "3"}) {
			t.Fatalf("it saw %+v", seen)
		}
	})
}

func TestElevenLabsListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := livesim.ElevenLabs(key, livesim.InMemory(), livesim.Latency(time.Second))
		defer sim.Close()
		conn, status := dial(t, sim, elQuery, "Xi-Api-Key", key)
		if conn == nil {
			t.Fatalf("refused with %d", status)
		}
		chunk := func(audio []byte, commit string) []byte {
			return []byte(`{"message_type":"input_audio_chunk","audio_base_64":"` + base64.StdEncoding.EncodeToString(audio) + `","commit":` + commit + `}`)
		}
		go func() {
			send(t, conn, websocket.MessageText, chunk(voice.Say(100*time.Millisecond, 1, 2, 3), "false"))
			send(t, conn, websocket.MessageText, chunk(voice.Silence(2*time.Second), "false"))
			send(t, conn, websocket.MessageText, chunk(voice.Word(4), "true"))
			send(t, conn, websocket.MessageText, chunk(nil, "true"))
		}()
		begun := time.Now()
		messages, code := all(t.Context(), conn)
		if code != websocket.StatusNormalClosure {
			t.Fatalf("closed with %d", code)
		}
		if got := time.Since(begun); got != 16*time.Second {
			t.Fatalf("nobody spoke for 15 seconds, and it closed after %v", got)
		}
		var kinds []string
		for _, m := range messages {
			if kind := m["message_type"].(string); kind != "partial_transcript" {
				kinds = append(kinds, strings.TrimPrefix(kind, "committed_"))
			}
		}
		want := []string{"session_started", "transcript", "transcript_with_timestamps", "transcript", "transcript_with_timestamps", "commit_throttled"}
		if !slices.Equal(kinds, want) {
			t.Fatalf("it said %v", kinds)
		}
	})
}

func TestItRefuses(t *testing.T) {
	dg, el := livesim.Deepgram(key), livesim.ElevenLabs(key)
	defer dg.Close()
	defer el.Close()
	for name, c := range map[string]struct {
		sim                   *livesim.Server
		target, header, value string
		want                  int
	}{
		"a wrong key":         {dg, dgQuery, "Authorization", "Token other", 401},
		"a key as it is":      {dg, dgQuery, "Authorization", key, 401},
		"no sample rate":      {dg, strings.Replace(dgQuery, "sample_rate", "rate", 1), "Authorization", "Token " + key, 400},
		"an unknown encoding": {dg, strings.Replace(dgQuery, "linear16", "mp3", 1), "Authorization", "Token " + key, 400},
		"another path":        {dg, "/v2/listen", "Authorization", "Token " + key, 404},
		"an unknown format":   {el, strings.Replace(elQuery, "pcm_16000", "pcm_11025", 1), "Xi-Api-Key", key, 400},
		"an unknown model":    {el, strings.Replace(elQuery, "scribe_v2", "scribe_v1", 1), "Xi-Api-Key", key, 404},
		"an unknown strategy": {el, strings.Replace(elQuery, "=vad", "=soon", 1), "Xi-Api-Key", key, 400},
		"no key":              {el, elQuery, "X", key, 401},
	} {
		if _, status := dial(t, c.sim, c.target, c.header, c.value); status != c.want {
			t.Errorf("%s: %d", name, status)
		}
	}
}

func TestFaultsStrikeInTheirOrder(t *testing.T) {
	sim := livesim.Deepgram(key)
	defer sim.Close()
	sim.Fail(livesim.Status(503, ""), livesim.Close(1011, "NET-0000"), livesim.None())
	sim.FailAlways(livesim.Cut().At(livesim.AfterFinals(1)))
	if _, status := dial(t, sim, dgQuery, "Authorization", "Token "+key); status != 503 {
		t.Fatalf("first: %d", status)
	}
	if _, code := all(t.Context(), deepgram(t, sim)); code != websocket.StatusInternalError {
		t.Fatalf("second: %d", code)
	}
	say := func() ([]map[string]any, websocket.StatusCode) {
		conn := deepgram(t, sim)
		send(t, conn, websocket.MessageBinary, voice.Say(100*time.Millisecond, 1))
		_ = conn.Write(t.Context(), websocket.MessageText, []byte(closeText))
		return all(t.Context(), conn)
	}
	if _, code := say(); code != websocket.StatusNormalClosure {
		t.Fatalf("third: %d", code)
	}
	if messages, code := say(); code != -1 || len(messages) != 1 {
		t.Fatalf("fourth: %d after %v", code, messages)
	}
	sim.Heal()
	if _, code := say(); code != websocket.StatusNormalClosure {
		t.Fatalf("healed: %d", code)
	}
	sim.Down()
	if conn, _ := dial(t, sim, dgQuery, "Authorization", "Token "+key); conn != nil {
		t.Fatal("it is down")
	}
	if err := sim.Up(); err != nil {
		t.Fatal(err)
	}
	if _, code := say(); code != websocket.StatusNormalClosure {
		t.Fatalf("up again: %d", code)
	}
	if err := sim.Await(t.Context(), func(all []livesim.Connection) bool { return len(all) == 5 && all[4].Closed }); err != nil {
		t.Fatal(err)
	}
}
