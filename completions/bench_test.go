package completions_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkCompletion measures what one press of TAB costs the program, as whole
// processes, in turn with a hello-world of the same command library:
//
//	go test -run '^$' -bench Completion ./completions
//
// The figures are medians; floors is the ratio to the hello-world of the same run.
func BenchmarkCompletion(b *testing.B) {
	dir := b.TempDir()
	floor, program := buildFloor(b), filepath.Join(dir, "vault")
	build(b, program, "..")
	for _, c := range []struct {
		name     string
		profiles int
		words    []string
	}{
		{"commands", 10, []string{""}},
		{"10", 10, []string{"use", ""}},
		{"5000", 5000, []string{"use", ""}},
		{"5000-prefix", 5000, []string{"use", "team07"}},
		{"20000", 20000, []string{"use", ""}},
		{"20000-prefix", 20000, []string{"use", "team07"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			config := filepath.Join(dir, c.name)
			check(os.WriteFile(config, manyProfiles(c.profiles), 0o600))
			tab := func() *exec.Cmd {
				cmd := exec.Command(program, append([]string{"__words", "zsh"}, c.words...)...)
				cmd.Env = []string{"HOME=" + dir, "AWS_CONFIG_FILE=" + config, "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"}
				return cmd
			}
			if out, err := tab().Output(); err != nil || bytes.Count(out, []byte("\n")) < 8 {
				b.Fatalf("no candidates: %v\n%s", err, out)
			}
			compare(b, func() *exec.Cmd { return exec.Command(floor) }, tab)
		})
	}
}

// compare runs both in turn and reports the medians of their wall times.
func compare(b *testing.B, floor, tab func() *exec.Cmd) {
	var floors, tabs []float64
	for range 3 { // not counted
		runFor(b, floor())
		runFor(b, tab())
	}
	for b.Loop() {
		floors = append(floors, runFor(b, floor()))
		tabs = append(tabs, runFor(b, tab()))
	}
	f, t := median(floors), median(tabs)
	b.ReportMetric(f, "floor-ms")
	b.ReportMetric(t, "tab-ms")
	b.ReportMetric(t/f, "floors")
}

func runFor(b *testing.B, cmd *exec.Cmd) float64 {
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	return float64(time.Since(start)) / float64(time.Millisecond)
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// buildFloor builds the hello-world inside the module, so that both have the same
// library in the same version.
func buildFloor(b *testing.B) string {
	b.Helper()
	dir := must(os.MkdirTemp(".", "floor"))
	b.Cleanup(func() { os.RemoveAll(dir) })
	check(os.WriteFile(filepath.Join(dir, "main.go"), []byte(hello), 0o600))
	floor := filepath.Join(b.TempDir(), "floor")
	build(b, floor, "./"+dir)
	return floor
}

const hello = `package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func main() {
	c := &cobra.Command{Use: "hello", Run: func(*cobra.Command, []string) { fmt.Println("hello, world") }}
	_ = c.Execute()
}
`

func build(b *testing.B, to, pkg string) {
	b.Helper()
	if runtime.GOOS == "windows" {
		b.Skip("measured where processes are cheap")
	}
	if out, err := exec.Command("go", "build", "-o", to, pkg).CombinedOutput(); err != nil {
		b.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
}

// manyProfiles is a config file as large companies have it: roles over one key.
func manyProfiles(n int) []byte {
	var b strings.Builder
	b.WriteString("[default]\nregion = eu-west-1\n\n[profile base]\nregion = eu-west-1\n")
	for i := range n - 2 {
		fmt.Fprintf(&b, "\n[profile team%02d-svc%05d-admin]\nrole_arn = arn:aws:iam::%012d:role/admin\nsource_profile = base\nregion = eu-west-1\noutput = json\n", i%100, i, 100000000000+i)
	}
	return []byte(b.String())
}
