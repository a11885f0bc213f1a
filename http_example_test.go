package failover_test

import (
	"fmt"
	"net/http"

	"github.com/gofailover/failover"
)

// An adapter turns an unsuccessful response into an Error, and betters it where
// the vendor's envelope says more than the status.
func ExampleHTTPError() {
	resp := &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{
		"Retry-After": {"Wed, 21 Oct 2015 07:28:30 GMT"},
		"Date":        {"Wed, 21 Oct 2015 07:28:00 GMT"},
	}}
	e := failover.HTTPError(resp)
	fmt.Println(e)
	e.Class, e.Code = failover.ClassExhausted, "insufficient_quota"
	fmt.Println(e)
	// Output:
	// rate_limited (429, retry after 30s)
	// exhausted (429 insufficient_quota, retry after 30s)
}
