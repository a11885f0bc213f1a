package failover_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// The random-fault test of streams: virtual hours in which providers refuse,
// cut, stall and trickle, and callers leave, give up and dawdle. Every word
// says who spoke it, for whom and where it stands, so that what a consumer
// heard can be held against what was said; each promise has a check of its own.

// ail is what is wrong with a voice.
type ail uint8

const (
	ailNone ail = iota
	ailRefuses
	ailErrorAfterMeta
	ailErrorAfterWords
	ailNoEnd
	ailEmpty
	ailMetaOnly
	ailSilent
	ailSilentAfterWords
	ailKeepAlive
	ailKeepAliveAfterWords
	ailSlowFirstWord // past the timer
	ailFlapping
	ailTrickle  // slow, but within every timer
	ailThinking // the same
	numAils
)

// act is a time during which a voice behaves one way.
type act struct {
	from, to time.Duration
	ail      ail
	class    failover.Class // of errors
}

// failing says that no stream of the act is of any use, and that this is the
// provider's own failure.
func (a act) failing() bool {
	switch a.ail {
	case ailNone, ailTrickle, ailThinking, ailFlapping:
		return false
	case ailRefuses, ailErrorAfterMeta, ailErrorAfterWords:
		return a.class != failover.ClassInvalid && a.class != failover.ClassFiltered
	default:
		return true
	}
}

// saidClasses are those of the errors. What refuses the request itself is
// drawn less often: it may end a request that others could serve.
var saidClasses = []failover.Class{
	failover.ClassTransient, failover.ClassTimeout, failover.ClassRateLimited, failover.ClassExhausted,
	failover.ClassUnauthorized, failover.ClassUnsupported, failover.ClassIncomplete, failover.ClassUnknown,
	failover.ClassTransient, failover.ClassIncomplete, failover.ClassInvalid, failover.ClassFiltered,
}

// passage is a request: so many words, from one of them on.
type passage struct{ id, words, from int }

type wordKind uint8

const (
	wordSpoken wordKind = iota
	wordMeta
	wordThinking
	wordEnd
	wordRestart
)

// word is an item.
type word struct {
	kind wordKind
	by   string
	call int // of the voice, from 1
	id   int // of the passage
	at   int
}

// utterance is a voice's note of one of its streams.
type utterance struct {
	came time.Duration
	said error // nil: it ended without one, or was cut
}

// voice is a streaming provider that follows a script of acts and keeps a
// ledger.
type voice struct {
	name    string
	begun   time.Time
	acts    []act
	resumes bool // else it refuses to continue what another began

	mu         sync.Mutex
	random     *rand.Rand
	utterances []*utterance
	open       int
}

func newVoice(name string, seed uint64, length time.Duration, faulty bool) *voice {
	v := &voice{name: name, begun: time.Now(), resumes: true, random: rand.New(rand.NewPCG(seed, 3))}
	if !faulty {
		return v
	}
	v.resumes = v.random.IntN(3) > 0
	for at := time.Duration(0); at < length; {
		at += v.between(10*time.Second, 5*time.Minute)
		a := act{at, at + v.between(20*time.Second, 4*time.Minute), ail(1 + v.random.IntN(int(numAils)-1)), 0}
		a.class = saidClasses[v.random.IntN(len(saidClasses))]
		v.acts = append(v.acts, a)
		at = a.to
	}
	return v
}

func (v *voice) between(low, high time.Duration) time.Duration {
	return low + time.Duration(v.random.Int64N(int64(high-low)))
}

func (v *voice) actAt(at time.Duration) act {
	for _, a := range v.acts {
		if at >= a.from && at < a.to {
			return a
		}
	}
	return act{}
}

// faultyWithin says whether the voice was anything but healthy in a span.
func (v *voice) faultyWithin(from, to time.Duration) bool {
	return slices.ContainsFunc(v.acts, func(a act) bool { return a.from < to && a.to > from })
}

// speech is one stream as the voice goes through it.
type speech struct {
	act

	ctx     context.Context
	yield   func(word, error) bool
	word    word
	note    *utterance
	over    bool
	latency time.Duration
	gap     time.Duration
	cut     int // the word before which it ends
}

// breaksOff says whether words come, but not all.
func (s *speech) breaksOff() bool {
	switch s.ail {
	case ailErrorAfterWords, ailNoEnd, ailSilentAfterWords, ailKeepAliveAfterWords:
		return true
	default:
		return false
	}
}

func (v *voice) begin(ctx context.Context, p passage, yield func(word, error) bool) *speech {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open++
	now := time.Since(v.begun)
	s := &speech{
		act: v.actAt(now), ctx: ctx, yield: yield, word: word{by: v.name, call: len(v.utterances) + 1, id: p.id},
		note: &utterance{came: now}, latency: v.between(20*time.Millisecond, 200*time.Millisecond),
		gap: v.between(5*time.Millisecond, 40*time.Millisecond),
	}
	v.utterances = append(v.utterances, s.note)
	if s.ail == ailFlapping {
		s.ail, s.class = ailNone, failover.ClassTransient
		if (now-s.from)/(3*time.Second)%2 == 0 {
			s.ail = ailErrorAfterWords
		}
	}
	s.cut = p.words
	if s.breaksOff() && p.from < p.words {
		s.cut = p.from + 1 + v.random.IntN(p.words-p.from) // one word at least is said
	}
	return s
}

func (v *voice) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open--
}

func (v *voice) do(ctx context.Context, p passage) failover.Stream[word] {
	return func(yield func(word, error) bool) {
		s := v.begin(ctx, p, yield)
		defer v.end()
		s.hush(s.latency)
		if p.from > 0 && !v.resumes {
			s.fail(failover.ClassInvalid)
		}
		s.perform(p)
	}
}

func (s *speech) perform(p passage) {
	switch s.ail {
	case ailRefuses:
		s.fail(s.class)
		return
	case ailEmpty:
		return
	case ailSilent:
		s.hush(forEver)
	case ailTrickle:
		s.gap = 1500 * time.Millisecond
	}
	s.say(wordMeta)
	switch s.ail {
	case ailErrorAfterMeta:
		s.fail(s.class)
	case ailMetaOnly:
		if p.from > 0 {
			return // with an end marker it would say that nothing is left
		}
		s.say(wordEnd)
		return
	case ailKeepAlive:
		s.keepAlive()
	case ailSlowFirstWord:
		s.hush(time.Minute)
	case ailThinking:
		for range 8 {
			s.hush(time.Second)
			s.say(wordThinking)
		}
	}
	for s.word.at = p.from; s.word.at < s.cut; s.word.at++ {
		s.hush(s.gap)
		s.say(wordSpoken)
	}
	switch s.ail {
	case ailErrorAfterWords:
		s.fail(s.class)
	case ailNoEnd:
		return
	case ailSilentAfterWords:
		s.hush(forEver)
	case ailKeepAliveAfterWords:
		s.keepAlive()
	}
	s.say(wordEnd)
}

// keepAlive is for ever, as far as the timers go.
func (s *speech) keepAlive() {
	for range 240 {
		s.say(wordMeta)
		s.hush(500 * time.Millisecond)
	}
	s.fail(failover.ClassTransient)
}

func (s *speech) say(kind wordKind) {
	if !s.over {
		w := s.word
		w.kind = kind
		s.over = !s.yield(w, nil)
	}
}

func (s *speech) hush(d time.Duration) {
	if s.over {
		return
	}
	if err := pass(s.ctx, d); err != nil {
		s.over = true
		s.yield(word{}, err)
	}
}

// fail yields an error that is this speech's alone.
func (s *speech) fail(class failover.Class) {
	if s.over {
		return
	}
	s.over = true
	s.note.said = fmt.Errorf("%s, call %d", s.word.by, s.word.call)
	if class == failover.ClassUnknown {
		s.yield(word{}, s.note.said)
		return
	}
	s.yield(word{}, &failover.Error{Class: class, Err: s.note.said})
}

func (v *voice) provider() failover.StreamProvider[passage, word] {
	p := failover.WrapStream(v.name, v.do)
	p.Content = func(w word) bool { return w.kind == wordSpoken }
	p.Progress = func(w word) bool { return w.kind == wordThinking }
	p.Final = func(w word) bool { return w.kind == wordEnd }
	p.Restarted = func() word { return word{kind: wordRestart} }
	p.Continue = func(p passage, got []word) (passage, bool) {
		for _, w := range got {
			if w.kind == wordSpoken {
				p.from++
			}
		}
		return p, true
	}
	return p
}

// staging is how a hall is filled.
type staging struct {
	seed     uint64
	cast     int // 0: two to four
	steady   bool
	healthy  bool // everybody, all the time
	patient  bool // every caller
	rude     bool // every caller leaves, gives up or dawdles
	observed bool
	hedged   bool
	inOrder  bool // else any strategy
	length   time.Duration
	policy   string
}

var hallPolicies = map[string][]failover.Option{
	"fail":                  nil,
	"continue":              {failover.WithInterrupted(failover.Continue)},
	"restart":               {failover.WithInterrupted(failover.Restart)},
	"continue, restart":     {failover.WithInterrupted(failover.Continue, failover.Restart)},
	"whole":                 {failover.WithCommit(failover.CommitPolicy{Whole: true})},
	"three held":            {failover.WithCommit(failover.CommitPolicy{Items: 3})},
	"three held, continue":  {failover.WithCommit(failover.CommitPolicy{Items: 3}), failover.WithInterrupted(failover.Continue)},
	"a second held,restart": {failover.WithCommit(failover.CommitPolicy{For: time.Second}), failover.WithInterrupted(failover.Restart)},
}

var hallStrategies = []func() failover.Strategy{
	failover.ActivePassive, failover.RoundRobin, failover.Weighted, failover.LeastLatency,
	func() failover.Strategy { return failover.Scored(failover.Weights{Speed: 1, Success: 1}) },
}

// Times of the hall. Breakers open for 66 s at most.
const (
	hallFirst    = 3 * time.Second
	hallIdle     = 2 * time.Second
	hallTotal    = 25 * time.Second // longer than any trickle
	hallCooldown = 80 * time.Second
	hallShut     = 90*time.Second + hallTotal // longest that a healed voice is shut out
	hallEvery    = time.Second                // mean time between requests
	hallPatience = 3 * time.Minute
	hallDrags    = 75 * time.Second // longest that a consumer drags a stream out, and so the end of a bad one
)

// hearing is how one request went.
type hearing struct {
	passage

	begun, ended time.Duration
	deadline     time.Duration // from begun; 0: none
	gaveUp       time.Duration // when the caller cancelled, from begun; 0: not
	free         time.Duration // when the consumer last asked for more
	dawdles      time.Duration // at each item
	leaveAfter   int           // items; 0: never
	panics       bool          // on leaving

	heard  []word
	err    error
	after  int // whatever came after the error
	beside bool
	left   bool
	result *failover.StreamResult // nil: Stream was used
}

func (h *hearing) String() string {
	return fmt.Sprintf("passage %d, begun at %v, ended at %v: %+v: %v", h.id, h.begun, h.ended, h.heard, h.err)
}

// patient says that the caller left everything to the router.
func (h *hearing) patient() bool {
	return h.gaveUp == 0 && h.leaveAfter == 0 && (h.deadline == 0 || h.deadline >= hallPatience)
}

// delivered is what was heard, markers apart.
func (h *hearing) delivered() []word {
	return slices.DeleteFunc(slices.Clone(h.heard), func(w word) bool { return w.kind == wordRestart })
}

// sinceRestart is what was heard after the last marker.
func (h *hearing) sinceRestart() []word {
	for i, w := range slices.Backward(h.heard) {
		if w.kind == wordRestart {
			return h.heard[i+1:]
		}
	}
	return h.heard
}

// broken is the attempts that an error tells of, and their skips.
func (h *hearing) broken() (attempts []failover.Attempt, skipped []failover.Skip) {
	if cut, ok := errors.AsType[*failover.InterruptedError](h.err); ok {
		return cut.Attempts, nil
	}
	if all, ok := errors.AsType[*failover.AllFailedError](h.err); ok {
		return all.Attempts, all.Skipped
	}
	if none, ok := errors.AsType[*failover.NoneAvailableError](h.err); ok {
		return nil, none.Skipped
	}
	return nil, nil
}

// draw makes a caller.
func (h *hearing) draw(random *rand.Rand, s staging) {
	upTo := func(d time.Duration) time.Duration { return 1 + time.Duration(random.Int64N(int64(d))) }
	manner := random.IntN(10)
	if s.patient {
		manner = 0
	}
	if s.rude {
		manner = 4 + random.IntN(6)
	}
	switch manner {
	case 3:
		h.deadline = hallPatience
	case 4:
		h.deadline = upTo(4 * time.Second)
	case 5:
		h.deadline = upTo(300 * time.Millisecond)
	case 6:
		h.gaveUp = upTo(2 * time.Second)
	case 7, 8:
		h.leaveAfter, h.panics = 1+random.IntN(h.words), random.IntN(4) == 0
	case 9:
		h.dawdles = upTo(5 * time.Second)
		if random.IntN(2) == 0 {
			h.deadline = upTo(10 * time.Second)
		}
	}
}

// hall is a router with its voices and all who listen.
type hall struct {
	staging

	begun    time.Time
	voices   []*voice
	router   *failover.StreamRouter[passage, word]
	mu       sync.Mutex
	hearings []*hearing
	shut     map[string]int // breaker openings and cooldowns, by provider
}

// perform fills a hall and lets requests come at random for its whole length.
// It must run in a bubble.
func perform(t *testing.T, s staging) *hall {
	t.Helper()
	if s.length == 0 {
		s.length = 10 * time.Minute
	}
	random := rand.New(rand.NewPCG(s.seed, 4))
	if s.cast == 0 {
		s.cast = 2 + random.IntN(3)
	}
	st := &hall{staging: s, begun: time.Now(), shut: map[string]int{}}
	opts := append([]failover.Option{
		failover.WithFirstContent(hallFirst), failover.WithIdle(hallIdle), failover.WithMaxCooldown(hallCooldown),
	}, hallPolicies[s.policy]...)
	if random.IntN(2) == 0 {
		opts = append(opts, failover.WithTotal(hallTotal))
	}
	if !s.inOrder {
		opts = append(opts, failover.WithStrategy(hallStrategies[random.IntN(len(hallStrategies))]()))
	}
	if s.hedged {
		opts = append(opts, failover.WithHedge(failover.HedgePolicy{MinDelay: 100 * time.Millisecond, Percentile: 0.8}))
	}
	if s.observed {
		opts = append(opts, failover.WithObserver(st.observe))
	}
	steady := s.cast - 1
	if !s.inOrder {
		steady = random.IntN(s.cast)
	}
	providers := make([]failover.StreamProvider[passage, word], s.cast)
	for i := range providers {
		v := newVoice(fmt.Sprintf("voice%d", i), s.seed*10+uint64(i), s.length, !s.healthy && (!s.steady || i != steady))
		st.voices = append(st.voices, v)
		providers[i] = v.provider()
	}
	var err error
	st.router, err = failover.NewStream(providers, opts...)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for id := 1; time.Since(st.begun) < s.length; id++ {
		require.NoError(t, pass(t.Context(), time.Duration(random.Int64N(int64(2*hallEvery)))))
		h := &hearing{passage: passage{id: id, words: 1 + random.IntN(12)}, begun: time.Since(st.begun)}
		h.draw(random, s)
		story := random.IntN(2) == 0
		wg.Go(func() { st.request(h, story) })
		st.hearings = append(st.hearings, h)
	}
	wg.Wait()
	return st
}

func (st *hall) observe(_ context.Context, e failover.Event) {
	st.mu.Lock()
	defer st.mu.Unlock()
	switch e := e.(type) {
	case failover.BreakerEvent:
		if e.To == failover.BreakerOpen {
			st.shut[e.Provider]++
		}
	case failover.CooldownEvent:
		st.shut[e.Provider]++
	}
}

// request is one caller.
func (st *hall) request(h *hearing, story bool) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if h.deadline > 0 {
		ctx, cancel = context.WithTimeout(ctx, h.deadline)
		defer cancel()
	}
	if h.gaveUp > 0 {
		defer time.AfterFunc(h.gaveUp, cancel).Stop()
	}
	defer func() {
		h.ended = time.Since(st.begun)
		if p := recover(); p != nil && p != h {
			panic(p)
		}
	}()
	h.free = h.begun
	if story {
		var stream failover.Stream[word]
		stream, h.result = st.router.Route(ctx, h.passage)
		h.listen(st, stream)
		return
	}
	h.listen(st, st.router.Stream(ctx, h.passage))
}

// listen is the consumer's loop. It goes on after an error, for nothing may
// come then.
func (h *hearing) listen(st *hall, stream failover.Stream[word]) {
	for w, err := range stream {
		switch {
		case h.err != nil:
			h.after++
			continue
		case err != nil:
			h.err, h.beside = err, w != word{}
			continue
		}
		h.heard = append(h.heard, w)
		if len(h.heard) == h.leaveAfter {
			h.left = true
			if h.panics {
				panic(h)
			}
			break
		}
		if h.dawdles > 0 {
			_ = pass(context.Background(), h.dawdles)
		}
		h.free = time.Since(st.begun)
	}
}

// takesOver says whether the policy lets another voice go on after the commit
// point.
func (st *hall) takesOver() bool { return st.continues() || st.restarts() }

func (st *hall) continues() bool {
	return slices.Contains([]string{"continue", "continue, restart", "three held, continue"}, st.policy)
}

func (st *hall) restarts() bool {
	return slices.Contains([]string{"restart", "continue, restart", "a second held,restart"}, st.policy)
}

// checkWhole: nothing truncated is called whole, and nothing that is heard is
// out of its place.
func (st *hall) checkWhole(t *testing.T) {
	t.Helper()
	whole := 0
	for _, h := range st.hearings {
		next, ended := 0, false
		var last word
		for _, w := range h.heard {
			if w.kind == wordRestart {
				require.True(t, st.restarts(), "a restart that nobody asked for: %v", h)
				require.NotZero(t, last.call, "a restart of nothing: %v", h)
				next, ended, last = 0, false, word{}
				continue
			}
			require.Equal(t, h.id, w.id, "somebody else's word: %v", h)
			require.False(t, ended, "a word after the end: %v", h)
			if last.call > 0 && (last.by != w.by || last.call != w.call) {
				require.True(t, st.continues(), "one stream was made of two: %v", h)
			}
			last = w
			if w.kind == wordSpoken {
				require.Equal(t, next, w.at, "a gap or a repetition: %v", h)
				next++
			}
			ended = w.kind == wordEnd
		}
		if h.err != nil || h.left {
			continue
		}
		whole++
		require.Equal(t, h.words, next, "passed off as whole: %v", h)
		require.True(t, ended, "passed off as whole without its end: %v", h)
		if st.policy == "whole" {
			require.Len(t, slices.CompactFunc(slices.Clone(h.heard), func(a, b word) bool { return a.by == b.by && a.call == b.call }), 1)
		}
	}
	require.NotZero(t, whole, "the check saw nothing")
}

// checkErrors: an error comes last, once, beside nothing. Before anything was
// delivered it is what Do returns; after, an InterruptedError whose Err is the
// first failure.
func (st *hall) checkErrors(t *testing.T) {
	t.Helper()
	cuts := 0
	for _, h := range st.hearings {
		if h.err == nil {
			continue
		}
		require.Zero(t, h.after, "the error was not the last thing: %v", h)
		require.False(t, h.beside, "there was an item beside it: %v", h)
		cut, ok := errors.AsType[*failover.InterruptedError](h.err)
		require.Equal(t, len(h.heard) > 0, ok, "%T: %v", h.err, h)
		if !ok {
			continue
		}
		cuts++
		first := h.heard[0]
		require.Same(t, h.err, cut)
		require.Equal(t, first.by, cut.Provider, "%v", h)
		require.Len(t, h.delivered(), cut.Items, "%v", h)
		if cut.Err == nil {
			require.True(t, h.ctxEnded(), "no provider failed, and the caller was there: %v", h)
		} else {
			require.Equal(t, first.by, cut.Err.Provider, "it is not the first failure: %v", h)
			if said := st.utterance(first).said; said != nil {
				require.ErrorIs(t, cut.Err, said, "it is not the first failure: %v", h)
			}
		}
		got, kept := failover.Delivered[word](h.err)
		require.Equal(t, st.continues(), kept, "%v", h)
		if kept {
			require.True(t, slices.Equal(h.sinceRestart(), got), "%+v: %v", got, h)
		}
	}
	if st.policy == "fail" && !st.healthy {
		require.NotZero(t, cuts, "the check saw nothing")
	}
}

func (st *hall) utterance(w word) *utterance {
	for _, v := range st.voices {
		if v.name == w.by {
			return v.utterances[w.call-1]
		}
	}
	return nil
}

// ctxEnded says whether the caller's context had ended by the end.
func (h *hearing) ctxEnded() bool {
	return (h.deadline > 0 && h.ended >= h.begun+h.deadline) || (h.gaveUp > 0 && h.ended >= h.begun+h.gaveUp)
}

// checkPrompt: the caller returns by its deadline, and at once when it gives
// up; and no error matches a context that has not ended.
func (st *hall) checkPrompt(t *testing.T) {
	t.Helper()
	const slack = time.Millisecond
	for _, h := range st.hearings {
		for end, is := range map[time.Duration]error{h.deadline: context.DeadlineExceeded, h.gaveUp: context.Canceled} {
			if end > 0 && h.begun+end < h.ended {
				require.LessOrEqual(t, h.ended, max(h.begun+end, h.free)+slack, "the context ended at %v: %v", h.begun+end, h)
				if h.err != nil {
					require.ErrorIs(t, h.err, is, "%v", h)
				}
			}
			if end == 0 || h.ended < h.begun+end {
				require.NotErrorIs(t, h.err, is, "it is not the caller's: %v", h)
			}
		}
	}
}

// checkServed: a request is served whenever somebody can serve it. A stream of
// which something was delivered is out of the router's hands under Fail, and
// so is a request that was refused as such.
func (st *hall) checkServed(t *testing.T) {
	t.Helper()
	checked := 0
	for _, h := range st.hearings {
		if !h.patient() || (h.dawdles > 0 && h.deadline > 0) {
			continue
		}
		if len(h.heard) > 0 && h.err != nil && !st.takesOver() {
			continue
		}
		attempts, _ := h.broken()
		if slices.ContainsFunc(attempts, func(a failover.Attempt) bool {
			return a.Class() == failover.ClassInvalid || a.Class() == failover.ClassFiltered
		}) {
			continue
		}
		checked++
		require.NoError(t, h.err, "one voice was healthy all the time: %v", h)
	}
	require.NotZero(t, checked, "the check saw nothing")
}

// checkAccounted: a request of which nobody delivered anything names every
// provider, each with a reason that its own script confirms.
func (st *hall) checkAccounted(t *testing.T) {
	t.Helper()
	for _, h := range st.hearings {
		if !h.patient() || h.err == nil || len(h.heard) > 0 || h.ctxEnded() {
			continue
		}
		attempts, skipped := h.broken()
		require.NotEmpty(t, len(attempts)+len(skipped), "unexpected error: %T: %v", h.err, h)
		for _, v := range st.voices {
			tried := slices.ContainsFunc(attempts, func(a failover.Attempt) bool { return a.Provider == v.name })
			at := slices.IndexFunc(skipped, func(s failover.Skip) bool { return s.Provider == v.name })
			require.NotEqual(t, tried, at >= 0, "%s must be either tried or skipped: %v", v.name, h)
			since := h.begun
			if !tried {
				switch skipped[at].Reason {
				case failover.ReasonHalfOpen: // its one trial was with another request
					continue
				case failover.ReasonNotChosen: // the request itself was refused
					require.Contains(t, []failover.Class{failover.ClassInvalid, failover.ClassFiltered}, attempts[len(attempts)-1].Class(), "%v", h)
					continue
				}
				since -= hallShut + hallDrags
			}
			require.True(t, v.faultyWithin(since, h.ended+time.Millisecond), "%s was healthy: %v", v.name, h)
		}
	}
}

// checkStory: what Route tells is what was heard.
func (st *hall) checkStory(t *testing.T) {
	t.Helper()
	for _, h := range st.hearings {
		r := h.result
		if r == nil || h.panics {
			continue // a panic leaves the story where it was
		}
		require.Equal(t, h.err, r.Err, "%v", h)
		require.Equal(t, len(h.delivered()), r.Items, "%v", h)
		require.Equal(t, len(h.heard)-r.Items, r.Restarted, "%v", h)
		require.LessOrEqual(t, r.Duration, h.ended-h.begun)
		items := 0
		for _, a := range r.Attempts {
			items += a.Items
		}
		require.Equal(t, r.Items, items, "the items of the attempts: %+v: %v", r.Attempts, h)
		if last := h.sinceRestart(); len(last) > 0 {
			require.Equal(t, last[len(last)-1].by, r.Provider, "%v", h)
		}
	}
}

// checkUnblamed: who never failed is never shut out, however its callers
// behave.
func (st *hall) checkUnblamed(t *testing.T) {
	t.Helper()
	for i, p := range st.router.Status().Providers {
		if len(st.voices[i].acts) > 0 {
			continue
		}
		require.Zero(t, st.shut[p.Name], "%s never failed, yet it was shut out", p.Name)
		require.Equal(t, failover.BreakerClosed, p.Breaker)
		require.InDelta(t, 1, p.SuccessRate, 0, "%s: %v", p.Name, p.Attempts)
		require.Zero(t, p.Interrupted, "%s: no stream of its broke off", p.Name)
		for class := range p.Attempts {
			require.Contains(t, []string{"success", "canceled", "timeout"}, class, "%s", p.Name)
		}
	}
}

// checkProbesOnly: once a failing voice had time to be found out, it is asked
// seldom.
func (st *hall) checkProbesOnly(t *testing.T, most int) {
	t.Helper()
	const minute = time.Minute
	checked := 0
	for _, v := range st.voices {
		for _, a := range v.acts {
			met := slices.IndexFunc(v.utterances, func(u *utterance) bool { return u.came >= a.from })
			if met < 0 || !a.failing() {
				continue
			}
			for from := v.utterances[met].came + 20*time.Second; from+minute <= a.to; from += 10 * time.Second {
				n := 0
				for _, u := range v.utterances {
					if u.came >= from && u.came < from+minute {
						n++
					}
				}
				checked++
				require.LessOrEqual(t, n, most, "%s fails (%d, %v) since %v: streams in the minute from %v", v.name, a.ail, a.class, a.from, from)
			}
		}
	}
	require.NotZero(t, checked, "the seed fails too seldom: the check saw nothing")
}

// checkHealed: a healed voice gets its traffic back.
func (st *hall) checkHealed(t *testing.T) {
	t.Helper()
	primary, checked := st.voices[0], 0
	for i, a := range primary.acts {
		from, to := a.to+hallShut, st.length
		if i+1 < len(primary.acts) {
			to = min(to, primary.acts[i+1].from)
		}
		if to-from < 20*time.Second {
			continue
		}
		mine, others := 0, 0
		for _, h := range st.hearings {
			switch {
			case h.begun < from || h.ended >= to || h.err != nil || len(h.heard) == 0:
			case h.heard[0].by == primary.name:
				mine++
			default:
				others++
			}
		}
		checked++
		require.Greater(t, mine, 9*others, "healed at %v, healthy until %v: %d streams from it, %d from others", a.to, to, mine, others)
	}
	require.NotZero(t, checked, "the seed heals too seldom: the check saw nothing")
}

// close ends it: nothing runs on, and the statistics agree with what
// the voices saw.
func (st *hall) close(t *testing.T) {
	t.Helper()
	require.NoError(t, st.router.Close())
	synctest.Wait()
	for i, p := range st.router.Status().Providers {
		v := st.voices[i]
		require.Zero(t, p.InFlight, "%s: attempts are still counted as running", p.Name)
		require.Zero(t, v.open, "%s: streams run on", p.Name)
		sum := uint64(0)
		for n := range maps.Values(p.Attempts) {
			sum += n
		}
		require.Equal(t, uint64(len(v.utterances)), sum, "%s: streams seen and attempts counted", p.Name)
	}
}

// inHall runs a test in a hall of its own, in its own bubble.
func inHall(t *testing.T, name string, s staging, check func(t *testing.T, st *hall)) {
	t.Helper()
	t.Run(fmt.Sprint(name, "/", s.seed), func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			st := perform(t, s)
			st.checkWhole(t)
			st.checkErrors(t)
			st.checkPrompt(t)
			st.checkStory(t)
			check(t, st)
			st.close(t)
		})
	})
}

// bothSeeds are one that is always the same, and one that never is.
func bothSeeds() []uint64 { return []uint64{1, uint64(time.Now().UnixNano())} }

func TestRandomStreamFaultsWithOneSteadyVoice(t *testing.T) {
	t.Parallel()
	for policy := range hallPolicies {
		for _, seed := range bothSeeds() {
			for _, hedged := range []bool{false, true} {
				s := staging{seed: seed, steady: true, observed: true, hedged: hedged, policy: policy}
				inHall(t, fmt.Sprintf("%s/hedged %v", policy, hedged), s, func(t *testing.T, st *hall) {
					st.checkServed(t)
					st.checkUnblamed(t)
				})
			}
		}
	}
}

func TestRandomStreamFaultsEverywhere(t *testing.T) {
	t.Parallel()
	for policy := range hallPolicies {
		for _, seed := range bothSeeds() {
			s := staging{seed: seed, hedged: seed%2 == 0, policy: policy}
			inHall(t, policy, s, func(t *testing.T, st *hall) { st.checkAccounted(t) })
		}
	}
}

func TestRudeCallersBlameNobody(t *testing.T) {
	t.Parallel()
	for policy := range hallPolicies {
		for _, hedged := range []bool{false, true} {
			s := staging{seed: bothSeeds()[1], healthy: true, rude: true, observed: true, hedged: hedged, policy: policy}
			inHall(t, fmt.Sprintf("%s/hedged %v", policy, hedged), s, func(t *testing.T, st *hall) {
				st.checkUnblamed(t)
				for _, h := range st.hearings { // under a deadline an attempt may be cut to leave time for the next
					require.True(t, h.err == nil || h.ctxEnded() || (h.deadline > 0 && len(h.heard) == 0), "%v", h)
				}
			})
		}
	}
}

func TestFailingVoiceGetsOnlyProbes(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"fail", "restart", "whole"} {
		for _, seed := range bothSeeds() {
			s := staging{seed: seed, cast: 3, steady: true, patient: true, inOrder: true, policy: policy, length: time.Hour}
			inHall(t, policy, s, func(t *testing.T, st *hall) {
				st.checkServed(t)
				st.checkProbesOnly(t, 16) // of about sixty requests
				st.checkHealed(t)
			})
		}
	}
}
