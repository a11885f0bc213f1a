package vendorsim

import "net/http"

// telnyxUsual is the code that goes with a status, most of the time.
var telnyxUsual = map[int]string{
	400: "10015",
	401: "10009",
	402: "20100",
	403: "10010",
	404: "10005",
	408: "10008",
	409: "10012",
	415: "10014",
	422: "10016",
	429: "10011",
	500: "10007",
	503: "10007",
	504: "10008",
}

// telnyxTitles are the vendor's words for codes.
var telnyxTitles = map[string]string{
	"10002": "Invalid phone number",
	"10003": "Invalid URL",
	"10004": "Missing required parameter",
	"10005": "Resource not found",
	"10006": "Invalid ID",
	"10007": "Unexpected error",
	"10008": "Request timeout",
	"10009": "Authentication failed",
	"10010": "Authorization failed",
	"10011": "Too many requests",
	"10012": "Duplicate resource",
	"10014": "Unsupported Media Type",
	"10015": "Bad Request",
	"10016": "Phone number must be in +E.164 format",
	"20002": "API Key revoked",
	"20012": "Account inactive",
	"20100": "Insufficient Funds",
	"40001": "Not routable",
	"40002": "Blocked as spam - temporary",
	"40003": "Blocked as spam - permanent",
	"40004": "Rejected by destination",
	"40005": "Message expired during transmission",
	"40006": "Recipient server unavailable",
	"40008": "Undeliverable",
	"40012": "Invalid messaging destination number",
	"40014": "Message expired in queue",
	"40300": "Blocked due to STOP message",
	"40302": "Message too large",
	"40305": "Invalid 'from' address",
	"40309": "Invalid destination region",
	"40310": "Invalid 'to' address",
	"90015": "Invalid Call Control ID",
	"90018": "Call has already ended",
	"90057": "Invalid call control event type for webhook_urls",
}

// telnyxPointers are the fields that a refusal on command is about.
var telnyxPointers = map[string]string{"10002": "/to", "10016": "/to", "40310": "/to", "40305": "/from"}

func telnyxRefuse(status int, code string) Answer {
	if code == "" {
		code = telnyxUsual[status]
	}
	if code == "" {
		code = "10007"
	}
	return telnyxError(status, code, refusedText, telnyxPointers[code])
}

func telnyxError(status int, code, detail, pointer string) Answer {
	e := object{"code": code, "title": telnyxTitle(code), "detail": detail, "meta": object{
		"url": "https://developers.telnyx.com/docs/overview/errors/" + code,
	}}
	if pointer != "" {
		e["source"] = object{"pointer": pointer}
	}
	return jsonAnswer(status, object{"errors": []any{e}})
}

func telnyxTitle(code string) string {
	if title := telnyxTitles[code]; title != "" {
		return title
	}
	return "Refused"
}

// telnyxInvalid is about one field of a request.
func telnyxInvalid(status int, code, pointer, detail string) *Answer {
	a := telnyxError(status, code, detail, pointer)
	return &a
}

// telnyxUnprocessable is the status of a call that cannot be made.
const telnyxUnprocessable = http.StatusUnprocessableEntity
