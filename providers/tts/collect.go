package tts

import (
	"slices"

	"github.com/gofailover/failover"
)

// Collect reads a stream to its end and returns what [Client.Synthesize] would:
// the audio is whole, or there is an error. What came before a restart is
// discarded. An error of the stream is returned as it is; a stream without an
// end is a failover.Error of class incomplete.
func Collect(stream failover.Stream[Chunk]) (*Audio, error) {
	var data []byte
	var format Format
	var total *Summary
	for chunk, err := range stream {
		switch {
		case err != nil:
			return nil, err
		case chunk.Restart:
			data, total = data[:0], nil
		case chunk.IsContent():
			data, format = append(data, chunk.Data...), chunk.Format
		}
		if chunk.Summary != nil {
			total = chunk.Summary
		}
	}
	if total == nil {
		return nil, incomplete(failover.ErrTruncated)
	}
	spoken, err := NewAudio(format, slices.Clip(data))
	if err != nil {
		return nil, err
	}
	spoken.Provider, spoken.Model, spoken.Voice = total.Provider, total.Model, total.Voice
	spoken.RequestID, spoken.Characters = total.RequestID, total.Characters
	return spoken, nil
}
