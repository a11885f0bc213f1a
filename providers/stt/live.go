package stt

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/tts"
)

// LiveClient writes speech down while it is being spoken, through a router over
// several providers. It is safe for concurrent use.
//
//	client, err := stt.NewLive([]stt.LiveProvider{live.Deepgram(deep), live.ElevenLabs(eleven)})
//	...
//	session, err := client.Start(ctx, stt.LiveRequest{Format: stt.MuLaw(8000), Language: "en"})
//	...
//	defer session.Close()
//	go func() {
//		_, _ = io.Copy(session, call)
//		_ = session.Finish(ctx)
//	}()
//	for result, err := range session.Results() {
//		if err != nil {
//			return err
//		}
//		show(result)
//	}
//
// A connection to a vendor is a stream of the router: its breaker, cooldowns,
// strategies, wishes, status and events hold for it. When one breaks off, the
// next vendor gets the audio since the last final result from a buffer, and the
// results go on as if nothing had been: no final result comes twice, the times
// are those of the session, and what the buffer could not cover is reported as
// a [LiveGap].
type LiveClient struct {
	router *failover.StreamRouter[LiveRequest, LiveEvent]
}

// NewLive makes a client over providers, the preferred one first. The options
// are the router's; the default here is the name "stt-live". What a session does
// when a connection breaks off, how much of a stream is held back, and the first
// content and idle times are its own: WithInterrupted, WithDeliveredCap and
// WithCommit have no effect, and WithFirstContent and WithIdle should be left
// off, because nobody may be speaking. Latencies in the status are the times
// from the opening of a connection to its first answer, or to when it had stood
// for two seconds with nothing to answer.
//
// It refuses what failover.NewStream refuses.
func NewLive(providers []LiveProvider, opts ...failover.Option) (*LiveClient, error) {
	streams := make([]failover.StreamProvider[LiveRequest, LiveEvent], len(providers))
	for i, p := range providers {
		streams[i] = p.stream()
	}
	router, err := failover.NewStream(streams,
		failover.WithName("stt-live"), failover.WithFirstContent(0), failover.WithIdle(0),
		failover.WithOptions(opts...),
		failover.WithInterrupted(failover.Continue), failover.WithDeliveredCap(0),
		failover.WithCommit(failover.CommitPolicy{}))
	if err != nil {
		return nil, err
	}
	return &LiveClient{router: router}, nil
}

// Router is the router underneath, for Status, Plan, SetPrimary, Disable and
// the rest. Its Stream serves only sessions.
func (c *LiveClient) Router() *failover.StreamRouter[LiveRequest, LiveEvent] { return c.router }

// Close closes the router: see failover.Router.Close. Sessions go on with the
// connections they have, until those end.
func (c *LiveClient) Close() error { return c.router.Close() }

// Start begins a session, which lasts until it is finished or closed or ctx
// ends. Nothing is sent before there is audio. The session must be closed.
//
// A request that fails Validate is refused with a failover.Error of class
// invalid. All other errors are the session's.
func (c *LiveClient) Start(ctx context.Context, req LiveRequest) (*Session, error) {
	if err := req.Validate(); err != nil {
		return nil, Invalid(err)
	}
	return newSession(ctx, c.router, req), nil
}

// Defaults of a [LiveRequest].
const (
	// DefaultLiveBuffer covers the longest that vendors let anybody speak
	// before they give a final result, and a good half of it an outage. It is
	// 480 kB of telephone audio and 1.9 MB of PCM(16000).
	DefaultLiveBuffer = 60 * time.Second
	// DefaultQuiet is five times as long as vendors take for an interim
	// result.
	DefaultQuiet = 5 * time.Second
	// DefaultPatience is half of what the buffer covers.
	DefaultPatience = 30 * time.Second
)

// LiveRequest says what a session is to do. It is a value: a provider gets a
// copy.
type LiveRequest struct {
	// Format is what the audio is: PCM, MuLaw or ALaw. It is the same for the
	// whole session, and a provider that does not take it is left out.
	// Required.
	Format Format
	// Model is a name in the providers' [Models] tables. Empty takes the
	// table's row "", or the adapter's default.
	Model string
	// Language is the language spoken, as a BCP 47 tag. Empty leaves it to the
	// vendor to find out, and LiveResult.Language says what it heard. A
	// provider that does not know the language, or cannot find it out, is left
	// out: no failover changes it.
	Language string
	// Diarize asks who speaks. A provider that cannot tell is left out. The
	// speakers are told apart within one connection: after a failover, the
	// same person may have another name.
	Diarize bool
	// NoPunctuation asks for bare words. A provider that always punctuates is
	// left out. Default punctuated.
	NoPunctuation bool
	// Keywords are names and terms that may occur and should be recognised. A
	// provider that takes none, or not so many or such long ones, is left out.
	Keywords []string
	// Pause is how long a silence ends an utterance. A provider that cannot be
	// told so is left out. 0 leaves it to the vendor.
	Pause time.Duration
	// NoInterims asks for final results only.
	NoInterims bool

	// Buffer bounds how much audio is kept since the last final result, for
	// the next provider in case of a failover. It is memory that the session
	// takes as it needs it. At least 2 × Quiet, at most 10 min. Default
	// [DefaultLiveBuffer].
	//
	// While the buffer is full, audio that comes in real time drives out the
	// oldest, and what is lost by that is reported as a gap if it comes to a
	// failover. Audio that comes faster than real time, from a file, waits in
	// Write, so that nothing of it is lost.
	Buffer time.Duration
	// Quiet is how long a provider may take to accept a connection, to take
	// audio, to answer it, and to say the last once the audio is over. A
	// connection counts as silent when it was given at least a second of audio
	// in which something sounds, and Quiet later has still not said anything;
	// after a third of Quiet it is asked for a final result, which it must give
	// even if there were no words. A provider that answers, but gives no final
	// result while the buffer runs full, counts as silent too. Silence of the
	// speaker is nobody's failure, nor is a consumer that takes its time.
	//
	// It is judged in steps of a fifth of it. At least 500 ms, at most 1 min.
	// Default [DefaultQuiet].
	Quiet time.Duration
	// Patience is how long the session goes on trying when no provider can
	// serve it, before it ends with their error. It does so only while there is
	// hope: a refused key at every provider ends it at once. At most 1 h.
	// Default [DefaultPatience].
	Patience time.Duration

	session *Session
}

// Bounds of what is not a mistake.
const (
	maxLiveBuffer = 10 * time.Minute
	minQuiet      = 500 * time.Millisecond
	maxQuiet      = time.Minute
	maxPatience   = time.Hour
	maxPause      = 10 * time.Second
)

// Validate says what is wrong with the request whoever serves it; nil if
// nothing is. [LiveClient.Start] and the adapters of this module call it. Its
// errors contain no keyword.
func (r LiveRequest) Validate() error {
	if err := (Request{Format: r.Format}).validateFormat(); err != nil {
		return err
	}
	r = r.complete()
	switch {
	case r.Format.Encoding == "":
		return invalid("Format", "is missing; set for example stt.PCM(16000)")
	case !r.Format.Headerless():
		return invalid("Format", "is %s, and live audio has no header: PCM, mu-law or A-law", r.Format.Encoding)
	case r.Language != "" && !tts.IsLanguage(r.Language):
		return invalid("Language", "%.40q is no BCP 47 tag", r.Language)
	case r.Pause < 0 || r.Pause > maxPause:
		return invalid("Pause", "%v is outside 0 to %v", r.Pause, maxPause)
	case r.Quiet < minQuiet || r.Quiet > maxQuiet:
		return invalid("Quiet", "%v is outside %v to %v", r.Quiet, minQuiet, maxQuiet)
	case r.Buffer < 2*r.Quiet || r.Buffer > maxLiveBuffer:
		return invalid("Buffer", "%v is outside 2 × Quiet (%v) to %v", r.Buffer, 2*r.Quiet, maxLiveBuffer)
	case r.Patience < 0 || r.Patience > maxPatience:
		return invalid("Patience", "%v is outside 0 to %v", r.Patience, maxPatience)
	}
	return validateKeywords(r.Keywords)
}

func validateKeywords(words []string) error {
	for i, word := range words {
		if strings.TrimSpace(word) == "" || !utf8.ValidString(word) || strings.ContainsAny(word, "\r\n") {
			return invalid("Keywords", "has a term that is empty or no line of text, at %d", i)
		}
	}
	return nil
}

// complete takes the defaults.
func (r LiveRequest) complete() LiveRequest {
	orDefault := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	orDefault(&r.Buffer, DefaultLiveBuffer)
	orDefault(&r.Quiet, DefaultQuiet)
	orDefault(&r.Patience, DefaultPatience)
	r.Format.Channels = max(1, r.Format.Channels)
	r.Keywords = slices.Clone(r.Keywords)
	return r
}

// LiveProvider is one way to write speech down while it is being spoken. Name
// and Dial are required. Every function in it may be called by many goroutines
// at once.
type LiveProvider struct {
	// Name is unique in a client and contains no "/".
	Name string
	// Dial opens a connection for a request whose Format, Language and the rest
	// are set, and returns once audio may be sent. A vendor that refuses at this
	// point, even after it has accepted the socket, is an error of Dial if it
	// can be. It must end when ctx does; the connection outlives ctx.
	Dial func(ctx context.Context, req LiveRequest) (LiveConn, error)
	// WordTimes says that final results tell the time of every word. Then this
	// provider gets the last word before its audio once more, so that no word
	// is heard by half, and the session drops what it had.
	WordTimes bool

	// Account groups providers that share a key. Empty: it stands alone.
	Account string
	// Weight is the share under failover.Weighted. 0 means 1.
	Weight int
	// Limit is a local limit; a connection counts until it ends.
	Limit failover.Limit
	// Check is a cheap probe of health.
	Check func(ctx context.Context) error
	// Supports says whether this provider can serve the request at all. nil:
	// any.
	Supports func(req LiveRequest) bool
	// Cost estimates what a session costs.
	Cost func(req LiveRequest) float64
}

// stream is the provider as the router sees it.
func (p LiveProvider) stream() failover.StreamProvider[LiveRequest, LiveEvent] {
	s := failover.StreamProvider[LiveRequest, LiveEvent]{
		Name: p.Name, Account: p.Account, Weight: p.Weight, Limit: p.Limit,
		Check: p.Check, Supports: p.Supports, Cost: p.Cost,
		Final: func(e LiveEvent) bool { return e.kind == eventEnd },
		// The session knows its place.
		Continue: func(req LiveRequest, _ []LiveEvent) (LiveRequest, bool) { return req, true },
	}
	if p.Dial != nil {
		s.Do = func(ctx context.Context, req LiveRequest) failover.Stream[LiveEvent] {
			return func(yield func(LiveEvent, error) bool) {
				if req.session == nil {
					yield(LiveEvent{}, Invalid(errors.New("stt: live requests are served by LiveClient.Start")))
					return
				}
				leg := &leg{s: req.session, p: p, yield: yield}
				leg.run(ctx)
			}
		}
	}
	return s
}
