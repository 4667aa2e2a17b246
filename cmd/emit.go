package cmd

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/hooks"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/shells"
)

// This file writes what a shell evaluates. The text is built whole and written once;
// whatever fails before leaves nothing on the channel.

var (
	errNoHook   = app.WithHint(errors.New("this shell has not loaded the hook, so it cannot be changed"), `put the hook's line into your rc file: vault hook --help. In a script: vault use PROFILE --shell bash`)
	errTerminal = app.WithHint(errors.New("the code holds secrets and will not be printed on a terminal"), `evaluate it: eval "$(vault use PROFILE --shell bash)"`)
	errInactive = app.WithHint(errors.New("no profile is active in this shell"), "vault use PROFILE")
)

// dialect is the shell that will evaluate our code and where the code goes: to the
// hook's channel, or to standard output for a script that asked with --shell.
func (r *run) dialect(flag string) (sh *shells.Shell, out io.Writer, err error) {
	if r.Code != nil {
		sh, err = shells.For(r.getenv(env.Shell))
		return sh, r.Code, err
	}
	if flag == "" {
		return nil, nil, errNoHook
	}
	if r.StdoutIsTerm {
		return nil, nil, errTerminal
	}
	sh, err = shells.For(flag)
	return sh, r.Stdout, err
}

// emit writes an activation for the shell. Calls of the hook's own functions are left
// out where no hook listens.
func (r *run) emit(sh *shells.Shell, out io.Writer, a env.Activation, l refresh.Lease, profile string) error {
	var b strings.Builder
	add := func(text string, err error) error {
		b.WriteString(text)
		return err
	}
	var err error
	hooked := r.Code != nil
	language := sh.Language
	if hooked {
		language = sh.Hook
	}
	if hooked && a.Stash {
		err = add(language.Call("__vault_stash"))
	}
	if err == nil {
		err = add(language.Render(a.Changes))
	}
	if err == nil && hooked && a.Unstash {
		err = add(language.Call("__vault_unstash"))
	}
	if err == nil && hooked {
		err = add(language.Call("__vault_set", epoch(l.Session.Expires), epoch(l.RefreshAt), string(l.Note), hooks.Label(profile)))
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, b.String())
	return err
}

// epoch is whole seconds, 0 for never.
func epoch(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.Unix(), 10)
}
