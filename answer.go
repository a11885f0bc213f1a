package failover

import "reflect"

// emptier is what a response can say of itself.
type emptier interface{ Empty() bool }

// emptiness looks at the kind of Resp once and returns how to tell that an
// answer holds nothing, or nil if every answer holds something.
func emptiness[Resp any]() func(Resp) bool {
	nothing := nothingIn[Resp]()
	speaks := speaking[Resp]()
	switch {
	case speaks == nil:
		return nothing
	case nothing == nil:
		return speaks
	default:
		return func(r Resp) bool { return nothing(r) || speaks(r) }
	}
}

// nothingIn judges by kind.
func nothingIn[Resp any]() func(Resp) bool {
	t := reflect.TypeFor[Resp]()
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Interface:
		return isNil[Resp]
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return func(r Resp) bool { return reflect.ValueOf(r).Len() == 0 }
		}
		return isNil[Resp]
	case reflect.String:
		return func(r Resp) bool { return reflect.ValueOf(r).Len() == 0 }
	default:
		return nil
	}
}

// speaking asks the response, where its type or its dynamic type has the
// method.
func speaking[Resp any]() func(Resp) bool {
	t, method := reflect.TypeFor[Resp](), reflect.TypeFor[emptier]()
	switch {
	case t.Kind() == reflect.Interface, t.Implements(method):
		return func(r Resp) bool {
			e, ok := any(r).(emptier)
			return ok && e.Empty()
		}
	case reflect.PointerTo(t).Implements(method):
		return func(r Resp) bool {
			e, ok := any(&r).(emptier)
			return ok && e.Empty()
		}
	default:
		return nil
	}
}

// isNil sees through an interface that holds a nil pointer.
func isNil[Resp any](r Resp) bool {
	v := reflect.ValueOf(r)
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Slice:
		return v.IsNil()
	default:
		return false
	}
}
