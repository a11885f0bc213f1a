package telnyx

import (
	"maps"

	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
)

// Codes are the codes of the table.
func Codes() []string {
	var all []string
	for code := range maps.Keys(meanings) {
		all = append(all, code)
	}
	return all
}

// CommandsKept bounds the memory of commands.
const CommandsKept = commandsKept

// Remembered is how many commands a client remembers.
func (c *Client) Remembered() int {
	c.commands.mu.Lock()
	defer c.commands.mu.Unlock()
	return len(c.commands.first)
}

// ReadMessage and ReadCall read webhooks as if they were signed: a fuzzer is
// kept busy by what varies in the arithmetic of signatures.
func ReadMessage(body []byte) (u sms.Update, err error) {
	var e event[message]
	if decode(body, &e) {
		u, err = readMessage(e)
	}
	return u, err
}

func ReadCall(body []byte) (u call.Update, err error) {
	var e event[leg]
	if decode(body, &e) {
		u, err = readCall(e)
	}
	return u, err
}
