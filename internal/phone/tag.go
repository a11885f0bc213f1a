package phone

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"

	"github.com/gofailover/failover"
)

// Tag names an attempt. It travels with a request and comes back in the status
// webhook.
type Tag struct {
	Operation string `json:"operation"`
	Attempt   string `json:"attempt"`
	// Provider is the path that Router.Report takes.
	Provider string `json:"provider"`
}

// TagOf is the attempt that a provider's Do is called for.
func TagOf(ctx context.Context) Tag {
	return Tag{
		Operation: failover.OperationID(ctx), Attempt: failover.AttemptID(ctx), Provider: failover.ProviderPath(ctx),
	}
}

// The names of the parameters that are added to a callback's URL.
const (
	operationParam = "failover_operation"
	attemptParam   = "failover_attempt"
	providerParam  = "failover_provider"
)

// AddTo adds the tag to a callback's URL, which was checked before. Outside an
// attempt there is nothing to add.
func (t Tag) AddTo(callback string) string {
	u, err := url.Parse(callback)
	if err != nil || callback == "" || t.Operation == "" {
		return callback
	}
	add := url.Values{operationParam: {t.Operation}, attemptParam: {t.Attempt}, providerParam: {t.Provider}}.Encode()
	if u.RawQuery != "" {
		add = u.RawQuery + "&" + add // as it was: the order may matter to its owner
	}
	u.RawQuery = add
	return u.String()
}

// FromURL reads what AddTo added; the zero Tag if there is none. Where an
// address was tagged before, what was added last counts.
func FromURL(callback string) Tag {
	u, err := url.Parse(callback)
	if err != nil {
		return Tag{}
	}
	q := u.Query()
	last := func(name string) string {
		values := q[name]
		if len(values) == 0 {
			return ""
		}
		return values[len(values)-1]
	}
	return Tag{Operation: last(operationParam), Attempt: last(attemptParam), Provider: last(providerParam)}
}

// State is the tag for vendors that carry a field of the client's, in base64.
// Outside an attempt it is empty. What is not valid UTF-8 in a name does not
// come back as it was.
func (t Tag) State() string {
	if t.Operation == "" {
		return ""
	}
	text, err := json.Marshal(t)
	if err != nil {
		return "" // three strings always marshal
	}
	return base64.StdEncoding.EncodeToString(text)
}

// FromState reads what State wrote; the zero Tag if it is somebody else's.
func FromState(state string) Tag {
	text, err := base64.StdEncoding.DecodeString(state)
	if err != nil {
		return Tag{}
	}
	var t Tag
	if json.Unmarshal(text, &t) != nil {
		return Tag{}
	}
	return t
}
