package app

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"testing"

	"github.com/d44b7504/vault/env"
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
				"config": e.ConfigFile(), "credentials": e.CredentialsFile(), "login": e.loginDir(), "expanded": e.Expand("~/x"),
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
			task := (&Core{LoadProfiles: profiles.LoadFiles}).Task(Caller{Env: e})
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

func TestATildeInEveryPathOfTheAWSFilesIsTheHome(t *testing.T) {
	home := t.TempDir()
	config := filepath.Join(home, "my-config")
	text := "[profile corp]\nca_bundle = ~/corp.pem\nweb_identity_token_file = ~/token\nrole_arn = arn:aws:iam::111122223333:role/r\n[profile other]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	task := func(list ...string) *Task {
		e := NewEnvironment(append(list, "AWS_CONFIG_FILE=$HOME/my-config", "AWS_SHARED_CREDENTIALS_FILE=~/keys", "AWS_LOGIN_CACHE_DIRECTORY=~"), nil)
		return (&Core{LoadProfiles: profiles.LoadFiles}).Task(Caller{Env: e})
	}
	in := func(name string) string { return filepath.Join(home, name) }
	u := task("HOME=" + home)
	p, err := u.ResolveUnopened(env.Request{Profile: "corp"})
	if err != nil || p.Network.CABundle != in("corp.pem") || p.Source.WebIdentity.TokenFile != in("token") {
		t.Errorf("%+v, %v", p, err)
	}
	if u.Env.CredentialsFile() != in("keys") || u.Env.loginDir() != home {
		t.Errorf("%q, %q", u.Env.CredentialsFile(), u.Env.loginDir())
	}
	p, err = task("HOME="+home, "AWS_CA_BUNDLE=~/env.pem").ResolveUnopened(env.Request{Profile: "other"})
	if err != nil || p.Network.CABundle != in("env.pem") {
		t.Errorf("%+v, %v", p.Network, err)
	}
	// Without a home the bundle is still one: no bundle would be the system's.
	homeless := NewEnvironment([]string{"AWS_CA_BUNDLE=~/env.pem"}, nil)
	if got := homeless.settingPath("~/env.pem"); got != "~/env.pem" {
		t.Errorf("%q", got)
	}
	if got := u.Env.Expand("~no-such-user/x"); got != "~no-such-user/x" {
		t.Errorf("%q", got)
	}
	if me, err := user.Current(); err == nil && u.Env.Expand("~"+me.Username+"/x") != filepath.Join(me.HomeDir, "x") {
		t.Errorf("%q", u.Env.Expand("~"+me.Username+"/x"))
	}
}
