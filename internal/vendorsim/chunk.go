package vendorsim

import (
	"net/http"
	"slices"
)

// ChunkSize is how many bytes of audio a vendor that streams sends at a time,
// one flush each: a part of an answer that is long enough to be one, and so
// short that a short text is several.
const ChunkSize = 512

// writeChunks sends body as a vendor does that has not made all of it yet.
func writeChunks(w http.ResponseWriter, body []byte) {
	for chunk := range slices.Chunk(body, ChunkSize) {
		writeChunk(w, chunk)
	}
}

func writeChunk(w http.ResponseWriter, chunk []byte) {
	if _, err := w.Write(chunk); err == nil {
		_ = http.NewResponseController(w).Flush()
	}
}

// chunks are the parts of a body as the vendor flushed them, or parts of
// ChunkSize if it did not.
func (a Answer) chunks() [][]byte {
	if !a.streamed() {
		return slices.Collect(slices.Chunk(a.Body, ChunkSize))
	}
	var all [][]byte
	start := 0
	for _, end := range append(slices.Clone(a.flushes), len(a.Body)) {
		if end > start && end <= len(a.Body) {
			all = append(all, a.Body[start:end])
			start = end
		}
	}
	return all
}

// streamed says whether the vendor sent the body in parts.
func (a Answer) streamed() bool { return len(a.flushes) > 0 && len(a.Body) > 0 }

// begin sends the header and the first n chunks, and gives the others.
func (x *exchange) begin(a Answer, n int) (rest [][]byte) {
	x.head(a, -1)
	_ = http.NewResponseController(x.w).Flush()
	rest = a.chunks()
	for ; n > 0 && len(rest) > 0; n-- {
		if !x.write(rest[0]) {
			abort()
		}
		rest = rest[1:]
	}
	return rest
}
