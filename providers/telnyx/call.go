package telnyx

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/phone"
	"github.com/gofailover/failover/providers/call"
)

// Call is the account's phone calls: POST /v2/calls, GET /v2/calls/{id} and POST
// /v2/calls/{id}/actions/hangup. Its Check is that of [Client.SMS]. Every call
// returns a new value, whose fields can be set.
//
// The provider dedupes: within 50 s of its first, a command is repeated under
// the same id, which the vendor ignores if it has the first. Later ones are
// refused with OutcomeUnknown, and nothing is sent.
func (c *Client) Call() call.Provider {
	return call.Provider{
		Provider: failover.Provider[call.Request, *call.Call]{
			Name: c.name, Account: c.account, Do: c.dial, Check: c.check, SideEffect: true, Dedupes: true,
			Supports: func(req call.Request) bool {
				_, err := c.dialling(req, phone.Tag{})
				return failover.ClassOf(err) != failover.ClassUnsupported // what is wrong with a request Do says better
			},
		},
		Get: c.getCall, Hangup: c.hangUp,
	}
}

var callCauses = causes{recipient: call.ErrInvalidRecipient}

type dialBody struct {
	ConnectionID     string            `json:"connection_id"`
	To               string            `json:"to"`
	From             string            `json:"from"`
	CommandID        string            `json:"command_id,omitzero"`
	ClientState      string            `json:"client_state,omitzero"`
	AudioURL         string            `json:"audio_url,omitzero"`
	WebhookURL       string            `json:"webhook_url,omitzero"`
	WebhookURLs      map[string]string `json:"webhook_urls,omitempty"`
	TimeoutSecs      int               `json:"timeout_secs,omitzero"`
	TimeLimitSecs    int               `json:"time_limit_secs,omitzero"`
	MachineDetection string            `json:"answering_machine_detection,omitzero"`
	Record           string            `json:"record,omitzero"`
	// The vendor's default is to ring over another carrier when the time is
	// over.
	RetryOnTimeout bool `json:"retry_on_timeout"`
}

// detections are the vendor's words for the kinds of machine detection.
var detections = map[call.MachineDetection]string{
	call.DetectNone: "", call.DetectMachine: "detect", call.DetectGreetingEnd: "greeting_end",
}

// dialling translates a request, or says why this vendor cannot serve it.
func (c *Client) dialling(req call.Request, tag phone.Tag) (dialBody, error) {
	if err := req.Validate(); err != nil {
		return dialBody{}, call.Invalid(err)
	}
	from, ok := c.callers.Own(Vendor, req.From)
	if !ok {
		return dialBody{}, call.Unsupported("From", "is not owned at %s", c.name)
	}
	connection, ok := c.connections.ID(Vendor, req.Connection)
	switch {
	case !ok || connection == "":
		return dialBody{}, call.Unsupported("Connection", "%.40q has no id at %s, which needs one for every call", req.Connection, c.name)
	case req.TwiML != "":
		return dialBody{}, call.Unsupported("TwiML", "is not spoken by %s", c.name)
	}
	b := dialBody{
		ConnectionID: connection, To: req.To, From: from, CommandID: tag.Attempt, ClientState: tag.State(), AudioURL: req.AudioURL,
		TimeoutSecs: seconds(req.RingTimeout), TimeLimitSecs: seconds(req.TimeLimit), MachineDetection: detections[req.MachineDetection],
	}
	if req.Record {
		b.Record = "record-from-answer"
	}
	b.WebhookURL, b.WebhookURLs = webhooks(req, tag)
	return b, nil
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// webhooks says where the events of a call go. The vendor sends all of them to
// one address, or those of some kinds to others. Where an application runs the
// call, by its events, it must keep them: the status callback gets the
// beginning and the end. A call that plays a file is run by nobody, so that its
// callback gets everything, what machine detection has found among it.
func webhooks(req call.Request, tag phone.Tag) (all string, some map[string]string) {
	callback := tag.AddTo(req.StatusCallback)
	switch {
	case callback == "":
		return req.AnswerURL, nil
	case req.AudioURL != "":
		return callback, nil
	default:
		return req.AnswerURL, map[string]string{eventInitiated: callback, eventHangup: callback}
	}
}

// resource is a call as the vendor tells of it.
type resource struct {
	ID       text    `json:"call_control_id"`
	Alive    bool    `json:"is_alive"`
	Started  text    `json:"start_time"`
	Ended    text    `json:"end_time"`
	Duration float64 `json:"call_duration"` // seconds
}

func (c *Client) dial(ctx context.Context, req call.Request) (*call.Call, error) {
	tag := phone.TagOf(ctx)
	body, err := c.dialling(req, tag)
	if err != nil {
		return nil, err
	}
	within, cancel, repeats, err := c.commands.begin(ctx, tag.Attempt)
	if err != nil {
		return nil, err
	}
	defer cancel()
	var said answer[resource]
	resp, err := c.send(within, "/v2/calls", body, &said, callCauses)
	c.commands.end(tag.Attempt, repeats, err)
	if err != nil && resp == nil {
		return nil, err
	}
	placed := &call.Call{
		Provider: c.path(tag), Operation: tag.Operation, Attempt: tag.Attempt,
		ID: string(said.Data.ID), To: req.To, From: body.From,
	}
	switch {
	case err != nil:
	case placed.ID == "" && !repeats: // of a repeat the vendor promises to ignore it, not to tell of the call
		err = httpcall.Unreadable(resp, errNoID)
	default:
		placed.Status = call.StatusQueued
	}
	return placed, err
}

// getCall asks for a call, which the vendor knows until 10 min after its end.
func (c *Client) getCall(ctx context.Context, id string) (*call.Call, error) {
	path, err := callPath(id)
	if err != nil {
		return nil, err
	}
	var said answer[resource]
	resp, err := c.ask(ctx, httpcall.Request{Method: http.MethodGet, Path: path}, &said)
	if err != nil {
		return nil, err
	}
	if said.Data.ID == "" {
		return nil, httpcall.Incomplete(resp, errNoID)
	}
	return &call.Call{
		Provider: c.name, ID: string(said.Data.ID), Status: said.Data.status(),
		Created: said.Data.Started.time(), Duration: said.Data.duration(),
	}, nil
}

// status is as much as the vendor says. A call is not alive either before it is
// dialled.
func (r resource) status() call.Status {
	switch {
	case r.Alive:
		return call.StatusActive
	case r.Ended != "":
		return call.StatusEnded
	default:
		return call.StatusQueued
	}
}

// duration is that of a call that is over.
func (r resource) duration() time.Duration {
	const longest = 7 * 24 * 60 * 60 // no call takes a week: that is no duration
	if r.status() != call.StatusEnded || r.Duration < 0 || r.Duration > longest {
		return 0
	}
	return time.Duration(r.Duration * float64(time.Second))
}

// hangUp ends a call. Doing so twice is harmless, so it goes out as any request
// does that can be repeated.
func (c *Client) hangUp(ctx context.Context, id string) error {
	path, err := callPath(id)
	if err != nil {
		return err
	}
	r := httpcall.Request{Method: http.MethodPost, Path: path + "/actions/hangup", Body: []byte("{}")}
	_, err = c.ask(ctx, r, &struct{}{})
	if e, ok := errors.AsType[*failover.Error](err); ok && e.Code == codeEnded {
		return nil
	}
	return err
}

// callPath keeps an id one segment of a path.
func callPath(id string) (string, error) {
	if strings.Trim(id, ".") == "" || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", call.Unsupported("ID", "is not one of %s", Vendor)
	}
	return "/v2/calls/" + url.PathEscape(id), nil
}
