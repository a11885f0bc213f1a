package audio_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/audio"
)

// scanned is what a scanner makes of data in pieces of size bytes.
type scanned struct {
	info  audio.Info
	known bool
	whole int64
	err   string
}

func scan(s audio.Scanner, data []byte, size int) scanned {
	var got scanned
	for len(data) > 0 {
		n := min(size, len(data))
		if err := s.Scan(data[:n]); err != nil {
			return scanned{err: err.Error()}
		}
		data = data[n:]
	}
	got.info, got.known = s.Info()
	got.info.Duration, got.whole = s.Played(), s.Whole()
	if err := s.End(); err != nil {
		got.err = err.Error()
	}
	return got
}

const opusHead = "OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"

// lastPage marks the page at the end of an Ogg file as the last.
func lastPage(file []byte, payload int) []byte {
	file = append([]byte(nil), file...)
	file[len(file)-payload-28+5] |= 4
	return file
}

func TestScannersAgreeWithFiles(t *testing.T) {
	t.Parallel()
	id3 := append([]byte("ID3\x04\x00\x00\x00\x00\x01\x00"), make([]byte, 128)...)
	second := make([]byte, 16000)
	ogg := lastPage(oggFile(48312, opusHead, "OpusTags....", "\xf8\xff\xfe"), 3)
	raw := func(data []byte) (audio.Info, error) { return audio.Raw(data, 8000, 1, 16) }
	scanRaw := func() audio.Scanner { return audio.ScanRaw(8000, 1, 16) }
	for name, c := range map[string]struct {
		scan func() audio.Scanner
		read func([]byte) (audio.Info, error)
		file []byte
	}{
		"raw":              {scanRaw, raw, second},
		"raw, cut":         {scanRaw, raw, second[:15999]},
		"wav":              {audio.ScanWAV, audio.WAV, wavFile(t, 1, 1, 16, 8000, 16000, second)},
		"wav, streamed":    {audio.ScanWAV, audio.WAV, wavFile(t, 1, 1, 16, 8000, 0xFFFFFFFF, second)},
		"wav, trailing":    {audio.ScanWAV, audio.WAV, append(wavFile(t, 1, 1, 16, 8000, 16000, second), "LIST\x01"...)},
		"wav, cut":         {audio.ScanWAV, audio.WAV, wavFile(t, 1, 1, 16, 8000, 16000, second[:100])},
		"wav, odd":         {audio.ScanWAV, audio.WAV, wavFile(t, 1, 1, 16, 8000, 0, second[:101])},
		"wav, none":        {audio.ScanWAV, audio.WAV, wavFile(t, 1, 1, 16, 8000, 0, nil)},
		"wav, float":       {audio.ScanWAV, audio.WAV, wavFile(t, 3, 1, 32, 8000, 0, second)},
		"wav, data first":  {audio.ScanWAV, audio.WAV, []byte("RIFF\x00\x00\x00\x00WAVEdata\x02\x00\x00\x00ab")},
		"wav, header only": {audio.ScanWAV, audio.WAV, []byte("RIFF\x00\x00\x00\x00WAVE")},
		"wav, text":        {audio.ScanWAV, audio.WAV, []byte("<html>")},
		"wav, nothing":     {audio.ScanWAV, audio.WAV, nil},
		"mp3":              {audio.ScanMP3, audio.MP3, mp3Frames(10, 0xC0)},
		"mp3, tagged":      {audio.ScanMP3, audio.MP3, append(id3, mp3Frames(3, 0)...)},
		"mp3, tag at end":  {audio.ScanMP3, audio.MP3, append(mp3Frames(3, 0xC0), "TAG and a title\xff"...)},
		"mp3, joined":      {audio.ScanMP3, audio.MP3, append(append(mp3Frames(2, 0xC0), 0, 0, 0xFF, 0), mp3Frames(2, 0xC0)...)},
		"mp3, cut":         {audio.ScanMP3, audio.MP3, mp3Frames(3, 0xC0)[:1000]},
		"mp3, tag only":    {audio.ScanMP3, audio.MP3, id3},
		"mp3, text":        {audio.ScanMP3, audio.MP3, []byte(`{"detail":"no"}`)},
		"mp3, nothing":     {audio.ScanMP3, audio.MP3, nil},
		"ogg":              {audio.ScanOggOpus, audio.OggOpus, ogg},
		"ogg, cut":         {audio.ScanOggOpus, audio.OggOpus, ogg[:len(ogg)-1]},
		"ogg, no audio":    {audio.ScanOggOpus, audio.OggOpus, lastPage(oggFile(0, opusHead, "OpusTags...."), 12)},
		"ogg, vorbis":      {audio.ScanOggOpus, audio.OggOpus, oggFile(1, "\x01vorbis0123456789012", "x")},
		"ogg, junk":        {audio.ScanOggOpus, audio.OggOpus, append(oggFile(1, opusHead, "x"), "junk"...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := c.read(c.file)
			for _, size := range []int{1, 2, 3, 7, 100, 417, 1 << 20} {
				got := scan(c.scan(), c.file, size)
				if err != nil {
					require.Equal(t, err.Error(), got.err, "pieces of %d", size)
					continue
				}
				require.Empty(t, got.err, "pieces of %d", size)
				assert.True(t, got.known)
				assert.Equal(t, want, got.info, "pieces of %d", size)
				assert.LessOrEqual(t, got.whole, int64(len(c.file)))
			}
		})
	}
}

// A file that stops between two pages is a file; a stream must say that it is
// over.
func TestOggStreamMustEnd(t *testing.T) {
	t.Parallel()
	open := oggFile(48312, opusHead, "OpusTags....", "\xf8\xff\xfe")
	_, err := audio.OggOpus(open)
	require.NoError(t, err)
	assert.Equal(t, "the Ogg file is cut", scan(audio.ScanOggOpus(), open, 10).err)
	assert.Equal(t, "no Ogg page", scan(audio.ScanOggOpus(), nil, 10).err)
}

// The beginning of a frame's header is no junk at the end of a stream.
func TestMP3StreamCutInAHeader(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "the last MP3 frame is cut", scan(audio.ScanMP3(), append(mp3Frames(2, 0xC0), 0xFF, 0xFB), 10).err)
}

// What a scanner calls whole can be followed by other audio of the format.
func TestWhole(t *testing.T) {
	t.Parallel()
	mp3 := mp3Frames(3, 0xC0)
	s := audio.ScanMP3()
	require.NoError(t, s.Scan(mp3[:500]))
	assert.Equal(t, int64(417), s.Whole())
	frame := time.Duration(1152) * time.Second / 44100
	assert.Equal(t, frame, s.Played())
	require.NoError(t, s.Scan(mp3[500:]))
	assert.Equal(t, int64(len(mp3)), s.Whole())

	s = audio.ScanRaw(8000, 2, 16)
	require.NoError(t, s.Scan(make([]byte, 7)))
	assert.Equal(t, int64(4), s.Whole())

	s = audio.ScanMP3()
	require.NoError(t, s.Scan(append([]byte("ID3\x04\x00\x00\x00\x00\x00\x02ab"), mp3[:100]...)))
	assert.Equal(t, int64(12), s.Whole(), "a tag is whole")
	_, known := s.Info()
	assert.True(t, known, "the header of the first frame says it all")
}

// A header that never comes to the samples is not collected for ever.
func TestEndlessWAVHeader(t *testing.T) {
	t.Parallel()
	s := audio.ScanWAV()
	require.NoError(t, s.Scan([]byte("RIFF\x00\x00\x00\x00WAVEjunk\xff\xff\xff\x7f")))
	var err error
	for range 20 {
		if err = s.Scan(make([]byte, 8<<10)); err != nil {
			break
		}
	}
	require.EqualError(t, err, "the WAV file has no samples")
}

// FuzzScan feeds arbitrary bytes piece by piece: no panic, the size of the
// pieces does not matter, and a stream that is accepted is a good file.
func FuzzScan(f *testing.F) {
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEdata\x02\x00\x00\x00ab"), 3)
	f.Add(mp3Frames(3, 0xC0), 100)
	f.Add(append([]byte("ID3\x04\x00\x00\x00\x00\x00\x02ab"), mp3Frames(2, 0xC0)...), 5)
	f.Add(lastPage(oggFile(48312, opusHead, "OpusTags....", "abc"), 3), 9)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if len(data) > 32<<10 {
			return
		}
		for name, c := range map[string]struct {
			scan func() audio.Scanner
			read func([]byte) (audio.Info, error)
		}{
			"wav": {audio.ScanWAV, audio.WAV}, "mp3": {audio.ScanMP3, audio.MP3}, "ogg": {audio.ScanOggOpus, audio.OggOpus},
		} {
			got := scan(c.scan(), data, max(1, size%1000))
			if whole := scan(c.scan(), data, len(data)+1); got != whole {
				t.Errorf("%s: %+v in pieces, %+v at once", name, got, whole)
			}
			if got.err != "" {
				continue
			}
			if info, err := c.read(data); err != nil || info != got.info {
				t.Errorf("%s: the stream is accepted as %+v, the file gives %+v, %v", name, got.info, info, err)
			}
			if got.whole < 0 || got.whole > int64(len(data)) {
				t.Errorf("%s: %d bytes of %d are whole", name, got.whole, len(data))
			}
		}
	})
}
