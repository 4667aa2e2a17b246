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

func errInactive() error {
	return app.WithHint(errors.New("no profile is active in this shell"), "vault use PROFILE")
}

// evaluator is the shell that will evaluate the code, and where the code goes.
type evaluator struct {
	language shells.Language
	out      io.Writer
	hooked   bool // the hook listens, and has functions to call
}

// evaluatorOf says who evaluates the code: the hook, or a script that asked with --shell,
// which reads standard output.
func evaluatorOf(r *run, flag string) (evaluator, error) {
	switch {
	case r.Code != nil:
		sh, err := shells.For(r.getenv(env.Shell))
		if err != nil {
			return evaluator{}, err
		}
		return evaluator{sh.Hook, r.Code, true}, nil
	case flag == "":
		return evaluator{}, app.WithHint(errors.New("this shell has not loaded the hook, so it cannot be changed"),
			"put the hook's line into your rc file: vault hook --help. In a script: vault use PROFILE --shell bash")
	case r.StdoutIsTerm:
		return evaluator{}, app.WithHint(errors.New("the code holds secrets and will not be printed on a terminal"),
			`evaluate it: eval "$(vault use PROFILE --shell bash)"`)
	}
	sh, err := shells.For(flag)
	if err != nil {
		return evaluator{}, err
	}
	return evaluator{sh.Language, r.Stdout, false}, nil
}

// emit writes an activation for the shell.
func (e evaluator) emit(a env.Activation, l refresh.Lease, profile string) error {
	var b strings.Builder
	var failed error
	add := func(text string, err error) {
		b.WriteString(text)
		failed = errors.Join(failed, err)
	}
	if e.hooked && a.Stash {
		add(e.language.Call("__vault_stash"))
	}
	add(e.language.Render(a.Changes))
	if e.hooked && a.Unstash {
		add(e.language.Call("__vault_unstash"))
	}
	if e.hooked {
		words := []string{epoch(l.Session.Expires), epoch(l.RefreshAt), string(l.Note), hooks.Label(profile)}
		if l.Session.Clock.Skew != 0 {
			words = append(words, "1") // the clock is wrong: the prompt asks again whether it was set
		}
		add(e.language.Call("__vault_set", words...))
	}
	if failed != nil {
		return failed
	}
	_, err := io.WriteString(e.out, b.String())
	return err
}

// epoch is whole seconds, 0 for never.
func epoch(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.Unix(), 10)
}
