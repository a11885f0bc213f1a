package main

import "fmt"

// bar is a promise about one figure.
type bar struct {
	group  string
	what   string
	figure func(*group) float64
	atMost bool
	limit  float64
}

func (b bar) met(figure float64) bool {
	if b.atMost {
		return figure <= b.limit
	}
	return figure >= b.limit
}

func (b bar) String() string {
	if b.atMost {
		return fmt.Sprintf("≤ %g", b.limit)
	}
	return fmt.Sprintf("≥ %g", b.limit)
}

func bars() []bar {
	return []bar{
		costs(healthy, 1.7), allocates(healthy, 0), faster(healthy, composed, 1.3), faster(healthy, documented, 3),
		costs(firstOpen, 1.9), allocates(firstOpen, 0), faster(firstOpen, composed, 2.2), faster(firstOpen, documented, 3),
		costs(firstFails, 3.2), allocates(firstFails, 2), faster(firstFails, composed, 1.5), faster(firstFails, documented, 3),
		faster(defaults, documented, 1.8),
		scales("round-robin", 10), scales("weighted", 10),
		adds(smallItem.cell(itemsName), streaming), adds(smallItem.cell(itemsName), observed),
		adds(chunkItem.cell(itemsName), streaming), adds(chunkItem.cell(itemsName), observed),
		addsNothing(smallItem.cell(itemsName)), addsNothing(chunkItem.cell(itemsName)),
	}
}

// adds bounds what each item of a stream costs more than the vendor's own iterator, in nanoseconds.
func adds(in, name string) bar {
	const limit = 30
	return bar{in, name + ", ns more", func(g *group) float64 { return g.find(name).slope(g.find(ownIterator), 1) }, true, limit}
}

// addsNothing bounds what each item of a stream allocates.
func addsNothing(in string) bar {
	return bar{in, "allocations an item", func(g *group) float64 { return g.find(streaming).allocs() }, true, 0}
}

// costs bounds the time in calls of gobreaker.Execute.
func costs(s scenario, limit float64) bar {
	return bar{s.name, "time / " + execute.name, func(g *group) float64 {
		return g.find(router.name).ratio(g.find(execute.name))
	}, true, limit}
}

func allocates(s scenario, limit float64) bar {
	return bar{s.name, "allocations", func(g *group) float64 { return g.find(router.name).allocs() }, true, limit}
}

func faster(s scenario, than peer, limit float64) bar {
	return bar{s.name, "times faster than " + than.name, func(g *group) float64 {
		return g.find(than.name).ratio(g.find(router.name))
	}, false, limit}
}

// scales bounds what each further provider adds, in nanoseconds.
func scales(strategy string, limit float64) bar {
	return bar{poolName, strategy + ", ns a provider", func(g *group) float64 {
		small, large := g.find(poolCell(strategy, smallPool)), g.find(poolCell(strategy, largePool))
		return large.slope(small, largePool-smallPool)
	}, true, limit}
}
