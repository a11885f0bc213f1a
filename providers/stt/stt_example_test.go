package stt_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/stt"
)

// simulated are two accounts at simulators, in place of the vendors.
func simulated() (deep, eleven *vendorsim.Server, first, second stt.Provider) {
	deep, eleven = vendorsim.Deepgram("deep-key"), vendorsim.ElevenLabs("eleven-key")
	d, err := deepgram.New("deep-key", deepgram.WithBaseURL(deep.URL()))
	if err != nil {
		panic(err)
	}
	e, err := elevenlabs.New("eleven-key", elevenlabs.WithBaseURL(eleven.URL()))
	if err != nil {
		panic(err)
	}
	return deep, eleven, d.STT(), e.STT()
}

// question is a recording.
func question() []byte { return vendorsim.SayWAV("Where is the station?", 16000) }

// One vendor is overloaded, and the other hears all of the recording.
func ExampleNew() {
	deep, eleven, first, second := simulated()
	defer deep.Close()
	defer eleven.Close()

	client, err := stt.New(failover.Providers(first, second))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	deep.FailAlways(vendorsim.Status(429).RetryAfter(30))
	heard, err := client.Transcribe(context.Background(), stt.Request{
		Audio:    stt.Bytes(question()),
		Language: "en-GB",
		Words:    true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(heard.Text)
	fmt.Println(heard.Provider, heard.Model, heard.Language, heard.Duration)
	last := heard.Words[3]
	fmt.Printf("%q from %v to %v\n", last.Text, last.Start, last.End)
	// Output:
	// Where is the station?
	// elevenlabs scribe_v2 en 1.26s
	// "station?" from 780ms to 1.26s
}

// Who speaks when.
func ExampleClient_TranscribeFile() {
	deep, eleven, first, second := simulated()
	defer deep.Close()
	defer eleven.Close()
	client, err := stt.New(failover.Providers(first, second))
	if err != nil {
		fmt.Println(err)
		return
	}
	folder, err := os.MkdirTemp("", "stt")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "call.wav")
	recording := vendorsim.SayWAV("[#0] Hello? [..] [#1] Good morning. [..] [#0] Ah, at last.", 8000)
	if err := os.WriteFile(path, recording, 0o600); err != nil {
		fmt.Println(err)
		return
	}

	heard, err := client.TranscribeFile(context.Background(), path, stt.Request{Diarize: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range heard.Segments {
		fmt.Println(s.Speaker, s.Start, s.Text)
	}

	// A file that is not there is nobody's fault but the caller's. The error
	// does not print the path; the cause has it.
	_, err = client.TranscribeFile(context.Background(), path+".gone", stt.Request{})
	fmt.Println(err, errors.Is(err, fs.ErrNotExist))
	// Output:
	// speaker_0 300ms Hello?
	// speaker_1 1.96s Good morning.
	// speaker_0 4.04s Ah, at last.
	// invalid (stt: Audio is a file that does not exist) true
}

// A URL goes to the vendor, who fetches it.
func ExampleClient_TranscribeURL() {
	deep, eleven, first, second := simulated()
	defer deep.Close()
	defer eleven.Close()
	client, err := stt.New(failover.Providers(first, second))
	if err != nil {
		fmt.Println(err)
		return
	}
	heard, err := client.TranscribeURL(context.Background(), "https://recordings.test/good-evening.mp3", stt.Request{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(heard.Text)
	fmt.Printf("%s\n", deep.Requests()[0].Body)
	// Output:
	// good evening
	// {"url":"https://recordings.test/good-evening.mp3"}
}

// The body of a request can be read once, and is sent whole to everybody who is
// asked. One that is longer than may be kept is refused before anybody is.
func ExampleReader() {
	deep, eleven, first, second := simulated()
	defer deep.Close()
	defer eleven.Close()
	client, err := stt.New(failover.Providers(first, second))
	if err != nil {
		fmt.Println(err)
		return
	}
	deep.FailAlways(vendorsim.Status(503))
	body := strings.NewReader(string(question())) // of an upload, say
	heard, err := client.Transcribe(context.Background(), stt.Request{Audio: stt.Reader(body, 10<<20)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(heard.Provider, heard.Text)

	_, err = client.Transcribe(context.Background(), stt.Request{Audio: stt.Reader(strings.NewReader(string(question())), 1000)})
	fmt.Println(err)
	// Output:
	// elevenlabs Where is the station?
	// invalid (stt: Audio has more than the 1000 bytes that may be kept of a reader; raise the bound or use stt.File)
}

// Headerless audio, as a telephone call has it, needs to be told what it is.
func ExampleMuLaw() {
	deep, eleven, first, second := simulated()
	defer deep.Close()
	defer eleven.Close()
	client, err := stt.New(failover.Providers(first, second))
	if err != nil {
		fmt.Println(err)
		return
	}
	heard, err := client.Transcribe(context.Background(), stt.Request{
		Audio:  stt.Bytes(vendorsim.SayMuLaw("Hello, operator.", 8000)),
		Format: stt.MuLaw(8000),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(heard.Text, heard.Duration)
	// Output:
	// Hello, operator. 960ms
}

// A vendor of one's own that takes bytes alone gets them, though the audio is at
// a URL, because the caller allows it to be fetched.
func ExampleSource_FetchWith() {
	storage := &http.Client{Timeout: 5 * time.Second, Transport: recordings{}}
	own := failover.Wrap("own", func(ctx context.Context, req stt.Request) (*stt.Transcript, error) {
		audio, err := req.Open(ctx)
		if err != nil {
			return nil, err
		}
		defer audio.Close()
		return stt.NewTranscript(req, &stt.Transcript{Text: fmt.Sprintf("%d bytes of %s", audio.Size, audio.ContentType)})
	})
	own.Supports = func(req stt.Request) bool { return req.Audio.Opens() }
	client, err := stt.New(failover.Providers(own))
	if err != nil {
		fmt.Println(err)
		return
	}
	where := stt.URL("https://recordings.test/call.wav")
	_, err = client.Transcribe(context.Background(), stt.Request{Audio: where})
	fmt.Println(err)

	heard, err := client.Transcribe(context.Background(), stt.Request{Audio: where.FetchWith(storage, 10<<20)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(heard.Text, heard.Duration)
	// Output:
	// failover: no provider is available; left out: own (unsupported)
	// 40364 bytes of audio/wav 1.26s
}

// recordings is where the URLs are.
type recordings struct{}

func (recordings) RoundTrip(*http.Request) (*http.Response, error) {
	return vendorsim.Record(http.StatusOK, http.Header{}, string(question())), nil
}

// An empty text of audio that is not silent, and words that the vendor is not
// sure of, are for another vendor to hear.
func ExampleAll() {
	deep, eleven, first, second := simulated()
	defer deep.Close()
	defer eleven.Close()
	good := stt.All(stt.NonEmpty, stt.Confident(0.6), stt.ConfidentWords(0.5, 0.9), stt.InLanguage())
	first.Validate, second.Validate = good, good
	client, err := stt.New(failover.Providers(first, second))
	if err != nil {
		fmt.Println(err)
		return
	}
	deep.Fail(vendorsim.EmptyTranscript(), vendorsim.LowConfidence(0.3))
	for range 2 {
		result, err := client.Router().Route(context.Background(), stt.Request{Audio: stt.Bytes(question()), Language: "en"})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(result.Attempts[0].Err)
		fmt.Println(result.Provider, result.Value.Text)
	}

	// Of silence an empty text is the answer.
	hush := stt.Request{Audio: stt.Bytes(vendorsim.Hush(time.Second, 8000)), Format: stt.PCM(8000)}
	heard, err := client.Transcribe(context.Background(), hush)
	fmt.Printf("%s %q %v\n", heard.Provider, heard.Text, err)
	// Output:
	// deepgram: unsatisfactory (stt: the transcript is empty, and the audio is not silent)
	// elevenlabs Where is the station?
	// deepgram: unsatisfactory (stt: the transcript has confidence 0.30, below 0.60)
	// elevenlabs Where is the station?
	// deepgram "" <nil>
}

// A request says a name, and each vendor has its own model for it.
func ExampleModels() {
	models := stt.Models{"": "nova-3", "clinic": "nova-3-medical"}
	for _, name := range []string{"", "clinic", "court", "deepgram:nova-2", "elevenlabs:scribe_v2"} {
		id, ok := models.ID("deepgram", name)
		fmt.Printf("%q %q %v\n", name, id, ok)
	}
	// Output:
	// "" "nova-3" true
	// "clinic" "nova-3-medical" true
	// "court" "" false
	// "deepgram:nova-2" "nova-2" true
	// "elevenlabs:scribe_v2" "scribe_v2" false
}

// The cheaper vendor first, and none that costs more than a cent.
func ExamplePerMinute() {
	deep, eleven, first, second := simulated()
	defer deep.Close()
	defer eleven.Close()
	first.Cost, second.Cost = stt.PerMinute(0.0043), stt.PerMinute(0.0067)
	client, err := stt.New(failover.Providers(second, first), failover.WithStrategy(failover.LeastCost()))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := failover.With(context.Background(), failover.MaxCost(0.01))
	heard, err := client.Transcribe(ctx, stt.Request{Audio: stt.Bytes(question())})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(heard.Provider)

	_, err = client.Transcribe(ctx, stt.Request{Audio: stt.Bytes(question()), Duration: time.Hour})
	fmt.Println(err)
	// Output:
	// deepgram
	// failover: no provider is available; left out: elevenlabs (too_expensive), deepgram (too_expensive)
}

// A vendor of one's own: NewTranscript says what is not whole.
func ExampleNewTranscript() {
	req := stt.Request{Audio: stt.Bytes(vendorsim.Hush(time.Minute, 8000)), Format: stt.PCM(8000)}
	_, err := stt.NewTranscript(req, &stt.Transcript{Text: "And so", Duration: 20 * time.Second})
	fmt.Println(err)

	heard, err := stt.NewTranscript(req, &stt.Transcript{Text: " And so on. "})
	fmt.Printf("%q %v %v\n", heard.Text, heard.Duration, err)
	// Output:
	// incomplete (stt: the transcript is of 20s of audio that plays 1m0s)
	// "And so on." 1m0s <nil>
}

// Adapters open the audio, which then says itself what it is.
func ExampleRequest_Open() {
	req := stt.Request{Audio: stt.Bytes(vendorsim.Say("Hello.", 16000)), Format: stt.PCM(16000)}
	audio, err := req.Open(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer audio.Close()
	data, err := io.ReadAll(audio)
	fmt.Println(audio.ContentType, audio.Extension, len(data) == int(audio.Size), string(data[:4]), err)
	// Output:
	// audio/wav .wav true RIFF <nil>
}
