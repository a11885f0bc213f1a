package vendorsim

import (
	"encoding/json"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func jsonAnswer(status int, value any) Answer {
	body, err := json.Marshal(value)
	if err != nil {
		panic("vendorsim: " + err.Error()) // values are written in this package
	}
	return Answer{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

func write(w http.ResponseWriter, a Answer) {
	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body)
}

func writeJSON(w http.ResponseWriter, value any) { write(w, jsonAnswer(http.StatusOK, value)) }

func contains(all []string, s string) bool { return slices.Contains(all, s) }

func outside(v *float64, low, high float64) bool {
	return v != nil && (math.IsNaN(*v) || *v < low || *v > high)
}

func itoa(n int) string { return strconv.Itoa(n) }

// atoi is for numbers that a pattern has let through.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// Record is an answer as a client gets it, for transports that need no server.
func Record(status int, header http.Header, body string) *http.Response {
	return &http.Response{
		Status:        strconv.Itoa(status) + " " + http.StatusText(status),
		StatusCode:    status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
	}
}
