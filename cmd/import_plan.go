package cmd

// This file works out what an import will do, and shows it. It writes nothing.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

// importPlan is an import, before and after.
type importPlan struct {
	importOptions
	run                 *run
	set                 *profiles.Set
	credentials, config *profiles.KeyFile
	steps               []*importStep
}

// importStep is a key in a file and what is to become of it.
type importStep struct {
	profiles.Plain
	file     *profiles.KeyFile
	do       importAction
	why      string // it is left
	problem  bool   // and somebody should do something about that
	conflict bool   // the keyring has another one
	before   app.StoredKey
	who      sessions.Identity

	stored, removed bool
	err             error
}

type importAction int

const (
	leave    importAction = iota
	storeNew              // the keyring has none of that name
	replace               // it has another
	take                  // it has the same: only the file is left to do
)

func (a importAction) String() string { return [...]string{"leave", "store", "replace", "remove"}[a] }

func (s *importStep) leave(format string, args ...any) {
	s.do, s.why, s.problem = leave, fmt.Sprintf(format, args...), true
}

// planImport reads the files, the names in the keyring, and, if it may, asks AWS.
func (r *run) planImport(ctx context.Context, o importOptions) (*importPlan, error) {
	p := &importPlan{importOptions: o, run: r}
	if err := p.read(); err != nil {
		return nil, err
	}
	if err := p.choose(); err != nil || len(p.steps) == 0 {
		return p, err
	}
	keys, err := r.task.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	if !o.keep && !o.dryRun && !o.volatile {
		if err := survivesRestart("vault import", store.Of(keys)); err != nil {
			return nil, err
		}
	}
	used := p.usedKeys()
	for _, s := range p.steps {
		if err := p.decide(ctx, s, used); err != nil {
			return nil, err
		}
	}
	if o.check && (!o.dryRun || o.checked) {
		if err := p.identify(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// read loads both files. Another file that was named must be there.
func (p *importPlan) read() (err error) {
	r := p.run
	if p.set, err = r.task.Profiles(); err != nil {
		return err
	}
	path := r.task.Env.CredentialsFile()
	if p.file != "" {
		path = r.task.Env.Expand(p.file)
	}
	if p.credentials, err = profiles.LoadCredentials(path); err != nil {
		return err
	}
	if p.file != "" && p.credentials.Mode == 0 {
		return &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	p.config, err = profiles.LoadKeys(r.task.Env.ConfigFile())
	return err
}

// choose makes a step of every key that is wanted.
func (p *importPlan) choose() error {
	files := []*profiles.KeyFile{p.credentials, p.config}
	if p.file != "" {
		files = files[:1]
	}
	found := map[string]bool{}
	for _, f := range files {
		for _, x := range f.Keys() {
			if len(p.profiles) == 0 || slices.Contains(p.profiles, x.Profile) {
				p.steps = append(p.steps, &importStep{Plain: x, file: f})
				found[x.Profile] = true
			}
		}
	}
	for _, name := range p.profiles {
		if !found[name] {
			return app.WithHint(fmt.Errorf("no key stands in clear for %q", name), "vault import --dry-run shows those that do")
		}
	}
	return nil
}

// usedKeys are the profiles whose keys somebody uses, as far as they can be resolved.
func (p *importPlan) usedKeys() map[string]bool {
	used := map[string]bool{}
	for _, n := range p.set.Names() {
		q, err := p.run.task.ResolveUnopened(env.Request{Profile: n})
		if err != nil {
			used[n] = true // who knows
			continue
		}
		used[sessions.NewPlan(q).Key] = true
	}
	return used
}

// decide says what is to become of a key, AWS's opinion aside.
func (p *importPlan) decide(ctx context.Context, s *importStep, used map[string]bool) (err error) {
	switch {
	case temporary(s.Err):
		s.leave("it is temporary and lapses by itself")
		s.problem = false
		return nil
	case s.Err != nil:
		s.leave("%s", s.Err)
		return nil
	}
	if other := p.rival(s); other != nil {
		s.leave("%s:%d has another key for it, %s: take out the one you do not use", other.file.Path, other.Line, other.Key.Tail())
		return nil
	}
	if from := sourceProfile(s.Settings); from != "" && from != s.Profile {
		s.leave("it takes its credentials from %q, so nothing would use the key", from)
		return nil
	}
	if p.set.Has(s.Profile) && !used[s.Profile] {
		s.leave("it takes its credentials from elsewhere (vault show says where), so nothing would use the key")
		return nil
	}
	if s.before, err = p.run.task.StoredKey(ctx, s.Profile); err != nil {
		return err
	}
	switch {
	case !s.before.Exists:
		s.do = storeNew
	case s.before.Key.Equal(s.Key):
		s.do = take
	case p.overwrite:
		s.do = replace
	default:
		s.leave("the keyring has %s under that name", s.before.Shown())
		s.conflict = true
	}
	return nil
}

// rival is a usable key for the same profile that is another one.
func (p *importPlan) rival(s *importStep) *importStep {
	for _, x := range p.steps {
		if x != s && x.Profile == s.Profile && x.Err == nil && !x.Key.Equal(s.Key) {
			return x
		}
	}
	return nil
}

// sourceProfile is the source_profile among settings.
func sourceProfile(list []profiles.Setting) string {
	for _, x := range list {
		if x.Key == "source_profile" {
			return x.Value
		}
	}
	return ""
}

// identify asks AWS whom the keys belong to. One that AWS does not know is left; where
// AWS cannot be asked, nothing is imported.
func (p *importPlan) identify(ctx context.Context) error {
	for _, s := range p.steps {
		if s.do != storeNew && s.do != replace {
			continue
		}
		region := ""
		for _, x := range s.Settings {
			if x.Key == "region" {
				region = x.Value
			}
		}
		who, err := p.run.task.KeyOwner(ctx, p.set, s.Profile, region, s.Key)
		var call *sessions.CallError
		switch {
		case err == nil:
			s.who = who
		case errors.As(err, &call) && !mayPass(call.Kind):
			s.leave("%s; --no-check moves it all the same", call.Reason())
		case call != nil:
			return app.WithHint(fmt.Errorf("nothing was imported: %s", call.Reason()), "vault import --no-check does not ask AWS")
		default:
			return err
		}
	}
	return nil
}

// mayPass: it says nothing of the key.
func mayPass(k sessions.Kind) bool {
	return k == sessions.Unreachable || k == sessions.Throttled || k == sessions.ClockSkew
}

// show prints the plan, and in a rehearsal the change of the files.
func (p *importPlan) show() error {
	out := p.run.Stdout
	switch {
	case len(p.steps) == 0:
		p.run.say("no key stands in clear in %s", p.looked())
		return nil
	case p.json && (p.yes || p.dryRun):
		return nil
	case p.json:
		out = p.run.Stderr
	}
	if err := p.table(out); err != nil {
		return err
	}
	p.sayLinked()
	if p.dryRun {
		if err := p.diff(out); err != nil {
			return err
		}
	} else {
		p.sayUnseen()
	}
	if f, ok := out.(interface{ Flush() error }); ok {
		return f.Flush() // it is read before the question is answered
	}
	return nil
}

// sayLinked warns of a file that has other names: they keep the keys.
func (p *importPlan) sayLinked() {
	for _, f := range []*profiles.KeyFile{p.credentials, p.config} {
		if f.Links > 1 && !p.keep && p.count(func(s *importStep) bool { return s.file == f && s.do != leave }) > 0 {
			p.run.say("%s has %s, under which the keys will stay in clear; find / -samefile finds it, so that you can delete it",
				f.Path, display.Count(f.Links-1, "other name"))
		}
	}
}

func (p *importPlan) looked() string {
	if p.file != "" {
		return p.credentials.Path
	}
	return p.credentials.Path + " or " + p.config.Path
}

// table has a line for every key, under the name of its file.
func (p *importPlan) table(out io.Writer) error {
	for _, f := range []*profiles.KeyFile{p.credentials, p.config} {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		any := false
		for _, s := range p.steps {
			if s.file != f {
				continue
			}
			if !any {
				if _, err := fmt.Fprintln(out, display.Clean(f.Path)); err != nil {
					return err
				}
				any = true
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\n", display.Clean(s.Profile), display.Clean(s.Key.Tail()), display.Clean(p.words(s)))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// words says what happens to a key.
func (p *importPlan) words(s *importStep) string {
	var what string
	switch s.do {
	case leave:
		return "leave it: " + s.why
	case storeNew:
		what = "store it"
	case replace:
		what = "store it in place of " + s.before.Shown()
	case take:
		what = "it is stored already"
	}
	if !p.keep {
		what += ", take it out of the file"
	}
	if s.who.ARN != "" {
		what += " (" + s.who.ARN + ")"
	}
	return what
}

// diff shows the lines that would go and come, without secrets.
func (p *importPlan) diff(out io.Writer) error {
	for _, f := range []*profiles.KeyFile{p.credentials, p.config} {
		edit, _, err := p.edit(f, f, func(*importStep) bool { return true })
		if err != nil {
			return err
		}
		if edit.Empty() {
			continue
		}
		text := "\n" + f.Path + "\n" + edit.Diff()
		for line := range strings.Lines(text) {
			if _, err := io.WriteString(out, display.Clean(strings.TrimSuffix(line, "\n"))+"\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

// sayUnseen names settings that the AWS tools find in the credentials file, and that
// vault, which reads the config file, will not: the profile has a section there, which
// is not ours to change.
func (p *importPlan) sayUnseen() {
	for _, s := range p.steps {
		if s.do == leave || s.file != p.credentials || !p.set.Has(s.Profile) {
			continue
		}
		there := map[string]bool{}
		for _, x := range p.set.Settings(s.Profile) {
			there[x.Key] = true
		}
		for _, x := range s.carried() {
			if !there[x.Key] {
				p.run.say("%s of %s stands in %s:%d only, where vault does not look: copy it to %s",
					x.Key, s.Profile, s.file.Path, x.Line, p.config.Path)
			}
		}
	}
}
