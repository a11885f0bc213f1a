package llm

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/google/jsonschema-go/jsonschema"
)

// Validator is a Provider.Validate. Those of this package make errors that
// contain nothing of the answer.
type Validator = func(ctx context.Context, req Request, resp *Response) error

// UnsatisfactoryError says why an answer is not good enough. It is the cause of
// the failover.Error of class unsatisfactory.
type UnsatisfactoryError struct {
	// Reason contains nothing of the answer.
	Reason string
	// Err is what a schema's validator said; it may quote the answer, and is
	// never printed.
	Err error
}

// Error gives the reason.
func (e *UnsatisfactoryError) Error() string { return "llm: the answer " + e.Reason }

// Unwrap returns Err.
func (e *UnsatisfactoryError) Unwrap() error { return e.Err }

// SafeToPrint says that the text holds nothing of the answer.
func (e *UnsatisfactoryError) SafeToPrint() {}

func unsatisfactory(format string, args ...any) error {
	return &UnsatisfactoryError{Reason: fmt.Sprintf(format, args...)}
}

// All is satisfied if each of the validators is. The first error counts.
func All(validators ...Validator) Validator {
	return func(ctx context.Context, req Request, resp *Response) error {
		for _, v := range validators {
			if err := v(ctx, req, resp); err != nil {
				return err
			}
		}
		return nil
	}
}

// NonBlank wants a text that is more than white space, or a tool call.
func NonBlank(_ context.Context, _ Request, resp *Response) error {
	if len(resp.Calls()) == 0 && strings.TrimSpace(resp.Text()) == "" {
		return unsatisfactory("is blank")
	}
	return nil
}

// Finished wants an answer that was not cut by its length.
func Finished(_ context.Context, _ Request, resp *Response) error {
	if resp.Finish == FinishLength {
		return unsatisfactory("was cut by its length")
	}
	return nil
}

// NotRefused wants an answer that the model did not decline. An answer that
// asks for tools passes.
func NotRefused(_ context.Context, _ Request, resp *Response) error {
	if resp.Finish == FinishRefused {
		return unsatisfactory("is a refusal")
	}
	return nil
}

// ValidJSON wants the text to be JSON, nothing before or after it. An answer
// that asks for tools passes.
func ValidJSON(_ context.Context, _ Request, resp *Response) error {
	if len(resp.Calls()) > 0 {
		return nil
	}
	if !json.Valid([]byte(resp.Text())) {
		return unsatisfactory("is no JSON")
	}
	return nil
}

// MatchesFormat wants the text to follow the request's Format: JSON where that
// asks for JSON, and its schema where it has one. An answer that asks for tools
// passes.
func MatchesFormat(ctx context.Context, req Request, resp *Response) error {
	if !req.Format.structured() || len(resp.Calls()) > 0 {
		return nil
	}
	if len(req.Format.Schema) == 0 {
		if err := ValidJSON(ctx, req, resp); err != nil || isObject([]byte(resp.Text())) {
			return err
		}
		return unsatisfactory("is no JSON object")
	}
	return follows(req.Format.Schema, []byte(resp.Text()), "does not follow the schema")
}

// FollowsSchema wants the text to be JSON that follows a JSON schema (draft
// 2020-12 or draft-07, without references to other documents). A schema that
// is none satisfies nobody. An answer that asks for tools passes.
func FollowsSchema(schema json.RawMessage) Validator {
	return func(_ context.Context, _ Request, resp *Response) error {
		if len(resp.Calls()) > 0 {
			return nil
		}
		return follows(schema, []byte(resp.Text()), "does not follow the schema")
	}
}

// follows checks JSON against a schema.
func follows(schema json.RawMessage, text []byte, fault string) error {
	var s jsonschema.Schema
	if err := json.Unmarshal(schema, &s); err != nil {
		return &UnsatisfactoryError{Reason: "cannot be checked: the schema is none", Err: err}
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		return &UnsatisfactoryError{Reason: "cannot be checked: the schema is none", Err: err}
	}
	var value any
	if json.Unmarshal(text, &value) != nil {
		return unsatisfactory("is no JSON")
	}
	if err := resolved.Validate(value); err != nil {
		return &UnsatisfactoryError{Reason: fault, Err: err}
	}
	return nil
}

// Confident wants score, a number between 0 and 1 that you make of an answer,
// to be at least the least: the cascade from a cheap model to a better one.
func Confident(least float64, score func(req Request, resp *Response) float64) Validator {
	return func(_ context.Context, req Request, resp *Response) error {
		if got := score(req, resp); !(got >= least) {
			return unsatisfactory("has confidence %.2f, below %.2f", got, least)
		}
		return nil
	}
}

// InScript wants most letters of the text to be of a script, such as
// unicode.Latin, or of several: a cheap sign that the answer is in the language
// it should be in.
func InScript(scripts ...*unicode.RangeTable) Validator {
	return func(_ context.Context, _ Request, resp *Response) error {
		letters, of := 0, 0
		for _, r := range resp.Text() {
			if unicode.IsLetter(r) {
				letters++
				if unicode.In(r, scripts...) {
					of++
				}
			}
		}
		if 2*of < letters {
			return unsatisfactory("is in another script")
		}
		return nil
	}
}

// CheckArgs wants the arguments of each tool call to follow the schema of its
// tool, and the tool to be one of the request's.
func CheckArgs(_ context.Context, req Request, resp *Response) error {
	for _, call := range resp.Calls() {
		tool, ok := req.tool(call.Name)
		if !ok {
			return unsatisfactory("calls a tool that does not exist")
		}
		if len(tool.Schema) == 0 {
			continue
		}
		if err := follows(tool.Schema, call.Args, "calls "+tool.Name+" with wrong arguments"); err != nil {
			return err
		}
	}
	return nil
}

func (r Request) tool(name string) (Tool, bool) {
	for _, t := range r.Tools {
		if t.Name == name {
			return t, true
		}
	}
	return Tool{}, false
}
