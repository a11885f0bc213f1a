package failover

import "time"

// CommitPolicy says how much of a stream is held back before its commit point,
// up to which a failure is invisible to the consumer. The zero policy holds
// nothing but the items before the first content. With Items and For together,
// what comes first counts.
type CommitPolicy struct {
	// Items is how many items with content are held.
	Items int
	// For is how long, from the first content, items are held. The first item
	// after it, or the end, commits.
	For time.Duration
	// Whole holds the stream to its end: it is read as one answer, a failure
	// at any moment is invisible, and so is a restart.
	Whole bool
	// MaxHeld bounds how many items are held. Past it a stream that is held as
	// a whole fails as [ClassIncomplete] with [ErrTooMuchHeld], and any other
	// commits. Default 65536.
	MaxHeld int
}

// WithCommit holds back more of a stream than the items before its first
// content.
func WithCommit(p CommitPolicy) Option {
	return optionFunc(func(c *config) {
		c.forStreams("WithCommit")
		c.commit = p
	})
}

func (p *CommitPolicy) complete(c *config) {
	if p.Whole && (p.Items != 0 || p.For != 0) {
		c.rejectf("WithCommit: Whole stands alone: Items %d, For %v", p.Items, p.For)
	}
	field(c, "WithCommit", "Items", &p.Items, 0)
	field(c, "WithCommit", "For", &p.For, 0)
	field(c, "WithCommit", "MaxHeld", &p.MaxHeld, 1<<16)
}
