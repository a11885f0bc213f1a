package failover_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/gofailover/failover"
)

// A paired mirror asks both sides, compares what they say, and answers with
// the primary's answer.
func ExampleNewMirror() {
	primary := failover.Wrap("primary", func(context.Context, string) (string, error) { return "Yes", nil })
	shadow := failover.Wrap("shadow", func(context.Context, string) (string, error) { return "yes", nil })
	compared := make(chan failover.MirrorEvent, 1)
	router, err := failover.New(
		failover.Providers(failover.NewMirror(primary, shadow, strings.EqualFold, failover.MirrorPolicy{})),
		failover.WithObserver(func(_ context.Context, e failover.Event) {
			if e, ok := e.(failover.MirrorEvent); ok {
				compared <- e
			}
		}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()
	fmt.Println(router.Do(context.Background(), "ready?"))
	fmt.Println("agreed:", (<-compared).Agreed)
	// Output:
	// Yes <nil>
	// agreed: true
}
