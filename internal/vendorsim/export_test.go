package vendorsim

// Signers, for the vendors' own vectors.
var (
	TwilioSign = twilioSign
	TelnyxSign = telnyxSign
)
