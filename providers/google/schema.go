package google

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// dialect is what Gemini understands of JSON Schema in one place.
type dialect struct{ keeps map[string]bool }

// answerDialect is that of answers: what the reference of
// GenerationConfig.responseJsonSchema lists
// (https://ai.google.dev/api/generate-content, read on 2026-11-21). It says
// that everything else is ignored, which is why it is refused here.
var answerDialect = dialect{set(
	"$id", "$anchor", "type", "format", "title", "description", "enum",
	"minItems", "maxItems", "minimum", "maximum", "required", "propertyOrdering",
)}

// toolDialect is that of the arguments of tools: the same, and what Google's
// own Schema type says of texts and objects beside.
var toolDialect = dialect{with(answerDialect.keeps, "minLength", "maxLength", "pattern", "minProperties", "maxProperties")}

// refused are the words of JSON Schema that bind, and that neither dialect has.
// Words that are not here and not in a dialect do not bind: notes, defaults,
// and words of nobody's. They are left out.
var refused = set(
	"minLength", "maxLength", "pattern", "minProperties", "maxProperties",
	"multipleOf", "exclusiveMinimum", "exclusiveMaximum", "uniqueItems",
	"contains", "minContains", "maxContains", "additionalItems", "unevaluatedItems",
	"patternProperties", "propertyNames", "unevaluatedProperties",
	"dependencies", "dependentRequired", "dependentSchemas",
	"allOf", "not", "if", "then", "else", "const", "$dynamicRef", "$recursiveRef",
)

func set(words ...string) map[string]bool { return with(nil, words...) }

func with(old map[string]bool, words ...string) map[string]bool {
	m := maps.Clone(old)
	if m == nil {
		m = map[string]bool{}
	}
	for _, w := range words {
		m[w] = true
	}
	return m
}

// schemaError says what of a schema cannot be told to Gemini. It contains names
// of the schema and no values.
type schemaError struct{ what, path string }

func (e *schemaError) Error() string { return e.what + " at " + e.path }

func inexpressible(path, format string, args ...any) error {
	return &schemaError{fmt.Sprintf(format, args...), path}
}

// maxDepth bounds how deep a schema nests; Google's own bound is far lower.
const maxDepth = 100

// translate gives a JSON schema in the dialect. Every constraint of it is
// either kept or the reason for an error.
func (d dialect) translate(raw json.RawMessage) (map[string]any, error) {
	root, err := parseObject(raw)
	if err != nil {
		return nil, inexpressible("#", "has what cannot be read")
	}
	return d.schema(root, "#", 0)
}

// sub translates what stands where a schema may stand.
func (d dialect) sub(v any, path string, depth int) (map[string]any, error) {
	switch v := v.(type) {
	case object:
		return d.schema(v, path, depth+1)
	case bool:
		if v {
			return map[string]any{}, nil
		}
		return nil, inexpressible(path, "has the schema false")
	}
	return nil, inexpressible(path, "has no schema")
}

func (d dialect) schema(o object, path string, depth int) (map[string]any, error) {
	if depth > maxDepth {
		return nil, inexpressible("#", "has more than %d levels", maxDepth)
	}
	o, err := simplified(o, path)
	if err != nil {
		return nil, err
	}
	if ref, ok := o.get("$ref"); ok {
		return d.reference(o, ref, path, depth)
	}
	out := map[string]any{}
	for _, m := range o {
		if err := d.word(out, m, path+"/"+escape(m.key), depth); err != nil {
			return nil, err
		}
	}
	return splitNull(out), nil
}

// word translates one word of a schema into out.
func (d dialect) word(out map[string]any, m member, path string, depth int) error {
	var err error
	switch {
	case m.key == "properties":
		return d.properties(out, m.value, path, depth)
	case m.key == "$defs" || m.key == "definitions":
		return d.definitions(out, m.value, path, depth)
	case m.key == "items":
		if _, list := m.value.([]any); list { // before draft 2020-12
			out["prefixItems"], err = d.list(m.value, path, depth)
			return err
		}
		out["items"], err = d.sub(m.value, path, depth)
	case m.key == "additionalProperties":
		if allowed, ok := m.value.(bool); ok {
			out[m.key] = allowed
			return nil
		}
		out[m.key], err = d.sub(m.value, path, depth)
	case m.key == "anyOf" || m.key == "oneOf" || m.key == "prefixItems":
		out[m.key], err = d.list(m.value, path, depth)
	case m.key == "enum":
		return enum(out, m.value, path)
	case d.keeps[m.key]:
		out[m.key] = plain(m.value)
	case refused[m.key]:
		return inexpressible(path, "has the keyword %q, unknown to Gemini,", m.key)
	}
	return err
}

// properties keeps the order that they are written in: the model writes them so.
func (d dialect) properties(out map[string]any, v any, path string, depth int) error {
	o, ok := v.(object)
	if !ok {
		return inexpressible(path, "has no object")
	}
	all, order := map[string]any{}, []any{}
	for _, m := range o {
		s, err := d.sub(m.value, path+"/"+escape(m.key), depth)
		if err != nil {
			return err
		}
		all[m.key] = s
		order = append(order, m.key)
	}
	out["properties"] = all
	if _, given := out["propertyOrdering"]; !given && len(order) > 1 {
		out["propertyOrdering"] = order
	}
	return nil
}

func (d dialect) definitions(out map[string]any, v any, path string, depth int) error {
	o, ok := v.(object)
	switch {
	case !ok:
		return inexpressible(path, "has no object")
	case depth > 0: // references to it would lead astray
		return inexpressible(path, "has definitions below the root")
	}
	all, _ := out["$defs"].(map[string]any)
	if all == nil {
		all = map[string]any{}
	}
	for _, m := range o {
		s, err := d.sub(m.value, path+"/"+escape(m.key), depth)
		if err != nil {
			return err
		}
		all[m.key] = s
	}
	out["$defs"] = all
	return nil
}

func (d dialect) list(v any, path string, depth int) ([]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, inexpressible(path, "has no list")
	}
	all := []any{}
	for i, v := range list {
		s, err := d.sub(v, fmt.Sprintf("%s/%d", path, i), depth)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// isReference matches the root, a definition and an anchor: other places may
// move in translation.
var isReference = regexp.MustCompile(`^#(/(\$defs|definitions)/[^/]+|[^/]*)$`)

// reference translates a schema with $ref, beside which Gemini allows words
// with "$" only: notes are left out, constraints refused.
func (d dialect) reference(o object, ref any, path string, depth int) (map[string]any, error) {
	target, ok := ref.(string)
	if !ok || !isReference.MatchString(target) {
		return nil, inexpressible(path+"/$ref", "has a reference to other than a definition")
	}
	out := map[string]any{"$ref": strings.Replace(target, "#/definitions/", "#/$defs/", 1)}
	for _, m := range o {
		switch at := path + "/" + escape(m.key); {
		case m.key == "$ref" || m.key == "title" || m.key == "description":
		case m.key == "$defs" || m.key == "definitions":
			if err := d.definitions(out, m.value, at, depth); err != nil {
				return nil, err
			}
		case strings.HasPrefix(m.key, "$") && d.keeps[m.key]:
			out[m.key] = plain(m.value)
		case binds(m.key):
			return nil, inexpressible(at, "has the keyword %q beside $ref", m.key)
		}
	}
	return out, nil
}

// binds says whether a word is one of JSON Schema that is more than a note.
func binds(word string) bool {
	return refused[word] || answerDialect.keeps[word] && word != "propertyOrdering" ||
		slices.Contains([]string{"properties", "items", "additionalProperties", "anyOf", "oneOf", "prefixItems"}, word)
}

// enum keeps values that are texts and numbers. A null among them is kept as
// such for splitNull.
func enum(out map[string]any, v any, path string) error {
	values, ok := v.([]any)
	if !ok {
		return inexpressible(path, "has no list")
	}
	for _, v := range values {
		switch v.(type) {
		case string, json.Number, nil:
		default:
			return inexpressible(path, "has a value that is neither text nor number")
		}
	}
	out["enum"] = plain(values)
	return nil
}

// splitNull says with anyOf that a value is one of a list or null: Gemini's
// enum is of texts and numbers.
func splitNull(out map[string]any) map[string]any {
	values, _ := out["enum"].([]any)
	if !slices.Contains(values, nil) {
		return out
	}
	rest := slices.DeleteFunc(slices.Clone(values), func(v any) bool { return v == nil })
	null := map[string]any{"type": "null"}
	if len(rest) == 0 {
		delete(out, "enum")
		out["type"] = "null"
		return out
	}
	if kind, ok := out["type"]; ok && !allowsNull(kind) {
		out["enum"] = rest
		return out
	}
	other := maps.Clone(out)
	other["enum"] = rest
	if types, ok := other["type"].([]any); ok {
		types = slices.DeleteFunc(slices.Clone(types), func(t any) bool { return t == "null" })
		other["type"] = types
		if len(types) == 1 {
			other["type"] = types[0]
		}
	}
	split := map[string]any{}
	for _, note := range []string{"title", "description", "$id", "$anchor", "$defs"} {
		if v, ok := other[note]; ok {
			split[note] = v
			delete(other, note)
		}
	}
	split["anyOf"] = []any{other, null}
	return split
}

// allowsNull says whether a type of JSON Schema is null or may be.
func allowsNull(kind any) bool {
	types, ok := kind.([]any)
	if !ok {
		types = []any{kind}
	}
	return slices.Contains(types, any("null"))
}
