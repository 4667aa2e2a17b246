//go:build unix

package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAProgramIsRunAgainWhenGPGsAgentFailsUnderManyTerminals(t *testing.T) {
	for _, c := range []struct {
		said  string
		fails string // how many runs fail
		quiet bool
		runs  int
		ok    bool
	}{
		{"gpg: decryption failed: No secret key", "2", false, 3, true},
		{"gpg: decryption failed: No secret key", "9", false, 5, false},
		{"gpg: decryption failed: No secret key", "2", true, 1, false},
		{"gpg: decryption failed: Bad passphrase", "2", false, 1, false},
	} {
		runs := filepath.Join(t.TempDir(), "runs")
		script := `echo >>"$1"; [ "$(wc -l <"$1")" -gt ` + c.fails + ` ] || { echo "` + c.said + `" >&2; exit 2; }; echo value`
		out, _, err := tool{path: "/bin/sh", args: []string{"-c", script, "sh", runs}, stdin: []byte{}, most: 100, quiet: c.quiet}.run(soon(t))
		text, _ := os.ReadFile(runs)
		if n := strings.Count(string(text), "\n"); n != c.runs || (err == nil) != c.ok || c.ok && string(out) != "value\n" {
			t.Errorf("%+v: run %d times: %q, %v", c, n, out, err)
		}
	}
}
