package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/llm"
)

// emptySchema is that of a tool without arguments.
const emptySchema = `{"type":"object","properties":{}}`

// member is a field of a JSON object. Objects keep their order: models write
// answers in the order of their schema.
type member struct {
	name  string
	key   json.RawMessage // the name as JSON
	value json.RawMessage
}

// keyword makes a member of a name that needs no escapes.
func keyword(name, value string) member {
	return member{name: name, key: json.RawMessage(`"` + name + `"`), value: json.RawMessage(value)}
}

var errNoObject = errors.New("no JSON object")

// readObject reads a JSON object in its order.
func readObject(raw json.RawMessage) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errNoObject
	}
	var all []member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{}
		m.name, _ = name.(string)
		if m.key, err = json.Marshal(m.name); err != nil {
			return nil, err
		}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func writeObject(members []member) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(m.key)
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

func field(members []member, name string) (json.RawMessage, bool) {
	i := slices.IndexFunc(members, func(m member) bool { return m.name == name })
	if i < 0 {
		return nil, false
	}
	return members[i].value, true
}

// atRoot are keywords that OpenAI refuses at the root of a schema.
var atRoot = []string{"oneOf", "anyOf", "allOf", "enum", "not"}

// checkRoot makes the root of a schema an object's, or says why it cannot be.
func checkRoot(members []member, where string) ([]member, error) {
	for _, name := range atRoot {
		if _, ok := field(members, name); ok {
			return nil, llm.Unsupported(where, "has %s at its root, which OpenAI refuses", name)
		}
	}
	kind, typed := field(members, "type")
	if typed && string(bytes.TrimSpace(kind)) != `"object"` {
		return nil, llm.Unsupported(where, "has a type at its root that is not object, which OpenAI refuses")
	}
	if _, referred := field(members, "$ref"); referred {
		return nil, llm.Unsupported(where, "has $ref at its root, which OpenAI refuses")
	}
	if !typed {
		members = append([]member{keyword("type", `"object"`)}, members...)
	}
	return members, nil
}

// toolSchema is a schema of arguments as OpenAI takes it. Arrays must say what
// they are of and objects what they have, be it anything or nothing.
func toolSchema(raw json.RawMessage, where string) (json.RawMessage, error) {
	if len(raw) == 0 {
		return json.RawMessage(emptySchema), nil
	}
	members, err := readObject(raw)
	if err != nil {
		return nil, llm.Invalid(&llm.RequestError{Field: where, Reason: "is no JSON object"})
	}
	if members, err = checkRoot(members, where); err != nil {
		return nil, err
	}
	return rewrite(writeObject(members), completed), nil
}

// completed adds what OpenAI misses in a schema and what means nothing else.
func completed(members []member) []member {
	kind, _ := field(members, "type")
	missing := map[string]string{`"array"`: "items", `"object"`: "properties"}[string(bytes.TrimSpace(kind))]
	if missing == "" {
		return members
	}
	if _, ok := field(members, missing); !ok {
		members = append(members, keyword(missing, "{}"))
	}
	return members
}

// Where schemas stand in a schema: alone, in a list, or under names.
var (
	single = []string{
		"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
		"unevaluatedItems", "unevaluatedProperties", "additionalItems", "contentSchema",
	}
	inLists = []string{"anyOf", "oneOf", "allOf", "prefixItems"}
	named   = []string{"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
)

// rewrite changes a schema and all schemas in it. What is no object (true,
// false) stays as it is.
func rewrite(raw json.RawMessage, change func([]member) []member) json.RawMessage {
	members, err := readObject(raw)
	if err != nil {
		return raw
	}
	for i, m := range members {
		members[i].value = rewriteIn(m, change)
	}
	return writeObject(change(members))
}

// rewriteIn changes the schemas in a keyword.
func rewriteIn(m member, change func([]member) []member) json.RawMessage {
	switch {
	case slices.Contains(single, m.name):
		return rewrite(m.value, change)
	case slices.Contains(inLists, m.name):
		var all []json.RawMessage
		if json.Unmarshal(m.value, &all) != nil {
			return m.value
		}
		for i := range all {
			all[i] = rewrite(all[i], change)
		}
		return append(append([]byte{'['}, bytes.Join(bytesOf(all), []byte{','})...), ']')
	case slices.Contains(named, m.name):
		children, err := readObject(m.value)
		if err != nil {
			return m.value
		}
		for i := range children {
			children[i].value = rewrite(children[i].value, change)
		}
		return writeObject(children)
	}
	return m.value
}

func bytesOf(all []json.RawMessage) [][]byte {
	raw := make([][]byte, len(all))
	for i := range all {
		raw[i] = all[i]
	}
	return raw
}

// formatSchema is the schema of an answer as OpenAI takes it, and whether it
// is enforced. An object that does not say whether it has other properties is
// closed then: what follows the narrower schema follows the wider one.
func formatSchema(raw json.RawMessage) (json.RawMessage, bool, error) {
	const where = "Format.Schema"
	members, err := readObject(raw)
	if err != nil {
		return nil, false, llm.Invalid(&llm.RequestError{Field: where, Reason: "is no JSON object"})
	}
	if members, err = checkRoot(members, where); err != nil {
		return nil, false, err
	}
	whole := writeObject(members)
	if far := foreignRef(whole, ""); far != "" {
		return nil, false, llm.Unsupported(where, "has a $ref to another document at %s, which OpenAI does not fetch", far)
	}
	if closed := rewrite(whole, closedObject); enforceable(closed) {
		return closed, true, nil
	}
	return whole, false, nil
}

// closedObject forbids further properties, where nothing is said of them, and
// leaves out what constrains nothing.
func closedObject(members []member) []member {
	members = slices.DeleteFunc(members, func(m member) bool { return m.name == "$schema" || m.name == "$id" || m.name == "$comment" })
	kind, _ := field(members, "type")
	if !bytes.Contains(kind, []byte(`"object"`)) {
		return members
	}
	if _, ok := field(members, "additionalProperties"); !ok {
		members = append(members, keyword("additionalProperties", "false"))
	}
	return members
}

// enforced are the keywords that OpenAI enforces:
// https://developers.openai.com/api/docs/guides/structured-outputs#supported-schemas.
var enforced = []string{
	"type", "title", "description", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf",
	"$ref", "$defs", "definitions", "pattern", "format", "multipleOf", "minimum", "maximum", "exclusiveMinimum",
	"exclusiveMaximum", "minItems", "maxItems",
}

// formats are those of strings that OpenAI enforces.
var formats = []string{"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}

// enforceable says whether OpenAI can enforce a schema: its keywords are known
// to it, its objects are closed and all their properties required.
func enforceable(raw json.RawMessage) bool {
	ok := true
	rewrite(raw, func(members []member) []member {
		ok = ok && enforceableHere(members)
		return members
	})
	return ok
}

func enforceableHere(members []member) bool {
	if len(members) == 0 {
		return false // anything
	}
	for _, m := range members {
		if !slices.Contains(enforced, m.name) {
			return false
		}
	}
	if format, ok := field(members, "format"); ok && !slices.Contains(formats, httpcall.String(format)) {
		return false
	}
	kind, _ := field(members, "type")
	properties, has := field(members, "properties")
	if !has && !bytes.Contains(kind, []byte(`"object"`)) {
		return true
	}
	closed, _ := field(members, "additionalProperties")
	return has && string(bytes.TrimSpace(closed)) == "false" && allRequired(members, properties)
}

func allRequired(members []member, properties json.RawMessage) bool {
	children, err := readObject(properties)
	if err != nil {
		return false
	}
	var names []string
	raw, _ := field(members, "required")
	if len(raw) > 0 && json.Unmarshal(raw, &names) != nil {
		return false
	}
	for _, child := range children {
		if !slices.Contains(names, child.name) {
			return false
		}
	}
	return len(names) == len(children)
}

// foreignRef is where a schema refers to another document; "" if nowhere.
func foreignRef(raw json.RawMessage, at string) string {
	members, err := readObject(raw)
	if err != nil {
		return ""
	}
	for _, m := range members {
		here := at + "/" + m.name
		if m.name == "$ref" {
			var to string
			if json.Unmarshal(m.value, &to) == nil && !strings.HasPrefix(to, "#") {
				return here
			}
		}
		var list []json.RawMessage
		if json.Unmarshal(m.value, &list) == nil {
			for i, item := range list {
				if far := foreignRef(item, fmt.Sprintf("%s/%d", here, i)); far != "" {
					return far
				}
			}
			continue
		}
		if far := foreignRef(m.value, here); far != "" {
			return far
		}
	}
	return ""
}
