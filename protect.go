package failover

import (
	"context"
	"runtime"
	"runtime/debug"
)

// carried is a panic or Goexit of user code on one of our goroutines, on its
// way to the goroutine it belongs to.
type carried struct {
	value any // nil: runtime.Goexit
	stack []byte
}

// aside runs f, user code on a goroutine of ours, and then after, whether f
// returned (nil), panicked or left its goroutine. Nothing catches what after
// panics with.
func aside(f func(), after func(*carried)) {
	returned := false
	defer func() {
		var c *carried
		if !returned {
			c = &carried{value: recover(), stack: debug.Stack()}
		}
		after(c)
	}()
	f()
	returned = true
}

// resume panics, or leaves, as the carried code did.
func (c *carried) resume() {
	switch {
	case c == nil:
	case c.value == nil:
		runtime.Goexit()
	default:
		panic(c.value)
	}
}

// alone runs user code where no caller is left to panic to: a panic is an
// event.
func (c *core) alone(provider string, f func()) {
	aside(f, func(p *carried) {
		if p != nil {
			c.panicked(provider, p)
		}
	})
}

// panicked tells of a panic that has no caller left to go to.
func (c *core) panicked(provider string, p *carried) {
	if !c.listening {
		return
	}
	defer func() {
		// It may be the observer that panics. Nobody is left to be told of that.
		_ = recover()
	}()
	c.emit(context.Background(), PanicEvent{Origin: c.origin(), Provider: provider, Stack: string(p.stack)})
}
