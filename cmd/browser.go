package cmd

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// This file decides how a person signs in in a browser, opens one, and says what the
// person needs to know.

// signInOptions are the flags of "sso login"; the zero value is every other command's.
type signInOptions struct {
	asked    bool // the command is for signing in: no terminal is needed to be let in
	device   *bool
	print    bool // the address goes to standard output, and no browser is opened
	patience time.Duration
}

// browser is how a person signs in for a profile, nil when nobody is there.
func (r *run) browser(p profiles.Profile) *sessions.Browser {
	if r.quiet || r.Ask == nil && !r.signIn.asked {
		return nil
	}
	far := r.farAway()
	b := &sessions.Browser{Device: r.byDevice(p, far), Show: r.invite, Patience: r.signIn.patience}
	if !r.signIn.print && (far == "" || !b.Device) {
		b.Open = func(url string) error { return r.open(p, url) }
	}
	return b
}

// byDevice chooses the way of signing in: the flag, then what the profile or its
// sso-session says, then whether a browser here could come back to us.
func (r *run) byDevice(p profiles.Profile, far string) bool {
	if r.signIn.device != nil {
		return *r.signIn.device
	}
	flow := p.Extra["vault_sso_flow"]
	if s := end(p.Source).SSO; flow == "" && s != nil && s.Session != "" {
		if set, err := r.profiles(); err == nil {
			_, extra, _ := set.SSOSession(s.Session) // a profile that uses it has been resolved
			flow = extra["vault_sso_flow"]
		}
	}
	switch flow {
	case "device":
		return true
	case "pkce":
		return false
	}
	return far != ""
}

// farAway says why a browser that is opened here would not be the person's, "" when it
// would be.
func (r *run) farAway() string {
	for _, n := range []string{"SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"} {
		if r.env[n] != "" {
			return "this is an SSH session"
		}
	}
	for _, n := range []string{"CODESPACES", "CLOUD_SHELL", "CI", "REMOTE_CONTAINERS", "KUBERNETES_SERVICE_HOST"} {
		if v := r.env[n]; v != "" && v != "false" {
			return n + " is set"
		}
	}
	if r.env["AWS_EXECUTION_ENV"] == "CloudShell" {
		return "this is CloudShell"
	}
	for _, f := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(f); err == nil && runtime.GOOS == "linux" {
			return "this is a container"
		}
	}
	if len(r.opener("")) == 0 {
		return "no browser can be opened here"
	}
	return ""
}

// open starts a browser and does not wait for it.
func (r *run) open(p profiles.Profile, url string) error {
	argv := r.opener(p.Extra["vault_browser"])
	if len(argv) == 0 || r.Start == nil {
		return errors.New("no browser can be opened here")
	}
	at := slices.IndexFunc(argv, func(a string) bool { return strings.Contains(a, "%s") })
	if at < 0 {
		argv = append(argv, url)
	} else {
		argv[at] = strings.ReplaceAll(argv[at], "%s", url)
	}
	return r.Start(argv, env.Strip(r.Environ))
}

// opener is the command that opens a browser: the profile's, $BROWSER, or the system's.
// It is empty when there is none.
func (r *run) opener(own string) []string {
	if own == "" {
		own, _, _ = strings.Cut(r.env["BROWSER"], ":")
		if runtime.GOOS == "windows" {
			own = r.env["BROWSER"]
		}
	}
	if argv := strings.Fields(own); len(argv) > 0 {
		return argv
	}
	var known [][]string
	switch {
	case runtime.GOOS == "darwin":
		known = [][]string{{"open"}}
	case runtime.GOOS == "windows":
		known = [][]string{{"rundll32", "url.dll,FileProtocolHandler"}}
	case r.env["WSL_DISTRO_NAME"] != "" || r.env["WSL_INTEROP"] != "":
		known = [][]string{{"wslview"}, {"rundll32.exe", "url.dll,FileProtocolHandler"}}
	case r.env["DISPLAY"] != "" || r.env["WAYLAND_DISPLAY"] != "":
		known = [][]string{{"xdg-open"}, {"x-www-browser"}, {"firefox"}, {"chromium"}}
	}
	for _, argv := range known {
		if _, err := exec.LookPath(argv[0]); err == nil {
			return argv
		}
	}
	return nil
}

// invite tells a person where to sign in and what to compare.
func (r *run) invite(i sessions.Invitation) {
	if r.signIn.print {
		_, _ = r.Stdout.Write([]byte(i.URL + "\n"))
		if f, ok := r.Stdout.(interface{ Flush() error }); ok {
			_ = f.Flush() // whoever reads it is waited for
		}
	} else {
		r.say("sign in in the browser, here if none opens:")
		r.say("  %s", printable(i.URL))
	}
	if i.Code != "" {
		r.say("the page must show this code, or somebody else sent you there:")
		r.say("  %s   %s", printable(i.Code), spelled(i.Code))
	}
}

// alphabet is how a letter is said so that no other is heard.
var alphabet = strings.Fields(`alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike
	november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu`)

var digitNames = strings.Fields("zero one two three four five six seven eight nine")

// spelled is a code in words.
func spelled(code string) string {
	var words []string
	for _, c := range strings.ToLower(code) {
		switch {
		case 'a' <= c && c <= 'z':
			words = append(words, alphabet[c-'a'])
		case '0' <= c && c <= '9':
			words = append(words, digitNames[c-'0'])
		default:
			words = append(words, "-")
		}
	}
	return strings.Join(words, " ")
}

// lock waits for the other processes that need the same sign-in.
func (r *run) lock(ctx context.Context, name string) (func(), error) {
	waiting := func() { r.say("another terminal is signing in, waiting for it") }
	if r.quiet {
		waiting = nil
	}
	return r.runtime().Lock(ctx, name, waiting)
}
