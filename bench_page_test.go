package main

// This file writes the measured part of docs/performance.md, and docs/performance.svg:
//
//	go test -run '^$' -bench Page -benchtime 1x -timeout 1h . -page
//
// All programs, those of the budgets and those of the growth, run in turn in one run.

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var writePage = flag.Bool("page", false, "write docs/performance.md and docs/performance.svg")

const pageFile, plotFile = "docs/performance.md", "docs/performance.svg"

// sizes are the numbers of profiles, crowds the numbers of terminals, of the growth.
var (
	sizes  = []int{10, 100, 1000, 5000, 20000}
	crowds = []int{1, 5, 20, 50, 100}
)

func BenchmarkPage(b *testing.B) {
	if !*writePage {
		b.Skip("only with -page")
	}
	var text strings.Builder
	var v verdicts
	warm, cold, full := newStage(b), newStage(b), newStage(b)
	rows, growth := warm.budgetRows(), warm.growthRows()
	lists := full.listRows()
	lists = append(lists, full.pickerRows(full.config(10), full.path("config-5000"))...)
	all := slices.Concat(rows, lists)
	for _, of := range growth {
		all = append(all, of...)
	}
	calls := warm.aws.Calls("*") + full.aws.Calls("*")
	first := cold.coldRows()
	all = append(all, first...)
	before := usage()
	measure(b, all)
	others := usage().others(before)
	calls = warm.aws.Calls("*") + full.aws.Calls("*") - calls
	rows = slices.Concat(rows, first, lists)
	fmt.Fprintf(&text, "%s\n%s\n%s\n\n", origin(), machine(), others)
	text.WriteString("### Whole processes\n\n" + budgetTable(rows, &v))
	text.WriteString("\n" + behind(first, &v))
	fmt.Fprintf(&text, "Calls of AWS that all warm commands made: %d (0, %s).\n", calls, v.of("calls", calls == 0))
	text.WriteString("\n### Prompts\n\n" + promptTable(b, rows[0].least(), &v) + "\n" + drawTable(b, &v))
	text.WriteString("\n### The endpoint and the agent\n\n" + endpointTable(b, &v) + warm.agentLines(&v))
	text.WriteString("\n### Growth\n\n![time against profiles and terminals](performance.svg)\n\n" + growthTable(rows[0], growth))
	together := cold.crowdRows()
	text.WriteString("\n" + crowdTable(together, &v))
	text.WriteString("\n### What misses its budget, and why\n\n" + v.reasons())
	putBetween(b, pageFile, text.String())
	b.Logf("%s\n%s", others, strings.Join(v.missed, " "))
	plot := chart{floor: rows[0].least(), growth: growth, crowd: together}
	if err := os.WriteFile(plotFile, []byte(plot.svg()), 0o644); err != nil {
		b.Fatal(err)
	}
}

// budgetRows are the rows that have a budget in floors, and what they are compared with.
func (s *stage) budgetRows() []*row {
	small, large, huge := s.config(10), s.config(5000), s.config(20000)
	use, execTrue := []string{"use", "prod", "--shell", "zsh"}, []string{"exec", "prod", "--", "true"}
	rows := []*row{
		s.floorRow(small),
		{name: "bare-floor", what: "the same, built as a release is", argv: []string{compiled(s.b, "./internal/testdata/floor", releaseEnviron()...)}, env: s.environ(small)},
		s.row("version", "`vault version`", 1.6, small, "version"),
	}
	for _, shell := range []string{"bash", "zsh", "fish", "pwsh"} {
		rows = append(rows, s.row("hook-"+shell, "`vault hook "+shell+"`", 1.6, small, "hook", shell))
	}
	rows = append(rows,
		s.row("tab-5000", "TAB after `vault use `, 5,000 profiles", 2.6, large, "__words", "zsh", "use", ""),
		s.row("tab-20000", "the same, 20,000", 7, huge, "__words", "zsh", "use", ""),
		s.row("use-10", "`use prod`, warm, 10 profiles", 2.6, small, use...),
		s.row("use-5000", "the same, 5,000", 3, large, use...),
		s.row("exec-10", "`exec prod -- true`, warm, 10", 2.6, small, execTrue...),
		s.row("exec-5000", "the same, 5,000", 3, large, execTrue...),
	)
	s.warm(small)
	rows = append(rows, s.throughAgent(small, large)...)
	server := s.row("exec-server", "`exec --server prod -- true`, warm", 0, small, "exec", "--server", "prod", "--", "true")
	server.limit = func() time.Duration { return 10 * time.Millisecond }
	return append(rows, server)
}

// coldRows make one call each time, beside the bare call and a program that caches nothing.
func (s *stage) coldRows() []*row {
	config := s.config(10)
	bare := &row{
		name: "bare", what: "one signed call of STS with `net/http` and nothing else",
		argv: []string{compiled(s.b, "./internal/testdata/roundtrip", releaseEnviron()...), s.aws.URL(), s.key.ID, s.role},
		env:  append(s.environ(config), "ROUNDTRIP_KEY="+s.key.Secret.Reveal()),
	}
	limit := func() time.Duration { return bare.least()*3/2 + 4*time.Millisecond }
	use := s.row("cold-use", "`use prod`, cold, `file` back end", 0, config, "use", "prod", "--shell", "zsh")
	exec := s.row("cold-exec", "`exec prod -- true`, cold, `file`", 0, config, "exec", "prod", "--", "true")
	age := s.row("cold-age", "the same, `age`, with a passphrase that costs nothing to try", 0, config, "exec", "prod", "--", "true")
	use.before, exec.before = s.forget, s.forget
	age.env, age.before = s.ageStore(config)
	for _, r := range []*row{use, exec, age} {
		r.limit = limit
	}
	rows := []*row{bare, use, exec, age}
	if path := lookTrue(); path != "" {
		rows = append(rows, &row{
			name: "uncached", what: "a program that caches nothing: the keyring library, the SDK's client, `true`",
			argv: []string{compiled(s.b, "./internal/testdata/uncached", releaseEnviron()...), s.aws.URL(), s.path("keys"), "base", s.role, path},
			env:  append(s.environ(config), "UNCACHED_PASSPHRASE="+passphrase),
		})
	}
	return rows
}

// listRows are a list of 5,000 profiles with fifty keys and two hundred sessions, none of which
// is read. The budget is 10 ms where the floor is 2.6 ms.
func (s *stage) listRows() []*row {
	config := s.config(5000)
	s.crowd(config, 50, 200)
	return []*row{
		s.row("list", "`vault list`, 5,000 profiles, 50 keys, 200 sessions", 10/2.6, config, "list"),
		s.row("list-json", "`vault list --json`", 10/2.6, config, "list", "--json"),
		s.row("list-profiles", "`vault list --profiles`", 10/2.6, config, "list", "--profiles"),
		s.row("doctor", "`vault doctor --offline`", 0, config, "doctor", "--offline"),
	}
}

// growthRows are the same commands over files of different sizes.
func (s *stage) growthRows() [][]*row {
	var tab, use, list []*row
	for _, n := range sizes {
		config, name := s.config(n), strconv.Itoa(n)
		tab = append(tab, s.row("tab-"+name, "TAB", 0, config, "__words", "zsh", "use", ""))
		use = append(use, s.row("use-"+name, "`use`, warm", 0, config, "use", "prod", "--shell", "zsh"))
		list = append(list, s.row("list-"+name, "`list`", 0, config, "list"))
	}
	return [][]*row{tab, use, list}
}

// together is a number of terminals that start the same cold command at once.
type together struct {
	terminals, calls int
	least, middle    time.Duration
	budget           time.Duration // one and a half times one cold command and as many starts
}

func (s *stage) crowdRows() []together {
	config, null := s.config(10), devNull(s.b)
	cold, start := s.row("cold", "", 0, config, "exec", "prod", "--", "true"), s.row("start", "", 0, config, "version")
	var list []together
	for _, n := range crowds {
		x := together{terminals: n}
		var times, starts []time.Duration
		for range 5 {
			starts = append(starts, atOnce(s.b, start, null, n))
			s.forget()
			before := s.aws.Calls("*")
			times = append(times, atOnce(s.b, cold, null, n))
			x.calls = max(x.calls, s.aws.Calls("*")-before)
		}
		x.middle, _ = median(times), median(starts) // which sort them
		x.least, x.budget = times[0], starts[0]
		list = append(list, x)
	}
	for i := range list {
		list[i].budget = (list[i].budget + list[0].least) * 3 / 2
	}
	return list
}

func budgetTable(rows []*row, v *verdicts) string {
	floor := rows[0].least()
	var t strings.Builder
	t.WriteString("| what | least | median | × floor | budget | |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, r := range rows {
		budget, verdict := "", ""
		if most := r.budget(floor); most > 0 {
			budget, verdict = fmt.Sprintf("≤ %.2f", float64(most)/float64(floor)), v.of(r.name, r.least() <= most)
			if r.limit != nil {
				budget += fmt.Sprintf(" (%.1f ms)", inMilliseconds(most))
			}
		}
		fmt.Fprintf(&t, "| %s | %.2f ms | %.2f ms | %.2f | %s | %s |\n", r.what, inMilliseconds(r.least()), inMilliseconds(median(r.wall)),
			float64(r.least())/float64(floor), budget, verdict)
	}
	return t.String()
}

// behind compares the first commands with the program that caches nothing. cold are those of coldRows.
func behind(cold []*row, v *verdicts) string {
	last := cold[len(cold)-1]
	if last.name != "uncached" {
		return ""
	}
	var list []string
	for _, r := range cold[1 : len(cold)-1] {
		ratio := float64(r.least()) / float64(last.least())
		list = append(list, fmt.Sprintf("%s %.2f (%s)", r.name, ratio, v.of("behind", ratio <= 1)))
	}
	return "Times of the program that caches nothing (≤ 1): " + strings.Join(list, ", ") + ".\n"
}

func growthTable(floor *row, growth [][]*row) string {
	var t strings.Builder
	t.WriteString("Least times, in floors:\n\n| profiles |")
	for _, of := range growth {
		t.WriteString(" " + of[0].what + " |")
	}
	t.WriteString("\n| --- |" + strings.Repeat(" --- |", len(growth)) + "\n")
	for i, n := range sizes {
		fmt.Fprintf(&t, "| %s |", thousands(n))
		for _, of := range growth {
			fmt.Fprintf(&t, " %.2f (%.1f ms) |", float64(of[i].least())/float64(floor.least()), inMilliseconds(of[i].least()))
		}
		t.WriteString("\n")
	}
	return t.String()
}

func crowdTable(list []together, v *verdicts) string {
	var t strings.Builder
	t.WriteString("The same command in terminals at once, nothing cached:\n\n| terminals | least | median | budget of the least | calls of AWS, 1 |\n| --- | --- | --- | --- | --- |\n")
	for _, x := range list {
		verdict := v.of("terminals", x.least <= x.budget)
		fmt.Fprintf(&t, "| %d | %.0f ms | %.0f ms | ≤ %.0f ms, %s | %d, %s |\n", x.terminals, inMilliseconds(x.least), inMilliseconds(x.middle),
			inMilliseconds(x.budget), verdict, x.calls, v.of("terminals-calls", x.calls == 1))
	}
	return t.String()
}

// figures runs benchmarks of another package and returns their metrics: name → unit → value.
func figures(b *testing.B, pattern, pkg string, more ...string) map[string]map[string]float64 {
	c := exec.Command("go", append([]string{"test", "-run", "^$", "-bench", pattern, "-benchtime", "3x", "-timeout", "30m"}, append(more, pkg)...)...)
	out, err := c.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %v\n%s", c.Args, err, out)
	}
	list := map[string]map[string]float64{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := regexp.MustCompile(`-\d+$`).ReplaceAllString(strings.TrimPrefix(f[0], "Benchmark"), "")
		list[name] = map[string]float64{}
		for i := 2; i+1 < len(f); i += 2 {
			list[name][f[i+1]], _ = strconv.ParseFloat(f[i], 64)
		}
	}
	return list
}

// promptTable has what a prompt costs in each shell that is installed.
func promptTable(b *testing.B, floor time.Duration, v *verdicts) string {
	all := figures(b, "Precmd$/^(bash|zsh|fish)$/^(empty|none|active)$", "./hooks")
	maps.Copy(all, figures(b, "PromptProcesses$", "./hooks", "-benchtime", "1x"))
	maps.Copy(all, figures(b, "(Precmd|PromptProcesses)Pwsh$", "./hooks", "-benchtime", "1x"))
	var t strings.Builder
	t.WriteString("Microseconds of the shell's time, the best of some hundred short rounds, with thousandths of a floor; and processes, counted by `strace`.\n\n" +
		"| shell | nothing active | active, nothing due | budget | an empty function | processes, none and active |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, x := range []struct {
		shell        string
		idle, active float64 // the budget
	}{{"bash", 20, 30}, {"zsh", 20, 30}, {"fish", 20, 130}, {"pwsh", 150, 150}} {
		at := func(kind string) float64 { return all["Precmd/"+x.shell+"/"+kind]["µs/prompt"] }
		idle, active, empty := at("none"), at("active"), fmt.Sprintf("%.1f", at("empty"))
		if p := all["PrecmdPwsh"]; x.shell == "pwsh" {
			idle, active, empty = p["µs/idle-prompt"], p["µs/active-prompt"], "the prompt it wraps is left out"
		}
		if active == 0 {
			fmt.Fprintf(&t, "| %s | not installed | | %.0f / %.0f | | |\n", x.shell, x.idle, x.active)
			continue
		}
		started, counted := all["PromptProcesses/"+x.shell]
		if x.shell == "pwsh" {
			started, counted = all["PromptProcessesPwsh"], len(all["PromptProcessesPwsh"]) > 0
		}
		processes := "not counted"
		if counted {
			processes = fmt.Sprintf("%g, %g", started["none-processes"], started["active-processes"])
		}
		verdict := v.of("prompt", idle <= x.idle) + " / " + v.of("prompt", active <= x.active)
		fmt.Fprintf(&t, "| %s | %.1f (%.1f) | %.1f (%.1f) | ≤ %.0f / %.0f, %s | %s | %s |\n", x.shell, idle, 1e6*idle/float64(floor), active, 1e6*active/float64(floor),
			x.idle, x.active, verdict, empty, processes)
	}
	return t.String()
}

// drawTable has what a prompt costs by what it shows, and where the hook looks for project directories.
func drawTable(b *testing.B, v *verdicts) string {
	all := figures(b, "Draw$", "./hooks")
	maps.Copy(all, figures(b, "Project$/^(bash|zsh|fish)$/^(without|outside|inside)$", "./hooks"))
	maps.Copy(all, figures(b, "DrawPwsh$", "./hooks"))
	var t strings.Builder
	t.WriteString("The same with what the shell expands to draw it, with a session; and what the look-out for project directories costs more, " +
		"outside of them (≤ 10) and in one. In PowerShell the segment is always drawn, and its rows have a session.\n\n" +
		"| shell | plain | with colours | and the title | outside of projects | in one |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, shell := range []string{"bash", "zsh", "fish", "pwsh"} {
		at := func(bench, kind string) float64 {
			if shell == "pwsh" {
				return all["DrawPwsh/"+kind]["µs/prompt"]
			}
			return all[bench+"/"+shell+"/"+kind]["µs/prompt"]
		}
		plain, without := at("Draw", "plain"), at("Project", "without")
		if shell == "pwsh" {
			without = plain
		}
		if plain == 0 {
			fmt.Fprintf(&t, "| %s | not installed | | | | |\n", shell)
			continue
		}
		more := at("Project", "outside") - without
		fmt.Fprintf(&t, "| %s | %.1f | %.1f | %.1f | %+.1f, %s | %+.1f |\n", shell, plain, at("Draw", "colours"), at("Draw", "title"),
			more, v.of("project", more <= 10), at("Project", "inside")-without)
	}
	return t.String()
}

func endpointTable(b *testing.B, v *verdicts) string {
	all := figures(b, "Endpoint", "./internal/server", "-benchtime", "100x")
	var t strings.Builder
	t.WriteString("| connections | requests a second | × a bare `net/http` handler | budget | |\n| --- | --- | --- | --- | --- |\n")
	for _, n := range []string{"1", "8"} {
		m := all["Endpoint/connections="+n]
		verdict := v.of("endpoint", m["×bare"] >= 0.95)
		fmt.Fprintf(&t, "| %s | %.0f | %.2f | ≥ 0.95 | %s |\n", n, m["requests/s"], m["×bare"], verdict)
	}
	return t.String()
}

// agentLines are what the running agent uses, and the sizes.
func (s *stage) agentLines(v *verdicts) string {
	var t strings.Builder
	status := exec.Command(s.bin, "agent", "status")
	status.Env = s.environ(s.path("config-10"))
	out, _ := status.Output()
	if m := regexp.MustCompile(`process +(\d+)`).FindSubmatch(out); m != nil {
		resident, before, known := processUse(string(m[1]))
		time.Sleep(3 * time.Second)
		_, after, _ := processUse(string(m[1]))
		if known {
			fmt.Fprintf(&t, "\nThe agent: %.1f MB resident (≤ 25, %s), %d ticks of CPU in three idle seconds (0, %s).\n",
				resident, v.of("agent-memory", resident <= 25), after-before, v.of("agent-idle", after == before))
		}
	}
	if info, err := os.Stat(s.bin); err == nil {
		fmt.Fprintf(&t, "The program, without symbols: %.1f MB (≤ 16, %s).\n", float64(info.Size())/1e6, v.of("size", info.Size() <= 16e6))
	}
	t.WriteString("Hooks, of a program in `/usr/bin`:")
	for i, shell := range []string{"bash", "zsh", "fish", "pwsh"} {
		hook := exec.Command(s.bin, "hook", shell, "--no-completion")
		hook.Env = s.environ(s.path("config-10"))
		text, _ := hook.Output()
		size := len(bytes.ReplaceAll(text, []byte(s.bin), []byte("/usr/bin/vault")))
		fmt.Fprintf(&t, "%s %s %d bytes (%s)", strings.Repeat(",", min(i, 1)), shell, size, v.of("size-hook", size > 0 && size <= 8<<10))
	}
	t.WriteString("; budget 8,192.\n")
	return t.String()
}

// processUse reads a process's resident memory, in MB, and its CPU time, in ticks. known is
// false where the system does not tell as Linux does.
func processUse(pid string) (resident float64, ticks int, known bool) {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	stat, err2 := os.ReadFile("/proc/" + pid + "/stat")
	m := regexp.MustCompile(`VmRSS:\s+(\d+)`).FindSubmatch(status)
	_, rest, found := strings.Cut(string(stat), ") ")
	if f := strings.Fields(rest); err == nil && err2 == nil && m != nil && found && len(f) > 12 {
		kilobytes, _ := strconv.ParseFloat(string(m[1]), 64)
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		return kilobytes * 1024 / 1e6, user + system, true
	}
	return 0, 0, false
}

// machine is what a reader has to know of where it was measured: no names, no paths.
func machine() string {
	var facts []string
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := regexp.MustCompile(`model name\s*: (.*)`).FindSubmatch(info); m != nil {
			facts = append(facts, string(bytes.TrimSpace(m[1])))
		}
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		number, _, _ := strings.Cut(strings.TrimSpace(string(release)), "-")
		facts = append(facts, "Linux "+number)
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		f := strings.Fields(string(load))
		facts = append(facts, fmt.Sprintf("load %s after the measurement", f[0]))
	}
	return "The machine: " + strings.Join(facts, ", ") + "."
}

func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

func lookTrue() string {
	path, err := exec.LookPath("true")
	if err != nil || runtime.GOOS == "windows" {
		return ""
	}
	return path
}

// putBetween replaces what is between the two marks of a page.
func putBetween(b *testing.B, file, text string) {
	const begin, end = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	head, rest, found := strings.Cut(string(page), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		b.Fatalf("%s has no marks", file)
	}
	if err := os.WriteFile(file, []byte(head+begin+"\n"+strings.TrimSpace(text)+"\n\n"+end+tail), 0o644); err != nil {
		b.Fatal(err)
	}
}
