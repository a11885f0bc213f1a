package failover

// Next says where a request goes after a failed attempt.
type Next uint8

const (
	// NextProvider moves on to another provider.
	NextProvider Next = iota
	// NextStop ends the request.
	NextStop
	// NextSecondOpinion asks one more provider if the vendor itself refused
	// the request (status 400 or 422) and it is repeatable; a second refusal
	// of the same class ends it. Otherwise as NextStop.
	NextSecondOpinion
)

// BreakerSees is what a provider's breaker makes of a failed attempt.
type BreakerSees uint8

const (
	// BreakerFailure counts against the provider.
	BreakerFailure BreakerSees = iota
	// BreakerSuccess counts for it: it is alive and did its job.
	BreakerSuccess
	// BreakerIgnored is neither.
	BreakerIgnored
)

// Verdict is one row of the table of what a failure means.
type Verdict struct {
	// Retry allows the same provider to be asked again, after a backoff. A
	// rate-limited provider is asked again only when nobody else can serve.
	Retry bool
	// Next says where the request goes when the provider is done with.
	Next Next
	// Breaker is what the breaker sees.
	Breaker BreakerSees
}

// DefaultVerdict returns what a failure of class means unless [WithVerdict]
// says otherwise:
//
//	class           retry   next             breaker
//	transient       yes     next provider    failure
//	timeout         no      next provider    failure
//	rate_limited    waits   next provider    ignored
//	exhausted       no      next provider    ignored
//	unauthorized    no      next provider    ignored
//	unsupported     no      next provider    ignored
//	unsatisfactory  no      next provider    ignored
//	incomplete      no      next provider    failure
//	filtered        no      stop             success
//	invalid         no      second opinion   success
//	canceled        no      stop             ignored
//	unknown         yes     next provider    failure
//
// Beside it, rate_limited cools the provider, exhausted and unauthorized cool
// its account, and three unsupported in a row cool the provider for as long as
// unauthorized would.
func DefaultVerdict(class Class) Verdict {
	switch class {
	case ClassTransient, ClassUnknown:
		return Verdict{Retry: true, Next: NextProvider, Breaker: BreakerFailure}
	case ClassTimeout, ClassIncomplete:
		return Verdict{Next: NextProvider, Breaker: BreakerFailure}
	case ClassRateLimited:
		return Verdict{Retry: true, Next: NextProvider, Breaker: BreakerIgnored}
	case ClassExhausted, ClassUnauthorized, ClassUnsupported, ClassUnsatisfactory:
		return Verdict{Next: NextProvider, Breaker: BreakerIgnored}
	case ClassFiltered:
		return Verdict{Next: NextStop, Breaker: BreakerSuccess}
	case ClassInvalid:
		return Verdict{Next: NextSecondOpinion, Breaker: BreakerSuccess}
	default: // ClassCanceled
		return Verdict{Next: NextStop, Breaker: BreakerIgnored}
	}
}

func defaultVerdicts() [numClasses]Verdict {
	var table [numClasses]Verdict
	for class := range numClasses {
		table[class] = DefaultVerdict(class)
	}
	return table
}
