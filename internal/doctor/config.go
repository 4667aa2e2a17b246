package doctor

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
)

// config looks at the config file: whether it can be read, and whether every profile can
// be resolved.
func (x *examination) config(context.Context) []Finding {
	path := x.Env.Tilde(x.Env.ConfigFile())
	if x.setErr != nil {
		return []Finding{problem("", "%s", x.setErr)}
	}
	var list []Finding
	if text := x.Env.NoConfigFile(); text != "" {
		list = append(list, warning("correct the variable, or unset it", "%s", text))
	}
	if len(x.set.Names()) == 0 && len(list) == 0 {
		if _, err := os.Stat(x.Env.ConfigFile()); err != nil {
			return []Finding{note("vault add NAME, or vault sso login, creates it", "there is no config file yet: %s", path)}
		}
	}
	list = append(list, x.writableByOthers()...)
	for _, p := range x.set.Problems() {
		list = append(list, problem("", "%s; the AWS CLI rejects the whole file because of it", p))
	}
	list = shorten(withoutRepeats(list), mostLines)
	for _, s := range x.set.Ignored() {
		list = append(list, warning("", "%s", s))
	}
	list = withoutRepeats(append(list, shorten(x.unresolvable(), mostListed)...))
	if len(list) == 0 {
		return []Finding{ok("%s: %s, and all of them can be resolved", path, display.Count(len(x.set.Names()), "profile"))}
	}
	return list
}

// mostLines is how many lines of a file that cannot be read are told one by one.
const mostLines = 100

// writableByOthers finds config files that other users may change. They name programs
// that are run, so whoever writes there runs programs as this user.
func (x *examination) writableByOthers() []Finding {
	var list []Finding
	for _, path := range []string{x.Env.ConfigFile(), x.Env.CredentialsFile(), x.Env.InHome(".aws")} {
		if mode, known := modeOf(path); known && mode&0o022 != 0 && mode&os.ModeSticky == 0 {
			list = append(list, problem("chmod go-w "+app.Word(path), "other users can write to %s (%s), and so choose a program that you run", x.Env.Tilde(path), mode))
		}
	}
	return list
}

// unresolvable finds profiles that cannot be resolved, and settings that have no effect.
// The environment does not count here: it may be another one tomorrow.
func (x *examination) unresolvable() []Finding {
	var list []Finding
	var regionless []string
	for _, name := range x.set.Names() {
		p, err := x.set.Resolve(name, anyKey)
		if isProcessLoop(err) {
			continue // whether it is one depends on the stored keys, which the check of the keys knows
		}
		if err != nil {
			list = append(list, unusable(name, err))
			continue
		}
		for _, w := range p.Warnings {
			if w.Regionless() {
				regionless = append(regionless, name)
				continue
			}
			list = append(list, warning("", "%s", w))
		}
	}
	if len(regionless) > 0 && x.Env.User["AWS_REGION"] == "" && x.Env.User["AWS_DEFAULT_REGION"] == "" {
		list = append(list, note("set region in each, or in [default], which is for all of them", "no region is set for %s", display.ShortList(regionless)))
	}
	return list
}

// anyKey takes every name without a section for that of a stored key: which keys are
// stored is another check's question.
var anyKey = profiles.Overrides{HasKey: func(string) bool { return true }}

// unusable says why a profile cannot be used. A loop gives the same text for each profile
// in it.
func unusable(name string, err error) Finding {
	var loop *profiles.LoopError
	if errors.As(err, &loop) {
		at := slices.Index(loop.Path, slices.Min(loop.Path))
		round := loop.Path[:len(loop.Path)-1]
		at %= len(round)
		loop = &profiles.LoopError{Kind: loop.Kind, Path: append(slices.Concat(round[at:], round[:at]), round[at])}
		return problem("", "%s", loop)
	}
	var syntax *profiles.SyntaxError
	if errors.As(err, &syntax) {
		return problem("", "%s; the AWS CLI rejects the whole file because of it", syntax)
	}
	var value *profiles.ValueError
	if errors.As(err, &value) {
		return problem("vault show "+app.Word(name), "%s", app.Text(err))
	}
	return problem("vault show "+app.Word(name), "profile %q: %s", name, app.Text(err))
}

// withoutRepeats drops findings with the same text.
func withoutRepeats(list []Finding) []Finding {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(f Finding) bool {
		was := seen[f.Message]
		seen[f.Message] = true
		return was
	})
}
