package google

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/genai"

	"github.com/gofailover/failover/providers/llm"
)

// task is a request as the SDK takes it.
type task struct {
	model    string
	contents []*genai.Content
	config   *genai.GenerateContentConfig
	resumed  bool
}

// maxStop is how many texts to stop at Google takes.
const maxStop = 5

// plan translates a request, or says why it cannot be served here.
func (c *Client) plan(req llm.Request) (*task, error) {
	if err := req.Validate(); err != nil {
		return nil, llm.Invalid(err)
	}
	m, err := c.find(req)
	if err != nil {
		return nil, err
	}
	t := &task{model: m.ID, resumed: req.Resumed()}
	if t.contents, err = contents(req, m.ID); err != nil {
		return nil, err
	}
	if t.config, err = config(req, m); err != nil {
		return nil, err
	}
	return t, nil
}

// task is a request as it is sent.
func (c *Client) task(req llm.Request) (*task, error) {
	t, err := c.plan(req)
	if err != nil {
		return nil, err
	}
	if c.change != nil {
		c.change(t.config)
	}
	// One attempt is one request: the SDK would send it again, with what came
	// so far, when an answer breaks off.
	t.config.AutomaticContinuation = new(false)
	t.config.HTTPOptions = &genai.HTTPOptions{ExtrasRequestProvider: keepEmptyTexts}
	return t, nil
}

// find is the model for a request. One that is known not to do what is asked
// for is not asked.
func (c *Client) find(req llm.Request) (llm.Model, error) {
	m, ok := c.models.Find(Vendor, req.Model)
	switch {
	case !ok:
		return m, llm.Unsupported("Model", "%.70q has no row in the models of %s", req.Model, c.name)
	case !isModelID(m.ID):
		return m, llm.Unsupported("Model", "%.70q is no id of a model", m.ID)
	}
	if m.Can == nil {
		m.Can = capabilities(m.ID)
	}
	if field, what := m.Can.Lacks(req); field != "" {
		return m, llm.Unsupported(field, "asks for %s, which %s does not offer", what, m.ID)
	}
	return m, nil
}

// config is everything of a request but the conversation.
func config(req llm.Request, m llm.Model) (*genai.GenerateContentConfig, error) {
	if len(req.Stop) > maxStop {
		return nil, llm.Unsupported("Stop", "has more than %d texts", maxStop)
	}
	conf := &genai.GenerateContentConfig{
		Temperature:     narrow(req.Temperature),
		TopP:            narrow(req.TopP),
		StopSequences:   slices.Clone(req.Stop),
		MaxOutputTokens: maxTokens(req, m),
	}
	if req.System != "" {
		conf.SystemInstruction = &genai.Content{Parts: []*genai.Part{{Text: req.System}}}
	}
	if req.Seed != nil {
		conf.Seed = new(fold(*req.Seed))
	}
	if err := setFormat(conf, req, m.ID); err != nil {
		return nil, err
	}
	return conf, setTools(conf, req)
}

func narrow(v *float64) *float32 {
	if v == nil {
		return nil
	}
	return new(float32(*v))
}

func maxTokens(req llm.Request, m llm.Model) int32 {
	most := req.MaxTokens
	if most == 0 {
		most = m.MaxTokens
	}
	return int32(min(max(most, 0), math.MaxInt32))
}

// fold makes 32 bits of a seed: itself, if it has no more.
func fold(seed int64) int32 {
	if seed >= math.MinInt32 && seed <= math.MaxInt32 {
		return int32(seed)
	}
	return int32(seed ^ seed>>32) //nolint:gosec // to lose bits is what it is for
}

const jsonType = "application/json"

func setFormat(conf *genai.GenerateContentConfig, req llm.Request, model string) error {
	if !req.Format.JSON && len(req.Format.Schema) == 0 {
		return nil
	}
	if len(req.Tools) > 0 && beforeGemini3(model) {
		return llm.Unsupported("Format", "is not to be had beside tools from %s", model)
	}
	conf.ResponseMIMEType = jsonType
	if len(req.Format.Schema) == 0 {
		return nil
	}
	schema, err := answerDialect.translate(req.Format.Schema)
	if err != nil {
		return llm.Unsupported("Format.Schema", "%s", err.Error())
	}
	conf.ResponseJsonSchema = schema
	return nil
}

func setTools(conf *genai.GenerateContentConfig, req llm.Request) error {
	if len(req.Tools) == 0 {
		return nil
	}
	tool := &genai.Tool{}
	for i, t := range req.Tools {
		f, err := function(fmt.Sprintf("Tools[%d]", i), t)
		if err != nil {
			return err
		}
		tool.FunctionDeclarations = append(tool.FunctionDeclarations, f)
	}
	conf.Tools = []*genai.Tool{tool}
	if calling := choice(req.ToolChoice); calling != nil {
		conf.ToolConfig = &genai.ToolConfig{FunctionCallingConfig: calling}
	}
	return nil
}

func function(field string, t llm.Tool) (*genai.FunctionDeclaration, error) {
	if strings.IndexByte("-0123456789", t.Name[0]) >= 0 {
		return nil, llm.Unsupported(field+".Name", "%q does not begin with a letter or _", t.Name)
	}
	f := &genai.FunctionDeclaration{Name: t.Name, Description: t.Description}
	if len(t.Schema) == 0 {
		return f, nil
	}
	schema, err := toolDialect.translate(t.Schema)
	if err != nil {
		return nil, llm.Unsupported(field+".Schema", "%s", err.Error())
	}
	f.ParametersJsonSchema = schema
	return f, nil
}

// choice is how free the model is to call tools; nil leaves it free.
func choice(c llm.ToolChoice) *genai.FunctionCallingConfig {
	switch c.Mode {
	case llm.ToolNone:
		return &genai.FunctionCallingConfig{Mode: genai.FunctionCallingConfigModeNone}
	case llm.ToolRequired:
		return &genai.FunctionCallingConfig{Mode: genai.FunctionCallingConfigModeAny}
	case llm.ToolNamed:
		return &genai.FunctionCallingConfig{
			Mode: genai.FunctionCallingConfigModeAny, AllowedFunctionNames: []string{c.Name},
		}
	case llm.ToolAuto:
	}
	return nil
}

// keepEmptyTexts puts an empty text into parts that are nothing but a
// signature: so they came, so they must go back, and the SDK leaves an empty
// text out.
func keepEmptyTexts(body map[string]any) map[string]any {
	for _, content := range objects(body["contents"]) {
		for _, part := range objects(content["parts"]) {
			if _, signed := part["thoughtSignature"]; signed && len(part) == 1 {
				part["text"] = ""
			}
		}
	}
	return body
}

// objects are the members of a list, which the SDK makes of this type.
func objects(list any) []map[string]any {
	all, _ := list.([]map[string]any)
	return all
}

// arguments are those of a call as the SDK takes them.
func arguments(raw json.RawMessage) map[string]any {
	var args map[string]any
	if len(raw) > 0 {
		_ = json.Unmarshal(raw, &args) // Validate saw that it is an object
	}
	return args
}
