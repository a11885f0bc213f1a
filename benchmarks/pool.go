package main

import (
	"fmt"

	"github.com/gofailover/failover"
)

const (
	poolName  = "healthy pool, attempt timeout off"
	smallPool = 2
	largePool = 64
)

// pools measures what each further provider adds to a request that the first one asked serves.
func pools() (*group, error) {
	g := &group{name: poolName, unit: "op", of: 1}
	for _, strategy := range poolStrategies() {
		for _, n := range []int{smallPool, largePool} {
			do, _, err := strategy.pool(n)
			if err != nil {
				return nil, err
			}
			g.cells = append(g.cells, &cell{name: poolCell(strategy.name, n), do: do})
		}
	}
	return g, nil
}

func poolCell(strategy string, n int) string { return fmt.Sprintf("%s, %d providers", strategy, n) }

type poolStrategy struct {
	name string
	new  func() failover.Strategy
}

func poolStrategies() []poolStrategy {
	return []poolStrategy{{"round-robin", failover.RoundRobin}, {"weighted", failover.Weighted}}
}

func (s poolStrategy) pool(n int) (call, []*endpoint, error) {
	endpoints := newEndpoints(n)
	do, err := route(endpoints, failover.WithTimeout(0), failover.WithStrategy(s.new()))
	return do, endpoints, err
}

// slope is the median, over the rounds, of what each further provider took.
func (c *cell) slope(small *cell, further int) float64 {
	slopes := make([]float64, len(c.samples))
	for i := range slopes {
		slopes[i] = (c.samples[i].ns - small.samples[i].ns) / float64(further)
	}
	return middle(slopes)
}
