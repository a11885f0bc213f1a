package vendorsim

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// webhook is an event.
func (t *telnyx) webhook(ctx context.Context, e Entry) (*http.Request, error) {
	event, payload := telnyxCallEvent(e)
	if e.Kind == MessageKind {
		event, payload = telnyxMessageEvent(e)
	}
	if event == "" {
		return nil, fmt.Errorf("vendorsim: the vendor tells nobody of %q", e.Status)
	}
	address := telnyxAddress(e, event)
	if address == "" {
		return nil, fmt.Errorf("vendorsim: the caller gave no address for %q", event)
	}
	body, err := json.Marshal(object{
		"data": object{
			"record_type": "event", "event_type": event, "id": telnyxUUID(event+" "+e.ID, len(e.changes)),
			"occurred_at": e.updated().UTC().Format("2006-01-02T15:04:05.000000Z07:00"), "payload": payload,
		},
		"meta": object{"attempt": 1, "delivered_to": address},
	})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "telnyx-webhooks")
	req.Header.Set("Telnyx-Timestamp", timestamp)
	req.Header.Set("Telnyx-Signature-Ed25519", telnyxSign(t.private, timestamp, body))
	return req, nil
}

// telnyxAddress is where an event is told.
func telnyxAddress(e Entry, event string) string {
	var some telnyxAddresses
	_ = json.Unmarshal([]byte(e.Fields.Get("webhook_urls")), &some) // absent, or checked when it was sent
	return cmp.Or(some[event], e.Fields.Get("webhook_url"))
}

// telnyxSign signs the time and the body.
func telnyxSign(key ed25519.PrivateKey, timestamp string, body []byte) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(key, append([]byte(timestamp+"|"), body...)))
}

func telnyxMessageEvent(e Entry) (string, object) {
	switch {
	case telnyxFinal(e):
		return "message.finalized", telnyxMessage(e)
	case e.Status == "sent":
		return "message.sent", telnyxMessage(e)
	default:
		return "", nil
	}
}

// telnyxSIP are the SIP codes of the causes of hanging up; others have none.
var telnyxSIP = map[string]string{
	"normal_clearing": "200", "user_busy": "486", "call_rejected": "603", "timeout": "487", "originator_cancel": "487",
	"not_found": "404", "no_answer": "480",
}

func telnyxCallEvent(e Entry) (string, object) {
	leg, session := telnyxIDs(e)
	payload := object{
		"call_control_id": e.ID, "call_leg_id": leg, "call_session_id": session, "connection_id": e.Fields.Get("connection_id"),
		"client_state": orNull(e.Fields.Get("client_state")), "from": e.From, "to": e.To, "start_time": telnyxTime(e.Created),
	}
	switch e.Status {
	case "initiated":
		payload["direction"], payload["state"] = "outgoing", "bridging"
	case "answered":
		payload["state"] = "answered"
	case "hangup":
		cause := e.Code
		if cause == "" {
			cause = "normal_clearing"
		}
		payload["state"], payload["end_time"] = "hangup", telnyxTime(e.updated())
		sip := telnyxSIP[cause]
		if sip == "" {
			sip = "unspecified"
		}
		payload["hangup_cause"], payload["hangup_source"], payload["sip_hangup_cause"] = cause, "callee", sip
	}
	return "call." + e.Status, payload
}
