package cmd

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/startfile"
)

// This file is what vault init tells beside the change itself.

// tellBefore tells what a person should know before they agree.
func tellBefore(r *run, changes []*startfile.Change, w startfile.Wanted) {
	if r.hookLoaded() {
		r.say("this shell has loaded the hook; if another file does that, the line is not needed")
	}
	if other, err := exec.LookPath(r.name); err == nil && r.program() == r.Program && other != r.Program && strings.ContainsAny(r.Program, `/\`) {
		r.say("another %s is on the PATH (%s), which the hook's function would hide; --name av gives this one the name av", r.name, other)
	}
}

// frameworks are words by which a start file of zsh shows that compinit is called.
var frameworks = []string{"compinit", "oh-my-zsh", "ohmyzsh", "prezto", "zinit", "zi ", "antigen", "antidote", "zgen", "znap", "zim", "zplug", "sheldon"}

// lacksCompinit reports that nothing calls compinit: no start file of the user's, as far as
// their text tells, and not the system's, which the shell itself is asked about.
func lacksCompinit(ctx context.Context, r *run, w startfile.Wanted, program string) bool {
	if w.Shell.Name != "zsh" || startfile.Mention(startfile.Files(w.Shell, w.Places), frameworks) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, whereTimeout)
	defer cancel()
	out, err := r.Run(ctx, host.Child{
		Argv: []string{program, "-i", "-c", "whence compdef; true"}, Kind: env.Tool, Environ: r.Environ,
		Extra: []string{"ZDOTDIR=" + os.DevNull}, // without the user's files, which may start anything
	})
	return err == nil && len(bytes.TrimSpace(out.Stdout)) == 0
}

// sayNext tells what to do now, and what is there to begin with.
func sayNext(ctx context.Context, r *run, w startfile.Wanted, program string, changed bool) error {
	if lacksCompinit(ctx, r, w, program) {
		r.say("TAB completes nothing yet: compinit is not called; add to %s: autoload -Uz compinit && compinit", r.tilde(startfile.Files(w.Shell, w.Places)[0]))
	}
	if changed && runtime.GOOS == "windows" {
		r.say("if PowerShell then says that running scripts is disabled: Set-ExecutionPolicy RemoteSigned -Scope CurrentUser")
	}
	for _, step := range nextSteps(r) {
		r.say("next: %s", step)
	}
	if changed && !r.hookLoaded() {
		line, _ := w.Line(false)
		r.say("open a new terminal, or: %s", line)
	}
	return nil
}

// nextSteps are the ways to a session with what is on this machine. What cannot be read is
// told by the commands themselves.
func nextSteps(r *run) (list []string) {
	set, err := r.task.Profiles()
	if err != nil {
		return nil
	}
	if n := plainKeys(r.task, set); n > 0 {
		list = append(list, "vault import moves "+display.Count(n, "key")+" in plain text into the keyring")
	}
	if sessions := set.SSOSessions(); len(sessions) > 0 {
		command := "vault sso login"
		if name := sessions[0]; name == app.Word(name) {
			command += " " + name
		}
		list = append(list, command+" signs in to Identity Center")
	}
	switch {
	case len(list) > 0:
	case len(set.Names()) > 0:
		list = append(list, "vault use chooses a profile")
	default:
		list = append(list, "vault add NAME stores an access key",
			"vault sso login --start-url URL signs in to your company's Identity Center")
	}
	return list
}

// plainKeys counts the keys that do not expire in the AWS tools' own files.
func plainKeys(t *app.Task, set *profiles.Set) (n int) {
	count := func(file *profiles.KeyFile, err error) {
		if err != nil {
			return
		}
		for _, k := range file.Keys() {
			if k.Err == nil {
				n++
			}
		}
		file.Wipe()
	}
	count(profiles.LoadCredentials(t.Env.CredentialsFile()))
	if set.Path() != t.Env.CredentialsFile() {
		count(profiles.LoadKeys(set.Path()))
	}
	return n
}
