package anthropic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/packages/param"

	"github.com/gofailover/failover/providers/llm"
)

// inputSchema makes the schema of a tool's arguments. The vendor takes any JSON
// schema of an object that is not a choice at its top.
func inputSchema(raw json.RawMessage, i int) (sdk.ToolInputSchemaParam, error) {
	if len(raw) == 0 {
		return anyObject(), nil
	}
	field := fmt.Sprintf("Tools[%d].Schema", i)
	var top map[string]json.RawMessage
	if err := json.Unmarshal(raw, &top); err != nil {
		return sdk.ToolInputSchemaParam{}, llm.Unsupported(field, "is no JSON object")
	}
	for _, keyword := range []string{"anyOf", "allOf", "oneOf"} {
		if _, ok := top[keyword]; ok {
			return sdk.ToolInputSchemaParam{}, llm.Unsupported(field, "has the keyword %s at its top", keyword)
		}
	}
	kind, ok := top["type"]
	if !ok {
		top["type"] = json.RawMessage(`"object"`)
		return param.Override[sdk.ToolInputSchemaParam](top), nil
	}
	if string(bytes.TrimSpace(kind)) != `"object"` {
		return sdk.ToolInputSchemaParam{}, llm.Unsupported(field, "is not of the type object")
	}
	return param.Override[sdk.ToolInputSchemaParam](raw), nil
}

// anyObject is the schema of a tool that has none. The zero schema would not be
// sent.
func anyObject() sdk.ToolInputSchemaParam {
	return param.Override[sdk.ToolInputSchemaParam](json.RawMessage(`{"type":"object","properties":{}}`))
}

// outputSchema makes the schema of an answer in the vendor's dialect; see
// https://platform.claude.com/docs/en/build-with-claude/structured-outputs. An
// object that does not say whether it is open is closed: what follows the
// closed schema follows the open one. What has no translation is an error.
func outputSchema(raw json.RawMessage) (json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // keeps numbers as they are
	var root map[string]any
	if decoder.Decode(&root) != nil {
		return nil, llm.Unsupported("Format.Schema", "is no JSON object")
	}
	d := dialect{root: root}
	if err := d.schema(root, ""); err != nil {
		return nil, err
	}
	if err := d.acyclic(); err != nil {
		return nil, err
	}
	translated, err := json.Marshal(root)
	if err != nil {
		return nil, llm.Unsupported("Format.Schema", "cannot be sent")
	}
	return translated, nil
}

// dialect translates a schema in place.
type dialect struct {
	root map[string]any
	refs []reference
}

// reference is a $ref: where it stands and what it points to.
type reference struct{ at, to string }

func unsupported(path, format string, args ...any) error {
	if path == "" {
		path = "/"
	}
	return llm.Unsupported("Format.Schema", "%s at %.200s", fmt.Sprintf(format, args...), path)
}

// notes are keywords that constrain nothing and that the vendor does not take.
var notes = []string{"$schema", "$id", "$comment", "examples", "deprecated", "readOnly", "writeOnly"}

// formats are those of texts that the vendor follows.
var formats = []string{
	"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid",
}

// schema translates one schema. Keywords go in order, so that of several faults
// the same one is told each time.
func (d *dialect) schema(s map[string]any, path string) error {
	for _, note := range notes {
		delete(s, note)
	}
	for _, keyword := range slices.Sorted(maps.Keys(s)) {
		if err := d.keyword(s, keyword, path); err != nil {
			return err
		}
	}
	return closed(s, path)
}

func (d *dialect) keyword(s map[string]any, keyword, path string) error {
	value, at := s[keyword], path+"/"+keyword
	switch keyword {
	case "type", "enum", "const", "required", "title", "description", "default", "pattern":
		return nil
	case "properties", "$defs", "definitions":
		return d.each(value, at)
	case "items":
		return d.value(value, at)
	case "anyOf":
		return d.list(value, at)
	case "$ref":
		return d.reference(s, path)
	case "format":
		if name, ok := value.(string); ok && slices.Contains(formats, name) {
			return nil
		}
		return unsupported(path, "a format that is not followed")
	case "minItems":
		if n, ok := value.(json.Number); ok && (n == "0" || n == "1") {
			return nil
		}
		return unsupported(path, "minItems above 1")
	case "additionalProperties":
		if value == false {
			return nil
		}
		return unsupported(path, "additionalProperties that are not false")
	}
	return unsupported(path, "the keyword %.40q", keyword)
}

// each translates the schemas of an object.
func (d *dialect) each(value any, path string) error {
	all, ok := value.(map[string]any)
	if !ok {
		return unsupported(path, "a value that is no object")
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := d.value(all[name], path+"/"+escape(name)); err != nil {
			return err
		}
	}
	return nil
}

// list translates the schemas of an array.
func (d *dialect) list(value any, path string) error {
	all, ok := value.([]any)
	if !ok {
		return unsupported(path, "a value that is no array")
	}
	for i, v := range all {
		if err := d.value(v, fmt.Sprintf("%s/%d", path, i)); err != nil {
			return err
		}
	}
	return nil
}

func (d *dialect) value(v any, path string) error {
	s, ok := v.(map[string]any)
	if !ok {
		return unsupported(path, "a schema that is no object")
	}
	return d.schema(s, path)
}

// closed closes an object.
func closed(s map[string]any, path string) error {
	_, has := s["properties"]
	if s["type"] != "object" && !has && !lists(s["type"], "object") {
		return nil
	}
	if _, said := s["additionalProperties"]; !said && !has {
		return unsupported(path, "an object without properties, open to any,")
	}
	s["additionalProperties"] = false
	return nil
}

func lists(v any, want string) bool {
	all, _ := v.([]any)
	return slices.Contains(all, any(want))
}

// reference checks a $ref: within the document, and with nothing beside it that
// constrains.
func (d *dialect) reference(s map[string]any, path string) error {
	to, _ := s["$ref"].(string)
	if !strings.HasPrefix(to, "#/$defs/") && !strings.HasPrefix(to, "#/definitions/") {
		return unsupported(path, "a $ref to elsewhere than $defs")
	}
	for keyword := range s {
		switch keyword {
		case "$ref", "title", "description", "default", "$defs", "definitions":
		default:
			return unsupported(path, "a $ref with the keyword %.40q beside it", keyword)
		}
	}
	d.refs = append(d.refs, reference{path, strings.TrimPrefix(to, "#")})
	return nil
}

// acyclic refuses a schema that contains itself: each definition leads to those
// that are referred to within it.
func (d *dialect) acyclic() error {
	leads := map[string][]string{}
	for _, r := range d.refs {
		leads[definition(r.at)] = append(leads[definition(r.at)], definition(r.to))
	}
	state := map[string]int{} // 1: on the way, 2: done
	var within func(name string) (cycle string, ok bool)
	within = func(name string) (string, bool) {
		if state[name] == 1 {
			return name, false
		}
		if state[name] == 2 {
			return "", true
		}
		state[name] = 1
		for _, next := range leads[name] {
			if cycle, ok := within(next); !ok {
				return cycle, false
			}
		}
		state[name] = 2
		return "", true
	}
	for _, name := range slices.Sorted(maps.Keys(leads)) {
		if cycle, ok := within(name); !ok {
			return unsupported(cycle, "a schema that contains itself")
		}
	}
	return nil
}

// definition is the definition that a path is in; "" for none.
func definition(path string) string {
	parts := strings.SplitN(path, "/", 4)
	if len(parts) < 3 || parts[1] != "$defs" && parts[1] != "definitions" {
		return ""
	}
	return "/" + parts[1] + "/" + parts[2]
}

// escape is a name in a JSON pointer.
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
