package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

// keys compares the keys that are stored, by name, with those that profiles use.
func (x *examination) keys(ctx context.Context) []Finding {
	o := x.storeOptions()
	s, err := x.OpenStore(ctx, o)
	if err != nil {
		_, _, circles := x.keysInUse(store.Names{}) // the check of the keyrings says why
		return circles
	}
	n, err := store.ReadNames(ctx, s, x.possibleKeys)
	if err != nil {
		return []Finding{warning("", "the names in the keyring cannot be read, so it is not known which keys are missing: %s", app.Text(err))}
	}
	keys, users, circles := x.keysInUse(n)
	list := append(circles, x.unusedKeys(n, users, store.Of(s).Shared(o))...)
	list = append(list, otherItems(n)...)
	return append(list, x.missingKeys(n, keys, users)...)
}

// possibleKeys are the names that a key may be stored under.
func (x *examination) possibleKeys() []string {
	names := x.set.Names()
	for _, n := range names {
		for _, s := range x.set.Settings(n) {
			if s.Key == "source_profile" {
				names = append(names, s.Value)
			}
		}
	}
	return unique(names)
}

// keysInUse says which profiles use which key; keys are in file order. circles are the profiles
// whose credential_process asks vault for a profile that leads back to them, which a stored key
// ends.
func (x *examination) keysInUse(n store.Names) (keys []string, users map[string][]string, circles []Finding) {
	users = map[string][]string{}
	for _, name := range x.set.Names() {
		p, err := x.set.Resolve(name, knowing(n.Keys))
		if isProcessLoop(err) {
			circles = append(circles, unusable(name, err))
		}
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
	return keys, users, withoutRepeats(circles)
}

// knowing is anyKey where it is known which keys are stored.
func knowing(stored []string) profiles.Overrides {
	o := anyKey
	o.HasOwnKey = func(name string) bool { return slices.Contains(stored, name) }
	return o
}

func isProcessLoop(err error) bool {
	var loop *profiles.LoopError
	return errors.As(err, &loop) && loop.Kind == "credential_process"
}

// unusedKeys finds keys that no profile uses. In a store that is shared with other programs
// a name without a profile may be theirs, and is not shown.
func (x *examination) unusedKeys(n store.Names, users map[string][]string, shared bool) []Finding {
	var list []Finding
	var unused, unknown []string
	for _, key := range n.Keys {
		switch {
		case users[key] != nil:
		case x.set.Has(key):
			unused = append(unused, key)
		default:
			unknown = append(unknown, key)
		}
	}
	if c := len(unused); c > 0 {
		list = append(list, warning("vault remove "+app.Word(unused[0])+", or name it as the source_profile of a role",
			"%s stored for %s, and no profile uses %s: the credentials of %s come from somewhere else", display.Plural(c, "a key is", "keys are"),
			display.ShortList(unused), display.Plural(c, "it", "them"), display.Plural(c, "this profile", "these profiles")))
	}
	if c := len(unknown); c > 0 && !shared {
		list = append(list, note("", "%s no profile in the config file: %s", display.Plural(c, "a key has", display.Count(c, "key")+" have"), display.ShortList(unknown)))
	}
	return list
}

// otherItems reports what is in the store besides the keys with a known name.
func otherItems(n store.Names) []Finding {
	var list []Finding
	if c := len(n.Staged); c > 0 {
		list = append(list, warning("vault rotate --list", "%s not finished: the new key waits in the keyring", display.Plural(c, "a rotation is", fmt.Sprintf("%d rotations are", c))))
	}
	if n.Hidden > 0 {
		list = append(list, note("vault store list", "%s not checked, because the names are encrypted", display.CountOf(n.Hidden, "key was", "keys were")))
	}
	return list
}

// missingKeys finds profiles that use a key that is not stored.
func (x *examination) missingKeys(n store.Names, keys []string, users map[string][]string) []Finding {
	inFiles := x.set.PlainKeys()
	var list []Finding
	for _, key := range keys {
		if slices.Contains(n.Keys, key) || len(x.set.NotFound(key).Ignored) > 0 || len(users[key]) == 1 && x.hasNoIdentity(key) {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(users[key]), func(u string) bool { return u == key })
		text, cure := fmt.Sprintf("no key is stored for %q", key), "vault add "+app.Word(key)
		if at, plain := inFiles[key]; plain {
			text = fmt.Sprintf("the key of %q is in plain text in %s:%d", key, x.Env.Tilde(at.File), at.Line)
			cure = "vault import moves it into the keyring"
		}
		if p, err := x.set.Resolve(key, anyKey); err == nil {
			if own := app.Origin(p).Stored; own != nil && own.ForItself {
				text += ", whose credential_process asks vault for the same profile"
			}
			cure = cmp.Or(app.MeantCure(p), cure)
		}
		if len(others) > 0 {
			text += fmt.Sprintf(", which %s %s", display.ShortList(others), display.Plural(len(others), "uses", "use"))
		}
		list = append(list, warning(cure, "%s", text))
	}
	if len(list) == 0 && len(keys) > 0 {
		list = append(list, ok("every key that a profile uses is stored"))
	}
	return shorten(list, mostListed)
}

// hasNoIdentity reports whether a section, most often [default], only has settings for
// other profiles.
func (x *examination) hasNoIdentity(name string) bool {
	for _, s := range x.set.Settings(name) {
		if s.Key == "mfa_serial" || strings.HasPrefix(s.Key, "aws_") {
			return false
		}
	}
	return name == "default"
}
