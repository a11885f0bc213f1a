package failover

import "time"

// StickyPolicy bounds the table behind [Sticky]. Zero fields take their
// defaults.
type StickyPolicy struct {
	// Keys is how many are remembered; beyond it the least recently used is
	// forgotten. Default 10000.
	Keys int
	// TTL is after how much disuse a key is forgotten. Default 30 min.
	TTL time.Duration
}

// WithSticky bounds the table of sticky keys.
func WithSticky(p StickyPolicy) Option {
	return optionFunc(func(c *config) { c.sticky = p })
}

func (p *StickyPolicy) complete(c *config) {
	field(c, "WithSticky", "Keys", &p.Keys, 10_000)
	field(c, "WithSticky", "TTL", &p.TTL, 30*time.Minute)
}

// stickyTable remembers who served a key last.
type stickyTable struct{ keys *lru[int] }

func newStickyTable(p StickyPolicy) *stickyTable {
	return &stickyTable{newLRU[int](p.Keys, int64(p.TTL))}
}

// get returns who served the key last. It does not count as use, for a plan
// looks too; being served does.
func (t *stickyTable) get(key string, now int64) (index int, ok bool) {
	t.keys.mu.Lock()
	defer t.keys.mu.Unlock()
	t.keys.expire(now)
	if el, found := t.keys.byKey[key]; found {
		return el.Value.(*lruEntry[int]).value, true //nolint:forcetypeassert // it holds nothing else
	}
	return 0, false
}

func (t *stickyTable) put(key string, index int, now int64) {
	t.keys.update(key, now, func(int, bool) (int, bool) { return index, true })
}
