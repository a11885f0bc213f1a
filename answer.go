package failover

import "reflect"

// emptiness looks at the kind of Resp once and returns how to tell that an
// answer holds nothing, or nil if every answer holds something.
func emptiness[Resp any]() func(Resp) bool {
	type emptier interface{ Empty() bool }
	t := reflect.TypeFor[Resp]()
	nilable := false
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Interface:
		nilable = true
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return func(r Resp) bool { return reflect.ValueOf(r).Len() == 0 }
		}
		return func(r Resp) bool { return reflect.ValueOf(r).IsNil() }
	case reflect.String:
		return func(r Resp) bool { return reflect.ValueOf(r).Len() == 0 }
	}
	speaks := t.Implements(reflect.TypeFor[emptier]())
	if !nilable && !speaks && t.Kind() != reflect.Interface {
		return nil
	}
	return func(r Resp) bool {
		if nilable && isNil(r) {
			return true
		}
		e, ok := any(r).(emptier)
		return ok && e.Empty()
	}
}

// isNil sees through an interface that holds a nil pointer.
func isNil[Resp any](r Resp) bool {
	v := reflect.ValueOf(r)
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Slice, reflect.Interface:
		return v.IsNil()
	default:
		return false
	}
}
