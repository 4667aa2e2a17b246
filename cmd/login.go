package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aymanbagabas/go-osc52/v2"
	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/console"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

type loginOptions struct {
	sessionFlags
	profile, path, service string
	stdout, copy, signOut  bool
	container              bool
	browser                app.BrowserChoice
}

func newLogin(r *run) *cobra.Command {
	var o loginOptions
	c := &cobra.Command{
		Use:     "login [PROFILE]",
		Aliases: []string{"console"},
		Short:   "open the AWS console in your browser",
		Long: `Opens the console of AWS in a browser, signed in as a profile, without a password.
Without a profile it is the active one. This is not the sign-in to Identity Center,
which is made when a profile needs it: vault sso login.

The browser gets the address from vault itself, once: it is in no command line and in
no message. --stdout prints it and --copy puts it into the clipboard, over SSH into
that of your own machine. It works once and for 15 minutes.

The console lasts as long as a session of the profile, or as --duration says: from 15m
to 12h for a role, at most 1h for a role that is assumed with another session, and to
36h for the key of a user, where AWS does not know of an MFA code.

The profile's settings vault_browser (vault_console_browser for the console alone),
vault_browser_profile and vault_container choose where it opens, AWS_VAULT_BROWSER and
the others do so for every profile.`,
		Example: "  vault login prod\n  vault login prod --service cw --region eu-west-1\n" +
			"  vault login prod --read-only --duration 4h\n  vault login prod --copy",
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.profile = firstArg(a)
			if f := c.Flags(); f.Changed("container") || f.Changed("no-container") {
				o.browser.Container = fmt.Sprint(o.container)
			}
			return runLogin(c.Context(), r, o)
		},
	}
	o.bind(c, r)
	return c
}

func (o *loginOptions) bind(c *cobra.Command, r *run) {
	o.of, o.ownStdout = c, true
	fs := c.Flags()
	fs.StringVar(&o.service, "service", "", "the service to open: ec2, s3, cw, logs, …")
	fs.StringVar(&o.path, "path", "", "the page to open: a path or an address of the console")
	regionFlag(c, &o.region, "the region to open, over the profile's and your own")
	durationFlag(fs, &o.duration, "duration", "d", "how long the console should last")
	boolFlag(fs, &o.stdout, "stdout", "s", false, "print the address, which is a secret, and open nothing")
	boolFlag(fs, &o.copy, "copy", "c", false, "put the address into the clipboard, and open nothing")
	boolFlag(fs, &o.signOut, "auto-logout", "a", r.isOn("AWS_VAULT_AUTO_LOGOUT"), "first leave what the browser is signed in to ($AWS_VAULT_AUTO_LOGOUT)")
	fs.StringVar(&o.browser.Command, "browser", "", "the browser to open it in: a program, or a command with {url}")
	fs.StringVar(&o.browser.Profile, "browser-profile", "", "the profile of the browser: a name or a directory; {account} is filled in")
	boolFlag(fs, &o.container, "container", "", false, "open it in a container of Firefox with the profile's name")
	boolFlag(fs, &o.noSession, "no-session", "n", false, "assume the role with the long-lived key itself")
	durationFlag(fs, &o.duration, "federation-token-ttl", "f", "the old name of --duration")
	_ = fs.MarkHidden("federation-token-ttl")
	o.bindAnswers(c, r)
	o.bindNarrow(c)
	_ = c.RegisterFlagCompletionFunc("service", fixed(console.ServiceNames()...))
	_ = c.RegisterFlagCompletionFunc("duration", fixed("15m", "1h", "4h", "8h", "12h"))
	_ = c.RegisterFlagCompletionFunc("browser", fixed("firefox", "chromium", "google-chrome", "brave-browser", "microsoft-edge"))
}

func runLogin(ctx context.Context, r *run, o loginOptions) error {
	wish, err := o.request(ctx, r)
	if err != nil {
		return err
	}
	o.answer(r)
	c, err := r.task.Console(ctx, wish)
	if err != nil {
		return err
	}
	switch {
	case o.stdout:
		return r.print("%s", c.URL.Reveal())
	case o.copy:
		return copyConsole(ctx, r, c)
	}
	if err := r.task.OpenConsole(ctx, c, o.browser); err != nil {
		return err
	}
	r.say("the console of %s opens in your browser%s", c.Name(), consoleUntil(r, c))
	return nil
}

// consoleUntil is the end of a sentence about a console.
func consoleUntil(r *run, c app.Console) string {
	if c.Until.IsZero() {
		return ""
	}
	return ", until " + display.Clock(c.Until, r.Now())
}

// request is how the console is asked for with these flags.
func (o loginOptions) request(ctx context.Context, r *run) (app.ConsoleRequest, error) {
	wish := app.ConsoleRequest{Duration: o.duration, Path: o.path, SignOut: o.signOut}
	var err error
	switch {
	case o.stdout && o.copy:
		err = errors.New("--stdout prints the address and --copy does not: choose one")
	case o.service != "" && o.path != "":
		err = errors.New("--service and --path both say which page to open: choose one")
	case o.service != "":
		wish.Path, err = servicePath(o.service)
	}
	if err != nil {
		return wish, usage(o.of, err)
	}
	if wish.Given = app.GivenIn(r.task.Env); o.profile != "" || o.center.given() {
		wish.Given = ""
	}
	if wish.Given == "" {
		wish.Session, err = o.choose(ctx, r, o.profile, "")
		if o.duration > 0 {
			wish.Session.Seconds = 0 // the console's length need not be the session's
		}
		return wish, err
	}
	wish.Session, err = o.sessionFlags.request("", "")
	if err == nil && o.roleARN != "" {
		err = app.WithHint(usage(o.of, errors.New("--role-arn is for a profile, and this shell has credentials of its own")), "name the profile")
	}
	return wish, err
}

// servicePath is the path of a service that a person named.
func servicePath(name string) (string, error) {
	path, known := console.ServicePath(strings.ToLower(name))
	if known {
		return path, nil
	}
	if near := profiles.Near(name, console.ServiceNames()); len(near) > 0 {
		return "", app.WithHint(fmt.Errorf("no service is called %q", name), "did you mean --service %s? --path takes any page of the console", near[0])
	}
	if strings.ContainsFunc(name, func(c rune) bool { return c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') }) {
		return "", app.WithHint(fmt.Errorf("no service is called %q", name), "--path takes any page of the console")
	}
	return path, nil
}

// copyConsole puts the address into the clipboard: by a program of the system, else by the
// terminal itself, which may be on another machine.
func copyConsole(ctx context.Context, r *run, c app.Console) error {
	copied := r.task.Copy(ctx, func(ctx context.Context, argv []string) error {
		limited, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, err := r.Run(limited, host.Child{Argv: argv, Environ: r.Environ, Input: []byte(c.URL.Reveal()), Contact: host.Desktop})
		return err
	})
	life := display.Span(sessions.ConsoleLife)
	switch {
	case copied:
		r.say("the address that opens the console of %s is in the clipboard; it works once, within %s", c.Name(), life)
	case r.Tell != nil && r.getenv("TERM") != "dumb" && r.Tell(inTerminal(r, c.URL.Reveal())) == nil:
		r.say("the address that opens the console of %s was sent to your terminal's clipboard; it works once, within %s", c.Name(), life)
	default:
		return app.WithHint(errors.New("there is no clipboard here that the address could be put into"), "--stdout prints it")
	}
	return nil
}

// inTerminal is what makes a terminal put a text into its clipboard (OSC 52).
func inTerminal(r *run, text string) string {
	s := osc52.New(text)
	switch term := r.getenv("TERM"); {
	case r.getenv("TMUX") != "":
		return s.String() + s.Tmux().String() // one of them passes, as tmux is set up
	case strings.HasPrefix(term, "screen"):
		s = s.Screen()
	}
	return s.String()
}
