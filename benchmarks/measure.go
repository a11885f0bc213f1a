package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"
)

// sample is one measurement of one cell, per request or whatever the unit of its group is.
type sample struct{ ns, bytes, allocs float64 }

// cell is one implementation in one scenario, set up and ready to be called.
type cell struct {
	name    string
	do      call
	n       int // requests that take about the time asked for
	samples []sample
}

// group is what is measured next to each other and compared.
type group struct {
	name    string
	unit    string // what figures are of
	of      int    // units in a request
	cells   []*cell
	columns []column
}

// column sets every cell of a group beside another one.
type column struct {
	head   string
	beside string
	figure func(c, beside *cell) string
}

// divides is a column of ratios of time.
func divides(head, beside string) column {
	return column{head, beside, func(c, other *cell) string { return fmt.Sprintf("%.2f", c.ratio(other)) }}
}

// differs is a column of differences of time.
func differs(head, beside string) column {
	return column{head, beside, func(c, other *cell) string { return fmt.Sprintf("%.1f", c.slope(other, 1)) }}
}

// run measures every cell once a round, so that a slow moment of the machine touches neighbours alike, and starts each
// round one cell further on, so that none is always first.
func run(groups []*group, rounds int, each time.Duration) error {
	for _, g := range groups {
		for _, c := range g.cells {
			if err := c.calibrate(each, g.of); err != nil {
				return fmt.Errorf("%s: %w", g.name, err)
			}
		}
	}
	for round := range rounds {
		for _, g := range groups {
			for i := range g.cells {
				c := g.cells[(i+round)%len(g.cells)]
				s, _, err := c.measure(c.n, g.of)
				if err != nil {
					return fmt.Errorf("%s: %w", g.name, err)
				}
				c.samples = append(c.samples, s)
			}
		}
	}
	return nil
}

// calibrate finds how many requests take about the given time. It believes the quickest of a few tries: one that the
// machine interrupted would leave too few requests for every round to come.
func (c *cell) calibrate(each time.Duration, of int) error {
	const tries = 5
	for c.n = 1; ; c.n *= 4 {
		quickest := time.Duration(math.MaxInt64)
		for range tries {
			_, took, err := c.measure(c.n, of)
			if err != nil {
				return err
			}
			if quickest = min(quickest, took); took < each/10 {
				break
			}
		}
		if quickest >= each/10 {
			c.n = max(1, int(float64(c.n)*float64(each)/float64(quickest)))
			return nil
		}
	}
}

func (c *cell) measure(n, of int) (sample, time.Duration, error) {
	var before, after runtime.MemStats
	ctx := context.Background()
	runtime.GC() // the neighbour's garbage is not ours
	runtime.ReadMemStats(&before)
	start := time.Now()
	for range n {
		if _, err := c.do(ctx, Req{A: 1, B: 2, C: 3}); err != nil {
			return sample{}, 0, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return sample{
		ns:     float64(took) / float64(n*of),
		bytes:  per(after.TotalAlloc-before.TotalAlloc, n*of),
		allocs: per(after.Mallocs-before.Mallocs, n*of),
	}, took, nil
}

// per rounds to hundredths, so that what the runtime allocates for itself meanwhile does not show.
func per(total uint64, n int) float64 { return math.Round(float64(total)/float64(n)*100) / 100 }

func (c *cell) ns() float64 { return median(c.samples, func(s sample) float64 { return s.ns }) }

func (c *cell) bytes() float64 { return median(c.samples, func(s sample) float64 { return s.bytes }) }

func (c *cell) allocs() float64 { return median(c.samples, func(s sample) float64 { return s.allocs }) }

// ratio is the median of the in-round ratios of time.
func (c *cell) ratio(to *cell) float64 {
	ratios := make([]float64, len(c.samples))
	for i := range ratios {
		ratios[i] = c.samples[i].ns / to.samples[i].ns
	}
	return middle(ratios)
}

func median(samples []sample, of func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return middle(values)
}

// middle is the median, and 0 of nothing.
func middle(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}

func (g *group) find(name string) *cell {
	for _, c := range g.cells {
		if c.name == name {
			return c
		}
	}
	return nil
}
