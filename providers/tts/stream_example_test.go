package tts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/tts"
)

// vendors runs simulators of two vendors, so that the examples run anywhere,
// and makes their streaming providers.
func vendors() (elevenAPI *vendorsim.Server, providers []tts.StreamProvider, stop func()) {
	elevenAPI, deepAPI := vendorsim.ElevenLabs("eleven-key"), vendorsim.Deepgram("deep-key")
	eleven, err := elevenlabs.New("eleven-key", elevenlabs.WithBaseURL(elevenAPI.URL()),
		elevenlabs.WithVoices(tts.Voices{"host": "21m00Tcm4TlvDq8ikWAM"}), elevenlabs.WithTimestamps())
	if err != nil {
		log.Fatal(err)
	}
	deep, err := deepgram.New("deep-key", deepgram.WithBaseURL(deepAPI.URL()),
		deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en"}))
	if err != nil {
		log.Fatal(err)
	}
	return elevenAPI, failover.StreamProviders(eleven.TTSStream(), deep.TTSStream()), func() {
		elevenAPI.Close()
		deepAPI.Close()
	}
}

var ready = tts.Request{Text: "Your table is ready.", Voice: "host", Format: tts.PCM(16000)}

// The first vendor says yes and then has an error instead of audio. The
// listener hears the second.
func ExampleNewStream() {
	elevenAPI, providers, stop := vendors()
	defer stop()
	elevenAPI.Fail(vendorsim.ErrorAfter(0, 401, "quota_exceeded"))

	client, err := tts.NewStream(providers)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	samples := 0
	for chunk, err := range client.SynthesizeStream(context.Background(), ready) {
		if err != nil {
			fmt.Println(err)
			return
		}
		samples += len(chunk.Data) / 2 // play them
		if total := chunk.Summary; total != nil {
			fmt.Println(total.Provider, total.Duration, samples)
		}
	}
	// Output:
	// deepgram 1.2s 19200
}

// A stream that breaks off ends with an error, and never as if it were whole.
func ExampleStreamClient_SynthesizeStream() {
	elevenAPI, providers, stop := vendors()
	defer stop()
	elevenAPI.Fail(vendorsim.EndAfter(2)) // in good order, in the middle of the text

	client, err := tts.NewStream(providers)
	if err != nil {
		fmt.Println(err)
		return
	}
	for chunk, err := range client.SynthesizeStream(context.Background(), ready) {
		if err != nil {
			fmt.Println(errors.Is(err, failover.ErrInterrupted), failover.ClassOf(err))
			break
		}
		fmt.Println(chunk.Played, chunk.Spoken)
	}
	// Output:
	// 300ms 5
	// 600ms 10
	// true incomplete
}

// Under Continue another vendor speaks the rest, from the word on at which the
// first one broke off.
func ExampleContinue() {
	elevenAPI, providers, stop := vendors()
	defer stop()
	elevenAPI.Fail(vendorsim.CutAfter(3)) // "Your table is r"

	client, err := tts.NewStream(providers, failover.WithInterrupted(failover.Continue))
	if err != nil {
		fmt.Println(err)
		return
	}
	stream, result := client.Route(context.Background(), ready)
	offset := -1
	for chunk, err := range stream {
		if err != nil {
			fmt.Println(err)
			return
		}
		if chunk.IsContent() && chunk.Offset != offset {
			offset = chunk.Offset
			fmt.Printf("%s speaks from %q\n", result.Provider, ready.Text[offset:])
		}
	}
	// Output:
	// elevenlabs speaks from "Your table is ready."
	// deepgram speaks from "ready."
}

// Under Restart the speech comes from its beginning again, after a marker that
// says so.
func ExampleCollect() {
	elevenAPI, providers, stop := vendors()
	defer stop()
	elevenAPI.Fail(vendorsim.CutAfter(2))

	client, err := tts.NewStream(providers, failover.WithInterrupted(failover.Restart))
	if err != nil {
		fmt.Println(err)
		return
	}
	audio, err := tts.Collect(client.SynthesizeStream(context.Background(), ready))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(audio.Provider, audio.Duration, audio.Format)
	// Output:
	// deepgram 1.2s pcm_s16le 16000 Hz mono
}

// The story of a stream is complete when its loop has ended.
func ExampleStreamClient_Route() {
	elevenAPI, providers, stop := vendors()
	defer stop()
	elevenAPI.Fail(vendorsim.Status(429).RetryAfter(30))

	client, err := tts.NewStream(providers)
	if err != nil {
		fmt.Println(err)
		return
	}
	stream, result := client.Route(context.Background(), ready)
	if _, err := tts.Collect(stream); err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range result.Attempts {
		fmt.Println(a.Provider, a.Err)
	}
	fmt.Println(result.Provider, "spoke")
	// Output:
	// elevenlabs elevenlabs: rate_limited (429 rate_limit_exceeded, request eleven-1, retry after 30s)
	// deepgram <nil>
	// deepgram spoke
}

// A handler passes speech on to a browser while it is being made.
func ExampleStreamClient_Pipe() {
	_, providers, stop := vendors()
	defer stop()
	client, err := tts.NewStream(providers)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", ready.Format.ContentType())
		total, err := client.Pipe(r.Context(), ready, w)
		if err != nil {
			panic(http.ErrAbortHandler) // so that the browser sees that it is cut
		}
		fmt.Println(total.Provider, total.Duration)
	}
	w := httptest.NewRecorder()
	handler(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/greeting", http.NoBody))
	fmt.Println(w.Body.Len(), w.Flushed)
	// Output:
	// elevenlabs 1.2s
	// 38400 true
}

// What wants an io.Reader gets one.
func ExampleStreamClient_Reader() {
	_, providers, stop := vendors()
	defer stop()
	client, err := tts.NewStream(providers)
	if err != nil {
		fmt.Println(err)
		return
	}
	speech := client.Reader(context.Background(), ready)
	defer speech.Close()
	tenth := make([]byte, 3200)
	n := 0
	for {
		if _, err = io.ReadFull(speech, tenth); err != nil {
			break
		}
		n++
	}
	fmt.Println(n, errors.Is(err, io.EOF))
	// Output:
	// 12 true
}

// A vendor of one's own is a function that says what comes, and when what is
// spoken if it knows.
func ExampleChunks() {
	pieces := func(_ context.Context, text string) iter.Seq2[tts.Piece, error] {
		return func(yield func(tts.Piece, error) bool) {
			_ = yield(tts.Piece{Data: bytes.Repeat([]byte{1}, 16001)}, nil) && // cut wherever the network cut it
				yield(tts.Piece{Data: bytes.Repeat([]byte{1}, 15999), Marks: []tts.Mark{{Text: text, End: time.Second}}}, nil)
		}
	}
	house := tts.WrapStream("house", func(ctx context.Context, req tts.Request) failover.Stream[tts.Chunk] {
		return tts.Chunks(req, pieces(ctx, req.Text), func() tts.Summary {
			return tts.Summary{Provider: "house", Characters: len(req.Text)}
		})
	})
	client, err := tts.NewStream(failover.StreamProviders(house))
	if err != nil {
		fmt.Println(err)
		return
	}
	for chunk, err := range client.SynthesizeStream(context.Background(), ready) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(len(chunk.Data), chunk.Played, chunk.Spoken, chunk.IsFinal())
	}
	// Output:
	// 16000 500ms 0 false
	// 16000 1s 20 false
	// 0 1s 20 true
}

// A provider continues what others began where it can serve the rest.
func ExampleContinueWhere() {
	english := func(req tts.Request) bool { return tts.SameLanguage(req.Language, "en") }
	resume := tts.ContinueWhere(english)
	got := []tts.Chunk{{Data: make([]byte, 2), Format: tts.PCM(16000), Spoken: 10, Played: time.Second}}
	for _, language := range []string{"en-GB", "de"} {
		req := ready
		req.Language = language
		rest, ok := resume(req, got)
		fmt.Printf("%q %v\n", rest.Text, ok)
	}
	// Output:
	// "is ready." true
	// "" false
}
