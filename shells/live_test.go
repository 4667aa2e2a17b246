package shells_test

// The property behind every rule of quoting: what the shell ends up with is what we
// meant, byte for byte. The real shells are the judges.

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/shelltest"
)

// awkward are values that some shell, somewhere, reads as more than text.
var awkward = []string{
	"", "prod", "it's", "''", "'", `"`, `\`, `\\`, `\'`, `'\''`, "a\nb", "\n", "ends in newline\n", "\n\nx", "\r\n", "\t", " ", "  two  spaces  ",
	"$HOME", "${HOME}", "$(id)", "`id`", "$((1+1))", "!!", "!1", "~", "~root", "=ls", "*", "?", "[a-z]", "{a,b}", "{1..3}", "#comment", "; id", "&& id", "| id", "> file", "&",
	"-n", "-e", "--", "-", "@args", "@(1)", "%PATH%", "%s%n", "%", "\x1b[31m", "\x01", "\x7f", "\x80", "\xff", "\xc3", "\xf0\x9f", "é", "日本語", "🔑", "e\u0301",
	"\u2018", "\u2019", "\u201a", "\u201b", "\u201cx\u201d", "\u2028", "\u202e", "\u200b", "\ufeff", "\ufffd", "a'b\u2019c'\"$x`y`\\", "(", ")", "<(id)", "$'x'", "$\"x\"", "\\n", "\\x41",
	strings.Repeat("x", 5000), strings.Repeat("'", 300), "export A=1", "set -gx A 1",
}

// each runs a test in every shell that is installed.
func each(t *testing.T, test func(t *testing.T, sh *shelltest.Shell)) {
	t.Helper()
	shelltest.Each(t, shelltest.All(t), test)
}

// evaluated runs code in a fresh shell and returns what it told.
func evaluated(t testing.TB, sh *shelltest.Shell, code string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "code."+sh.Extension)
	if err := os.WriteFile(file, []byte(sh.Echo+code), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sh.Name, append(slices.Clone(sh.Script), file)...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "XDG_DATA_HOME=" + cmd.Dir, "LANG=C.UTF-8", "TERM=dumb"}
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("%s: %v: %s", sh.Name, err, complaints.Bytes())
	}
	said := strings.Split(out.String(), "\x00")
	return said[:len(said)-1]
}

// asVariables is code that sets V to each value in turn and tells it.
func asVariables(t testing.TB, sh *shelltest.Shell, values []string) string {
	t.Helper()
	var b strings.Builder
	for _, v := range values {
		text, err := sh.Render([]env.Change{{Name: "V", Value: creds.New(v)}})
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(text + sh.EchoV)
	}
	return b.String()
}

func asWords(t testing.TB, sh *shelltest.Shell, values []string) string {
	t.Helper()
	text, err := sh.Call("say", values...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func sameAs(t testing.TB, sh *shelltest.Shell, how string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d %s came back as %d", sh.Name, len(want), how, len(got))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: %s %q came back as %q", sh.Name, how, want[i], got[i])
		}
	}
}

func TestEveryShellReadsBackWhatWasMeant(t *testing.T) {
	values := append(slices.Clone(awkward), random(300)...)
	each(t, func(t *testing.T, sh *shelltest.Shell) {
		mine := slices.DeleteFunc(slices.Clone(values), func(s string) bool { return !sh.Holds(s) })
		sameAs(t, sh, "words", evaluated(t, sh, asWords(t, sh, mine)), mine)
		// PowerShell before 7.5 cannot hold an empty variable, and no session has one.
		set := slices.DeleteFunc(slices.Clone(mine), func(s string) bool { return s == "" && sh.Name == "pwsh" })
		sameAs(t, sh, "variables", evaluated(t, sh, asVariables(t, sh, set)), set)
	})
}

// random returns n strings made of what shells care about and of any bytes, the same
// ones in each run.
func random(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"'", `"`, `\`, "$", "`", "(", ")", "\n", " ", "!", "%", "{", "}", "*", "~", "#", ";", "\u2019", "\u201b", "é", "a", "\x01", "\x7f", "-"}
	values := make([]string, n)
	for i := range values {
		for range r.IntN(20) {
			if i%3 == 0 {
				values[i] += string([]byte{byte(1 + r.IntN(255))})
			} else {
				values[i] += pieces[r.IntN(len(pieces))]
			}
		}
	}
	return values
}

func TestARemovedVariableIsGone(t *testing.T) {
	each(t, func(t *testing.T, sh *shelltest.Shell) {
		text, err := sh.Render([]env.Change{{Name: "V", Value: creds.New("x")}, {Name: "V", Unset: true}})
		if err != nil {
			t.Fatal(err)
		}
		sameAs(t, sh, "word", evaluated(t, sh, text+sh.IfUnset), []string{"gone"})
	})
}

func TestAChildSeesWhatWasSet(t *testing.T) {
	each(t, func(t *testing.T, sh *shelltest.Shell) {
		text, err := sh.Render([]env.Change{{Name: "V", Value: creds.New("it's $HOME")}})
		if err != nil {
			t.Fatal(err)
		}
		sameAs(t, sh, "word", evaluated(t, sh, text+"sh -c 'printf \"%s\\0\" \"$V\"'\n"), []string{"it's $HOME"})
	})
}

// PowerShell takes half a second to start: the test above gives it many values at once.
func FuzzQuoteRoundTrip(f *testing.F) {
	for _, s := range awkward {
		f.Add(s)
	}
	f.Add("nul\x00")
	f.Fuzz(func(t *testing.T, s string) {
		for _, sh := range shelltest.Hooked(t) {
			if _, err := exec.LookPath(sh.Name); err != nil {
				continue
			}
			if strings.ContainsRune(s, 0) {
				if q, err := sh.Quote(s); err == nil {
					t.Errorf("%s quoted a NUL: %s", sh.Name, q)
				}
				continue
			}
			sameAs(t, sh, "word", evaluated(t, sh, asWords(t, sh, []string{s})), []string{s})
		}
	})
}
