package vendorsim

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Sample is a value that fits a JSON schema, the same one every time. It knows
// as much of JSON Schema as the vendors accept. Of no schema it is an empty
// object.
func Sample(schema json.RawMessage) json.RawMessage {
	var root map[string]any
	if json.Unmarshal(schema, &root) != nil || len(root) == 0 {
		return json.RawMessage(`{}`)
	}
	value, err := json.Marshal(sampler{root: root}.of(root, 0))
	if err != nil {
		panic("vendorsim: " + err.Error()) // it is made of what was JSON
	}
	return value
}

type sampler struct{ root map[string]any }

// sampleDepth ends schemas that contain themselves.
const sampleDepth = 8

func (s sampler) of(schema map[string]any, depth int) any {
	schema = s.resolve(schema)
	for _, given := range []string{"const", "default", "example"} {
		if v, ok := schema[given]; ok {
			return v
		}
	}
	if values, ok := schema["enum"].([]any); ok && len(values) > 0 {
		return values[0]
	}
	if first := alternative(schema); first != nil {
		return s.of(first, depth)
	}
	switch kind(schema) {
	case "object":
		return s.object(schema, depth)
	case "array":
		return s.array(schema, depth)
	case "integer", "number":
		return number(schema)
	case "boolean":
		return true
	case "null":
		return nil
	default:
		return word(schema)
	}
}

func (s sampler) resolve(schema map[string]any) map[string]any {
	for range sampleDepth {
		ref, ok := schema["$ref"].(string)
		if !ok {
			break
		}
		at := s.root
		for step := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(ref, "#"), "/"), "/") {
			if step != "" {
				at, _ = at[step].(map[string]any)
			}
		}
		schema = at
	}
	return schema
}

// alternative is the first of several that is not null.
func alternative(schema map[string]any) map[string]any {
	for _, of := range []string{"anyOf", "oneOf", "allOf"} {
		all, _ := schema[of].([]any)
		for _, one := range all {
			if m, ok := one.(map[string]any); ok && m["type"] != "null" {
				return m
			}
		}
	}
	return nil
}

// kind is the type; vendors write it in capitals, too.
func kind(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return strings.ToLower(t)
	case []any:
		for _, one := range t {
			if one, ok := one.(string); ok && one != "null" {
				return strings.ToLower(one)
			}
		}
		return "null"
	}
	if _, ok := schema["properties"]; ok {
		return "object"
	}
	return "string"
}

// object has all properties, unless they go too deep.
func (s sampler) object(schema map[string]any, depth int) any {
	properties, _ := schema["properties"].(map[string]any)
	all := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if inner, ok := properties[name].(map[string]any); ok && depth < sampleDepth {
			all[name] = s.of(inner, depth+1)
		}
	}
	return all
}

func (s sampler) array(schema map[string]any, depth int) any {
	items, _ := schema["items"].(map[string]any)
	all := []any{}
	if depth >= sampleDepth {
		return all
	}
	least, _ := schema["minItems"].(float64)
	for range max(1, int(least)) {
		all = append(all, s.of(items, depth+1))
	}
	return all
}

func number(schema map[string]any) any {
	if least, ok := schema["minimum"].(float64); ok {
		return least
	}
	if most, ok := schema["maximum"].(float64); ok {
		return min(most, 1)
	}
	return 1
}

func word(schema map[string]any) any {
	format, _ := schema["format"].(string)
	text := map[string]string{
		"date": "2026-01-02", "date-time": "2026-01-02T15:04:05Z", "time": "15:04:05Z",
		"email": "user@example.com", "uri": "https://example.com/", "uuid": "7d444840-9dc0-41d1-b245-5ffdce74fad2",
	}[format]
	if text == "" {
		text = "sample"
	}
	if least, ok := schema["minLength"].(float64); ok && int(least) > len(text) {
		text += strings.Repeat("x", int(least)-len(text))
	}
	if most, ok := schema["maxLength"].(float64); ok && int(most) < len(text) {
		text = text[:int(most)]
	}
	return text
}
