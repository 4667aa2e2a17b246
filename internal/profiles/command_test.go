package profiles

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

// splitOracle is how the AWS CLI splits each of a list of commands: on Linux and macOS, and
// on Windows; null for one that it refuses.
const splitOracle = `
import json, sys
from botocore.compat import compat_shell_split
def split(text, platform):
    try:
        return compat_shell_split(text, platform)
    except ValueError:
        return None
print(json.dumps([[split(text, p) for p in ("linux", "win32")] for text in json.load(sys.stdin)]))
`

func TestACredentialProcessIsSplitAsTheAWSCLISplitsIt(t *testing.T) {
	lines := []string{
		"", " ", "a", "curl http://h/x?a=1&b=2", "x $$ $HOME ~ `id` | tee > /y; z && w # no comment", `a "b c" 'd "e"' f\ g "h\"i\\j\k"`,
		`"C:\Program Files\tool.exe" --a "b\\" c\"d`, `C:\x\y\ z`, `''`, `""`, `a'`, `a"`, `a\`, `\"`, `\\"`, "é\u2003b", "a\r\nb\tc",
	}
	g := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var b strings.Builder
		for range g.IntN(12) {
			b.WriteString([]string{"a", "b", " ", "\t", `\`, `\`, `"`, "'", "#", "$", "é", "\n"}[g.IntN(12)])
		}
		lines = append(lines, b.String())
	}
	in, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), python(t), "-c", splitOracle)
	c.Stdin = bytes.NewReader(in)
	out, err := c.Output()
	var want [][2][]string
	if err == nil {
		err = json.Unmarshal(out, &want)
	}
	if err != nil || len(want) != len(lines) {
		t.Fatalf("%d answers: %v", len(want), err)
	}
	for i, line := range lines {
		for system, windows := range []bool{false, true} {
			got, ok := commandWords(line, windows)
			if theirs := want[i][system]; ok != (len(theirs) > 0) || ok && !reflect.DeepEqual(got, theirs) {
				t.Errorf("%q, Windows %v: %q, %v, and the AWS CLI has %q", line, windows, got, ok, theirs)
			}
		}
	}
}

func TestACredentialProcessThatCannotBeSplitIsRefusedAtItsLine(t *testing.T) {
	var bad *ValueError
	err := resolveError(t, "[profile a]\ncredential_process = get --password not-a-real-one 'x\n", "a", Overrides{})
	if !errors.As(err, &bad) || bad.Line != 2 || bad.Why != unclosed || strings.Contains(err.Error(), "not-a-real-one") {
		t.Error(err)
	}
}

func TestACommandForAShellIsRecognized(t *testing.T) {
	for command, want := range map[string]bool{
		"/opt/get --for 'me too'": false, "curl http://h/x?a=1&b=2": false, "vault export prod --format json": false,
		"get | jq .": true, "~/bin/get": true, "get --file ~/x": true, "$HOME/bin/get": true, "A=b get": true, "get > x": true, "get; y": true, "a && b": true, `%USERPROFILE%\get`: true,
	} {
		if got := (Process{Command: command}).ForShell(); got != want {
			t.Errorf("%s: %v", command, got)
		}
	}
}
