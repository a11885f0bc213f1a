package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// printGroup shows every implementation of one group beside those it is judged by.
func printGroup(w io.Writer, g *group) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\tns/%[2]s\tB/%[2]s\tallocs/%[2]s", g.name, g.unit)
	for _, column := range g.columns {
		fmt.Fprintf(t, "\t%s", column.head)
	}
	fmt.Fprintln(t)
	for _, c := range g.cells {
		fmt.Fprintf(t, "  %s\t%.1f\t%.0f\t%.4g", c.name, c.ns(), c.bytes(), c.allocs())
		for _, column := range g.columns {
			fmt.Fprintf(t, "\t%s", column.figure(c, g.find(column.beside)))
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t)
	return t.Flush()
}

// printBars says of each bar whether it was met.
func printBars(w io.Writer, groups []*group, bars []bar) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "case\tfigure of failover\tmeasured\tbar\t")
	for _, g := range groups {
		for _, b := range bars {
			if b.group != g.name {
				continue
			}
			figure := b.figure(g)
			verdict := "met"
			if !b.met(figure) {
				verdict = "NOT MET"
			}
			fmt.Fprintf(t, "%s\t%s\t%.3f\t%s\t%s\n", b.group, b.what, figure, b, verdict)
		}
	}
	return t.Flush()
}
