package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/host"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/shells"
	"github.com/d44b7504/vault/store"
)

const profilesForTAB = `
[default]
region = eu-west-1
[profile prod]
role_arn = arn:aws:iam::111122223333:role/admin
source_profile = default
[profile "my prof"]
credential_process = x
[sso-session corp]
`

// press asks what the last word may become, as the fish script would, and returns the
// first line of the answer and the values. It fails when anything else is touched.
func press(t *testing.T, config string, words ...string) (mode string, values []string) {
	t.Helper()
	out := pressRaw(t, config, append([]string{"__words", "fish"}, words...)...)
	mode, list, _ := strings.Cut(strings.TrimSuffix(out, "\n"), "\n")
	for line := range strings.Lines(list) {
		value, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		values = append(values, value)
	}
	return mode, values
}

func pressRaw(t *testing.T, config string, args ...string) string {
	t.Helper()
	out, status := &writes{}, 0
	var errs bytes.Buffer
	w := &app.World{World: &host.World{
		Args: args, Program: "vault", Environ: []string{"AWS_CONFIG_FILE=" + config},
		Stdin: strings.NewReader(""), Stdout: out, Stderr: &errs, Now: time.Now},
		OpenStore: func(context.Context, store.Options) (store.Store, error) {
			t.Error("TAB opened the keyring")
			return nil, errors.New("closed")
		},
	}
	if status = Main(t.Context(), w); status != 0 || errs.Len() > 0 {
		t.Errorf("%q: status %d, %s", args, status, &errs)
	}
	if out.n > 1 {
		t.Errorf("%q: %d writes, want one", args, out.n)
	}
	return out.String()
}

// writes counts the calls of Write.
type writes struct {
	bytes.Buffer
	n int
}

func (w *writes) Write(b []byte) (int, error) {
	w.n++
	return w.Buffer.Write(b)
}

func configForTAB(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTABOffersWhatFitsItsPlace(t *testing.T) {
	config := configForTAB(t, profilesForTAB)
	profiles := []string{"default", "prod", "my prof"}
	for _, c := range []struct {
		line, mode string
		want       []string
	}{
		{"use ", "words", profiles},
		{"use pr", "words", []string{"prod"}},
		{"use prod ", "words", nil},
		{"use -d 1h ", "words", profiles},
		{"use -nd 1h ", "words", profiles},
		{"use -nd1h ", "words", profiles},
		{"use --duration=1h --region x ", "words", profiles},
		{"use -- ", "words", profiles},
		{"--debug --backend file use pr", "words", []string{"prod"}},
		{"ad", "words", []string{"add"}},
		{"ls --prof", "words", []string{"--profiles"}},
		{"use --reg", "words", []string{"--region"}},
		{"use --region a --reg", "words", nil},
		{"use --region=a --reg", "words", nil},
		{"use --policy-arn a --policy-a", "words", []string{"--policy-arn"}},
		{"use --no-p", "words", nil},
		{"hook --no-p", "words", nil},
		{"--prompt z", "words", []string{"zenity"}},
		{"use --prompt=ykman,t", "words", []string{"--prompt=ykman,terminal"}},
		{"use --prompt ykman,y", "words", nil},
		{"use --mode ", "words", []string{"env", "profile", "server"}},
		{"use --mode=e", "words", []string{"--mode=env"}},
		{"use --read-only=", "words", []string{"--read-only=true", "--read-only=false"}},
		{"use --read-only pr", "words", []string{"prod"}},
		{"use --region cn-", "words", []string{"cn-north-1", "cn-northwest-1"}},
		{"use --policy x", "files", nil},
		{"use --policy=x", "files =", nil},
		{"add --from-csv ", "files", nil},
		{"--file-dir ", "dirs", nil},
		{"use --pass-dir=", "dirs =", nil},
		{"use --mfa-token ", "words", nil},
		{"hook ", "words", shells.Names()},
		{"hook fish ", "words", nil},
		{"completion z", "words", []string{"zsh"}},
		{"off ", "words", nil},
		{"exec ", "words", profiles},
		{"exec prod ", "command 2", nil},
		{"exec prod -- ", "command 3", nil},
		{"exec prod ls ", "command 2", nil},
		{"exec prod ls -- ", "command 2", nil},
		{"exec prod --region x ls --reg", "command 4", nil},
		{"exec prod --reg", "words", []string{"--region"}},
		{"exec prod --region cn-", "words", []string{"cn-north-1", "cn-northwest-1"}},
		{"exec -- ls --reg", "command 2", nil},
		{"use --sso ", "words", []string{"corp"}},
		{"exec --sso corp --account 1 --role r ", "command 7", nil},
		{"exec --sso corp --account 1 --role r ls --reg", "command 7", nil},
		{"exec --sso corp --rol", "words", []string{"--role", "--role-arn"}},
		{"exec --region cn-", "words", []string{"cn-north-1", "cn-northwest-1"}},
		{"clear ", "words", profiles},
		{"clear prod ", "words", without(profiles, "prod")},
		{"remove ", "words", []string{"default"}},
		{"rm --force default ", "words", nil},
		{"doctor ", "words", nil},
		{"nonsense ", "words", nil},
		{"use --nonsense ", "words", nil},
		{"use -Q ", "words", nil},
		{"use -Q", "words", nil},
		{"__wor", "words", nil},
		{"__words ", "words", nil},
		{"use --nonsense=", "words", nil},
	} {
		mode, got := press(t, config, strings.Split(c.line, " ")...)
		if mode != c.mode || !slices.Equal(got, c.want) {
			t.Errorf("%q: %s %q, want %s %q", c.line, mode, got, c.mode, c.want)
		}
	}
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

func TestTABShowsWhatAProfileIs(t *testing.T) {
	config := configForTAB(t, profilesForTAB)
	got := pressRaw(t, config, "__words", "fish", "use", "")
	want := "words\ndefault\tsettings of all profiles\nprod\t111122223333/admin\nmy prof\tcredential process\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFlagsAreOfferedInBothSpellingsAfterOneDash(t *testing.T) {
	config := configForTAB(t, "")
	_, one := press(t, config, "use", "-")
	_, two := press(t, config, "use", "--")
	for flag, inTwo := range map[string]bool{"-d": false, "--duration": true, "--backend": true, "--help": true} {
		if !slices.Contains(one, flag) || slices.Contains(two, flag) != inTwo {
			t.Errorf("%s: one dash %q, two dashes %q", flag, one, two)
		}
	}
}

func TestEveryFlagOfEveryCommandCanBeCompleted(t *testing.T) {
	config := configForTAB(t, profilesForTAB)
	for _, c := range newRoot(newRun(&app.World{World: &host.World{}})).Commands() {
		if !c.IsAvailableCommand() {
			continue
		}
		_, flags := press(t, config, c.Name(), "--")
		if !slices.Contains(flags, "--backend") || !slices.Contains(flags, "--help") {
			t.Errorf("%s: %q", c.Name(), flags)
		}
	}
}

func TestTABSaysNothingWithoutAConfigFileOrToNonsense(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	if mode, got := press(t, none, "use", ""); mode != "words" || got != nil {
		t.Errorf("%s %q", mode, got)
	}
	broken := configForTAB(t, "no section\n[profile a\n[profile good]\n=\n[]\n\xff\n")
	if _, got := press(t, broken, "use", "goo"); !slices.Equal(got, []string{"good"}) {
		t.Errorf("%q", got)
	}
	if got := pressRaw(t, none, "__words", "fish", "--", "-x", "\x00", "\n"); strings.Count(got, "\n") > 1 {
		t.Errorf("printed %q", got)
	}
}

func TestACallForTABThatNoScriptMakesFailsInWords(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"__words"}, "the name of a shell is missing"},
		{[]string{"__words", "no-shell", "use", ""}, `the shell "no-shell" is not supported`},
		{[]string{"__words", "bash"}, "the words of a line are missing"},
		{[]string{"__words", "--help"}, `the shell "--help" is not supported`},
	} {
		var out, errs bytes.Buffer
		w := &app.World{World: &host.World{
			Args: c.args, Program: "vault", Environ: []string{"AWS_CONFIG_FILE=" + filepath.Join(t.TempDir(), "none")},
			Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Now: time.Now}}
		if status := Main(t.Context(), w); status != 2 || out.Len() > 0 || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%q: status %d, %q, %q", c.args, status, &out, &errs)
		}
	}
}

// A long list is cut by its headers before it is parsed; the result is the same.
func TestALongListIsTheSameAsAShortOne(t *testing.T) {
	var b strings.Builder
	b.WriteString(profilesForTAB)
	for i := range 6000 {
		fmt.Fprintf(&b, "[profile team%04d]\nrole_arn = arn:aws:iam::111122223333:role/r%d\nsource_profile = default\n", i, i)
	}
	b.WriteString("[profile 'odd one']\n  [profile indented]\n[profile\tparted]\n[profile Team]\n")
	config := configForTAB(t, b.String())
	for typed, want := range map[string]string{
		"def": "default", "prod": "prod", "my": "my prof", "odd": "odd one", "par": "parted", "team0042": "team0042", "TEAM0042": "team0042", "0042": "team0042", "Te": "Team", "inden": "indented",
	} {
		if _, got := press(t, config, "use", typed); !slices.Equal(got, []string{want}) {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
	if got := pressRaw(t, config, "__words", "fish", "use", "team0042"); got != "words\nteam0042\t111122223333/r42\n" {
		t.Errorf("got %q", got)
	}
	if _, got := press(t, config, "use", ""); len(got) != 6007 {
		t.Errorf("%d profiles, want 6007", len(got))
	}
}
