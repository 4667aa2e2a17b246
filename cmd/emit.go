package cmd

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/hooks"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/shells"
)

// This file writes what a shell evaluates. The text is built whole and written once;
// whatever fails before leaves nothing on the channel.

// errInactive says that no profile is active in the shell.
func errInactive(r *run) error {
	if f, is := r.task.Env.Foreign(); is {
		return app.WithHint(fmt.Errorf("no profile is active in this shell, which is inside the session of aws-vault of %s", f.Profile),
			"vault use %s switches in place, and vault off gives it back; or leave it with exit", app.Word(f.Profile))
	}
	return app.WithHint(errors.New("no profile is active in this shell"), "vault use PROFILE")
}

// evaluator is the shell that will evaluate the code, and where the code goes.
type evaluator struct {
	shell   *shells.Shell
	out     io.Writer
	hooked  bool              // the hook listens, and has functions to call
	current map[string]string // the environment of that shell
	clock   func() time.Time
	began   time.Time // of this run, by that clock

	also  string                              // code that goes before what is emitted
	amend func(env.Activation) env.Activation // changes what is emitted; nil: nothing does
}

// evaluatorOf says who evaluates the code: the hook, or a script that asked with --shell,
// which reads standard output.
func evaluatorOf(r *run, flag string) (evaluator, error) {
	e := evaluator{out: r.Stdout, current: r.task.Env.Current, clock: r.Now, began: r.began}
	line := r.command
	if r.root.CommandPath()+" use" == line {
		line += " PROFILE"
	}
	switch {
	case r.getenv(env.Subshell) == "alone":
		return e, app.WithHint(errors.New("nothing was changed: in a pipeline, in the background or in $( ) no shell would keep the session"),
			"type %s by itself, or for one command: vault exec PROFILE -- COMMAND", line)
	case r.Code != nil:
		flag, e.out, e.hooked = r.getenv(env.Shell), r.Code, true
	case flag == "" && r.getenv("SUDO_UID") != "":
		return e, app.WithHint(errors.New("sudo runs this program without the shell, which then cannot be changed"),
			"type %s without sudo, or for one command: vault exec PROFILE -- sudo -E COMMAND", line)
	case flag == "":
		return e, app.WithHint(errors.New("this shell has not loaded the hook, so it cannot be changed"),
			"vault init adds the hook to your shell's start file. In a script: %s --shell bash", line)
	case r.StdoutIsTerm:
		return e, app.WithHint(errors.New("the code holds secrets and will not be printed on a terminal"),
			`evaluate it: eval "$(%s --shell bash)"`, line)
	}
	sh, err := shells.For(flag)
	e.shell = sh
	return e, err
}

// unhooked reports whether no prompt follows at which the hook could renew a session.
func (e evaluator) unhooked(r *run) bool { return !e.hooked || !promptRuns(r) || reach(r) != "" }

// look is what the prompt shows of a session, and how.
type look struct {
	label string
	style hooks.Style
}

// lookOf is the look of a profile's session.
func (r *run) lookOf(q env.Request, p profiles.Profile) look {
	style, err := hooks.StyleOf(p.Extra["vault_color"], p.Guard.Protected, slices.Contains([]string{"truecolor", "24bit"}, r.getenv("COLORTERM")))
	if err != nil && !r.task.Quiet {
		r.say("vault_color of %s: %s", p.Name, err)
	}
	if r.getenv("NO_COLOR") != "" || r.getenv("TERM") == "dumb" {
		style = nil
	}
	return look{r.labelOf(q, p), style}
}

// promptAccount is whether the prompt shows the name of the account too.
const promptAccount = "AWS_VAULT_PROMPT_ACCOUNT"

// labelOf is what the prompt shows of a request in the shell that calls: one > for each vault exec
// around it comes before the name, and where it is wanted @ and the account's name after it.
func (r *run) labelOf(q env.Request, p profiles.Profile) string {
	name := q.Profile
	if r.isOn(promptAccount) {
		if account := r.task.AccountName(app.ProfileAccount(p)); account != "" {
			name += "@" + account
		}
	}
	current := r.task.Env.Current
	depth := strings.Repeat(">", env.Depth(current))
	if len(depth) > 3 {
		depth = strconv.Itoa(len(depth)) + ">"
	}
	return depth + hooks.Label(name, q.Qualifier())
}

// emitForeign makes the prompt show a session of aws-vault, as long as it is the shell's.
func (e evaluator) emitForeign(r *run, a env.Activation, f env.Foreign) error {
	l := app.ForeignLease(r.task, f)
	a.Changes = append(slices.DeleteFunc(a.Changes, func(c env.Change) bool { return c.Name == env.GenerationFile }), foreignMark(l)...)
	var p profiles.Profile
	p.Name = f.Profile
	return e.emit(a, l, look{hooks.Label(f.Profile, "aws-vault"), r.lookOf(env.Request{}, p).style})
}

// foreignMark is the change by which a hook notices a session of aws-vault.
func foreignMark(l refresh.Lease) []env.Change {
	return []env.Change{{Name: env.GenerationFile, Value: creds.New(l.File)}}
}

// emit writes an activation for the shell: all of it, or nothing and an error.
func (e evaluator) emit(a env.Activation, l refresh.Lease, k look) error {
	if err := blockedError(a.Blocked); err != nil {
		return err
	}
	if e.amend != nil {
		a = e.amend(a)
	}
	build := e.forScript
	if e.hooked {
		build = e.forHook
	}
	text, err := build(a, l, k)
	if err != nil {
		return err
	}
	_, err = io.WriteString(e.out, e.also+text)
	return err
}

// emitOnly writes the code that goes before an activation, without one.
func (e evaluator) emitOnly() error {
	_, err := io.WriteString(e.out, e.also)
	return err
}

// forScript leaves out the calls of the hook's functions, and what is as it should be.
func (e evaluator) forScript(a env.Activation, _ refresh.Lease, _ look) (string, error) {
	return e.shell.Script(slices.DeleteFunc(slices.Clone(a.Changes), func(c env.Change) bool {
		value, is := e.current[c.Name]
		return is && !c.Unset && c.Value.Equal(creds.New(value))
	}))
}

func (e evaluator) forHook(a env.Activation, l refresh.Lease, k look) (string, error) {
	var b strings.Builder
	var failed error
	add := func(text string, err error) {
		b.WriteString(text)
		failed = errors.Join(failed, err)
	}
	hook, draws := e.shell.Hook, e.current[env.Draw]
	if k.label != "" {
		add(hooks.Drawing(e.shell, draws), nil)
	}
	if len(a.Stash) > 0 {
		add(hook.Call("__vault_stash", a.Stash...))
	}
	add(hook.Render(a.Changes))
	if a.Ends {
		add(hook.Call("__vault_unstash", a.Unstash...))
	}
	check := ""
	if l.Session.Clock.Skew != 0 || l.Session.Early(e.clock()) {
		check = "1" // the clock is wrong: the prompt asks again whether it was set
	}
	add(hook.Call("__vault_set", epoch(l.Session.Expires), epoch(l.RefreshAt), string(l.Note), k.label, check, epoch(e.from(l.Session))))
	if k.label != "" && draws != "" {
		add(hook.Call("__vault_style", k.style...))
	}
	return b.String(), failed
}

// from is the earliest time that the shell may read after the answer, unless the clock was set back
// since: while this program ran, or before the shell draws its prompt. What is left of the session
// is then not what it was here.
func (e evaluator) from(s creds.Session) time.Time {
	const coarse = time.Second // a shell may read a clock that is some milliseconds behind
	now, latest := e.clock(), e.began
	if now.After(latest) {
		latest = now
	}
	if issued := s.Issued.Add(-creds.ClockTolerance); issued.After(latest) && !s.Expired(now) {
		latest = issued
	}
	return latest.Add(-coarse)
}

// blockedError names the variables that keep a shell from being switched, nil for none.
func blockedError(list []env.Blocked) error {
	if len(list) == 0 {
		return nil
	}
	var names []string
	for _, b := range list {
		names = append(names, b.Name)
	}
	if list[0].Local {
		return app.WithHint(fmt.Errorf("nothing was changed: it would be undone at the end of the function that has a local %s", strings.Join(names, ", ")),
			"do it outside of the function, or run one command: vault exec PROFILE -- COMMAND")
	}
	if list[0].Universal {
		return app.WithHint(fmt.Errorf("nothing was changed: fish cannot hide a universal variable from programs (%s)", strings.Join(names, ", ")),
			"set --erase --universal %s", strings.Join(names, " "))
	}
	return app.WithHint(fmt.Errorf("nothing was changed: this shell does not let a read-only variable be changed (%s)", strings.Join(names, ", ")),
		"start a shell in which it is not read-only, or run one command: vault exec PROFILE -- COMMAND")
}

// epoch is whole seconds, 0 for never.
func epoch(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.Unix(), 10)
}
