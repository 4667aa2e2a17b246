package app

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/d44b7504/vault/internal/profiles"
)

// A directory that another user has made could contain a config file with commands.
func TestWithoutHOMETheCurrentDirectoryIsNotObeyed(t *testing.T) {
	here, home := t.TempDir(), t.TempDir()
	t.Chdir(here)
	if err := errors.Join(os.Mkdir(".aws", 0o700), os.WriteFile(".aws/config", []byte("[profile evil]\ncredential_process = touch evil\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]string{nil, {"HOME="}, {"HOME=."}, {"HOME=relative", "USERPROFILE=."}} {
		known := NewEnvironment(list, func() string { return home })
		if got := known.ConfigFile(); got != filepath.Join(home, ".aws", "config") {
			t.Errorf("%q: the config file is %q", list, got)
		}
		if got, err := known.StateDir(); err != nil || !filepath.IsAbs(got) {
			t.Errorf("%q: the journals are in %q, %v", list, got, err)
		}
		for _, account := range []func() string{nil, func() string { return "" }, func() string { return "relative" }} {
			e := NewEnvironment(list, account)
			for what, path := range map[string]string{
				"config": e.ConfigFile(), "credentials": e.CredentialsFile(), "login": e.LoginDir(), "expanded": e.Expand("~/x"),
			} {
				if path != "" {
					t.Errorf("%q: %s is %q", list, what, path)
				}
			}
			if dir, err := e.StateDir(); !errors.Is(err, ErrNoHome) {
				t.Errorf("%q: the journals are in %q, %v", list, dir, err)
			}
			if dir := e.Runtime().Path; dir != "" && !filepath.IsAbs(dir) {
				t.Errorf("%q: the runtime directory is %q", list, dir)
			}
			task := (&Core{LoadProfiles: profiles.Load}).Task(Caller{Env: e})
			if set, err := task.Profiles(); !errors.Is(err, ErrNoHome) || set != nil {
				t.Errorf("%q: profiles %v, %v", list, set, err)
			}
		}
	}
}

func TestAFileThatAVariableNamesNeedsNoHome(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	e := NewEnvironment([]string{"AWS_CONFIG_FILE=" + file, "AWS_SHARED_CREDENTIALS_FILE=~/keys"}, nil)
	if e.ConfigFile() != file || e.CredentialsFile() != "" {
		t.Errorf("config %q, credentials %q", e.ConfigFile(), e.CredentialsFile())
	}
}
