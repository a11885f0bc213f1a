package once_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/gofailover/failover/internal/rawpeer"
)

// dialect is whose API a vendor speaks.
type dialect string

const (
	speaksTelnyx dialect = "telnyx"
	speaksTwilio dialect = "twilio"
	speaksOwn    dialect = "own"
)

// vendor is one vendor on a raw listener. It never lies: what it refuses it has
// not done, and it says yes only to what it has.
type vendor struct {
	name  string
	lang  dialect
	calls bool // places calls, else sends messages
	world *world
	peer  *rawpeer.Peer

	mu       sync.Mutex
	commands map[string]bool // by command_id: repeated ones are ignored
	sent     []sent          // for its list
}

// sent is a message in a vendor's list.
type sent struct {
	to, body string
	at       time.Time
	number   int
}

// asked is one request as a vendor understands it.
type asked struct {
	op      string
	command string // of Telnyx
	to      string
	lists   bool // it asks for the list of messages, and changes nothing
}

var opName = regexp.MustCompile(`op-[0-9]+-[0-9]+`)

// understand reads a request.
func (v *vendor) understand(method, target string, body []byte) asked {
	a := asked{lists: method == "GET"}
	if a.lists {
		if u, err := url.Parse(target); err == nil {
			a.to = u.Query().Get("To")
		}
		return a
	}
	text := string(body)
	switch v.lang {
	case speaksTwilio:
		form, err := url.ParseQuery(text)
		if err != nil {
			return a
		}
		a.op, a.to = opName.FindString(form.Get("Body")+form.Get("Twiml")), form.Get("To")
	default:
		var said struct {
			CommandID string `json:"command_id"`
			To        string `json:"to"`
			Text      string `json:"text"`
			AudioURL  string `json:"audio_url"`
		}
		if json.Unmarshal(body, &said) != nil {
			return a
		}
		a.op, a.command, a.to = opName.FindString(said.Text+said.AudioURL), said.CommandID, said.To
	}
	return a
}

// do makes it happen: the message is sent, the phone rings. Of a command that
// it has had Telnyx makes nothing.
func (v *vendor) do(a asked) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if a.command != "" {
		if v.commands[a.command] {
			v.world.book.note(a.op, "%s had command %s before", v.name, a.command)
			return
		}
		v.commands[a.command] = true
	}
	v.sent = append(v.sent, sent{to: a.to, body: a.op, at: time.Now(), number: len(v.sent) + 1})
	v.world.book.enter(a.op, v.name)
}

// maybe does it, or does not.
func (v *vendor) maybe(a asked) {
	if v.world.dice.oneIn(2) {
		v.do(a)
	}
}

// says is the body of a success.
func (v *vendor) says() string {
	id := fmt.Sprintf("%032x", v.world.dice.roll(1<<30))
	switch {
	case v.lang == speaksTelnyx && v.calls:
		return `{"data":{"call_control_id":"v3:` + id + `"}}`
	case v.lang == speaksTelnyx:
		return `{"data":{"id":"` + id + `","to":[{"status":"queued"}],"parts":1}}`
	case v.lang == speaksTwilio && v.calls:
		return `{"sid":"CA` + id + `","status":"queued"}`
	case v.lang == speaksTwilio:
		return `{"sid":"SM` + id + `","status":"queued"}`
	default:
		return `{"id":"` + id + `"}`
	}
}

// list is the page of the messages to a recipient.
func (v *vendor) list(to string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	messages := []map[string]any{}
	for _, m := range slices.Backward(v.sent) {
		if m.to == to {
			messages = append(messages, map[string]any{
				"sid": fmt.Sprintf("SM%032x", m.number), "to": m.to, "from": sender, "body": m.body, "status": "sent",
				"direction": "outbound-api", "date_created": m.at.UTC().Format(time.RFC1123Z),
			})
		}
	}
	uri := "/2010-04-01/Accounts/" + accountSID + "/Messages.json?" + url.Values{"To": {to}, "PageSize": {"200"}}.Encode()
	page, err := json.Marshal(map[string]any{"messages": messages, "uri": uri, "first_page_uri": uri, "next_page_uri": nil})
	if err != nil {
		panic(err)
	}
	return string(page)
}

// murky is the body of a refusal by which the vendor says that it does not know
// itself, whatever the status.
func (v *vendor) murky() (status int, body string) {
	switch v.lang {
	case speaksTelnyx:
		return 422, `{"errors":[{"code":"10007","title":"Unexpected error"}]}`
	case speaksTwilio:
		return 400, `{"code":20500,"message":"Internal Server Error"}`
	default:
		return 500, `{}`
	}
}

// stopped is the body of a refusal because the recipient wants no more.
func (v *vendor) stopped() string {
	switch v.lang {
	case speaksTelnyx:
		return `{"errors":[{"code":"40300","title":"Blocked due to STOP message"}]}`
	case speaksTwilio:
		return `{"code":21610,"message":"Attempt to send to unsubscribed recipient"}`
	default:
		return `{}`
	}
}
