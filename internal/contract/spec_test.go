package contract_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// decodeAudio teaches the validator, once for all tests, that audio is bytes.
var decodeAudio = sync.OnceFunc(func() {
	for _, media := range []string{
		"audio/mpeg", "audio/wav", "audio/pcm", "audio/basic", "audio/alaw", "audio/mulaw", "audio/l16", "audio/ogg", "audio/opus",
	} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.FileBodyDecoder)
	}
})

// spec is a vendor's description of its API.
type spec struct {
	doc    *openapi3.T
	router routers.Router
}

// load reads a description and puts the API at baseURL. Documents are not
// validated as a whole: the vendors' own examples fail.
func load(t *testing.T, file, baseURL string, mend func(*openapi3.T)) *spec {
	t.Helper()
	folder := os.Getenv("FAILOVER_SPECS")
	if folder == "" {
		t.Skip("FAILOVER_SPECS is not set: it names the folder with the vendors' API descriptions")
	}
	decodeAudio()
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(folder, file))
	require.NoError(t, err)
	doc.Servers = openapi3.Servers{{URL: baseURL}}
	for _, path := range doc.Paths.Map() {
		path.Servers = nil
		for _, operation := range path.Operations() {
			operation.Servers = nil
		}
	}
	mend(doc)
	router, err := gorillamux.NewRouter(doc)
	require.NoError(t, err)
	return &spec{doc: doc, router: router}
}

// audioToo says that an operation answers with audio of any kind. The
// descriptions list one kind, or none.
func audioToo(operation *openapi3.Operation) {
	bytes := openapi3.NewStringSchema().WithFormat("binary")
	operation.Responses.Status(http.StatusOK).Value.Content["audio/*"] = openapi3.NewMediaType().WithSchema(bytes)
}

// anyOf loosens alternatives that overlap: of a oneOf more than one would
// match, and that is not what its author meant. The last one comes first,
// because a parameter that may be text or a number is read as the first that
// fits, and any number is text.
func anyOf(schema *openapi3.SchemaRef) {
	if len(schema.Value.OneOf) > 0 {
		schema.Value.AnyOf, schema.Value.OneOf = schema.Value.OneOf, nil
		slices.Reverse(schema.Value.AnyOf)
	}
}

// exchange is one request and its answer.
type exchange struct {
	request *http.Request
	body    []byte
	status  int
	header  http.Header
	answer  []byte
}

// tap is a transport that keeps what passes through it.
type tap struct {
	next http.RoundTripper

	mu   sync.Mutex
	seen []exchange
}

func (c *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchange{request: r.Clone(r.Context())}
	if r.Body != nil {
		x.body, _ = io.ReadAll(r.Body)
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(x.body))
	}
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	x.status, x.header = resp.StatusCode, resp.Header.Clone()
	x.answer, _ = io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(x.answer))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, x)
	return resp, nil
}

func (c *tap) last(t *testing.T) exchange {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	require.NotEmpty(t, c.seen, "nothing was sent")
	return c.seen[len(c.seen)-1]
}

// holds checks a request and its answer against the description.
func (s *spec) holds(t *testing.T, x exchange) {
	t.Helper()
	output := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: s.asks(t, x), Status: x.status, Header: x.header,
		Options: &openapi3filter.Options{MultiError: true},
	}
	require.NoError(t, openapi3filter.ValidateResponse(t.Context(), output.SetBodyBytes(x.answer)))
}

// asks checks a request against the description.
func (s *spec) asks(t *testing.T, x exchange) *openapi3filter.RequestValidationInput {
	t.Helper()
	input, err := s.asked(t, x)
	require.NoError(t, err)
	s.knowsNames(t, input.Route, x)
	return input
}

// asked says what the description has against a request.
func (s *spec) asked(t *testing.T, x exchange) (*openapi3filter.RequestValidationInput, error) {
	t.Helper()
	request := x.request.Clone(t.Context())
	request.Body = io.NopCloser(bytes.NewReader(x.body))
	route, params, err := s.router.FindRoute(request)
	require.NoError(t, err, "no such operation")
	input := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			SkipSettingDefaults: true, RejectWhenRequestBodyNotSpecified: true, MultiError: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
	}
	return input, openapi3filter.ValidateRequest(t.Context(), input)
}

// knowsNames checks that every field and parameter is one of the description:
// its schemas are open, so that a misspelt one passes.
func (s *spec) knowsNames(t *testing.T, route *routers.Route, x exchange) {
	t.Helper()
	parameters := slices.Concat(route.Operation.Parameters, route.PathItem.Parameters)
	for name := range x.request.URL.Query() {
		assert.NotNil(t, parameters.GetByInAndName(openapi3.ParameterInQuery, name), "there is no parameter %q", name)
	}
	content := route.Operation.RequestBody.Value.Content
	if form := content["application/x-www-form-urlencoded"]; form != nil {
		values, err := url.ParseQuery(string(x.body))
		require.NoError(t, err)
		for name := range values {
			assert.Contains(t, fields(form.Schema), name, "there is no such field")
		}
		return
	}
	if content["application/json"] == nil || x.request.Header.Get("Content-Type") != "application/json" {
		return // audio has no fields, and of a form with files its test checks the names
	}
	var body map[string]any
	require.NoError(t, json.Unmarshal(x.body, &body))
	knowsFields(t, "", body, content["application/json"].Schema)
}

func knowsFields(t *testing.T, path string, value map[string]any, schema *openapi3.SchemaRef) {
	t.Helper()
	properties := fields(schema)
	for name, inner := range value {
		property, ok := properties[name]
		if !assert.True(t, ok, "there is no field %q", path+name) {
			continue
		}
		// The fields of a map are the caller's.
		if object, ok := inner.(map[string]any); ok && property.Value.AdditionalProperties.Schema == nil {
			knowsFields(t, path+name+".", object, property)
		}
	}
}

// fields are the properties of an object, through alternatives such as "this
// or null".
func fields(schema *openapi3.SchemaRef) openapi3.Schemas {
	all := openapi3.Schemas{}
	maps.Copy(all, schema.Value.Properties)
	for _, alternative := range slices.Concat(schema.Value.AnyOf, schema.Value.OneOf, schema.Value.AllOf) {
		maps.Copy(all, fields(alternative))
	}
	return all
}

// enum lists the values of a parameter, through alternatives.
func enum(schema *openapi3.SchemaRef) []string {
	var all []string
	for _, value := range schema.Value.Enum {
		all = append(all, value.(string))
	}
	for _, alternative := range slices.Concat(schema.Value.AnyOf, schema.Value.OneOf) {
		all = append(all, enum(alternative)...)
	}
	return all
}

// field is a text in a JSON object.
func field(t *testing.T, body []byte, name string) string {
	t.Helper()
	var all map[string]any
	require.NoError(t, json.Unmarshal(body, &all))
	text, ok := all[name].(string)
	require.True(t, ok, name)
	return text
}

func (s *spec) parameter(t *testing.T, path, name string) *openapi3.SchemaRef {
	t.Helper()
	p := s.doc.Paths.Find(path).Post.Parameters.GetByInAndName(openapi3.ParameterInQuery, name)
	require.NotNil(t, p, name)
	return p.Schema
}

// answers checks an answer alone, where the request was wrong on purpose.
func (s *spec) answers(t *testing.T, method, path string, x exchange) {
	t.Helper()
	item := s.doc.Paths.Find(path)
	output := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: x.request,
			Route:   &routers.Route{Spec: s.doc, PathItem: item, Method: method, Operation: item.GetOperation(method)},
		},
		Status: x.status, Header: x.header,
		Options: &openapi3filter.Options{MultiError: true, IncludeResponseStatus: true},
	}
	require.NoError(t, openapi3filter.ValidateResponse(t.Context(), output.SetBodyBytes(x.answer)))
}
