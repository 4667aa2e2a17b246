package completions_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
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
		for _, c := range testenv.Sample(append(begun, shelltest.In(t, h.shell, begunIn)...), 6) {
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
		var lines []string
		for _, w := range words {
			lines = append(lines, "vault use "+w, "vault use "+w+" ", "vault exec p -- ls "+w+" ", "vault "+w+" ")
		}
		lines = testenv.Sample(lines, 9) // of most words one of their four places
		x.pressAll(lines...)
		if x.tab("vault use pr"); pwned(h) {
			t.Error("what was typed was run")
		}
		if n := h.tabs(); n < len(lines)/4 {
			t.Errorf("the program was asked %d times only", n)
		}
	})
}

func TestTABCompletesEveryPartOfALine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *home) {
		h.write("rules one.json", "{}")
		h.write("dirs.txt", "")
		check(os.Mkdir(h.file("dir one"), 0o700))
		x := h.start()
		for _, c := range testenv.Sample([]struct {
			typed string
			want  []string
		}{
			{"us", []string{"use"}},
			{"hook fi", []string{"hook", "fish"}},
			{"completion zs", []string{"completion", "zsh"}},
			{"use --reg", []string{"use", "--region"}},
			{"use --region mx-", []string{"use", "--region", "mx-central-1"}},
			{"use --region=mx-", []string{"use", "--region=mx-central-1"}},
			{"exec --region=mx-", []string{"exec", "--region=mx-central-1"}},
			{"use prod --mode p", []string{"use", "prod", "--mode", "profile"}},
			{"use -d 15", []string{"use", "-d", "15m"}},
			{"export --format gi", []string{"export", "--format", "github"}},
			{"--backend fi", []string{"--backend", "file"}},
			{"use --backend=fi", []string{"use", "--backend=file"}},
			{"--backend file use pr", []string{"--backend", "file", "use", "prod"}},
			{"use --policy ru", []string{"use", "--policy", "rules one.json"}},
			{"use --policy=ru", []string{"use", "--policy=rules one.json"}},
			{"add prod --from-csv ru", []string{"add", "prod", "--from-csv", "rules one.json"}},
			{"--file-dir di", []string{"--file-dir", "dir one"}},
			{"--pass-dir=di", []string{"--pass-dir=dir one"}},
			{"use prod ", []string{"use", "prod"}},
			{"use nothing-like-it", []string{"use", "nothing-like-it"}},
			{"nonsense pr", []string{"nonsense", "pr"}},
			{"use --nonsense pr", []string{"use", "--nonsense", "pr"}},
			{"use --region eu-west-1 --reg", []string{"use", "--region", "eu-west-1", "--reg"}},
		}, 2) {
			n := x.tabs()
			got := x.tab("vault " + c.typed)
			if len(got) > 0 {
				got[len(got)-1] = strings.TrimRight(got[len(got)-1], "/")
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s TAB became %q, want %q", c.typed, got, c.want)
			}
			if x.tabs() == n {
				t.Errorf("%s TAB did not ask the program", c.typed)
			}
		}
	})
}

func TestSeveralCandidatesAreShownWithWhatTheyAre(t *testing.T) {
	t.Parallel()
	eachQuick(t, func(t *testing.T, h *home) {
		h.write("config", "[profile dev-one]\nrole_arn = arn:aws:iam::111122223333:role/admin\n[profile dev-two]\ncredential_process = x\n")
		x := h.start()
		x.send("vault use dev-\t\t")
		x.shows("dev-one", "dev-two")
		if h.shell != "bash" {
			x.shows("111122223333/admin", "credential process")
		}
	})
}

// tools teaches a shell how to complete another command's arguments.
var tools = map[string]string{
	"bash": `_zztool() { printf '%s|%s|%s' "$COMP_LINE" "$COMP_CWORD" "$3" >seen; COMPREPLY=($(compgen -W 'alpha beta' -- "$2")); }
complete -F _zztool zztool
`,
	"zsh":  "_zztool() { compadd alpha beta }\ncompdef _zztool zztool\n",
	"fish": "complete -c zztool -f -a 'alpha beta'\n",
	"pwsh": "Register-ArgumentCompleter -Native -CommandName zztool -ScriptBlock { param($w) 'alpha', 'beta' -like \"$w*\" }\n",
}

func TestAfterExecTheOtherCommandCompletes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *home) {
		h.link("zztool")
		x := h.open(prompt(t, h.shell) + loadScript(t, h.shell) + "\n" + shelltest.In(t, h.shell, tools))
		wrapped(t, x)
	})
}

func wrapped(t *testing.T, x *term) {
	t.Helper()
	for _, c := range []struct {
		typed string
		want  []string
	}{
		{"exec prod -- zzto", []string{"exec", "prod", "--", "zztool"}},
		{"exec prod zzto", []string{"exec", "prod", "zztool"}},
		{"exec prod -- zztool al", []string{"exec", "prod", "--", "zztool", "alpha"}},
		{"exec prod zztool be", []string{"exec", "prod", "zztool", "beta"}},
		{"exec -d 1h team/a:b -- zztool -x 'a b' al", []string{"exec", "-d", "1h", "team/a:b", "--", "zztool", "-x", "a b", "alpha"}},
		{"exec 'my prof' --region=eu-west-1 -- zztool al", []string{"exec", "my prof", "--region=eu-west-1", "--", "zztool", "alpha"}},
		{"exec -- zztool al", []string{"exec", "--", "zztool", "alpha"}},
		{"exec prod --reg", []string{"exec", "prod", "--region"}},
	} {
		if got := x.tab("vault " + c.typed); !slices.Equal(got, c.want) {
			t.Errorf("%s TAB became %q, want %q", c.typed, got, c.want)
		}
	}
}

func TestBashCompletesTheOtherCommandAsItsCompletionExpects(t *testing.T) {
	t.Parallel()
	h := newHome(t, "bash")
	h.link("zztool")
	h.link("completer")
	h.write("a file", "")
	x := h.open(prompt(t, "bash") + loadScript(t, "bash") + "\n" + tools["bash"] + "complete -C '" + h.file("bin/completer") + "' zzaws\ncomplete -W 'gamma delta' zzlist\n")
	h.link("zzaws")
	h.link("zzlist")
	x.tab("vault exec -d 1h team/a:b -- zztool -x al")
	if got := string(must(os.ReadFile(h.file("seen")))); got != "zztool -x al|2|-x" {
		t.Errorf("the function saw %q", got)
	}
	for _, c := range []struct {
		typed string
		want  []string
	}{
		{"zzlist ga", []string{"zzlist", "gamma"}},
		{"ls a", []string{"ls", "a file"}},
	} {
		if got := x.tab("vault exec prod -- " + c.typed); !slices.Equal(got, append([]string{"exec", "prod", "--"}, c.want...)) {
			t.Errorf("%s TAB became %q, want %q", c.typed, got, c.want)
		}
	}
	x.send("vault exec prod -- zzaws s3\t\t")
	x.shows("s3api", "s3control")
	calls := h.calls()
	if last := calls[len(calls)-1]; last.Program != "completer" || last.Line != "zzaws s3" || !slices.Equal(last.Args, []string{"zzaws", "s3", "zzaws"}) {
		t.Errorf("the completer was run as %q", last)
	}
}

func TestBashCompletionLibrary(t *testing.T) {
	t.Parallel()
	const library = "/usr/share/bash-completion/bash_completion"
	h := newHome(t, "bash")
	if _, err := os.Stat(library); err != nil {
		testenv.Missing(t, "bash-completion", "it is not installed")
	}
	h.link("zztool")
	x := h.open(prompt(t, "bash") + ". " + library + "\n" + loadScript(t, "bash") + "\n" + tools["bash"])
	wrapped(t, x)
	if got := x.tab("vault use team/a:"); !slices.Equal(got, []string{"use", "team/a:b"}) {
		t.Errorf("a name with a colon became %q", got)
	}
	if got := x.tab("vault exec prod -- chmod --ref"); !slices.Equal(got, []string{"exec", "prod", "--", "chmod", "--reference="}) {
		t.Errorf("a flag the library knows became %q", got)
	}
}

// The words bash splits at are the user's to choose.
func TestBashWithOtherWordBreaks(t *testing.T) {
	t.Parallel()
	for _, breaks := range []string{`COMP_WORDBREAKS=${COMP_WORDBREAKS//[:=]/}`, "COMP_WORDBREAKS=' '", "COMP_WORDBREAKS=$COMP_WORDBREAKS/-"} {
		h := newHome(t, "bash")
		x := h.open(prompt(t, "bash") + loadScript(t, "bash") + "\n" + breaks + "\n")
		for typed, want := range map[string][]string{
			"use team/a:": {"use", "team/a:b"}, "use --region=mx-": {"use", "--region=mx-central-1"}, "use my": {"use", "my prof"},
		} {
			if got := x.tab("vault " + typed); !slices.Equal(got, want) {
				t.Errorf("%s: %s TAB became %q, want %q", breaks, typed, got, want)
			}
		}
	}
}
