package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/shells"
)

type execOptions struct {
	sessionFlags
	serveFlags
	profile    string
	profileEnv bool
	asJSON     bool
	argv       []string
	dashed     bool // -- is between the profile and the command
}

func newExec(r *run) *cobra.Command {
	var o execOptions
	c := &cobra.Command{
		Use:   "exec [PROFILE] [flags] [--] [COMMAND [ARG…]]",
		Short: "run one command with a profile's credentials",
		Long: `Runs a command with credentials in its environment. Without a command it opens a
sub-shell, of the same kind as the shell that you are in. The flags of vault end at --,
or at the first word after the profile that is not a flag: the rest is the command.
Without a profile the active one is used.

Exit status: the command's; 127 when it is not found, 126 when it cannot be run.`,
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			err := o.split(c, a)
			if err == nil {
				err = o.check(c)
			}
			if err != nil {
				return o.forgotten(r, flagError(r, c, err))
			}
			if help, _ := c.Flags().GetBool("help"); help { // after the profile
				return c.Help()
			}
			return o.forgotten(r, runExec(c.Context(), r, o))
		},
	}
	c.Flags().SetInterspersed(false)
	o.sessionFlags.bind(c, r)
	o.serveFlags.bind(c)
	o.bindRole(c)
	boolFlag(c.Flags(), &o.profileEnv, "profile-env", "", r.isOn("AWS_VAULT_PROFILE_ENV"), "export only AWS_PROFILE")
	boolFlag(c.Flags(), &o.asJSON, "json", "j", false, "print the credentials as JSON")
	_ = c.Flags().MarkHidden("json")
	return c
}

// split finds the profile and the command. Flags may come before or after the profile.
func (o *execOptions) split(c *cobra.Command, a []string) error {
	if c.ArgsLenAtDash() == 0 || o.center.given() {
		o.argv = a
		return nil
	}
	if len(a) == 0 {
		return nil
	}
	o.profile = a[0]
	if err := c.Flags().Parse(a[1:]); err != nil {
		return err
	}
	o.argv, o.dashed = c.Flags().Args(), c.ArgsLenAtDash() == 0
	return nil
}

// forgotten is the error that the profile seems to have been left out, if a command is in
// its place, and otherwise err.
func (o execOptions) forgotten(r *run, err error) error {
	var missing *profiles.NotFoundError
	var start startError
	if errors.As(err, &missing) && missing.Name != o.profile || o.dashed || o.profile == "" || !isProgram(o.profile) {
		return err
	}
	if !errors.As(err, &missing) { // what was taken for the command or for a flag cannot be right either
		var misuse *app.UsageError
		set, unread := r.task.Profiles()
		if !errors.As(err, &start) && !errors.As(err, &misuse) || unread != nil || set.Has(o.profile) {
			return err
		}
		err = fmt.Errorf("no profile named %q", o.profile)
	}
	line := words(append([]string{o.profile}, o.argv...))
	if line == "" || o.argv == nil {
		line = " COMMAND"
	}
	if st, active := r.task.Env.Active(); active {
		return app.WithHint(err, "%q is a command: vault exec --%s runs it as %s, the active profile", o.profile, line, app.Word(st.Request.Profile))
	}
	return app.WithHint(err, "%q is a command, and the profile comes before it: vault exec PROFILE --%s", o.profile, line)
}

func runExec(ctx context.Context, r *run, o execOptions) error {
	q, err := o.sessionRequest(ctx, r)
	if err != nil {
		return err
	}
	if o.asJSON {
		r.task.SignIn.Never = !r.StderrIsTerm // it is a credential_process
		_, l, err := o.session(ctx, r, &q)
		if err != nil {
			return err
		}
		return printCredentials(r, l.Session, "json")
	}
	argv, path, err := findCommand(r, o.argv)
	if err != nil {
		return err
	}
	if o.serves() {
		return runServed(ctx, r, o, q, path, argv)
	}
	_, l, err := o.session(ctx, r, &q)
	if err != nil {
		return err
	}
	o.announce(r, q)
	q.Passphrase = r.task.Unlocked
	return execute(r.Exec, path, argv, r.forSelf(path, env.Child(r.Environ, q, l.Session, l.File)))
}

// sessionRequest is how the command's session is asked for, and how it reaches the command.
func (o execOptions) sessionRequest(ctx context.Context, r *run) (env.Request, error) {
	mode := ""
	if o.profileEnv {
		mode = env.ModeProfile
	}
	q, err := o.choose(ctx, r, o.profile, mode)
	switch {
	case o.server:
		q.Mode = env.ModeServer
	case o.ec2:
		q.Mode = env.ModeEC2
	case q.Served(): // by the exec around us
		q.Mode = mode
	}
	if err == nil {
		err = checkMode(ctx, r, q)
	}
	return q, err
}

// announce tells who is about to find themselves in another shell, and who may not expect a session
// around the command that aws-vault would not run one in.
func (o execOptions) announce(r *run, q env.Request) {
	f, inside := r.task.Env.Foreign()
	switch {
	case len(o.argv) == 0 && r.isOn("AWS_VAULT_DISABLE_HELP_MESSAGE"):
	case len(o.argv) == 0 && inside:
		r.say("a sub-shell with %s, inside a session of aws-vault, of %s%s; leave it with exit", q.Profile, f.Profile, until(r, f))
	case len(o.argv) == 0:
		r.say("a sub-shell with %s; leave it with exit", q.Profile)
	case inside && r.StderrIsTerm:
		r.say("this shell is inside a session of aws-vault, of %s%s; the command runs with %s", f.Profile, until(r, f), q.Profile)
	}
}

// forSelf adds to the environment of a command what opens the store, if the command is this
// program again.
func (r *run) forSelf(path string, environ []string) []string {
	if host.IsProgram(r.Self, path) {
		environ = append(environ, env.PassphrasesIn(r.Environ)...)
	}
	return environ
}

// execute runs the program with r.Exec or r.Foreground.
func execute(run func(path string, argv, environ []string) (int, error), path string, argv, environ []string) error {
	status, err := run(path, argv, environ)
	if errors.Is(err, fs.ErrNotExist) { // it was found a moment ago
		err = errors.New("the interpreter that its first line names does not exist")
	}
	if err != nil {
		return cannotRun(argv[0], err)
	}
	return statusError(status)
}

// findCommand finds the program before a person is asked for anything: a typo should not
// cost an MFA code.
func findCommand(r *run, argv []string) (args []string, path string, err error) {
	if len(argv) == 0 {
		argv = []string{subShell(r)}
	}
	path, err = exec.LookPath(argv[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		err = cannotRun(argv[0], err)
		if here := "." + string(filepath.Separator) + argv[0]; app.Word(argv[0]) == argv[0] && filepath.Base(argv[0]) == argv[0] && isProgram(here) {
			err = app.WithHint(err, "there is one in this directory, which is not on the PATH: write %s", here)
		}
		return nil, "", err
	}
	return argv, path, nil
}

// otherShells are those without a hook.
var otherShells = []string{"sh", "dash", "ash", "ksh", "ksh93", "mksh", "oksh", "yash", "csh", "tcsh", "nu", "elvish", "xonsh", "cmd"}

// subShell is the shell that a person is in, which need not be the one of the account; that
// one where the program was started by something else.
func subShell(r *run) string {
	own, file := r.getenv("SHELL"), r.Parent()
	name, candidates := shells.ProgramName(file), []string{file, shells.ProgramName(file)}
	if sh := shells.Running(file); sh != nil && !slices.Contains(sh.Programs(), name) {
		// What is called pwsh-engine or .fish-wrapped is started by another file, which prepares it.
		name, candidates = sh.Name, append(sh.Programs(), file)
	} else if sh == nil && !slices.Contains(otherShells, name) {
		candidates = nil
	}
	if name == shells.ProgramName(own) {
		candidates = nil
	}
	for _, program := range append(candidates, own) {
		if path, err := exec.LookPath(program); err == nil {
			return path
		}
	}
	if own != "" {
		return own // its failure is told
	}
	if runtime.GOOS == "windows" {
		return cmp.Or(r.getenv("COMSPEC"), "cmd.exe")
	}
	return "/bin/sh"
}

func cannotRun(name string, err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return startError{fmt.Errorf("run %q: there is no such command", name), 127}
	}
	var lookup *exec.Error
	if errors.As(err, &lookup) {
		err = lookup.Err // the name is said already
	}
	return startError{fmt.Errorf("run %q: %w", name, err), 126}
}
