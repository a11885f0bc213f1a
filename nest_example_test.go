package failover_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover"
)

// A pool of keys is a router inside another: the fallback is asked when the
// whole pool is out.
func ExampleNest() {
	key := func(name string) failover.Provider[string, string] {
		return failover.Wrap(name, func(context.Context, string) (string, error) {
			return "", &failover.Error{Class: failover.ClassExhausted, Status: 402}
		})
	}
	pool, err := failover.New(failover.Providers(key("key1"), key("key2")))
	if err != nil {
		fmt.Println(err)
		return
	}
	fallback := failover.Wrap("fallback", func(context.Context, string) (string, error) { return "good morning", nil })
	router, err := failover.New(failover.Providers(failover.Nest("pool", pool), fallback))
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := router.Route(context.Background(), "hello")
	fmt.Println(result.Value, err)
	for _, a := range result.Attempts[0].Inner {
		fmt.Println(a.Err)
	}
	// Output:
	// good morning <nil>
	// pool/key1: exhausted (402)
	// pool/key2: exhausted (402)
}

// A client without a context is called aside, so that the caller still returns
// in time.
func ExampleDetached() {
	old := failover.Detached("old", func(name string) (string, error) { return "hello " + name, nil })
	router, err := failover.New(failover.Providers(old))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(router.Do(context.Background(), "Ada"))
	// Output: hello Ada <nil>
}
