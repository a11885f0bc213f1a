package httpcall

import (
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
)

// maxObject bounds one JSON object of a stream: minutes of audio.
const maxObject = 16 << 20

// Objects reads an answer of JSON values, one after the other, as they come,
// and closes it. A body that is cut, between two values or within one, that is
// too long or that is not JSON gives a failover.Error of class incomplete.
func Objects(resp *http.Response) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		defer resp.Body.Close()
		source := &bounded{from: resp.Body, all: MaxAudio}
		decoder := json.NewDecoder(source)
		for {
			source.one = maxObject
			var object json.RawMessage
			err := decoder.Decode(&object)
			if errors.Is(err, io.EOF) {
				return
			}
			if _, ok := errors.AsType[*json.SyntaxError](err); ok {
				err = Incomplete(resp, ErrNotJSON)
			} else if err != nil {
				err = broken(resp, err)
			}
			if !yield(object, err) || err != nil {
				return
			}
		}
	}
}

// bounded is a reader that has an end.
type bounded struct {
	from     io.Reader
	one, all int64 // bytes left, of this value and of all
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.one <= 0 || b.all <= 0 {
		return 0, ErrTooLong
	}
	n, err := b.from.Read(p)
	b.one -= int64(n)
	b.all -= int64(n)
	return n, err
}
