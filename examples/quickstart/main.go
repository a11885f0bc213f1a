// Quickstart speaks through two vendors' real wire protocols, simulated on
// loopback: no key, no network. The first vendor fails in one way after the
// other, and the listener never notices.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/tts"
)

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
		elevenlabs.WithVoices(tts.Voices{"host": "21m00Tcm4TlvDq8ikWAM"}))
	if err != nil {
		return err
	}
	deep, err := deepgram.New("deepgram-key", deepgram.WithBaseURL(deepSim.URL()),
		deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en"}))
	if err != nil {
		return err
	}

	recovered := make(chan failover.RecoveredEvent, 1)
	speech, err := tts.New(failover.Providers(eleven.TTS(), deep.TTS()),
		failover.WithTimeout(500*time.Millisecond),                                    // 10 s by default
		failover.WithBreaker(failover.BreakerPolicy{OpenFor: 300 * time.Millisecond}), // likewise
		failover.WithObserver(func(_ context.Context, e failover.Event) { story(e, recovered) }),
	)
	if err != nil {
		return err
	}
	defer speech.Close()

	say := func(text string) error { return speak(speech, text) }

	fmt.Println("All is well: the first vendor speaks.")
	if err := say("Good evening, and welcome."); err != nil {
		return err
	}
	for _, trouble := range []struct {
		what  string
		fault vendorsim.Fault
	}{
		{"it answers 500, twice", vendorsim.Status(500)},
		{"it reads the request and falls silent", vendorsim.Silence()},
		{"it hangs up in the middle of the audio", vendorsim.Cut()},
		{"it says 200 and sends nothing", vendorsim.Empty()},
	} {
		fmt.Printf("\nThe first vendor fails: %s.\n", trouble.what)
		elevenSim.FailAlways(trouble.fault)
		if err := say("Tonight we talk about " + trouble.what + "."); err != nil {
			return err
		}
	}
	fmt.Println("\nFive failures in a row: its breaker is open, and it is not even asked.")
	if err := say("Nobody heard a thing."); err != nil {
		return err
	}
	states(speech)

	fmt.Println("\nThe second vendor is rate limited too, and the first one still down.")
	deepSim.FailAlways(vendorsim.Status(429).RetryAfter(60))
	if err := say("This cannot be said."); err == nil {
		return errors.New("a request was served by nobody")
	}
	deepSim.Heal()

	fmt.Println("\nThe first vendor is repaired. With nobody else left it is tried before its time; two successes bring it back.")
	elevenSim.Heal()
	deadline := time.After(20 * time.Second)
	for {
		if err := say("Are we back?"); err != nil {
			fmt.Println("   ... its open time is not over yet; waiting 200 ms")
			<-time.After(200 * time.Millisecond)
		}
		select {
		case e := <-recovered:
			fmt.Printf("   %s recovered after %v.\n", e.Provider, e.Down.Round(time.Millisecond))
			states(speech)
			return nil
		case <-deadline:
			return errors.New("the first vendor did not recover")
		default:
		}
	}
}

// speak says one text and tells who spoke.
func speak(speech *tts.Client, text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	begun := time.Now()
	audio, err := speech.Synthesize(ctx, tts.Request{Text: text, Voice: "host", Format: tts.WAV(24000)})
	if err != nil {
		fmt.Printf("   not spoken: %v\n", err)
		return err
	}
	fmt.Printf("   %-12s spoke %q: %v of %s, %d bytes, in %v\n", audio.Provider, text,
		audio.Duration.Round(100*time.Millisecond), audio.Format, len(audio.Data), time.Since(begun).Round(100*time.Microsecond))
	return nil
}

// story tells what the router noticed.
func story(e failover.Event, recovered chan<- failover.RecoveredEvent) {
	switch e := e.(type) {
	case failover.AttemptEvent:
		if e.Err != nil {
			fmt.Printf("   %-12s failed after %v: %v\n", e.Provider, e.Duration.Round(100*time.Microsecond), e.Err)
		}
	case failover.BreakerEvent:
		fmt.Printf("   %-12s breaker: %v -> %v\n", e.Provider, e.From, e.To)
	case failover.CooldownEvent:
		fmt.Printf("   %-12s cools down for %v (%v)\n", e.Provider, time.Until(e.Until).Round(time.Second), e.Class)
	case failover.RecoveredEvent:
		select {
		case recovered <- e:
		default:
		}
	}
}

// states prints what the router knows of each provider.
func states(speech *tts.Client) {
	fmt.Println()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "   PROVIDER\tBREAKER\tREASONS\tATTEMPTS\tP50\tLAST ERROR")
	for _, p := range speech.Router().Status().Providers {
		var reasons []string
		for _, r := range p.Reasons {
			reasons = append(reasons, string(r.Reason))
		}
		last := "-"
		if p.LastError != nil {
			last = p.LastError.Class.String()
		}
		fmt.Fprintf(w, "   %s\t%v\t%s\t%v\t%v\t%s\n", p.Name, p.Breaker, strings.Join(append(reasons, "-")[:max(len(reasons), 1)], ","),
			p.Attempts, p.Latency.P50.Round(100*time.Microsecond), last)
	}
	_ = w.Flush()
}
