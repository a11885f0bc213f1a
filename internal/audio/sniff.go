package audio

import (
	"bytes"
	"encoding/binary"
	"io"
	"time"
)

// Kind is what an audio file is, as its first bytes tell.
type Kind int

// The kinds that are told apart. KindUnknown is everything else, headerless
// audio among it.
const (
	KindUnknown Kind = iota
	KindWAV
	KindMP3
	KindOgg // Opus, Vorbis or FLAC in Ogg
	KindFLAC
	KindMP4 // audio in MP4, commonly ".m4a"
	KindWebM
	KindAAC // ADTS
	KindAMR
	KindAIFF
)

// SniffSize is how many bytes [Sniff] wants to see.
const SniffSize = 64

// magics are the beginnings of files; the text at follows after skip bytes.
var magics = []struct {
	kind  Kind
	begin string
	skip  int
	then  string
}{
	{KindWAV, "RIFF", 8, "WAVE"},
	{KindOgg, "OggS", 0, ""},
	{KindFLAC, "fLaC", 0, ""},
	{KindMP4, "", 4, "ftyp"},
	{KindWebM, "\x1A\x45\xDF\xA3", 0, ""},
	{KindAMR, "#!AMR", 0, ""},
	{KindAIFF, "FORM", 8, "AIF"},
	{KindMP3, "ID3", 0, ""},
}

// Sniff tells what a file is from its first bytes. Headerless samples are
// KindUnknown but for those that happen to look like a frame of MP3 or AAC.
func Sniff(head []byte) Kind {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.begin)) && len(head) >= m.skip && bytes.HasPrefix(head[m.skip:], []byte(m.then)) {
			return m.kind
		}
	}
	if len(head) >= 2 && head[0] == 0xFF && head[1]&0xF6 == 0xF0 {
		return KindAAC
	}
	if _, ok := readMP3Frame(head); ok {
		return KindMP3
	}
	return KindUnknown
}

// names are the MIME type and the extension of each kind.
var names = map[Kind][2]string{
	KindUnknown: {"application/octet-stream", ""},

	KindWAV:  {"audio/wav", ".wav"},
	KindMP3:  {"audio/mpeg", ".mp3"},
	KindOgg:  {"audio/ogg", ".ogg"},
	KindFLAC: {"audio/flac", ".flac"},
	KindMP4:  {"audio/mp4", ".m4a"},
	KindWebM: {"audio/webm", ".webm"},
	KindAAC:  {"audio/aac", ".aac"},
	KindAMR:  {"audio/amr", ".amr"},
	KindAIFF: {"audio/aiff", ".aiff"},
}

// ContentType is the MIME type, "application/octet-stream" for KindUnknown.
func (k Kind) ContentType() string { return names[k][0] }

// Extension is that of files of the kind, with its dot; empty for KindUnknown.
func (k Kind) Extension() string { return names[k][1] }

// Measure reads what is needed of a file of size bytes to tell its Info. An
// error means that it cannot be told: not every kind says. Of MP3 and Opus
// every frame and page is read, of others the header. A WAV file that is
// shorter than its header says plays as long as there are samples.
func Measure(file io.Reader, size int64) (Info, error) {
	head := make([]byte, min(size, maxWaveHead))
	n, err := io.ReadFull(file, head)
	if err != nil {
		return Info{}, Error("the audio cannot be read")
	}
	head = head[:n]
	switch Sniff(head) {
	case KindWAV:
		return measureWAV(head, size)
	case KindFLAC:
		return measureFLAC(head)
	case KindMP3:
		return measured(ScanMP3(), io.MultiReader(bytes.NewReader(head), file))
	case KindOgg:
		return measured(ScanOggOpus(), io.MultiReader(bytes.NewReader(head), file))
	default:
		return Info{}, Error("the audio does not say how long it is")
	}
}

func measureWAV(head []byte, size int64) (Info, error) {
	h, ok, err := readWaveHead(head, true)
	switch {
	case err != nil:
		return Info{}, err
	case !ok:
		return Info{}, Error("the WAV file has no samples")
	}
	samples := size - int64(h.start)
	if h.knowsSize() {
		samples = min(samples, int64(h.size))
	}
	frame := int64(max(1, h.info.Channels*h.info.BitsPerSample/8))
	h.info.Duration = seconds(samples/frame, int64(h.info.SampleRate))
	return h.info, nil
}

// measureFLAC reads the block STREAMINFO, which comes first (RFC 9639, section
// 8.2): 20 bits of sample rate, 3 of channels, 5 of width, 36 of samples.
func measureFLAC(head []byte) (Info, error) {
	const at = 4 + 4 + 10
	if len(head) < at+8 || head[4]&0x7F != 0 {
		return Info{}, Error("the FLAC header is cut")
	}
	bits := binary.BigEndian.Uint64(head[at:])
	info := Info{
		SampleRate:    int(bits >> 44),
		Channels:      int(bits>>41&7) + 1,
		BitsPerSample: int(bits>>36&31) + 1,
	}
	samples := int64(bits & (1<<36 - 1))
	if info.SampleRate == 0 || samples == 0 {
		return Info{}, Error("the FLAC file does not say how long it is")
	}
	info.Duration = seconds(samples, int64(info.SampleRate))
	return info, nil
}

func measured(scanner Scanner, file io.Reader) (Info, error) {
	if _, err := io.Copy(scanning{scanner}, file); err != nil {
		return Info{}, Error("the audio cannot be read")
	}
	info, ok := scanner.Info()
	if !ok {
		return Info{}, Error("the audio does not say what it is")
	}
	info.Duration = scanner.Played()
	return info, nil
}

// scanning makes a scanner an io.Writer.
type scanning struct{ Scanner }

func (s scanning) Write(p []byte) (int, error) {
	if err := s.Scan(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Playing is how long so many bytes of headerless samples play; a last one that
// is cut does not count.
func (s Samples) Playing(size int64) time.Duration {
	if s.frame() <= 0 {
		return 0
	}
	return seconds(size/int64(s.frame()), int64(s.Info.SampleRate))
}

// Header is what the beginning of a file says, Duration apart; false where it
// does not, or not there.
func Header(kind Kind, head []byte) (Info, bool) {
	switch kind {
	case KindWAV:
		h, ok, err := readWaveHead(head, true)
		return h.info, ok && err == nil
	case KindMP3:
		frame, ok := readMP3Frame(skipID3(head))
		return Info{SampleRate: frame.sampleRate, Channels: frame.channels}, ok
	case KindOgg:
		_, payload, _, err := oggPage(head)
		if err != nil {
			return Info{}, false
		}
		channels, _, err := opusHead(payload)
		return Info{SampleRate: opusRate, Channels: channels}, err == nil
	case KindFLAC:
		info, err := measureFLAC(head)
		return info, err == nil
	default:
		return Info{}, false
	}
}
