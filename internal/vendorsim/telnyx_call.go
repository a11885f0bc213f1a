package vendorsim

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// telnyxCallStatuses are those of the events that tell them.
var telnyxCallStatuses = []string{"initiated", "answered", "hangup"}

// telnyxWindow is how long the vendor remembers a command.
const telnyxWindow = time.Minute

type telnyxCallRequest struct {
	ConnectionID string `json:"connection_id"`
	To           string `json:"to"`
	From         string `json:"from"`
	CommandID    string `json:"command_id"`
	ClientState  string `json:"client_state"`
	WebhookURL   string `json:"webhook_url"`
	AudioURL     string `json:"audio_url"`

	WebhookURLs telnyxAddresses `json:"webhook_urls"`
}

// telnyxAddresses are where events of some kinds are told instead.
type telnyxAddresses map[string]string

// refuse checks as the vendor does.
func (all telnyxAddresses) refuse() *Answer {
	for kind, address := range all {
		switch {
		case !strings.HasPrefix(kind, "call."):
			return telnyxInvalid(telnyxUnprocessable, "90057", "/webhook_urls",
				"The webhook_urls json keys must be valid call control event types.")
		case !isWeb(address):
			return telnyxInvalid(telnyxUnprocessable, "10003", "/webhook_urls", "The URL "+address+" is invalid.")
		}
	}
	return nil
}

func (t *telnyx) dial(w http.ResponseWriter, r *http.Request) {
	var req telnyxCallRequest
	fields, refusal := telnyxRead(r.Body, &req)
	if refusal == nil {
		refusal = req.refuse(t.now())
	}
	if refusal == nil {
		refusal = req.WebhookURLs.refuse()
	}
	if refusal != nil {
		write(w, *refusal)
		return
	}
	e := Entry{
		Kind: CallKind, To: req.To, From: req.From, Body: req.AudioURL, CommandID: req.CommandID,
		StatusCallback: cmp.Or(req.WebhookURLs["call.hangup"], req.WebhookURL), Status: "initiated", Fields: fields,
	}
	e, repeated := t.Ledger.addOnce(e.named().claimed(req.ClientState), telnyxWindow, t.callID)
	if repeated && t.now().curt {
		writeJSON(w, object{"data": object{"result": "ok"}})
		return
	}
	writeJSON(w, object{"data": telnyxCall(e)})
}

// claimed puts into e what the state says, if it is one of ours.
func (e Entry) claimed(state string) Entry {
	var s struct {
		Operation string `json:"operation"`
		Attempt   string `json:"attempt"`
		Provider  string `json:"provider"`
	}
	decoded, err := base64.StdEncoding.DecodeString(state)
	if err != nil || json.Unmarshal(decoded, &s) != nil || s.Operation == "" {
		return e
	}
	e.Operation, e.Attempt, e.Provider = s.Operation, s.Attempt, s.Provider
	return e
}

// callID is what calls are controlled by.
func (t *telnyx) callID(n int) string {
	return "v3:" + base64.RawURLEncoding.EncodeToString([]byte(telnyxUUID("call of "+t.key, n)))
}

// refuse checks as the vendor does.
func (req telnyxCallRequest) refuse(rules rules) *Answer {
	switch {
	case req.To == "":
		return telnyxInvalid(telnyxUnprocessable, "10004", "/to", "The 'to' parameter is required and cannot be blank.")
	case req.From == "":
		return telnyxInvalid(telnyxUnprocessable, "10004", "/from", "The 'from' parameter is required and cannot be blank.")
	case req.ConnectionID == "":
		return telnyxInvalid(telnyxUnprocessable, "10004", "/connection_id",
			"The 'connection_id' parameter is required and cannot be blank.")
	case !e164.MatchString(req.To):
		return telnyxInvalid(telnyxUnprocessable, "10016", "/to", "The 'to' parameter "+req.To+" must be in E164 format.")
	case !e164.MatchString(req.From):
		return telnyxInvalid(telnyxUnprocessable, "10016", "/from", "The 'from' parameter "+req.From+" must be in E164 format.")
	case req.WebhookURL != "" && !isWeb(req.WebhookURL):
		return telnyxInvalid(telnyxUnprocessable, "10003", "/webhook_url", "The URL "+req.WebhookURL+" is invalid.")
	case !base64ed(req.ClientState):
		return telnyxInvalid(telnyxUnprocessable, "10015", "/client_state", "The 'client_state' parameter must be in base64.")
	case !rules.owns(req.From):
		return telnyxInvalid(http.StatusForbidden, "10010", "/from", "Unverified Caller Origination Number "+req.From+" D51")
	case !rules.reaches(req.To):
		return telnyxInvalid(http.StatusForbidden, "10010", "/to", "Dialed number "+req.To+" is not included in whitelisted countries D13")
	default:
		return nil
	}
}

func base64ed(s string) bool {
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil
}

func (t *telnyx) hangUp(w http.ResponseWriter, r *http.Request) {
	e, ok := t.Ledger.Find(r.PathValue("id"))
	if !ok || e.Kind != CallKind {
		write(w, *telnyxInvalid(telnyxUnprocessable, "90015", "/call_control_id", "The call_control_id provided was not valid."))
		return
	}
	if _, ended := t.Ledger.end(e.ID, "hangup", "normal_clearing", telnyxOver); !ended {
		write(w, *telnyxInvalid(telnyxUnprocessable, "90018", "", "This call is no longer active and can't receive commands."))
		return
	}
	writeJSON(w, object{"data": object{"result": "ok"}})
}

func telnyxOver(e Entry) bool { return e.Status == "hangup" }

// telnyxIDs are the ids of a call besides the one it is controlled by.
func telnyxIDs(e Entry) (leg, session string) {
	return telnyxUUID("leg "+e.ID, 1), telnyxUUID("session "+e.ID, 1)
}

// telnyxCall is the resource.
func telnyxCall(e Entry) object {
	leg, session := telnyxIDs(e)
	call := object{
		"record_type": "call", "call_control_id": e.ID, "call_leg_id": leg, "call_session_id": session, "is_alive": !telnyxOver(e),
	}
	if state := e.Fields.Get("client_state"); state != "" {
		call["client_state"] = state
	}
	if telnyxOver(e) {
		call["start_time"], call["end_time"] = telnyxTime(e.Created), telnyxTime(e.updated())
		call["call_duration"] = int(e.updated().Sub(e.Created).Seconds())
	}
	return call
}
