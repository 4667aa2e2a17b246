package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d44b7504/vault/cmd"
	"github.com/d44b7504/vault/internal/settings"
	"github.com/d44b7504/vault/internal/testenv"
)

// written is the uncompressed pages by their file names, as write has left them in a directory.
func written(t *testing.T, dir string) map[string]string {
	t.Helper()
	if err := write([]string{dir}, "1.2.3", "1767225600"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "share/man/man1/*.1.gz"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil || !r.ModTime.IsZero() || r.Name != "" {
			t.Errorf("%s: %v, %v %q", file, err, r.ModTime, r.Name)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".gz")] = string(text)
	}
	return all
}

func TestEveryCommandHasAPageWithAllItsParts(t *testing.T) {
	all := written(t, t.TempDir())
	for _, c := range cmd.Manual().Commands() {
		if _, is := all["vault-"+c.Name()+".1"]; is != shown(c) {
			t.Errorf("%s: a page: %v", c.Name(), is)
		}
	}
	for name, text := range all {
		for _, part := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"} {
			if !strings.Contains(text, "\n.SH "+part+"\n") {
				t.Errorf("%s has no part %s", name, part)
			}
		}
		_, statuses, _ := strings.Cut(text, "\n.SH EXIT STATUS\n")
		if statuses, _, _ = strings.Cut(statuses, "\n.SH "); strings.Contains(statuses, ".PP") || statuses == "" {
			t.Errorf("%s says more than statuses there: %s", name, statuses)
		}
		if !strings.Contains(text, "2026\\-01\\-01") && !strings.Contains(text, `"2026-01-01" "vault 1.2.3"`) {
			t.Errorf("%s: %s", name, strings.SplitN(text, "\n", 2)[0])
		}
	}
	for _, s := range settings.All() {
		if !strings.Contains(all["vault.1"], "\n.B "+s.Name+"\n") {
			t.Errorf("vault.1 does not have %s", s.Name)
		}
	}
	if !strings.Contains(all["vault.1"], "\n.SH FILES\n") || !strings.Contains(all["vault-use.1"], "\n.B AWS_VAULT_DURATION\n") || strings.Contains(all["vault-use.1"], "AWS_VAULT_PICKER") {
		t.Errorf("%s", all["vault-use.1"])
	}
}

func TestGroffHasNothingToSayAboutThePages(t *testing.T) {
	groff := testenv.Require(t, "groff")
	dir := t.TempDir()
	args := []string{"-man", "-Tutf8", "-ww", "-z"}
	for name, text := range written(t, t.TempDir()) {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	if out, err := exec.Command(groff, args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	out, err := exec.Command(groff, "-man", "-Tutf8", "-P-c", "-rLL=80n", filepath.Join(dir, "vault-hook.1")).Output()
	if err != nil || !strings.Contains(string(out), `eval "$(vault hook zsh)"`) {
		t.Errorf("a line to copy is not as it was: %v: %s", err, out)
	}
}

func TestAPageWithoutADateIsTheSameEveryTime(t *testing.T) {
	for _, wrong := range [][]string{nil, {"a", "b"}} {
		if write(wrong, "", "") == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
	if write([]string{t.TempDir()}, "", "today") == nil {
		t.Error("a time that is not a number was taken")
	}
	a, b := pages("", ""), pages("", "")
	for name := range a {
		if a[name] != b[name] {
			t.Errorf("%s differs", name)
		}
	}
}
