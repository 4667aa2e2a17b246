package completions_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// names are profiles that a shell would take apart, run or expand if it could.
var names = []string{
	"prod", "team/a:b", "my prof", "it's", `say "hi"`, "$(touch pwned)", "`touch pwned`", "a;touch pwned", "back\\slash",
	"Grüße’x", "~root", "*", "bang!bang", "111122223333", "x=y", "me@home", "#no", "-dash", "$HOME", "{a,b}", "(touch pwned)", "%self", "[x]", "=ls", "<(touch pwned)", "'quoted'", "a&b|c", "\\",
}

var config = func() string {
	var b strings.Builder
	b.WriteString("[default]\nregion = eu-west-1\n")
	for _, n := range names {
		q := "'"
		if strings.Contains(n, "'") {
			q = `"`
		}
		b.WriteString("[profile " + q + n + q + "]\nrole_arn = arn:aws:iam::111122223333:role/admin\nsource_profile = default\n")
	}
	return b.String()
}()

// Each name is begun in every way that a person might type it.
var begun = []struct{ typed, want string }{
	{"pr", "prod"}, {"team", "team/a:b"}, {"team/a:", "team/a:b"}, {"'team/a:", "team/a:b"},
	{"my", "my prof"}, {"'my ", "my prof"}, {`"my p`, "my prof"},
	{"it", "it's"}, {`"it'`, "it's"}, {"say", `say "hi"`}, {"'say", `say "hi"`}, {`"say`, `say "hi"`},
	{"'$(", "$(touch pwned)"}, {"'`t", "`touch pwned`"}, {"'a;", "a;touch pwned"}, {"'(t", "(touch pwned)"}, {"'<", "<(touch pwned)"},
	{"back", `back\slash`}, {"Gr", "Grüße’x"}, {"bang", "bang!bang"}, {`"bang`, "bang!bang"}, {"11", "111122223333"},
	{"x=", "x=y"}, {"me@", "me@home"}, {"'#", "#no"}, {"'~", "~root"}, {"'*", "*"}, {"-- '-d", "-dash"},
	{"'$H", "$HOME"}, {"'{", "{a,b}"}, {"'%", "%self"}, {"'[", "[x]"}, {"'=", "=ls"}, {`"'q`, "'quoted'"}, {"'a&", "a&b|c"},
}

// Some shells have a way of their own.
var begunIn = map[string][]struct{ typed, want string }{
	"bash": {{`my\ p`, "my prof"}, {`it\'`, "it's"}, {`a\;`, "a;touch pwned"}, {`\$\(`, "$(touch pwned)"}, {`m'y p`, "my prof"}, {`'it'\'`, "it's"}, {`back\\`, `back\slash`}, {`\'q`, "'quoted'"}},
	"zsh":  {{`my\ p`, "my prof"}, {`it\'`, "it's"}, {`a\;`, "a;touch pwned"}, {`\$\(`, "$(touch pwned)"}, {`'it'\'`, "it's"}, {`back\\`, `back\slash`}, {`\'q`, "'quoted'"}},
	"fish": {{`my\ p`, "my prof"}, {`it\'`, "it's"}, {`a\;`, "a;touch pwned"}, {`\$\(`, "$(touch pwned)"}, {`'it\'`, "it's"}, {`back\\`, `back\slash`}, {"GR", "Grüße’x"}, {"prof", "my prof"}},
	"pwsh": {{"my` p", "my prof"}, {"it`'", "it's"}, {"a`;", "a;touch pwned"}, {"'it''", "it's"}, {"`'q", "'quoted'"}, {"PR", "prod"}, {"prof", "my prof"}},
}

func TestTABWritesANameSoThatTheProgramGetsIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *home) {
		x := h.start()
		for _, c := range append(begun, begunIn[h.shell]...) {
			got := x.tab("vault use " + c.typed)
			if len(got) > 1 && got[1] == "--" {
				got = slices.Delete(got, 1, 2)
			}
			if !slices.Equal(got, []string{"use", c.want}) {
				t.Errorf("%s TAB became %q, want %q", c.typed, got, c.want)
			}
		}
		if pwned(h) {
			t.Error("a name was run")
		}
	})
}

func pwned(h *home) bool {
	_, err := os.Lstat(h.file("pwned"))
	return err == nil
}

// What was typed is never run, however it is spelled and wherever TAB is pressed.
func TestTABRunsNothing(t *testing.T) {
	t.Parallel()
	words := []string{
		"$(touch pwned)", "`touch pwned`", "$(touch pwned", "`touch pwned", "(touch pwned)", `"$(touch pwned)"`, `"$(touch pwned)`, "'$(touch pwned)",
		"; touch pwned", "& touch pwned", "| touch pwned", "a;touch pwned;", "~", "*", "$HOME", "${x:=$(touch pwned)}", "<(touch pwned)", "=(touch pwned)", "{a,$(touch pwned)}",
		"$'a", `a\`, `"a\`, "'", `"`, "$", "\\$(touch pwned)", "--region=$(touch pwned)", "--region $(touch pwned)", "--policy $(touch pwned)/", "$[$(touch pwned)]", "@(touch pwned)", "x[$(touch pwned)]",
	}
	each(t, func(t *testing.T, h *home) {
		x := h.start()
		for _, w := range words {
			for _, line := range []string{"vault use " + w, "vault use " + w + " ", "vault exec p -- ls " + w + " ", "vault " + w + " "} {
				x.send(line + "\t")
				x.drop()
			}
		}
		if x.tab("vault use pr"); pwned(h) {
			t.Error("what was typed was run")
		}
		if n := h.tabs(); n < len(words) {
			t.Errorf("the program was asked %d times only", n)
		}
	})
}
