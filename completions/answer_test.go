package completions_test

import (
	"strings"
	"testing"

	"github.com/d44b7504/vault/completions"
)

// ask puts words to ReadRequest as the shell's script would.
func ask(t *testing.T, shell string, words ...string) completions.Request {
	t.Helper()
	args, variable := append([]string{shell}, words...), ""
	if shell == "pwsh" {
		args, variable = args[:1], strings.Join(words, "\x1f")
	}
	q, ok := completions.ReadRequest(args, variable)
	if !ok {
		t.Fatalf("%s %q is no request", shell, words)
	}
	return q
}

func TestAWordIsReadAsItsShellWould(t *testing.T) {
	for _, c := range []struct {
		shell, typed string
		want         completions.Word
	}{
		{"zsh", `prod`, completions.Word{Text: "prod"}},
		{"zsh", `my\ prof`, completions.Word{Text: "my prof"}},
		{"zsh", `'my pr`, completions.Word{Text: "my pr", Open: '\''}},
		{"zsh", `"my pr`, completions.Word{Text: "my pr", Open: '"'}},
		{"zsh", `'it'\''s`, completions.Word{Text: "it's", Open: '\''}},
		{"zsh", `"a\"\$\x`, completions.Word{Text: `a"$\x`, Open: '"'}},
		{"zsh", `a\`, completions.Word{Text: "a"}},
		{"zsh", `$(x)`, completions.Word{Text: "$(x)", Unknown: true}},
		{"zsh", "\"`x", completions.Word{Text: "`x", Open: '"', Unknown: true}},
		{"zsh", `'$(x)`, completions.Word{Text: "$(x)", Open: '\''}},
		{"zsh", `\$x`, completions.Word{Text: "$x"}},
		{"zsh", `<(x)`, completions.Word{Text: "<(x)", Unknown: true}},
		{"zsh", `~/*`, completions.Word{Text: "~/*"}},
		{"fish", `it\'s`, completions.Word{Text: "it's"}},
		{"fish", `'it\'s\x`, completions.Word{Text: `it's\x`, Open: '\''}},
		{"fish", `(x)`, completions.Word{Text: "(x)", Unknown: true}},
		{"fish", `"(x) $y`, completions.Word{Text: "(x) $y", Open: '"', Unknown: true}},
		{"fish", "`x`", completions.Word{Text: "`x`"}},
		{"fish", `\x41`, completions.Word{Text: "x41", Unknown: true}},
		{"pwsh", "$(x) `'\"", completions.Word{Text: "$(x) `'\""}},
	} {
		if got := ask(t, c.shell, c.typed).Word; got != c.want {
			t.Errorf("%s %s is %+v, want %+v", c.shell, c.typed, got, c.want)
		}
	}
}

func TestNoScriptSendsSuchARequest(t *testing.T) {
	for _, args := range [][]string{nil, {"zsh"}, {"fish"}, {"bash"}, {"bash", "x"}, {"tcsh", "x"}, {""}} {
		if _, ok := completions.ReadRequest(args, ""); ok {
			t.Errorf("%q was taken for one", args)
		}
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
	for _, shell := range []string{"bash", "zsh", "fish", "pwsh"} {
		words := []string{""}
		if shell == "bash" {
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
