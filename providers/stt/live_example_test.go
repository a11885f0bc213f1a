package stt_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/stt"
)

// counter is a vendor of one's own: it writes down for how long it heard anything.
type counter struct {
	bytes int
	done  chan struct{}
}

func (c *counter) Send(_ context.Context, audio []byte) error {
	c.bytes += len(audio)
	return nil
}

func (c *counter) Receive(ctx context.Context) (stt.LiveEvent, error) {
	select {
	case <-c.done:
	case <-ctx.Done():
		return stt.LiveEvent{}, ctx.Err()
	}
	if c.bytes == 0 {
		return stt.LiveEvent{}, io.EOF
	}
	heard := time.Duration(c.bytes) * time.Second / 32000
	c.bytes = 0
	return stt.LiveEvent{Final: true, Text: strings.TrimSpace(strings.Repeat("la ", int(heard/time.Second))), End: heard}, nil
}

func (c *counter) Finish(context.Context) error {
	close(c.done)
	return nil
}

func (*counter) Flush(context.Context) error     { return nil }
func (*counter) KeepAlive(context.Context) error { return nil }
func (*counter) Close() error                    { return nil }

// Any vendor joins as a LiveProvider. The connection is a few methods; the
// router does the rest.
func ExampleNewLive() {
	down := stt.LiveProvider{
		Name: "down",
		Dial: func(context.Context, stt.LiveRequest) (stt.LiveConn, error) {
			return nil, &failover.Error{Class: failover.ClassExhausted}
		},
	}
	mine := stt.LiveProvider{
		Name: "mine",
		Dial: func(context.Context, stt.LiveRequest) (stt.LiveConn, error) {
			return &counter{done: make(chan struct{})}, nil
		},
	}
	client, err := stt.NewLive([]stt.LiveProvider{down, mine})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	session, err := client.Start(context.Background(), stt.LiveRequest{Format: stt.PCM(16000), Language: "en"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	_, _ = session.Write(bytes.Repeat([]byte{0, 16}, 3*16000)) // three seconds that sound
	if err := session.Finish(context.Background()); err != nil {
		fmt.Println(err)
	}
	transcript, err := stt.CollectLive(session.Results())
	fmt.Println(transcript.Text, transcript.Provider, transcript.Duration, err)
	for _, p := range client.Router().Status().Providers {
		fmt.Println(p.Name, p.Ready)
	}
	// Output:
	// la la la mine 3s <nil>
	// down false
	// mine true
}

// A user interface keeps the final results, and shows the last interim one after
// them. A Reset takes back what is shown of a connection that broke off.
func ExampleLiveResult() {
	show := func(results []stt.LiveResult) string {
		var final, interim string
		for _, r := range results {
			switch {
			case r.Gap != nil:
				final += fmt.Sprintf("[%v missing] ", r.Gap.To-r.Gap.From)
			case r.Final:
				final, interim = final+r.Text+" ", ""
			default:
				interim = r.Text
			}
		}
		return final + "(" + interim + ")"
	}
	fmt.Println(show([]stt.LiveResult{{Text: "hel"}, {Text: "hello"}}))
	fmt.Println(show([]stt.LiveResult{{Text: "hello"}, {Reset: true}}))
	fmt.Println(show([]stt.LiveResult{{Text: "hello"}, {Reset: true}, {Text: "Hello."}, {Text: "Hello.", Final: true}, {Text: "yo"}}))
	fmt.Println(show([]stt.LiveResult{{Text: "Hello.", Final: true}, {Gap: &stt.LiveGap{From: time.Second, To: 3 * time.Second}}}))
	// Output:
	// (hello)
	// ()
	// Hello. (yo)
	// Hello. [2s missing] ()
}
