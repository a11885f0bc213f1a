package google

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object that keeps its order.
type object []member

type member struct {
	key   string
	value any
}

func (o object) get(key string) (any, bool) {
	for _, m := range o {
		if m.key == key {
			return m.value, true
		}
	}
	return nil, false
}

var errNoObject = errors.New("not a JSON object")

// parseObject reads a JSON object: objects as object, lists as []any, numbers
// as json.Number.
func parseObject(raw []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := parseValue(d)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, errNoObject
	}
	return o, nil
}

func parseValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return parseMembers(d)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

func parseMembers(d *json.Decoder) (object, error) {
	o := object{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := parseValue(d)
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		o = slices.DeleteFunc(o, func(m member) bool { return m.key == name }) // the last one counts
		o = append(o, member{name, v})
	}
	_, err := d.Token()
	return o, err
}

// plain is a value as encoding/json takes it.
func plain(v any) any {
	switch v := v.(type) {
	case object:
		m := map[string]any{}
		for _, member := range v {
			m[member.key] = plain(member.value)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	}
	return v
}

// escape makes a key a step of a JSON pointer.
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// simplified is a schema without the words that can be said with words that
// Gemini knows.
func simplified(o object, path string) (object, error) {
	var out object
	for _, m := range o {
		switch m.key {
		case "const":
			out = append(out, constant(m)...)
		case "exclusiveMinimum", "exclusiveMaximum":
			out = append(out, inclusive(o, m))
		case "uniqueItems":
			if m.value != false {
				out = append(out, m)
			}
		case "allOf":
			only, ok := single(m.value)
			if !ok {
				out = append(out, m)
				continue
			}
			inner, err := simplified(only, path+"/allOf/0")
			if err != nil {
				return nil, err
			}
			out = append(out, inner...)
		default:
			out = append(out, m)
		}
	}
	return merged(out, path)
}

// constant says const with enum, or null with its type.
func constant(m member) []member {
	switch m.value.(type) {
	case nil:
		return []member{{"type", "null"}}
	case string, json.Number:
		return []member{{"enum", []any{m.value}}}
	}
	return []member{m}
}

// inclusive says an exclusive bound of whole numbers with the next number.
func inclusive(o object, m member) member {
	kind, _ := o.get("type")
	number, ok := m.value.(json.Number)
	if !ok || kind != "integer" {
		return m
	}
	n, err := number.Int64()
	const far = 1 << 53 // beyond it the next number is not exact
	if err != nil || n > far || n < -far {
		return m
	}
	if m.key == "exclusiveMinimum" {
		return member{"minimum", number64(n + 1)}
	}
	return member{"maximum", number64(n - 1)}
}

// single is the only schema of an allOf.
func single(v any) (object, bool) {
	list, ok := v.([]any)
	if !ok || len(list) != 1 {
		return nil, false
	}
	o, ok := list[0].(object)
	return o, ok
}

// merged refuses words that say two things now.
func merged(o object, path string) (object, error) {
	var out object
	for _, m := range o {
		before, twice := out.get(m.key)
		switch {
		case !twice:
			out = append(out, m)
		case m.key == "title" || m.key == "description" || same(before, m.value):
			// The outer note counts; what is said twice counts once.
		default:
			return nil, inexpressible(path+"/"+escape(m.key), "has two meanings of the keyword %q", m.key)
		}
	}
	return out, nil
}

func same(a, b any) bool {
	x, errX := json.Marshal(plain(a))
	y, errY := json.Marshal(plain(b))
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func number64(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
