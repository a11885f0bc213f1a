package vendorsim

import "time"

// mp3 is silence as MPEG Layer III frames of constant bit rate, mono: frames
// whose side information says that there is nothing to decode. bitRate is in
// bits a second, one that the standard lists for the sample rate.
func mp3(d time.Duration, rate, bitRate int) []byte {
	version, samples, index := byte(3), 1152, 0
	rates, bitRates := [3]int{44100, 48000, 32000}, [15]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	if rate < 32000 {
		version, samples = 2, 576
		rates, bitRates = [3]int{22050, 24000, 16000}, [15]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
	}
	for i, r := range rates {
		if r == rate {
			index |= i << 2
		}
	}
	for i, r := range bitRates {
		if r*1000 == bitRate {
			index |= i << 4
		}
	}
	var out []byte
	frames := int(d.Seconds()*float64(rate))/samples + 1
	spare := 0 // of the bytes that do not fit into frames of one length
	for range frames {
		size, padding := samples/8*bitRate/rate, byte(0)
		if spare += samples / 8 * bitRate % rate; spare >= rate {
			spare -= rate
			size, padding = size+1, 1
		}
		frame := make([]byte, size)
		frame[0], frame[1] = 0xFF, 0xE0|version<<3|1<<1|1
		frame[2], frame[3] = byte(index)|padding<<1, 0xC0
		out = append(out, frame...)
	}
	return out
}
