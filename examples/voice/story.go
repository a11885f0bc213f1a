package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gofailover/failover/providers/stt"
)

// story is told as it happens.
type story struct {
	io.Writer

	turns, words int
	wrong        int // turns in which something else was heard than was said
	parts        [3]part
}

// part is the same step of all turns.
type part struct {
	what, label   string
	usual, failed []time.Duration // how long it took without an outage, and with one
}

func newStory(w io.Writer) *story {
	return &story{Writer: w, parts: [3]part{
		{what: "live transcription", label: "heard"}, {what: "model", label: "answer"}, {what: "voice", label: "spoken"},
	}}
}

// tell tells a turn.
func (s *story) tell(sc scene, t *turn) {
	s.turns++
	s.words += len(strings.Fields(sc.says))
	if t.heard != sc.says {
		s.wrong++
	}
	fmt.Fprintf(s, "\n%d. %s\n   caller  %s\n", s.turns, sc.title, sc.says)
	s.parts[0].tell(s, t.heard, &t.hearing)
	s.parts[1].tell(s, t.answer, &t.thinking)
	s.parts[2].tell(s, fmt.Sprintf("%.1f s of audio", float64(t.sound)/(2*rate)), &t.speech)
	fmt.Fprintf(s, "   waited  %v: transcript %v, answer %v, speech %v; the first sound came after %v\n",
		ms(t.waited()), ms(t.hearing.took), ms(t.thinking.took), ms(t.speech.took), ms(t.firstSound))
}

// tell tells a step: what came of it, who served it, and who failed.
func (p *part) tell(w io.Writer, text string, s *step) {
	fmt.Fprintf(w, "   %-7s %-56s [%s]\n", p.label, text, strings.Join(s.by, ", then "))
	for _, err := range s.errs {
		fmt.Fprintf(w, "           ! %v\n", err)
	}
	if s.next != "" {
		fmt.Fprintf(w, "           %s\n", s.next)
	}
	if len(s.errs) > 0 {
		p.failed = append(p.failed, s.took)
	} else {
		p.usual = append(p.usual, s.took)
	}
}

// end tells what the outages have cost. That something was lost and nobody has
// reported it is an error.
func (s *story) end(heard stt.LiveSummary) error {
	fmt.Fprintln(s, "\nWhat the outages have added to what the caller waits in other turns:")
	for _, p := range s.parts {
		usual := median(p.usual)
		for _, took := range p.failed {
			fmt.Fprintf(s, "   %-19s %+5d ms to %v\n", p.what, (took - usual).Milliseconds(), ms(usual))
		}
	}
	for _, f := range heard.Failovers {
		fmt.Fprintf(s, "The live transcription was silent for %v; of that, the caller waits for what comes after the last word.\n",
			ms(f.Delay()))
	}
	for _, gap := range heard.Gaps {
		fmt.Fprintf(s, "Reported as lost: what was said from %v to %v.\n", gap.From, gap.To)
	}
	switch {
	case len(heard.Gaps) > 0:
	case s.wrong > 0:
		return fmt.Errorf("in %d turns something else was heard than was said, and nothing reported", s.wrong)
	default:
		fmt.Fprintf(s, "Lost: nothing. Each of the caller's %d words was heard once.\n", s.words)
	}
	fmt.Fprintf(s, "For that, up to %d kB of audio were kept, of at most %d kB.\n", heard.BufferMost/1000, heard.BufferCap/1000)
	return nil
}

// median is the middle one; the lower of two.
func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(all))[(len(all)-1)/2]
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
