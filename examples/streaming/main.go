// Streaming plays speech while it is being made, through the real wire
// protocols of two vendors simulated on loopback. The first one breaks off in
// the middle, and three policies show what a listener can be given then: the
// error, the rest, or everything again.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/tts"
)

const text = "Welcome to the late show. Tonight we ask what a phone does when its voice is gone. Stay with us to the end."

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	// Two vendors. In your service these lines are gone, and so is WithBaseURL.
	elevenSim, deepSim := vendorsim.ElevenLabs("eleven-key"), vendorsim.Deepgram("deepgram-key")
	defer elevenSim.Close()
	defer deepSim.Close()
	eleven, err := elevenlabs.New("eleven-key", elevenlabs.WithBaseURL(elevenSim.URL()),
		elevenlabs.WithVoices(tts.Voices{"host": "21m00Tcm4TlvDq8ikWAM"}), elevenlabs.WithTimestamps())
	if err != nil {
		return err
	}
	deep, err := deepgram.New("deepgram-key", deepgram.WithBaseURL(deepSim.URL()),
		deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en"}))
	if err != nil {
		return err
	}
	// studio is a client with a policy of its own, and breakers of its own.
	studio := func(opts ...failover.Option) (*tts.StreamClient, error) {
		opts = append(opts, failover.WithIdle(300*time.Millisecond)) // 3 s by default
		return tts.NewStream(failover.StreamProviders(eleven.TTSStream(), deep.TTSStream()), opts...)
	}

	for _, scene := range []struct {
		what   string
		fault  vendorsim.Fault
		policy []failover.Interruption
	}{
		{"All is well.", vendorsim.None(), []failover.Interruption{failover.Fail}},
		{"It breaks off before the first audio: nobody notices.", vendorsim.CutAfter(0), []failover.Interruption{failover.Fail}},
		{"It breaks off in the middle. By default that is an error.", vendorsim.CutAfter(12), []failover.Interruption{failover.Fail}},
		{
			"It breaks off in the middle. Continue: another voice goes on at the word.",
			vendorsim.CutAfter(12),
			[]failover.Interruption{failover.Continue},
		},
		{
			"It falls silent in the middle. Restart: discard, and begin again.",
			vendorsim.StallAfter(12),
			[]failover.Interruption{failover.Restart},
		},
	} {
		fmt.Println("\n" + scene.what)
		client, err := studio(failover.WithInterrupted(scene.policy...))
		if err != nil {
			return err
		}
		elevenSim.Fail(scene.fault)
		if err := play(client, deepSim); err != nil {
			return err
		}
		if err := client.Close(); err != nil {
			return err
		}
	}

	fmt.Println("\nBytes to a writer are one call, and so is an io.Reader.")
	client, err := studio(failover.WithInterrupted(failover.Continue))
	if err != nil {
		return err
	}
	defer client.Close()
	var speaker bytes.Buffer
	elevenSim.Fail(vendorsim.CutAfter(12))
	summary, err := client.Pipe(context.Background(), request(), &speaker)
	if err != nil {
		return err
	}
	fmt.Printf("   %d bytes written, %.1f s, finished by %s\n", speaker.Len(), summary.Duration.Seconds(), summary.Provider)
	return nil
}

func request() tts.Request {
	return tts.Request{Text: text, Voice: "host", Format: tts.PCM(16000)}
}

// play shows what a listener hears: a bar for each tenth of a second.
func play(client *tts.StreamClient, second *vendorsim.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	asked := second.Stats().Requests
	stream, story := client.Route(ctx, request())
	var played, bars time.Duration
	speaking := ""
	for chunk, err := range stream {
		switch {
		case err != nil:
			fmt.Printf("\n   %v\n", err)
			if errors.Is(err, failover.ErrInterrupted) {
				return nil
			}
			return err
		case chunk.Restart:
			played, bars = 0, 0
			fmt.Print("  << stop, from the beginning:")
		case chunk.Summary != nil:
			fmt.Printf("\n   whole: %.1f s of audio, finished by %s; continued %d, restarted %d\n",
				chunk.Summary.Duration.Seconds(), chunk.Summary.Provider, story.Continued, story.Restarted)
		}
		if story.Provider != speaking {
			speaking = story.Provider
			fmt.Printf("\n   %-10s ", speaking)
		}
		if chunk.IsContent() {
			played += time.Duration(len(chunk.Data)) * time.Second / (2 * 16000)
		}
		for ; bars+100*time.Millisecond <= played; bars += 100 * time.Millisecond {
			fmt.Print("|")
		}
	}
	if asks := second.Requests(); story.Continued > 0 && len(asks) > asked {
		fmt.Printf("   the second vendor was asked for: %s\n", asks[len(asks)-1].Body)
	}
	return nil
}
