package vendorsim

import (
	"encoding/json"
	"strings"
)

// without is JSON without the part at path.
func without(body []byte, path string) []byte {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		panic("vendorsim: " + err.Error()) // the vendor's own answer
	}
	at := value
	names := strings.Split(path, ".")
	for i, name := range names {
		switch v := at.(type) {
		case map[string]any:
			if i == len(names)-1 {
				delete(v, name)
			}
			at = v[name]
		case []any:
			at = nil
			if n := atoi(name); n < len(v) {
				at = v[n]
			}
		}
	}
	out, err := json.Marshal(value)
	if err != nil {
		panic("vendorsim: " + err.Error())
	}
	return out
}
