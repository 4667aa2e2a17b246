package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

const page = "https://corp.awsapps.com/start/#/device?user_code=A&x=%s"

// opened says which commands are started for an address, until one can be.
func opened(t *testing.T, own string, starts func(argv []string) bool, environ ...string) (started [][]string, err error) {
	t.Helper()
	core := &Core{Start: func(argv, _ []string) error {
		started = append(started, argv)
		if !starts(argv) {
			return errors.New("no such program")
		}
		return nil
	}}
	h := helpers{core.Task(Caller{Env: NewEnvironment(environ, nil)})}
	err = h.openBrowser(profiles.Profile{Extra: map[string]string{"vault_browser": own}}, page)
	return started, err
}

func TestBROWSERIsReadAsPythonAndXdgOpenReadIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		testenv.Missing(t, "unix", "the names of the files are those of Unix")
	}
	blanks := filepath.Join(t.TempDir(), "My Browser")
	if err := os.WriteFile(blanks, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	any := func([]string) bool { return true }
	for _, c := range []struct {
		browser string
		starts  func([]string) bool
		want    [][]string
	}{
		{"firefox", any, [][]string{{"firefox", page}}},
		{"firefox -P work", any, [][]string{{"firefox", "-P", "work", page}}},
		{`firefox -P "my work" '%s' &`, any, [][]string{{"firefox", "-P", "my work", page}}},
		{"open-it --url=%s --quiet", any, [][]string{{"open-it", "--url=" + page, "--quiet"}}},
		{blanks, any, [][]string{{blanks, page}}},
		{`"` + blanks + `" --new %s`, any, [][]string{{blanks, "--new", page}}},
		{":nowhere::firefox %s:w3m", func(a []string) bool { return a[0] == "w3m" }, [][]string{{"nowhere", page}, {"firefox", page}, {"w3m", page}}},
		{"don't", any, [][]string{{"don't", page}}},
	} {
		got, err := opened(t, "", c.starts, "BROWSER="+c.browser)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, %v", c.browser, got, err)
		}
	}
	got, err := opened(t, `chromium --profile-directory="Profile 2"`, any, "BROWSER=firefox")
	if want := [][]string{{"chromium", "--profile-directory=Profile 2", page}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the profile's own: %q, %v", got, err)
	}
	if _, err := opened(t, "", func([]string) bool { return false }, "BROWSER=nowhere"); err == nil || err.Error() != "no such program" {
		t.Errorf("none can be started: %v", err)
	}
	if _, err := opened(t, "", any); !errors.Is(err, errNoBrowser) {
		t.Errorf("there is none: %v", err)
	}
}

func TestBROWSERIsUsedWhereItLeadsToThePersonsOwn(t *testing.T) {
	for _, c := range []struct {
		environ       string
		opens, device bool
	}{
		{"BROWSER=helper REMOTE_CONTAINERS=true", true, true}, // a dev container: the page opens, and a code is compared
		{"BROWSER=helper CODESPACES=true", true, true},
		{"BROWSER=helper SSH_CONNECTION=x VSCODE_IPC_HOOK_CLI=/s", true, true},
		{"BROWSER=firefox SSH_CONNECTION=x", false, true}, // it would open on the other machine
		{"REMOTE_CONTAINERS=true", false, true},
	} {
		var told []string
		core := &Core{Start: func([]string, []string) error { return errors.New("it failed") }}
		task := core.Task(Caller{
			Env: NewEnvironment(strings.Fields(c.environ), nil), Say: func(line string) { told = append(told, line) },
			Ask: func(context.Context, string, bool) (creds.Secret, error) { return creds.Secret{}, nil },
		})
		b := helpers{task}.browser(profiles.Profile{})
		if (b.Open != nil) != c.opens || b.Device != c.device {
			t.Errorf("%s: opens %v, by a code %v", c.environ, b.Open != nil, b.Device)
		}
		if c.opens {
			b.Failed(b.Open(page))
			if len(told) != 1 || !strings.Contains(told[0], "no browser was opened: it failed") {
				t.Errorf("%s: told %q", c.environ, told)
			}
		}
		task.SignIn.NoBrowser = true
		if b = (helpers{task}).browser(profiles.Profile{}); b.Open != nil {
			t.Errorf("%s: a browser opens with --stdout", c.environ)
		}
	}
}

// Otherwise its client, which can be asked, would end as after Ctrl-C.
func TestTheAgentSaysThatAPersonIsNeededWhereAnotherTerminalWaitsForTheBrowser(t *testing.T) {
	t.Parallel()
	m := newMachine(t, false)
	task := m.task(m.list)
	p := profiles.Profile{Name: "dev", Region: "eu-west-1", Source: profiles.Source{SSO: &profiles.SSO{
		Session: "corp", StartURL: "https://corp.awsapps.com/start", Region: "eu-west-1", Account: "111122223333", Role: "admin",
	}}}
	for _, name := range []string{refresh.Key(p), "signing in " + sessions.TokenName(p.Source.SSO)} {
		unlock, got := task.Env.Runtime().TryLock(name) // the other terminal's
		if !got {
			t.Fatal(name)
		}
		defer unlock()
	}
	s, err := m.core.OpenStore(t.Context(), store.Options{})
	m.check(err)
	_, err = m.core.Carry(t.Context(), task.Env, s, SessionRequest{Op: OpFresh, Profile: p, Policy: refresh.Default}, nil)
	var needs *sessions.NeedsUserError
	if !errors.As(err, &needs) || needs.Need != sessions.NeedsBrowser {
		t.Errorf("%v", err)
	}
}
