package failover

import (
	"container/list"
	"sync"
)

// lru is a bounded table whose entries are forgotten when they were not used
// for ttl, or when there are more than most. Safe for concurrent use.
type lru[V any] struct {
	most int
	ttl  int64

	mu    sync.Mutex
	byKey map[string]*list.Element
	order list.List // the latest used first
}

type lruEntry[V any] struct {
	key   string
	used  int64
	value V
}

func newLRU[V any](most int, ttl int64) *lru[V] {
	return &lru[V]{most: most, ttl: ttl, byKey: map[string]*list.Element{}}
}

// update gives f the value of key (zero and false if there is none) under the
// lock, and keeps what f returns, or removes the key if keep is false.
func (l *lru[V]) update(key string, now int64, f func(value V, found bool) (next V, keep bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	el, found := l.byKey[key]
	var value V
	if found {
		value = el.Value.(*lruEntry[V]).value //nolint:forcetypeassert // it holds nothing else
	}
	next, keep := f(value, found)
	switch {
	case !keep && found:
		l.remove(el)
	case !keep:
	case found:
		e := el.Value.(*lruEntry[V]) //nolint:forcetypeassert // as above
		e.value, e.used = next, now
		l.order.MoveToFront(el)
	default:
		l.byKey[key] = l.order.PushFront(&lruEntry[V]{key: key, used: now, value: next})
		if len(l.byKey) > l.most {
			l.remove(l.order.Back())
		}
	}
}

// has says whether there is a value of key. It is no use of it.
func (l *lru[V]) has(key string, now int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	_, ok := l.byKey[key]
	return ok
}

func (l *lru[V]) expire(now int64) {
	for {
		el := l.order.Back()
		if el == nil || now-el.Value.(*lruEntry[V]).used <= l.ttl { //nolint:forcetypeassert // as above
			return
		}
		l.remove(el)
	}
}

func (l *lru[V]) remove(el *list.Element) {
	delete(l.byKey, el.Value.(*lruEntry[V]).key) //nolint:forcetypeassert // as above
	l.order.Remove(el)
}
