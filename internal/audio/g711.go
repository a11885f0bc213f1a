package audio

// decodeMuLaw and decodeALaw are the samples of G.711 by their codes.
var decodeMuLaw, decodeALaw = func() (mu, a [256]int16) {
	for code := range 256 {
		mu[code], a[code] = muLawSample(byte(code)), aLawSample(byte(code))
	}
	return mu, a
}()

// muLawSample reads sign, segment and four bits, inverted.
func muLawSample(code byte) int16 {
	const bias = 0x84
	code = ^code
	v := (int(code&0x0F)<<3 + bias) << (code >> 4 & 7)
	if v -= bias; code&0x80 != 0 {
		v = -v
	}
	return int16(v) //nolint:gosec // at most 32124
}

// aLawSample reads sign, segment and four bits, every other bit inverted.
func aLawSample(code byte) int16 {
	code ^= 0x55
	v, segment := int(code&0x0F)<<4+8, code>>4&7
	if segment > 0 {
		v = (v + 0x100) << (segment - 1)
	}
	if code&0x80 == 0 {
		v = -v
	}
	return int16(v)
}
