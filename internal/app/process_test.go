package app

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

func TestACredentialProcessIsRunWithoutAShell(t *testing.T) {
	var ran host.Child
	core := &Core{Run: func(_ context.Context, c host.Child) (host.Output, error) {
		ran = c
		return host.Output{}, &host.ChildError{Program: "get", Err: exec.ErrNotFound}
	}}
	h := helpers{core.Task(Caller{})}
	c := profiles.Process{Profile: "tool", Command: `get http://h/x?a=1&b=2 "$$" "two words" $HOME`}
	_, err := h.runCredentialProcess(t.Context(), c)
	if want := []string{"get", "http://h/x?a=1&b=2", "$$", "two words", "$HOME"}; err == nil || !reflect.DeepEqual(ran.Argv, want) || ran.Line != "" {
		t.Errorf("%q, %q, %v", ran.Argv, ran.Line, err)
	}
	// Who wrote it for a shell is told, and who did not is not.
	failed := &sessions.ProcessError{Profile: "tool", Why: "failed", ForShell: c.ForShell(), Err: err}
	if hint := Hint(failed); !strings.Contains(hint, "without a shell") {
		t.Errorf("%q", hint)
	}
	if hint := Hint(&sessions.ProcessError{Profile: "tool", Why: "failed", Err: errors.New("exit status 1")}); hint != "" {
		t.Errorf("%q", hint)
	}
	// What only AWS Vault and this program know is run as AWS Vault runs it.
	if _, err = h.runToken(t.Context(), "a | b"); err == nil || ran.Line != "a | b" || len(ran.Argv) > 0 {
		t.Errorf("%q, %q", ran.Line, ran.Argv)
	}
}

func TestAProcessThatIsThisProgramFindsTheSameStoreOpen(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var ran host.Child
	core := &Core{Self: self, Run: func(_ context.Context, c host.Child) (host.Output, error) { ran = c; return host.Output{}, nil }}
	h := helpers{core.Task(Caller{Env: NewEnvironment([]string{"AWS_VAULT_FILE_PASSPHRASE=p", "AWS_SECRET_ACCESS_KEY=k"}, nil)})}
	for command, want := range map[string]bool{self: true, "/bin/sh": false, "no-such-program": false} {
		_, err := h.runCredentialProcess(t.Context(), profiles.Process{Command: command + " export x"})
		if got := slices.Contains(ran.Extra, "AWS_VAULT_FILE_PASSPHRASE=p"); err != nil || got != want || ran.Kind != env.Source || len(ran.Extra) > 2 {
			t.Errorf("%s: %q, %v", command, ran.Extra, err)
		}
	}
}
