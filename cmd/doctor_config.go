package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

// mostListed is how many findings of one kind are told one by one.
const mostListed = 10

// config looks at the config file: can it be read, does every profile lead somewhere.
func (d *doctor) config(context.Context) []finding {
	path := d.tilde(d.task.Env.ConfigFile())
	if d.setErr != nil {
		return []finding{wrong("", "%s", d.setErr)}
	}
	if _, err := os.Stat(d.task.Env.ConfigFile()); err != nil {
		return []finding{noted("vault add NAME, or vault sso login, begins one", "there is no config file yet: %s", path)}
	}
	list := d.writable()
	for _, p := range d.set.Problems() {
		list = append(list, wrong("", "%s; the AWS CLI refuses the whole file for it", p))
	}
	list = shortened(once(append(list, d.unresolved()...)))
	if len(list) == 0 {
		return []finding{fine("%s: %s, and each leads to where its credentials come from", path, numberOf(len(d.set.Names()), "profile", "profiles"))}
	}
	return list
}

// writable finds config files that somebody else may change. They name programs that
// are run, so whoever writes there runs what he likes as this user.
func (d *doctor) writable() []finding {
	var list []finding
	for _, path := range []string{d.task.Env.ConfigFile(), d.task.Env.CredentialsFile(), d.below(".aws")} {
		if mode, ok := modeOf(path); ok && mode&0o022 != 0 && mode&os.ModeSticky == 0 {
			list = append(list, wrong("chmod go-w "+app.Word(path), "others on this machine can write to %s (%s), and so choose a program that you run", d.tilde(path), mode))
		}
	}
	return list
}

// unresolved finds profiles that lead nowhere, and settings that do nothing. The
// environment does not count here: it may be another one tomorrow.
func (d *doctor) unresolved() []finding {
	var list []finding
	var regionless []string
	for _, name := range d.set.Names() {
		p, err := d.set.Resolve(name, anyKey)
		if err != nil {
			list = append(list, d.unusable(name, err))
			continue
		}
		for _, w := range p.Warnings {
			if w.Key == "region" && w.File == "" {
				regionless = append(regionless, name)
				continue
			}
			list = append(list, warned("", "%s", w))
		}
	}
	if len(regionless) > 0 && d.task.Env.User["AWS_REGION"] == "" && d.task.Env.User["AWS_DEFAULT_REGION"] == "" {
		list = append(list, noted("give each a region, or one to [default], which lends it", "no region is set for %s", few(regionless)))
	}
	return list
}

// anyKey takes every name without a section for that of a key: which keys there are is
// another check's question.
var anyKey = profiles.Overrides{HasKey: func(string) bool { return true }}

// unusable words why a profile cannot be used. A circle is told once, from wherever in
// it one begins.
func (d *doctor) unusable(name string, err error) finding {
	var loop *profiles.LoopError
	if errors.As(err, &loop) {
		at := slices.Index(loop.Path, slices.Min(loop.Path))
		round := loop.Path[:len(loop.Path)-1]
		at %= len(round)
		loop = &profiles.LoopError{Kind: loop.Kind, Path: append(slices.Concat(round[at:], round[:at]), round[at])}
		return wrong("", "%s", loop)
	}
	var syntax *profiles.SyntaxError
	if errors.As(err, &syntax) {
		return wrong("", "%s; the AWS CLI refuses the whole file for it", syntax)
	}
	var value *profiles.ValueError
	if errors.As(err, &value) {
		return wrong("vault show "+app.Word(name), "%s", err)
	}
	return wrong("vault show "+app.Word(name), "profile %q: %s", name, err)
}

// once drops what was found in more than one way.
func once(list []finding) []finding {
	said := map[string]bool{}
	return slices.DeleteFunc(list, func(f finding) bool {
		was := said[f.Message]
		said[f.Message] = true
		return was
	})
}

// shortened keeps a broken file of thousands of profiles from filling the screen.
func shortened(list []finding) []finding {
	kept, left := []finding{}, map[string]int{}
	for _, f := range list {
		if left[f.Level]++; left[f.Level] <= mostListed {
			kept = append(kept, f)
		}
	}
	for _, level := range []string{levelProblem, levelWarning} {
		if n := left[level] - mostListed; n > 0 {
			kept = append(kept, finding{Level: level, Message: fmt.Sprintf("and %d more like these", n)})
		}
	}
	return kept
}

// guesses are names that a key may be stored under.
func (d *doctor) guesses() []string {
	names := d.set.Names()
	for _, n := range names {
		for _, s := range d.set.Settings(n) {
			if s.Key == "source_profile" {
				names = append(names, s.Value)
			}
		}
	}
	return distinctMany(names)
}

// distinctMany is distinct for thousands.
func distinctMany(names []string) []string {
	seen := make(map[string]bool, len(names))
	return slices.DeleteFunc(names, func(n string) bool {
		was := seen[n]
		seen[n] = true
		return was
	})
}

// standing is which profiles stand on which key, in file order.
func (d *doctor) standing() (keys []string, users map[string][]string) {
	users = map[string][]string{}
	for _, name := range d.set.Names() {
		p, err := d.set.Resolve(name, anyKey)
		if err != nil {
			continue
		}
		if key := sessions.NewPlan(p).Key; key != "" {
			if users[key] == nil {
				keys = append(keys, key)
			}
			users[key] = append(users[key], name)
		}
	}
	return keys, users
}

// unusedKeys finds keys that no profile stands on.
func (d *doctor) unusedKeys(n store.Names, users map[string][]string, private bool) []finding {
	var list []finding
	var idle, loose []string
	for _, key := range n.Keys {
		switch {
		case users[key] != nil:
		case d.set.Has(key):
			idle = append(idle, key)
		default:
			loose = append(loose, key)
		}
	}
	if len(idle) > 0 {
		list = append(list, warned("vault remove "+app.Word(idle[0])+", unless a role is to have it for its source_profile",
			"%s stored for %s, and no profile stands on %s: their credentials come from somewhere else",
			plural(len(idle), "a key is", "keys are"), few(idle), plural(len(idle), "it", "them")))
	}
	if len(loose) > 0 && !private {
		list = append(list, noted("", "%s no profile in the config file: %s", plural(len(loose), "a key has", numberOf(len(loose), "key", "keys")+" have"), few(loose)))
	}
	if len(n.Staged) > 0 {
		list = append(list, warned("vault rotate --list", "%s not finished: the next key waits in the keyring", plural(len(n.Staged), "a rotation was", fmt.Sprintf("%d rotations were", len(n.Staged)))))
	}
	if n.Hidden > 0 {
		list = append(list, noted("vault store list", "%s of names that are encrypted: not looked at", numberOf(n.Hidden, "key", "keys")))
	}
	return list
}

// missingKeys finds profiles that stand on a key nobody has stored.
func (d *doctor) missingKeys(n store.Names, keys []string, users map[string][]string) []finding {
	plain := map[string]bool{}
	for _, k := range d.plainKeys() {
		plain[k.profile] = k.longLived()
	}
	var list []finding
	for _, key := range keys {
		if slices.Contains(n.Keys, key) || len(users[key]) == 1 && d.lendsOnly(key) {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(users[key]), func(u string) bool { return u == key })
		text := fmt.Sprintf("no key is stored for %q", key)
		if len(others) > 0 {
			text += fmt.Sprintf(", which %s %s on", few(others), plural(len(others), "stands", "stand"))
		}
		cure := "vault add " + app.Word(key)
		if plain[key] {
			cure = "vault import moves the one in plain text"
		}
		list = append(list, warned(cure, "%s", text))
	}
	if len(list) == 0 && len(keys) > 0 {
		list = append(list, fine("every profile that stands on a stored key has one"))
	}
	return shortened(list)
}

// lendsOnly: a section, most often [default], that only lends settings to others.
func (d *doctor) lendsOnly(name string) bool {
	for _, s := range d.set.Settings(name) {
		if s.Key == "mfa_serial" || strings.HasPrefix(s.Key, "aws_") {
			return false
		}
	}
	return name == "default"
}
