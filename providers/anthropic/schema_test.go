package anthropic_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/providers/llm"
)

func TestSchemasAreTranslated(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		`{"type":"string"}`: `{"type":"string"}`,
		`{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"x","$comment":"c","type":"string","examples":["a"]}`: `{"type":"string"}`,
		`{"type":"object","properties":{"a":{"type":["object","null"],"properties":{}}}}`: `{"type":"object","additionalProperties":false,
			"properties":{"a":{"type":["object","null"],"properties":{},"additionalProperties":false}}}`,
		`{"type":"object","properties":{},"additionalProperties":false}`: `{"type":"object","properties":{},"additionalProperties":false}`,
		`{"type":"object","properties":{"list":{"type":"array","minItems":1,"items":{"$ref":"#/$defs/item"}}},
			"required":["list"],"$defs":{"item":{"title":"Item","anyOf":[{"type":"null"},{"$ref":"#/$defs/leaf"}]},
			"leaf":{"type":"string","format":"date","pattern":"^2"}}}`: `{"type":"object","additionalProperties":false,
			"properties":{"list":{"type":"array","minItems":1,"items":{"$ref":"#/$defs/item"}}},
			"required":["list"],"$defs":{"item":{"title":"Item","anyOf":[{"type":"null"},{"$ref":"#/$defs/leaf"}]},
			"leaf":{"type":"string","format":"date","pattern":"^2"}}}`,
		// Names of properties are no keywords.
		`{"type":"object","properties":{"minimum":{"type":"number"},"$schema":{"enum":[1.50]}}}`: `{"type":"object","additionalProperties":false,
			"properties":{"minimum":{"type":"number"},"$schema":{"enum":[1.50]}}}`,
	} {
		req := hello()
		req.Format.Schema = json.RawMessage(schema)
		var body struct {
			Config struct {
				Format struct {
					Schema json.RawMessage `json:"schema"`
				} `json:"format"`
			} `json:"output_config"`
		}
		require.NoError(t, json.Unmarshal([]byte(sent(t, req)), &body))
		assert.JSONEq(t, want, string(body.Config.Format.Schema))
		assert.JSONEq(t, schema, string(req.Format.Schema), "the request's own stays")
	}
}

func TestSchemasThatCannotBeExpressed(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		`{"type":"object","properties":{"a/b":{"type":"integer","minimum":1}}}`:      `the keyword "minimum" at /properties/a~1b`,
		`{"type":"string","maxLength":3}`:                                            `the keyword "maxLength" at /`,
		`{"oneOf":[{"type":"string"}]}`:                                              `the keyword "oneOf" at /`,
		`{"allOf":[{"type":"string"}]}`:                                              `the keyword "allOf" at /`,
		`{"type":"array","items":{"type":"string"},"minItems":2}`:                    `minItems above 1 at /`,
		`{"type":"array","items":true}`:                                              `a schema that is no object at /items`,
		`{"anyOf":{"type":"string"}}`:                                                `a value that is no array at /anyOf`,
		`{"properties":[]}`:                                                          `a value that is no object at /properties`,
		`{"type":"string","format":"regex"}`:                                         `a format that is not followed at /`,
		`{"type":"object"}`:                                                          `an object without properties, open to any, at /`,
		`{"type":"object","properties":{"a":{"type":"object"}}}`:                     `an object without properties, open to any, at /properties/a`,
		`{"type":"object","properties":{},"additionalProperties":{"type":"string"}}`: `additionalProperties that are not false at /`,
		`{"$ref":"https://example.com/x"}`:                                           `a $ref to elsewhere than $defs at /`,
		`{"$ref":"#"}`:                                                               `a $ref to elsewhere than $defs at /`,
		`{"anyOf":[{"$ref":"#/$defs/a","enum":[1]}],"$defs":{"a":{}}}`:               `a $ref with the keyword "enum" beside it at /anyOf/0`,
		`{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{"b":{"$ref":"#/$defs/b"}}},"b":{"anyOf":[{"$ref":"#/$defs/a"}]}}}`: `a schema that contains itself at /$defs/a`,
	} {
		req := hello()
		req.Format.Schema = json.RawMessage(schema)
		_, c := start(t)
		_, err := c.LLM().Complete(t.Context(), req)
		require.EqualError(t, err, "unsupported (llm: Format.Schema "+want+")", schema)
		assert.False(t, c.LLM().Supports(req))
	}
}

// The form of errors says which keyword and where, for the one who wrote it.
func TestUnsupportedSchemasNameTheField(t *testing.T) {
	t.Parallel()
	req := hello()
	req.Format.Schema = json.RawMessage(`{"not":{}}`)
	_, c := start(t)
	_, err := c.LLM().Complete(t.Context(), req)
	var fault *llm.RequestError
	require.ErrorAs(t, err, &fault)
	assert.Equal(t, "Format.Schema", fault.Field)
}
