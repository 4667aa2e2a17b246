package app

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// This file decides how a person signs in in a browser, and opens one.

// browser is how a person signs in for a profile, nil when nobody is there.
func (h helpers) browser(p profiles.Profile) *sessions.Browser {
	if h.Quiet || h.SignIn.Never || h.Ask == nil && !h.SignIn.Requested {
		return nil
	}
	remote := h.Env.remoteBrowser()
	b := &sessions.Browser{Device: h.byDevice(p, remote), Timeout: h.SignIn.Timeout}
	b.Show = func(i sessions.Invitation) {
		host.CatchSignals() // from here Ctrl-C ends a wait, and not a brief command
		if h.ShowSignIn != nil {
			h.ShowSignIn(i)
		}
	}
	if !h.SignIn.PrintOnly && !h.SignIn.NoBrowser && (remote == "" || !b.Device || h.Env.browserOfThePerson()) {
		b.Open = func(url string) error { return h.openBrowser(p, url) }
		b.Failed = func(err error) { h.say("no browser was opened: %s; open the address yourself", OneLine(err)) }
	}
	return b
}

// signingIn marks that a person is at the browser, until end is called. Those who must not
// wait for a person look at it.
func (t *Task) signingIn(directory string) (end func()) {
	end, _ = t.Env.Runtime().TryLock("signing in " + directory)
	return end
}

// notBehindAPerson returns a context that ends when this process waits for another one that
// has a person at the browser, if the caller must not wait for one. Its cause says so.
func (t *Task) notBehindAPerson(ctx context.Context, p profiles.Profile) (context.Context, func()) {
	sso := Origin(p).SSO
	if !t.SignIn.Never || sso == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	t.giveUp = func() bool {
		if end, none := t.Env.Runtime().TryLock("signing in " + sessions.TokenName(sso)); none {
			end()
			return false
		}
		cancel(&sessions.NeedsUserError{
			Profile: p.Name, What: "a sign-in in the browser, which another terminal is waiting for", Need: sessions.NeedsBrowser,
		})
		return true
	}
	return ctx, func() { cancel(nil) }
}

// whyEnded is err, or that a person is needed if notBehindAPerson has ended ctx for that.
func whyEnded(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, sessions.ErrNeedsUser) {
		return cause
	}
	return err
}

// byDevice chooses the way of signing in: the flag, then what the profile or its
// sso-session says, then whether a browser here could come back to us.
func (h helpers) byDevice(p profiles.Profile, remote string) bool {
	if h.SignIn.Device != nil {
		return *h.SignIn.Device
	}
	flow := p.Extra["vault_sso_flow"]
	if s := Origin(p).SSO; flow == "" && s != nil && s.Session != "" {
		if set, err := h.Profiles(); err == nil {
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
	return remote != ""
}

// openBrowser starts a browser and does not wait for it: the first that can be started.
func (h helpers) openBrowser(p profiles.Profile, address string) error {
	return h.start(h.Env.browsers(p.Extra[browserKey]), address)
}

var errNoBrowser = errors.New("there is none here")

// at puts an address into a command, in place of %s or {url} or as its last word.
func at(argv []string, address string) []string {
	argv = slices.Clone(argv)
	found := false
	for i, word := range argv[1:] {
		if strings.Contains(word, "%s") || strings.Contains(word, "{url}") {
			argv[i+1], found = strings.NewReplacer("%s", address, "{url}", address).Replace(word), true
		}
	}
	if !found {
		argv = append(argv, address)
	}
	return argv
}

// remoteBrowser says why a browser that is opened on this machine would not be in front
// of the person, "" when it would be.
func (e Environment) remoteBrowser() string {
	for _, n := range []string{"SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"} {
		if e.Current[n] != "" {
			return "this is an SSH session"
		}
	}
	for _, n := range []string{"CODESPACES", "CLOUD_SHELL", "CI", "REMOTE_CONTAINERS", "KUBERNETES_SERVICE_HOST"} {
		if v := e.Current[n]; v != "" && v != "false" {
			return n + " is set"
		}
	}
	if e.Current["AWS_EXECUTION_ENV"] == "CloudShell" {
		return "this is CloudShell"
	}
	for _, f := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(f); err == nil && runtime.GOOS == "linux" {
			return "this is a container"
		}
	}
	if len(e.browsers("")) == 0 {
		return "no browser can be opened here"
	}
	return ""
}

// browsers are the commands that may open a browser, the best first: the profile's alone, or
// those of $BROWSER and then the system's that exist.
func (e Environment) browsers(own string) [][]string {
	if argv := browserWords(own); argv != nil {
		return [][]string{argv}
	}
	var list [][]string
	for entry := range strings.SplitSeq(e.Current["BROWSER"], string(os.PathListSeparator)) {
		if argv := browserWords(entry); argv != nil {
			list = append(list, argv)
		}
	}
	for _, argv := range e.systemBrowsers() {
		if _, err := exec.LookPath(argv[0]); err == nil {
			list = append(list, argv)
		}
	}
	return list
}

// browserWords are the words of an entry of $BROWSER, nil for none. As for Python's webbrowser
// it may be the path of a program, blanks and all, or a command with quotation marks and a &
// at its end; as for xdg-open, the address need not have a place in it.
func browserWords(entry string) []string {
	entry = strings.TrimSpace(entry)
	if entry == "" {
		return nil
	}
	if _, err := exec.LookPath(entry); err == nil {
		return []string{entry}
	}
	argv, ok := profiles.Words(entry)
	if !ok {
		argv = strings.Fields(entry)
	}
	if len(argv) > 1 && argv[len(argv)-1] == "&" {
		argv = argv[:len(argv)-1]
	}
	return argv
}

// browserOfThePerson reports whether $BROWSER leads to the browser in front of the person
// from a machine that has none: editors set it so in the containers and on the hosts that
// they are connected to. Over SSH without one it is a browser of that host.
func (e Environment) browserOfThePerson() bool {
	overSSH := e.Current["SSH_CONNECTION"] != "" || e.Current["SSH_TTY"] != "" || e.Current["SSH_CLIENT"] != ""
	return e.Current["BROWSER"] != "" && (!overSSH || e.Current["VSCODE_IPC_HOOK_CLI"] != "")
}

// systemBrowsers are the commands that open a browser on this system, the best first.
func (e Environment) systemBrowsers() [][]string {
	switch {
	case runtime.GOOS == "darwin":
		return [][]string{{"open"}}
	case runtime.GOOS == "windows":
		return [][]string{{"rundll32", "url.dll,FileProtocolHandler"}}
	case e.Current["WSL_DISTRO_NAME"] != "" || e.Current["WSL_INTEROP"] != "":
		return [][]string{{"wslview"}, {"rundll32.exe", "url.dll,FileProtocolHandler"}}
	case e.Current["DISPLAY"] != "" || e.Current["WAYLAND_DISPLAY"] != "":
		return [][]string{{"xdg-open"}, {"x-www-browser"}, {"firefox"}, {"chromium"}}
	}
	return nil
}
