package google_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/llm"
)

// asked is the schema of an answer as it was sent.
func asked(t *testing.T, schema string) (string, error) {
	t.Helper()
	s, c := start(t)
	_, err := c.LLM().Complete(t.Context(), llm.Request{Messages: hello().Messages, Format: llm.Format{Schema: json.RawMessage(schema)}})
	if failover.ClassOf(err) == failover.ClassUnsupported {
		return "", err
	}
	var body struct {
		GenerationConfig struct {
			ResponseJSONSchema json.RawMessage `json:"responseJsonSchema"`
		} `json:"generationConfig"`
	}
	require.NoError(t, json.Unmarshal([]byte(sent(t, s)), &body))
	return string(body.GenerationConfig.ResponseJSONSchema), nil
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		`{"type":"object","properties":{"b":{"type":["string","null"],"format":"date"},"a":{"type":"number","minimum":1.5,"maximum":12345678901}},"required":["b"],"additionalProperties":false}`: `{"type":"object","properties":{"b":{"type":["string","null"],"format":"date"},"a":{"type":"number","minimum":1.5,"maximum":12345678901}},"required":["b"],"additionalProperties":false,"propertyOrdering":["b","a"]}`,
		`{"propertyOrdering":["y","x"],"properties":{"x":{},"y":true}}`: `{"propertyOrdering":["y","x"],"properties":{"x":{},"y":{}}}`,
		`{"type":"array","items":{"type":"string"},"minItems":1}`:       `{"type":"array","items":{"type":"string"},"minItems":1}`,
		`{"items":[{"type":"string"}]}`:                                 `{"prefixItems":[{"type":"string"}]}`,
		`{"anyOf":[{"type":"string"},{"type":"null"}]}`:                 `{"anyOf":[{"type":"string"},{"type":"null"}]}`,
		`{"oneOf":[{"enum":["a",1]}]}`:                                  `{"oneOf":[{"enum":["a",1]}]}`,
		`{"additionalProperties":{"type":"string"}}`:                    `{"additionalProperties":{"type":"string"}}`,
		`{"const":"a"}`:   `{"enum":["a"]}`,
		`{"const":null}`:  `{"type":"null"}`,
		`{"enum":[null]}`: `{"type":"null"}`,
		`{"type":["string","null"],"enum":["a",null],"description":"d"}`: `{"description":"d","anyOf":[{"type":"string","enum":["a"]},{"type":"null"}]}`,
		`{"type":"string","enum":["a",null]}`:                            `{"type":"string","enum":["a"]}`,
		`{"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":10}`:  `{"type":"integer","minimum":1,"maximum":9}`,
		`{"uniqueItems":false,"type":"array"}`:                           `{"type":"array"}`,
		`{"allOf":[{"type":"string"}],"title":"t"}`:                      `{"type":"string","title":"t"}`,
		`{"$schema":"https://json-schema.org/draft/2020-12/schema","$comment":"c","default":{"a":1},"examples":[1],"deprecated":true,"x-mine":1,"type":"string"}`: `{"type":"string"}`,
		`{"$ref":"#/definitions/n","definitions":{"n":{"type":"object","properties":{"next":{"$ref":"#/definitions/n","description":"d"}}}}}`:                     `{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}}}`,
		`{"properties":{"a":{"$ref":"#/$defs/n"},"b":{"allOf":[{"$ref":"#/$defs/n"}],"description":"d"}},"$defs":{"n":{"type":"string"}}}`:                        `{"properties":{"a":{"$ref":"#/$defs/n"},"b":{"$ref":"#/$defs/n"}},"propertyOrdering":["a","b"],"$defs":{"n":{"type":"string"}}}`,
	} {
		got, err := asked(t, schema)
		require.NoError(t, err, schema)
		assert.JSONEq(t, want, got)
	}
}

func TestSchemasThatCannotBeTold(t *testing.T) {
	t.Parallel()
	for schema, where := range map[string]string{
		`{"multipleOf":2}`:                              `has the keyword "multipleOf", unknown to Gemini, at #/multipleOf`,
		`{"properties":{"a/b":{"pattern":"x"}}}`:        `at #/properties/a~1b/pattern`,
		`{"items":{"minLength":1}}`:                     `at #/items/minLength`,
		`{"anyOf":[{},{"not":{}}]}`:                     `at #/anyOf/1/not`,
		`{"$defs":{"a":{"if":{}}}}`:                     `at #/$defs/a/if`,
		`{"additionalProperties":{"maxLength":1}}`:      `at #/additionalProperties/maxLength`,
		`{"allOf":[{"type":"string"},{}]}`:              `at #/allOf`,
		`{"allOf":[{"type":"string"}],"type":"number"}`: `at #/type`,
		`{"type":"number","exclusiveMinimum":0}`:        `at #/exclusiveMinimum`,
		`{"exclusiveMaximum":true,"type":"integer"}`:    `at #/exclusiveMaximum`,
		`{"uniqueItems":true}`:                          `at #/uniqueItems`,
		`{"const":true}`:                                `at #/const`,
		`{"enum":[true]}`:                               `at #/enum`,
		`{"enum":"a"}`:                                  `at #/enum`,
		`{"$ref":"https://a.test/s"}`:                   `at #/$ref`,
		`{"$ref":"#/properties/a"}`:                     `at #/$ref`,
		`{"$ref":"#","minimum":1}`:                      `at #/minimum`,
		`{"$ref":"#","properties":{}}`:                  `at #/properties`,
		`{"properties":{"a":{"$defs":{}}}}`:             `at #/properties/a/$defs`,
		`{"properties":[]}`:                             `at #/properties`,
		`{"items":7}`:                                   `at #/items`,
		`{"items":false}`:                               `at #/items`,
		`{"anyOf":{}}`:                                  `at #/anyOf`,
		strings.Repeat(`{"items":`, 200) + `{}` + strings.Repeat("}", 200): `100 levels`,
	} {
		_, err := asked(t, schema)
		var e *llm.RequestError
		require.ErrorAs(t, err, &e, schema)
		assert.Equal(t, "Format.Schema", e.Field)
		assert.Contains(t, e.Reason, where)
	}
}

func TestToolsMaySayMore(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	schema := `{"type":"object","properties":{"a":{"type":"string","pattern":"^x","minLength":1,"maxLength":9}},"minProperties":1,"maxProperties":2}`
	_, err := c.LLM().Complete(t.Context(), llm.Request{Messages: hello().Messages, Tools: []llm.Tool{{Name: "a", Schema: json.RawMessage(schema)}}})
	require.NoError(t, err)
	assert.JSONEq(t, schema, string(s.Asked()[0].Tools[0].Schema))
}
