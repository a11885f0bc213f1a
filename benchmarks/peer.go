package main

// peer is one way to put two providers behind one call.
type peer struct {
	name  string
	build func(scenario, []*endpoint) (call, error)
}

// The router, and what it is compared with.
var (
	execute    = peer{"gobreaker.Execute alone", newGobreaker}
	composed   = peer{"gobreaker + backoff by hand", newComposed}
	router     = peer{"failover", newRouter}
	documented = peer{"failsafe-go, With(...) per call", newFailsafeDocumented}
)

// peers are in the order of the table.
func peers() []peer {
	return []peer{
		{"bare call", newBare},
		{"gobreaker in a loop", newGobreaker},
		router,
		composed,
		documented,
		{"failsafe-go, prebuilt, request in ctx", newFailsafePrebuilt},
		{"failsafe-go, prebuilt, in a loop", newFailsafeLoop},
	}
}
