// Command benchmarks measures what a router costs on the path of a request, beside a bare call, gobreaker alone,
// gobreaker and backoff composed by hand, and failsafe-go, all doing the same work: TestSameWork counts their calls.
//
// Every implementation is timed once a round, next to those it is compared with. Times are medians over the rounds,
// ratios are medians of the ratios within each round, on one core.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 12, "how often everything is measured")
	each := flag.Duration("benchtime", 50*time.Millisecond, "how long one measurement takes")
	flag.Parse()
	runtime.GOMAXPROCS(1)
	if err := report(os.Stdout, *rounds, *each); err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

func report(w io.Writer, rounds int, each time.Duration) error {
	if rounds < 1 || each <= 0 {
		return fmt.Errorf("-rounds %d and -benchtime %v must be positive", rounds, each)
	}
	printConditions(w)
	groups, err := groups()
	if err != nil {
		return err
	}
	if err := run(groups, rounds, each); err != nil {
		return err
	}
	for _, g := range groups {
		if err := printGroup(w, g); err != nil {
			return err
		}
	}
	return printBars(w, groups, bars())
}

// groups puts the peers of each scenario beside one plain Execute, the pools beside each other, and streams beside
// their vendor's own.
func groups() ([]*group, error) {
	var groups []*group
	for _, s := range scenarios() {
		base, _, err := healthy.stage(execute)
		if err != nil {
			return nil, err
		}
		g := &group{
			name: s.name, unit: "op", of: 1,
			cells:   []*cell{{name: execute.name, do: base}},
			columns: []column{divides("time / Execute", execute.name), divides("time / failover", router.name)},
		}
		for _, p := range peers() {
			do, _, err := s.stage(p)
			if err != nil {
				return nil, err
			}
			g.cells = append(g.cells, &cell{name: p.name, do: do})
		}
		groups = append(groups, g)
	}
	pools, err := pools()
	if err != nil {
		return nil, err
	}
	streams, err := streams()
	if err != nil {
		return nil, err
	}
	return append(append(groups, pools), streams...), nil
}

func printConditions(w io.Writer) {
	fmt.Fprintln(w, strings.Join(append([]string{"go run ."}, os.Args[1:]...), " "))
	fmt.Fprintf(w, "%s %s/%s, %s, GOMAXPROCS=%d of %d\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, processor(),
		runtime.GOMAXPROCS(0), runtime.NumCPU())
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if isPeer(m.Path) {
				fmt.Fprintln(w, m.Path, m.Version)
			}
		}
	}
	fmt.Fprintln(w)
}

func isPeer(module string) bool {
	return strings.Contains(module, "gobreaker") || strings.Contains(module, "backoff") || strings.Contains(module, "failsafe")
}

// processor is the model name Linux gives, where there is one.
func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
