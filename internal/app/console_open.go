package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/d44b7504/vault/internal/console"
)

// This file opens the console in a browser. What the browser is given is an address of this
// machine that works once: command lines can be read by others.

// BrowserChoice is how a person wants the console to be opened. What is "" is looked up: in the
// profile, then in the environment.
type BrowserChoice struct {
	Command   string // as $BROWSER
	Profile   string // of the browser: a name or a directory
	Container string // true, false, or the scheme of the add-on
}

// The settings of a profile, and the variables for all of them.
const (
	consoleBrowserKey = "vault_console_browser"
	browserKey        = "vault_browser"
	browserProfileKey = "vault_browser_profile"
	containerKey      = "vault_container"

	browserVariable        = "AWS_VAULT_BROWSER"
	browserProfileVariable = "AWS_VAULT_BROWSER_PROFILE"
	containerVariable      = "AWS_VAULT_CONTAINER"
)

// browserPatience is how long a browser may take to start.
const browserPatience = time.Minute

// OpenConsole opens the console and returns when the browser is on its way there.
func (t *Task) OpenConsole(ctx context.Context, c Console, b BrowserChoice) error {
	b.Command = cmp.Or(b.Command, c.Settings[consoleBrowserKey], c.Settings[browserKey], t.Env.Get(browserVariable))
	launch := console.Launch{
		Profile: cmp.Or(c.Profile, c.Account), Account: c.Account, Role: c.Role, Region: c.Region, Color: c.Settings["vault_color"],
		BrowserProfile: t.Env.Expand(cmp.Or(b.Profile, c.Settings[browserProfileKey], t.Env.Get(browserProfileVariable))),
	}
	var err error
	if launch.Container, err = containerScheme(cmp.Or(b.Container, c.Settings[containerKey], t.Env.Get(containerVariable))); err != nil {
		return err
	}
	commands, err := t.consoleBrowsers(launch, b.Command)
	if err != nil {
		return err
	}
	h, err := console.NewHandoff(c.URL)
	if err != nil {
		return fmt.Errorf("open the console: %w", err)
	}
	defer h.Close()
	if err := t.start(commands, launch.URL(h.Address())); err != nil {
		return byHand(fmt.Errorf("no browser was opened: %w", err))
	}
	if err := h.Wait(ctx, browserPatience); err != nil {
		return byHand(err)
	}
	return nil
}

// byHand adds to an error how the address is had without a browser that vault opens.
func byHand(err error) error {
	if HasHint(err) || errors.Is(err, context.Canceled) {
		return err
	}
	return WithHint(err, "--copy puts the address into the clipboard, --stdout prints it")
}

// containerScheme reads what says whether to open a container of Firefox.
func containerScheme(text string) (string, error) {
	switch on, err := strconv.ParseBool(text); {
	case text == "", err == nil && !on:
		return "", nil
	case err == nil:
		return console.OpenInContainer, nil
	case text == console.OpenInContainer, text == console.GrantedContainers:
		return text, nil
	case text == "granted":
		return console.GrantedContainers, nil
	}
	return "", fmt.Errorf("%s is %q: write true, false, or granted for that add-on", containerKey, text)
}

// consoleBrowsers are the commands that may open the console, the best first.
func (t *Task) consoleBrowsers(l console.Launch, own string) ([][]string, error) {
	var list [][]string
	special := l.Container != "" || l.BrowserProfile != ""
	switch argv := browserWords(own); {
	case argv != nil:
		for i := range argv[1:] {
			argv[i+1] = l.Fill(argv[i+1])
		}
		list = [][]string{argv}
	case !special:
		if why := t.Env.remoteBrowser(); why != "" && !t.Env.browserOfThePerson() {
			return nil, byHand(fmt.Errorf("no browser was opened: %s", why))
		}
		return t.Env.browsers(""), nil
	default:
		list = slices.DeleteFunc(l.Browsers(runtime.GOOS), func(argv []string) bool {
			_, err := exec.LookPath(argv[0])
			return err != nil
		})
	}
	if len(list) == 0 {
		kind := "Chrome, Chromium, Brave or Edge"
		if l.Container != "" {
			kind = "Firefox"
		}
		return nil, WithHint(fmt.Errorf("no browser was opened: %s was not found", kind), "name the browser: --browser, or %s in the profile", browserKey)
	}
	for i, argv := range list {
		with, err := l.WithProfile(argv)
		if err != nil {
			return nil, WithHint(err, "write the whole command in %s: its words may have {profile}, {account}, {role}, {region} and {url}", browserKey)
		}
		list[i] = with
	}
	return list, nil
}

// start starts the first of some commands that can be started.
func (t *Task) start(commands [][]string, address string) error {
	failed := errNoBrowser
	if t.Start == nil {
		return failed
	}
	for i, argv := range commands {
		err := t.Start(at(argv, address), t.Env.List)
		if err == nil {
			return nil
		}
		if i == 0 { // the one that the person has chosen
			failed = err
		}
	}
	return failed
}

// Copy puts a text into the clipboard by a program of this system. It reports false where there
// is none that can do that.
func (t *Task) Copy(ctx context.Context, run func(ctx context.Context, argv []string) error) bool {
	for _, argv := range console.Clipboards(runtime.GOOS, t.Env.Get) {
		if _, err := exec.LookPath(argv[0]); err == nil && run(ctx, argv) == nil {
			return true
		}
	}
	return false
}
