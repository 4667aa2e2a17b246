package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The very first thing the program does, before there is anything to protect.
func TestMemoryIsNeverDumped(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		if slices.Contains(strings.Split(os.Getenv("AWS_VAULT_TEST_REQUIRE"), ","), "strace") {
			t.Fatal(err)
		}
		t.Skip("strace is not installed")
	}
	trace := exec.Command("strace", "-qq", "-f", "-e", "trace=prctl,openat,execve", "-e", "signal=none", built(t), "version")
	trace.Env = outside(t)
	out, err := trace.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	before, _, found := strings.Cut(string(out), "prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE) = 0")
	if !found || strings.Contains(before, ".aws") {
		t.Errorf("the program may leave a core:\n%s", out)
	}
}
