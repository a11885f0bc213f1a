package stt

import (
	"context"
	"fmt"
	"slices"

	"github.com/gofailover/failover/providers/tts"
)

// Validator is a Provider.Validate. Those of this package make errors that
// contain nothing of the transcript.
type Validator = func(ctx context.Context, req Request, heard *Transcript) error

// UnsatisfactoryError says why a transcript is not good enough. It is the cause
// of the failover.Error of class unsatisfactory.
type UnsatisfactoryError struct {
	// Reason contains nothing of the transcript.
	Reason string
}

// Error gives the reason.
func (e *UnsatisfactoryError) Error() string { return "stt: the transcript " + e.Reason }

// SafeToPrint says that the text holds nothing of the transcript.
func (e *UnsatisfactoryError) SafeToPrint() {}

// orEmpty stands for no transcript at all, which a validator sees with
// failover.WithEmptyAnswers.
func orEmpty(heard *Transcript) *Transcript {
	if heard == nil {
		return &Transcript{}
	}
	return heard
}

func unsatisfactory(format string, args ...any) error {
	return &UnsatisfactoryError{Reason: fmt.Sprintf(format, args...)}
}

// All is satisfied if each of the validators is. The first error counts.
func All(validators ...Validator) Validator {
	return func(ctx context.Context, req Request, heard *Transcript) error {
		for _, v := range validators {
			if err := v(ctx, req, heard); err != nil {
				return err
			}
		}
		return nil
	}
}

// SilenceLevel is how loud audio is that [NonEmpty] takes for silent, in
// decibels below full scale: a quiet room through a telephone stays below it,
// whispering does not.
const SilenceLevel = -50

// NonEmpty wants a text, of audio that is not silent: that is louder than
// [SilenceLevel] for a tenth of a second altogether. Of headerless audio and WAV
// files it looks at the samples. Other files, and audio that only the vendor
// has fetched, it cannot decode, and takes for not silent: give
// failover.WithAcceptLast, so that an empty text on which all providers agree
// is the answer.
func NonEmpty(ctx context.Context, req Request, heard *Transcript) error {
	return NonEmptyAbove(SilenceLevel)(ctx, req, heard)
}

// NonEmptyAbove is [NonEmpty] with another level: noise that is louder than
// SilenceLevel for no speech wants a higher one, such as -35.
func NonEmptyAbove(dBFS float64) Validator {
	return func(_ context.Context, req Request, heard *Transcript) error {
		if orEmpty(heard).Text != "" {
			return nil
		}
		switch loud, known := req.heard(dBFS); {
		case !known:
			return unsatisfactory("is empty, and whether the audio is silent cannot be told")
		case loud:
			return unsatisfactory("is empty, and the audio is not silent")
		}
		return nil
	}
}

// Confident wants the Confidence of the transcript to be at least the least. A
// transcript without one passes: not every vendor tells, and an empty text has
// none.
func Confident(least float64) Validator {
	return func(_ context.Context, _ Request, heard *Transcript) error {
		if got := orEmpty(heard).Confidence; got != 0 && !(got >= least) {
			return unsatisfactory("has confidence %.2f, below %.2f", got, least)
		}
		return nil
	}
}

// ConfidentWords wants at least a share, from 0 to 1, of the words to have a
// Confidence of at least the least. A transcript whose words have none passes:
// not every vendor tells.
func ConfidentWords(least, share float64) Validator {
	return func(_ context.Context, _ Request, heard *Transcript) error {
		sure, of := 0, 0
		for _, w := range orEmpty(heard).Words {
			if w.Confidence == 0 {
				continue
			}
			of++
			if w.Confidence >= least {
				sure++
			}
		}
		if of > 0 && !(float64(sure) >= share*float64(of)) {
			return unsatisfactory("has %d of %d words with confidence %.2f or more, below a share of %.2f", sure, of, least, share)
		}
		return nil
	}
}

// InLanguage wants the Language of a transcript that is not empty to be one of
// tags, whatever the regions; without tags it is that of the request, if it has
// one. A vendor that does not tell what it heard is taken at the request's word:
// Transcript.Language is that then. Where neither says, tags are not satisfied.
func InLanguage(tags ...string) Validator {
	return func(_ context.Context, req Request, heard *Transcript) error {
		heard = orEmpty(heard)
		want := tags
		if len(want) == 0 && req.Language != "" {
			want = []string{req.Language}
		}
		switch {
		case len(want) == 0 || heard.Text == "":
			return nil
		case heard.Language == "":
			return unsatisfactory("does not say its language")
		case !slices.ContainsFunc(want, func(tag string) bool { return tts.SameLanguage(tag, heard.Language) }):
			return unsatisfactory("is in another language")
		}
		return nil
	}
}
