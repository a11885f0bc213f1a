package vendorsim

import (
	"fmt"
	"net/http"
	"strconv"
)

// twilioUsual is the code that goes with a status, most of the time.
var twilioUsual = map[int]string{
	400: "20001",
	401: "20003",
	403: "20403",
	404: "20404",
	429: "20429",
	500: "20500",
	503: "20503",
}

// twilioTexts are what the vendor says with a code.
var twilioTexts = map[string]string{
	"20001": "Bad request",
	"20003": "Authenticate",
	"20005": "Account not active",
	"20403": "Forbidden",
	"20404": "The requested resource was not found",
	"20429": "Too Many Requests",
	"20500": "An internal server error has occurred",
	"20503": "Service Unavailable",
	"21211": "The 'To' number " + RefusedNumber + " is not a valid phone number.",
	"21408": "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: " + RefusedNumber + ".",
	"21610": "Attempt to send to unsubscribed recipient",
	"21614": "To number: " + RefusedNumber + ", is not a mobile number",
	"30003": "Unreachable destination handset",
	"30004": "Message blocked",
	"30005": "Unknown destination handset",
	"30006": "Landline or unreachable carrier",
	"30007": "Carrier violation",
	"30008": "Unknown error",
}

func twilioRefuse(status int, code string) Answer {
	if code == "" {
		code = twilioUsual[status]
	}
	if code == "" {
		code = strconv.Itoa(20000 + status)
	}
	return twilioError(status, code, twilioText(code))
}

func twilioText(code string) string {
	if text := twilioTexts[code]; text != "" {
		return text
	}
	return refusedText
}

func twilioError(status int, code, message string) Answer {
	return jsonAnswer(status, object{
		"code": atoi(code), "message": message, "more_info": "https://www.twilio.com/docs/errors/" + code, "status": status,
	})
}

// twilioInvalid is about one field of a request.
func twilioInvalid(code, format string, args ...any) *Answer {
	a := twilioError(http.StatusBadRequest, code, fmt.Sprintf(format, args...))
	return &a
}

func twilioMissing(path string) Answer {
	return twilioError(http.StatusNotFound, "20404", "The requested resource "+path+" was not found")
}
