package httpcall

import "net/http"

// TransportOf is the transport of client, or the one that this package shares
// if it has none.
func TransportOf(client *http.Client) http.RoundTripper {
	if client == nil || client.Transport == nil {
		return defaultTransport
	}
	return client.Transport
}
