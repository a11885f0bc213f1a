package live_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/livesim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/live"
	"github.com/gofailover/failover/providers/stt"
)

// The first vendor breaks off in the middle of a call. The second goes on after
// the last final result: no word is lost, and none comes twice.
func Example() {
	// Simulators stand for the vendors. The numbers that their voice speaks
	// stand for words.
	deepgramSim, elevenLabsSim := livesim.Deepgram("key"), livesim.ElevenLabs("key")
	defer deepgramSim.Close()
	defer elevenLabsSim.Close()
	deepgramSim.Fail(livesim.Reset().At(livesim.AfterFinals(1)))
	voice := livesim.Voice{Rate: 8000, MuLaw: true}

	deep, err := deepgram.New("key", deepgram.WithBaseURL(deepgramSim.URL()))
	if err != nil {
		fmt.Println(err)
		return
	}
	eleven, err := elevenlabs.New("key", elevenlabs.WithBaseURL(elevenLabsSim.URL()))
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := stt.NewLive([]stt.LiveProvider{live.Deepgram(deep), live.ElevenLabs(eleven)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	ctx := context.Background()
	session, err := client.Start(ctx, stt.LiveRequest{Format: stt.MuLaw(8000), Language: "en"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	go func() {
		for _, words := range [][]int{{1, 2, 3, 4}, {5, 6, 7}} {
			_, _ = session.Write(voice.Say(100*time.Millisecond, words...))
			_, _ = session.Write(voice.Silence(2 * time.Second))
		}
		_ = session.Finish(ctx)
	}()
	for result, err := range session.Results() {
		switch {
		case err != nil:
			fmt.Println(err)
		case result.Final && result.Text != "":
			fmt.Printf("%s from %v: %s\n", result.Provider, result.Start, result.Text)
		}
	}
	for _, f := range session.Summary().Failovers {
		fmt.Printf("%s to %s at %v: %v\n", f.From, f.To, f.At, f.Err)
	}
	// Output:
	// deepgram from 0s: 1 2 3 4.
	// elevenlabs from 3.6s: 5 6 7
	// deepgram to elevenlabs at 2s: transient (the connection broke off)
}

// When nobody can be had for longer than the session has patience, it ends, and
// says which audio nobody wrote down.
func ExampleDeepgram() {
	sim := livesim.Deepgram("key")
	defer sim.Close()
	sim.FailAlways(livesim.Status(401, ""))

	deep, err := deepgram.New("key", deepgram.WithBaseURL(sim.URL()), deepgram.WithLiveModels(stt.Models{"": "nova-3"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := stt.NewLive([]stt.LiveProvider{live.Deepgram(deep)})
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := client.Start(context.Background(), stt.LiveRequest{Format: stt.PCM(16000), Language: "en"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	_, _ = session.Write(livesim.Voice{Rate: 16000}.Say(100*time.Millisecond, 1, 2, 3))
	err = session.Finish(context.Background())
	fmt.Println(err)
	fmt.Println(errors.Is(err, failover.ErrAllFailed), failover.ClassOf(err))
	fmt.Println(session.Summary().Gaps)
	// Output:
	// failover: all providers failed: deepgram: unauthorized (401 INVALID_AUTH, request dg-refused)
	// true unauthorized
	// [{0s 1.2s}]
}

// With manual commits the application says when it wants a final result: when
// its own detection of turns says that the caller is done, say.
func ExampleWithManualCommits() {
	sim := livesim.ElevenLabs("key")
	defer sim.Close()
	eleven, err := elevenlabs.New("key", elevenlabs.WithBaseURL(sim.URL()))
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := stt.NewLive([]stt.LiveProvider{live.ElevenLabs(eleven, live.WithManualCommits())})
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := client.Start(context.Background(), stt.LiveRequest{Format: stt.PCM(16000), Language: "en", NoInterims: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	voice := livesim.Voice{Rate: 16000}
	_, _ = session.Write(voice.Say(100*time.Millisecond, 1, 2, 3))
	session.Commit()
	for result, err := range session.Results() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(result.Text)
		break // the caller was understood
	}
	// Output: 1 2 3
}
