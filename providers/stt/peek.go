package stt

// Peek is how many bytes [Request.Open] gives, and the extension of files of
// their kind, such as ".wav", empty if it is not known. ok is false where that
// cannot be told at once: of a [Reader] that was not read, of a [URL] that was
// not fetched, and of audio that Open refuses. A provider whose vendor takes
// some kinds and sizes only asks it in its Supports.
func (r Request) Peek() (size int64, extension string, ok bool) {
	if r.Audio.validate() != nil {
		return 0, "", false
	}
	body, size, ok := r.Audio.at.read()
	if !ok {
		return 0, "", false
	}
	opened, err := labelled(body, size, r.Format, true)
	if err != nil {
		_ = body.Close()
		return 0, "", false
	}
	_ = opened.Close()
	return opened.Size, opened.Extension, true
}
