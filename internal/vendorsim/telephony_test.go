package vendorsim_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

const (
	twilioSID = "AC0123456789abcdef0123456789abcdef"
	callee    = "+15550001001"
	caller    = "+15550002002"
)

// TestProcessed has every fault strike after the vendor did what it was asked.
func TestProcessed(t *testing.T) {
	t.Parallel()
	for _, fault := range []vendorsim.Fault{
		vendorsim.Reset(), vendorsim.ResetAfterRead(), vendorsim.HangUp(), vendorsim.Garbage(), vendorsim.HalfHeader(),
		vendorsim.Cut(), vendorsim.CutReset(), vendorsim.CutChunks(), vendorsim.BadChunk(), vendorsim.Truncate(), vendorsim.Empty(),
		vendorsim.Page(), vendorsim.HugeError(500, 1<<20), vendorsim.Status(500), vendorsim.Status(503),
	} {
		t.Run(fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := vendorsim.Twilio(twilioSID, key, vendorsim.InMemory())
				defer s.Close()
				s.Fail(vendorsim.Processed(fault))
				form := url.Values{"To": {callee}, "From": {caller}, "Body": {"Hello."}}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
					s.URL()+"/2010-04-01/Accounts/"+twilioSID+"/Messages.json", strings.NewReader(form.Encode()))
				require.NoError(t, err)
				req.SetBasicAuth(twilioSID, key)
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				resp, err := s.Client().Do(req)
				if err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				assert.Len(t, s.Ledger.Entries(), 1)
			})
		})
	}
}
