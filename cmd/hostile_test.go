//go:build unix

package cmd_test

// A profile's name is data, everywhere, whatever is in it.

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

// hostileNames each try something: to run touch, to end a quote, to move the cursor, to
// climb out of a directory, to look like a flag.
var hostileNames = []string{
	"two words", "it's", `say "hi"`, "$(touch x)", "`touch x`", "a;touch x", "a|touch x", "a&&touch x", "$HOME", "${PATH}",
	"%d%s%n %F{red}", "!!", "~root", "*", "a\\", "a\x1b[31mred\x1b[0m", "a\x1b]0;title\a", "abc\u202edcba\u202c", "a\u200bb",
	"’); touch x; (‘", "-n", "--help", "../../../etc/passwd", "a/b", "é", "日本", strings.Repeat("long ", 60), "<script>", "a\tb", "#", "[",
}

// readBack prints the active profile's name as bytes.
var readBack = map[string]string{
	"bash": `printf %s "$AWS_VAULT" | base64 | tr -d '\n'`,
	"zsh":  `printf %s "$AWS_VAULT" | base64 | tr -d '\n'`,
	"fish": `printf %s "$AWS_VAULT" | base64 | tr -d '\n'`,
	"pwsh": `[Console]::Out.Write([Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($env:AWS_VAULT)))`,
}

// hostileWorld has a key stored under every name, but for one that no file could have:
// that is a role in the config file.
func hostileWorld(t *testing.T) *world {
	var config strings.Builder
	w := newWorld(t, "")
	arn, k := w.user("alice")
	w.role("dev", fakeaws.Trust{Principals: []string{arn}})
	for _, n := range hostileNames {
		if len(n) > 200 {
			fmt.Fprintf(&config, "[profile %q]\nsource_profile = é\nrole_arn = arn:aws:iam::111122223333:role/dev\n", n)
			continue
		}
		check(store.PutKey(context.Background(), w.keyring(), n, k))
	}
	w.write("home/.aws/config", config.String())
	return w
}

func TestAHostileNameIsDataInEveryShell(t *testing.T) {
	t.Parallel()
	// There is no session under a name that cannot be printed.
	names := slices.DeleteFunc(testenv.Sample(slices.Clone(hostileNames), 4), func(n string) bool { return !creds.Printable(n) })
	shelltest.Each(t, shelltest.All(t), func(t *testing.T, sh *shelltest.Shell) {
		w := hostileWorld(t)
		script := must(sh.RCLine("vault")) + "\n"
		for i := range names {
			// The name reaches the program by a variable: how the shell itself quotes is not the question.
			script += fmt.Sprintf("vault use -- %s\n%s\necho ''\n", sh.Variable(fmt.Sprintf("NAME%d", i)), shelltest.In(t, sh.Name, readBack))
		}
		w.write("names."+sh.Extension, script+"vault off\n")
		environ := w.environ()
		for i, n := range names {
			environ = append(environ, fmt.Sprintf("NAME%d=%s", i, n))
		}
		r := w.run(t, environ, sh.Name, append(slices.Clone(sh.Script), w.path("names."+sh.Extension))...)
		got := strings.Split(strings.TrimSpace(r.out), "\n")
		if r.status != 0 || len(got) != len(names) {
			t.Fatalf("status %d, %d names back:\n%s\n%s", r.status, len(got), r.out, r.err)
		}
		for i, n := range names {
			if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(got[i])); err != nil || string(b) != n {
				t.Errorf("%q came back as %q, %v", n, b, err)
			}
		}
		w.harmless(t, r.err)
	})
}

// harmless checks that no name ran anything, made a file of its own, or reached the
// terminal with what a terminal acts on.
func (w *world) harmless(t *testing.T, shown string) {
	t.Helper()
	if _, err := os.Lstat(w.path("x")); err == nil {
		t.Error("a name ran a command")
	}
	if strings.ContainsAny(shown, "\x1b\a\u202e\u200b") {
		t.Errorf("a terminal was shown %q", shown)
	}
	check(filepath.WalkDir(w.path("run"), func(p string, d os.DirEntry, err error) error {
		if name := d.Name(); err == nil && !d.IsDir() && name != "agent.sock" && strings.Trim(name, "0123456789abcdef.") != "" {
			t.Errorf("a file is called %q", p)
		}
		return nil
	}))
}

func TestAHostileNameIsDataOnTheCommandLine(t *testing.T) {
	t.Parallel()
	w := hostileWorld(t)
	for _, n := range testenv.Sample(hostileNames, 4) {
		r := w.vault(t, w.environ(), "exec", "--", n)
		if r.status == 0 {
			t.Errorf("%q was run", n)
		}
		r = w.vault(t, w.environ("NAME="+n), "exec", "--no-session", "--", "sh", "-c", "true")
		w.harmless(t, r.err)
		for _, format := range []string{"json", "powershell"} {
			r := w.vault(t, w.environ(), "export", "--format", format, "--", n)
			if (r.status == 0) != creds.Printable(n) || strings.Contains(r.out, n) && len(n) > 3 {
				t.Errorf("export %q: status %d: %s", n, r.status, r.err)
			}
			if !creds.Printable(n) && (r.out != "" || !strings.Contains(r.err, "cannot be printed")) {
				t.Errorf("export %q: printed %q, said %q", n, r.out, r.err)
			}
		}
		r = w.vault(t, w.environ(), "use", "--shell", "bash", "--", n+"?")
		if r.status != 1 || r.out != "" {
			t.Errorf("%q: status %d, %q", n+"?", r.status, r.out)
		}
		w.harmless(t, r.err)
	}
}

func TestListShowsHostileNamesCleaned(t *testing.T) {
	t.Parallel()
	w := hostileWorld(t)
	r := w.vault(t, w.environ(), "list")
	if r.status != 0 || strings.Count(r.out, "\n") != len(hostileNames)+2 {
		t.Errorf("status %d, %d lines: %s", r.status, strings.Count(r.out, "\n"), r.err)
	}
	w.harmless(t, r.out)
}

func TestANameWithALineBreakIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	_, k := w.user("alice")
	for _, n := range []string{"a\nb", "", "a\r"} {
		r := w.vault(t, w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal()), "add", "--env", "--", n)
		oneSentence(t, r)
	}
	// An item of another tool's may have one all the same.
	check(store.PutKey(context.Background(), w.keyring(), "a\nb\x1b[2J", k))
	r := w.bash(t, w.environ("NAME=a\nb\x1b[2J"), `vault use -- "$NAME"; [[ $AWS_VAULT = "$NAME" ]] && vault status >&2 && vault list >&2; vault off`)
	if r.status != 0 || strings.ContainsRune(r.err, '\x1b') {
		t.Errorf("status %d: %q", r.status, r.err)
	}
}
