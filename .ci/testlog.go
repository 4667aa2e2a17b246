// Command testlog reads the output of "go test -json" from a file and prints what counts
// of it: what failed, with what it printed; what was skipped, and why; how long each
// package took; and how many tests passed.
//
//	go run .ci/testlog.go FILE
//	go run .ci/testlog.go -for root,mount FILE
//
// With -for it prints, for each package in which a test was skipped because one of these
// tools cannot be used, the package and a pattern of those tests.
//
//	go run .ci/testlog.go -again FILE
//
// With -again it prints the same of the tests that failed, if they are few and none of them
// failed by a data race, a panic or a build: such a failure is not the machine's.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// event is one line of the file, as "go doc test2json" has it.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// outcome is how a test or, without a name, a package has ended.
type outcome struct {
	pkg, test, action string
	seconds           float64
	output            []string
}

func main() {
	log.SetFlags(0)
	tools := flag.String("for", "", "print the tests that were skipped for want of these tools")
	again := flag.Bool("again", false, "print the tests that failed and may be run again")
	flag.Parse()
	all, err := read(flag.Arg(0))
	switch {
	case err != nil:
		log.Fatal(err)
	case *again:
		printAgain(all)
	case *tools != "":
		printSkippedFor(all, strings.Split(*tools, ","))
	default:
		printSummary(all)
	}
}

// read returns the outcomes in the order in which the tests ended.
func read(file string) (all []*outcome, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	running := map[[2]string]*outcome{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Package == "" {
			fmt.Println(lines.Text()) // of the go command itself: a build that failed
			continue
		}
		key := [2]string{e.Package, e.Test}
		if running[key] == nil {
			running[key] = &outcome{pkg: e.Package, test: e.Test}
		}
		o := running[key]
		switch e.Action {
		case "output":
			o.output = append(o.output, e.Output)
		case "pass", "fail", "skip":
			o.action, o.seconds = e.Action, e.Elapsed
			all = append(all, o)
			delete(running, key)
		}
	}
	for _, o := range running { // the package ended before it: a panic, or no more time
		o.action = "fail"
		all = append(all, o)
	}
	return all, lines.Err()
}

func printSummary(all []*outcome) {
	passed := 0
	for _, o := range all {
		if o.action == "fail" {
			fmt.Printf("FAILED %s %s\n%s", o.pkg, o.test, strings.Join(o.why(), ""))
		}
		if o.action == "pass" && o.test != "" {
			passed++
		}
	}
	fmt.Println("skipped:")
	for _, o := range all {
		if o.action == "skip" && o.test != "" {
			fmt.Printf("%s: %s\n", o.test, strings.TrimSpace(strings.Join(o.said(), " ")))
		}
	}
	fmt.Println("packages:")
	for _, o := range all {
		if o.test == "" {
			fmt.Printf("%s %s %.0f s\n", o.action, o.pkg, o.seconds)
		}
	}
	fmt.Printf("%d tests passed\n", passed)
}

// progress is what the testing package prints of a test's course. A copy of a test that it ran
// prints that too, further in: it stays, and says what was running.
var progress = regexp.MustCompile(`^(=== | *--- (PASS|SKIP))`)

// said is what a test printed, without its course.
func (o *outcome) said() []string {
	return slices.DeleteFunc(slices.Clone(o.output), func(line string) bool { return progress.MatchString(line) })
}

// trace is a line of a dump of goroutines: that of a test, or of a copy of it that it ran.
var trace = regexp.MustCompile(`^\s*(goroutine \d+ .*\[|\S.*\(.*\)$|created by |/\S+\.(go|s):\d+|rax|r\d|rip|$)`)

// mostOfATrace is how many lines of a dump of goroutines are printed.
const mostOfATrace = 12

// why is what a failed test printed, without most of the goroutines: which test did not end,
// and what failed first, come before them.
func (o *outcome) why() (lines []string) {
	traced, left := 0, 0
	for _, line := range o.said() {
		switch dumped := traced > 0 || goroutine.MatchString(line); {
		case !dumped || !trace.MatchString(strings.TrimRight(line, "\n")):
			lines = append(lines, line)
		case traced < mostOfATrace:
			traced++
			lines = append(lines, line)
		default:
			left++
		}
	}
	if left > 0 {
		lines = append(lines, fmt.Sprintf("    … and %d more lines of goroutines, in the log\n", left))
	}
	return lines
}

var goroutine = regexp.MustCompile(`^\s*goroutine \d+ .*\[`)

func printSkippedFor(all []*outcome, tools []string) {
	tests := map[string][]string{}
	for _, o := range all {
		lacks := func(tool string) bool {
			return strings.Contains(strings.Join(o.output, ""), ": "+tool+" cannot be used")
		}
		name, _, _ := strings.Cut(o.test, "/")
		if o.action == "skip" && name != "" && slices.ContainsFunc(tools, lacks) && !slices.Contains(tests[o.pkg], name) {
			tests[o.pkg] = append(tests[o.pkg], name)
		}
	}
	printPatterns(tests)
}

// printPatterns prints packages, each with a pattern of some of its tests.
func printPatterns(tests map[string][]string) {
	for _, pkg := range slices.Sorted(maps.Keys(tests)) {
		fmt.Printf("%s ^(%s)$\n", pkg, strings.Join(tests[pkg], "|"))
	}
}

// mostAgain is how many failed tests may be run again.
const mostAgain = 4

// printAgain prints the failed tests, or nothing if running them again would prove nothing.
func printAgain(all []*outcome) {
	tests, failed := map[string][]string{}, map[string]bool{}
	n := 0
	for _, o := range all {
		said := strings.Join(o.output, "")
		if strings.Contains(said, "DATA RACE") || strings.Contains(said, "race detected") || strings.Contains(said, "panic:") {
			return
		}
		if o.action != "fail" {
			continue
		}
		name, _, _ := strings.Cut(o.test, "/")
		switch {
		case name == "":
			failed[o.pkg] = true
		case !slices.Contains(tests[o.pkg], name):
			tests[o.pkg] = append(tests[o.pkg], name)
			n++
		}
	}
	if len(failed) == len(tests) && n <= mostAgain { // otherwise a package failed as a whole
		printPatterns(tests)
	}
}
