package app

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

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
	b := &sessions.Browser{Device: h.byDevice(p, remote), Show: h.ShowSignIn, Timeout: h.SignIn.Timeout}
	if !h.SignIn.PrintOnly && !h.SignIn.NoBrowser && (remote == "" || !b.Device) {
		b.Open = func(url string) error { return h.openBrowser(p, url) }
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

// openBrowser starts a browser and does not wait for it.
func (h helpers) openBrowser(p profiles.Profile, url string) error {
	argv := h.Env.browserCommand(p.Extra["vault_browser"])
	if len(argv) == 0 || h.Start == nil {
		return errors.New("no browser can be opened here")
	}
	at := slices.IndexFunc(argv, func(a string) bool { return strings.Contains(a, "%s") })
	if at < 0 {
		argv = append(argv, url)
	} else {
		argv[at] = strings.ReplaceAll(argv[at], "%s", url)
	}
	return h.Start(argv, h.Env.List)
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
	if len(e.browserCommand("")) == 0 {
		return "no browser can be opened here"
	}
	return ""
}

// browserCommand is the command that opens a browser: the profile's, $BROWSER, or the
// system's. It is empty when there is none.
func (e Environment) browserCommand(own string) []string {
	if own == "" {
		own, _, _ = strings.Cut(e.Current["BROWSER"], ":")
		if runtime.GOOS == "windows" {
			own = e.Current["BROWSER"]
		}
	}
	if argv := strings.Fields(own); len(argv) > 0 {
		return argv
	}
	for _, argv := range e.systemBrowsers() {
		if _, err := exec.LookPath(argv[0]); err == nil {
			return argv
		}
	}
	return nil
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
