package anthropic

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"github.com/gofailover/failover/providers/llm"
)

// conversation makes messages of the vendor's, in which user and assistant take
// turns, the results of tools come right after the calls and before what else a
// user says, and every call has one.
type conversation struct {
	turns []turn
	ids   ids
	blank *place // a text that was left out because it is white space
	dry   bool   // what is made is looked at only: images may be missing
}

// turn is all that one side says until the other speaks.
type turn struct {
	role    llm.Role
	blocks  []sdk.ContentBlockParamUnion
	results []sdk.ContentBlockParamUnion
	calls   map[string]place // without a result yet, by id
}

// place is that of a part, for errors.
type place struct{ message, part int }

func (p place) unsupported(field, format string, args ...any) error {
	return llm.Unsupported(fmt.Sprintf("Messages[%d].Parts[%d]%s", p.message, p.part, field), format, args...)
}

// add takes in the next message.
func (c *conversation) add(i int, m llm.Message) error {
	for j, p := range m.Parts {
		if p.Opaque != nil || p.Thinking != "" {
			own := (llm.Message{Role: m.Role, Parts: m.Parts[j : j+1]}).For(Vendor)
			if len(own.Parts) == 0 {
				continue // another vendor's alone
			}
			p = own.Parts[0]
		}
		if err := c.addPart(place{i, j}, m.Role, p); err != nil {
			return err
		}
	}
	return nil
}

func (c *conversation) addPart(at place, role llm.Role, p llm.Part) error {
	switch {
	case p.Result != nil:
		return c.addResult(at, *p.Result)
	case p.Call != nil:
		return c.addCall(at, *p.Call)
	case p.Image != nil:
		block, err := c.image(at, *p.Image)
		if err != nil {
			return err
		}
		c.say(role, block)
	case p.Text != "":
		if blank(p.Text) { // is refused, and says nothing
			c.blank = &at
			return nil
		}
		c.say(role, sdk.NewTextBlock(p.Text))
	case p.Opaque != nil:
		block, err := thought(at, p.Opaque.Data)
		if err != nil {
			return err
		}
		c.say(role, block)
	}
	return nil
}

func (c *conversation) say(role llm.Role, block sdk.ContentBlockParamUnion) {
	t := c.turn(role)
	t.blocks = append(t.blocks, block)
}

// turn is that of role, a new one if the other side spoke last.
func (c *conversation) turn(role llm.Role) *turn {
	if last := c.last(); last != nil && last.role == role {
		return last
	}
	c.turns = append(c.turns, turn{role: role})
	return c.last()
}

func (c *conversation) last() *turn {
	if len(c.turns) == 0 {
		return nil
	}
	return &c.turns[len(c.turns)-1]
}

// longestName is the vendor's limit for the name of a tool that was called.
const longestName = 128

func (c *conversation) addCall(at place, call llm.ToolCall) error {
	if c.ids.plain(call.Name) != call.Name || len(call.Name) > longestName {
		return at.unsupported(".Call.Name", "is not 1 to %d letters, digits, _ and -", longestName)
	}
	args := bytes.TrimSpace(call.Args)
	if len(args) == 0 {
		args = []byte("{}")
	}
	id := c.ids.fresh(call.ID)
	t := c.turn(llm.RoleAssistant)
	t.blocks = append(t.blocks, sdk.NewToolUseBlock(id, json.RawMessage(args), call.Name))
	if t.calls == nil {
		t.calls = map[string]place{}
	}
	t.calls[id] = at
	return nil
}

func (c *conversation) addResult(at place, r llm.ToolResult) error {
	id := c.ids.now[r.ID]
	t := c.turn(llm.RoleUser)
	var open map[string]place
	if n := len(c.turns); n > 1 {
		open = c.turns[n-2].calls
	}
	if _, ok := open[id]; !ok {
		return at.unsupported(".Result", "does not answer a call of the message before it, or answers it twice")
	}
	delete(open, id)
	block := sdk.ToolResultBlockParam{ToolUseID: id}
	if r.Failed {
		block.IsError = sdk.Bool(true)
	}
	if r.Failed && blank(r.Content) {
		r.Content = "error" // an error without a text is refused
	}
	if !blank(r.Content) {
		block.Content = []sdk.ToolResultBlockParamContentUnion{{OfText: &sdk.TextBlockParam{Text: r.Content}}}
	}
	t.results = append(t.results, sdk.ContentBlockParamUnion{OfToolResult: &block})
	return nil
}

// opening stands for the user in a conversation that the assistant begins: a
// conversation has to begin with a user here.
const opening = "(The assistant begins.)"

// finish gives the messages of what was said, and says whether white space was
// cut off the prefill.
func (c *conversation) finish(said []llm.Message) (messages []sdk.MessageParam, trimmed bool, err error) {
	if last := c.last(); last == nil || last.role != llm.RoleUser && said[len(said)-1].Role == llm.RoleUser {
		if c.blank != nil {
			return nil, false, c.blank.unsupported(".Text", "is white space, which this vendor refuses")
		}
		return nil, false, llm.Unsupported("Messages", "end in nothing that this vendor reads")
	}
	if c.turns[0].role == llm.RoleAssistant {
		messages = append(messages, sdk.NewUserMessage(sdk.NewTextBlock(opening)))
	}
	for i := range c.turns {
		t := &c.turns[i]
		for _, at := range t.calls {
			return nil, false, at.unsupported(".Call", "has no result in the message after it")
		}
		messages = append(messages, sdk.MessageParam{
			Role: sdk.MessageParamRole(t.role), Content: append(t.results, t.blocks...),
		})
	}
	return messages, c.trimPrefill(), nil
}

// trimPrefill cuts white space off the end of a prefill, which the vendor
// refuses.
func (c *conversation) trimPrefill() bool {
	t := c.last()
	if t.role != llm.RoleAssistant {
		return false
	}
	text := t.blocks[len(t.blocks)-1].OfText
	if text == nil {
		return false
	}
	whole := text.Text
	text.Text = strings.TrimRightFunc(whole, unicode.IsSpace)
	return text.Text != whole
}

// image makes a block of a picture.
func (c *conversation) image(at place, i llm.Image) (sdk.ContentBlockParamUnion, error) {
	if i.URL != "" {
		if !strings.HasPrefix(i.URL, "https://") {
			return sdk.ContentBlockParamUnion{}, at.unsupported(".Image.URL", "is not https")
		}
		return sdk.NewImageBlock(sdk.URLImageSourceParam{URL: i.URL}), nil
	}
	switch sdk.Base64ImageSourceMediaType(i.Type) {
	case sdk.Base64ImageSourceMediaTypeImageJPEG, sdk.Base64ImageSourceMediaTypeImagePNG,
		sdk.Base64ImageSourceMediaTypeImageGIF, sdk.Base64ImageSourceMediaTypeImageWebP:
		var data string
		if !c.dry {
			data = base64.StdEncoding.EncodeToString(i.Data)
		}
		return sdk.NewImageBlockBase64(i.Type, data), nil
	}
	return sdk.ContentBlockParamUnion{}, at.unsupported(".Image.Type", "%.40q is neither JPEG, PNG, GIF nor WebP", i.Type)
}

// The kinds of what is opaque. Its data is the block as the vendor sent it.
const (
	kindThinking = "thinking"
	kindRedacted = "redacted_thinking"
)

// opaqueBlock is a thought, or what stands for one that is not shown.
type opaqueBlock struct {
	Type      string `json:"type"`
	Thinking  string `json:"thinking,omitzero"`
	Signature string `json:"signature,omitzero"`
	Data      string `json:"data,omitzero"`
}

// thought makes a block of what the vendor had given with a part.
func thought(at place, data json.RawMessage) (sdk.ContentBlockParamUnion, error) {
	var b opaqueBlock
	_ = json.Unmarshal(data, &b) // of what is none of ours the kind is unknown
	switch b.Type {
	case kindThinking:
		return sdk.NewThinkingBlock(b.Signature, b.Thinking), nil
	case kindRedacted:
		return sdk.NewRedactedThinkingBlock(b.Data), nil
	}
	return sdk.ContentBlockParamUnion{}, at.unsupported(".Opaque", "is of a kind that this version does not know")
}

// opaque is the part for a block of the vendor's.
func opaque(b opaqueBlock) llm.Part {
	data, err := json.Marshal(b)
	if err != nil {
		data = json.RawMessage("null") // cannot happen to strings
	}
	return llm.Part{Thinking: b.Thinking, Opaque: &llm.Opaque{Vendor: Vendor, Data: data}}
}

// ids gives the calls of a conversation ids that the vendor takes: letters,
// digits, "_" and "-", and none twice. Those that are so already stay, for their
// results and its cache.
type ids struct {
	now  map[string]string // by the id in the conversation; the latest call counts
	used map[string]bool
}

// fresh makes the id of a new call.
func (s *ids) fresh(id string) string {
	if s.now == nil {
		s.now, s.used = map[string]string{}, map[string]bool{}
	}
	own := s.plain(id)
	for n := 2; s.used[own]; n++ {
		own = fmt.Sprintf("%s_%d", s.plain(id), n)
	}
	s.now[id], s.used[own] = own, true
	return own
}

// plain replaces the characters that the vendor does not take.
func (*ids) plain(id string) string {
	return strings.Map(func(r rune) rune {
		letter := r|0x20 >= 'a' && r|0x20 <= 'z' && r < 0x80
		if letter || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, id)
}
