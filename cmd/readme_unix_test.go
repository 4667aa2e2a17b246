//go:build unix

package cmd_test

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// withoutAPerson are the lines of the README that end otherwise than well without a terminal, with
// their status.
var withoutAPerson = map[string]string{
	"add work": "3", "project": "1", "use": "2", "sso login": "1", "sso sync": "1", "init": "2", "login prod": "1",
}

// Every line for vault in the README does what it says, in a shell with the hook, one after the other.
func TestTheLinesOfTheReadmeRun(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := newWorld(t, "[profile work]\nregion = eu-west-1\n[profile prod]\nsource_profile = work\nrole_arn = arn:aws:iam::111122223333:role/prod\nregion = eu-central-1\n")
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("ci", "work")}})
	script := "export AWS_VAULT_SHORT=true\nvault use work 2>said\n"
	seen := 0
	for _, m := range regexp.MustCompile("`vault ([^`]+)`").FindAllStringSubmatch(string(must(os.ReadFile("../README.md"))), -1) {
		line, _, command := strings.Cut(m[1], " -- ")
		first, _, _ := strings.Cut(line, " ")
		if strings.ToUpper(first) == first || first == "serve" || first == "hook" || line == "exec prod" && !command {
			continue // COMMAND --help; what waits until it is stopped; what other tests run in each shell
		}
		if command {
			line += " -- true"
		}
		seen++
		script += fmt.Sprintf("vault %s </dev/null >said 2>&1; s=$?; [ $s = %s ] || { echo 'vault %s:' $s; cat said; }\n", line, cmp.Or(withoutAPerson[m[1]], "0"), line)
	}
	if seen < 25 {
		t.Errorf("only %d lines were found", seen)
	}
	if r := w.bash(t, w.withLeases(t), script); r.out != "" || r.status != 0 {
		t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
	}
}
