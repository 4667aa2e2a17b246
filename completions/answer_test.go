package completions_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/d44b7504/vault/completions"
	"github.com/d44b7504/vault/shells"
)

// ask puts words to ReadRequest as the shell's script would.
func ask(t *testing.T, shell string, words ...string) completions.Request {
	t.Helper()
	args, variable := append([]string{shell}, words...), ""
	if must(shells.For(shell)).Complete.Variable {
		args, variable = args[:1], strings.Join(words, "\x1f")
	}
	q, err := completions.ReadRequest(args, variable)
	if err != nil {
		t.Fatalf("%s %q: %v", shell, words, err)
	}
	return q
}

func TestAWordIsReadAsItsShellWould(t *testing.T) {
	for _, c := range []struct {
		shell, typed string
		want         shells.Word
	}{
		{"zsh", `prod`, shells.Word{Text: "prod"}},
		{"zsh", `my\ prof`, shells.Word{Text: "my prof"}},
		{"zsh", `'my pr`, shells.Word{Text: "my pr", Open: '\''}},
		{"zsh", `"my pr`, shells.Word{Text: "my pr", Open: '"'}},
		{"zsh", `'it'\''s`, shells.Word{Text: "it's", Open: '\''}},
		{"zsh", `"a\"\$\x`, shells.Word{Text: `a"$\x`, Open: '"'}},
		{"zsh", `a\`, shells.Word{Text: "a"}},
		{"zsh", `$(x)`, shells.Word{Text: "$(x)", Unknown: true}},
		{"zsh", "\"`x", shells.Word{Text: "`x", Open: '"', Unknown: true}},
		{"zsh", `'$(x)`, shells.Word{Text: "$(x)", Open: '\''}},
		{"zsh", `\$x`, shells.Word{Text: "$x"}},
		{"zsh", `<(x)`, shells.Word{Text: "<(x)", Unknown: true}},
		{"zsh", `~/*`, shells.Word{Text: "~/*"}},
		{"fish", `it\'s`, shells.Word{Text: "it's"}},
		{"fish", `'it\'s\x`, shells.Word{Text: `it's\x`, Open: '\''}},
		{"fish", `(x)`, shells.Word{Text: "(x)", Unknown: true}},
		{"fish", `"(x) $y`, shells.Word{Text: "(x) $y", Open: '"', Unknown: true}},
		{"fish", "`x`", shells.Word{Text: "`x`"}},
		{"fish", `\x41`, shells.Word{Text: "x41", Unknown: true}},
		{"pwsh", "$(x) `'\"", shells.Word{Text: "$(x) `'\""}},
	} {
		if got := ask(t, c.shell, c.typed).Word; got != c.want {
			t.Errorf("%s %s is %+v, want %+v", c.shell, c.typed, got, c.want)
		}
	}
}

func TestACallThatNoScriptMakesIsAnError(t *testing.T) {
	for _, args := range [][]string{nil, {"zsh"}, {"fish"}, {"bash"}, {"bash", "x"}, {"tcsh", "x"}, {""}} {
		if _, err := completions.ReadRequest(args, ""); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
	var unknown *shells.UnknownError
	if _, err := completions.ReadRequest([]string{"no-shell", "use", ""}, ""); !errors.As(err, &unknown) || unknown.Name != "no-shell" {
		t.Errorf("a shell that is not in the table: %v", err)
	}
}

func TestEveryShellGetsItsSpelling(t *testing.T) {
	words := completions.Answer{Candidates: []string{"prod\tACCOUNT/admin", "pre:x", `p\y` + "\td", "p q\td\x1b[31m"}}
	for _, c := range []struct {
		shell string
		words []string
		a     completions.Answer
		want  string
	}{
		{"bash", []string{"", "use", ""}, words, "words\nprod\npre:x\np\\\\y\np\\ q\n"},
		{"bash", []string{"x", "use", "pre:x"}, words, "words\nx\n"},
		{"bash", []string{"p ", "use", "'p "}, words, "words\np q\n"},
		{"zsh", []string{"use", "p"}, words, "words\nprod:ACCOUNT/admin\npre\\:x\n\tp\\y\np q:d?[31m\n"},
		{"fish", []string{"use", "pr"}, words, "words\nprod\tACCOUNT/admin\npre:x\n"},
		{"pwsh", []string{"use", "pr"}, words, "words\nprod\tACCOUNT/admin\npre:x\n"},
		{"zsh", []string{"--region=p"}, completions.Answer{Assign: true, Candidates: []string{"prod"}}, "words =\nprod\n"},
		{"fish", []string{"--region=p"}, completions.Answer{Assign: true, Candidates: []string{"prod"}}, "words\n--region=prod\n"},
		{"bash", []string{"p", "--region=p"}, completions.Answer{Assign: true, Candidates: []string{"prod"}}, "words\nprod\n"},
		{"bash", []string{"--region=p", "--region=p"}, completions.Answer{Assign: true, Candidates: []string{"prod"}}, "words\n--region=prod\n"},
		{"fish", []string{"--policy=x"}, completions.Answer{Kind: completions.Files, Assign: true}, "files =\n"},
		{"zsh", []string{"x"}, completions.Answer{Kind: completions.Dirs}, "dirs\n"},
		{"zsh", []string{"exec", "p", "$(x)"}, completions.Answer{Kind: completions.Command, Skip: 2}, "command 2\n"},
		{"zsh", []string{"use", "$(x)"}, words, ""},
		{"zsh", []string{"--policy", "$(x)/"}, completions.Answer{Kind: completions.Files}, ""},
	} {
		if got := string(ask(t, c.shell, c.words...).Text(c.a)); got != c.want {
			t.Errorf("%s %q got %q, want %q", c.shell, c.words, got, c.want)
		}
	}
}

func TestWhatATerminalWouldActOnIsNotOffered(t *testing.T) {
	a := completions.Answer{Candidates: []string{"a\nb", "a\x1b[31m", "a\u202eb", "a\u200bb", "a\x7f", "a\xff", "", "a\r", "good", "Grüße"}}
	for _, sh := range shells.All() {
		shell, words := sh.Name, []string{""}
		if sh.Complete.Candidates == shells.CandidateInsert {
			words = []string{"", ""}
		}
		if got := string(ask(t, shell, words...).Text(a)); got != "words\ngood\nGrüße\n" {
			t.Errorf("%s is offered %q", shell, got)
		}
	}
}

func TestThePrefixDecidesAndThenWhatComesNearest(t *testing.T) {
	a := completions.Answer{Candidates: []string{"prod", "Preprod", "my-prod"}}
	for _, c := range []struct{ shell, typed, want string }{
		{"fish", "pr", "prod"}, {"fish", "PR", "prod Preprod"}, {"fish", "-p", "my-prod"}, {"fish", "xyz", ""}, {"bash", "-p", ""}, {"bash", "PR", ""}, {"zsh", "rod", "prod Preprod my-prod"},
	} {
		words := []string{c.typed}
		if c.shell == "bash" {
			words = []string{c.typed, c.typed}
		}
		got := strings.Join(strings.Fields(strings.TrimPrefix(string(ask(t, c.shell, words...).Text(a)), "words\n")), " ")
		if got != c.want {
			t.Errorf("%s %q: %q, want %q", c.shell, c.typed, got, c.want)
		}
	}
}
