package cmd

// This file moves access keys out of the files they stand in clear in. The order is what
// makes it safe to be killed: a key is stored, read back and compared; its profile is in
// the config file; and only then do its lines go, of all keys in one replacement.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

type importOptions struct {
	profiles                   []string
	file                       string
	check, keep, overwrite     bool
	dryRun, yes, json, checked bool
	volatile                   bool
}

func newImport(r *run) *cobra.Command {
	o := importOptions{}
	c := &cobra.Command{
		Use:   "import [PROFILE…]",
		Short: "move plaintext keys into the keyring",
		Long: `Moves the access keys that stand in clear in the AWS credentials file, and in the
config file, into the keyring: all of them, or those of the profiles that are named.

It shows what it will do with each, with whom AWS says the key belongs to, and asks
once. Then each key is stored and read back, and only after that its two lines are
taken out of the file. Comments, other settings, order, mode and links stay as they
are. A profile that was in the credentials file alone gets a section in the config
file. Temporary keys, and keys that AWS does not know, are left where they are.

No copy of the file is made, since it would hold the keys in clear. Stopped half-way,
it can be run again. Exit status 1: a key was left for a reason that needs you.`,
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.profiles = a
			o.checked = c.Flags().Changed("check")
			return importKeys(c.Context(), r, o)
		},
	}
	fs := c.Flags()
	boolFlag(fs, &o.dryRun, "dry-run", "", false, "show what would be done, and do nothing; AWS is asked only with --check")
	boolFlag(fs, &o.keep, "keep", "", false, "store the keys and leave the files as they are")
	boolFlag(fs, &o.yes, "yes", "y", false, "do not ask")
	boolFlag(fs, &o.check, "check", "", true, "ask AWS whom each key belongs to")
	boolFlag(fs, &o.overwrite, "overwrite", "", false, "replace a different key in the keyring")
	boolFlag(fs, &o.json, "json", "", false, "the outcome as JSON")
	boolFlag(fs, &o.volatile, "volatile", "", false, volatileUsage)
	fs.StringVar(&o.file, "credentials-file", "", "another file to import, instead of AWS's own two")
	_ = c.RegisterFlagCompletionFunc("credentials-file", completeFiles)
	return c
}

func importKeys(ctx context.Context, r *run, o importOptions) error {
	p, err := r.planImport(ctx, o)
	if err != nil {
		return err
	}
	defer p.wipe()
	if err := p.show(); err != nil {
		return err
	}
	if !o.dryRun {
		if err := p.carryOut(ctx); err != nil {
			return err
		}
	}
	return p.conclude()
}

// carryOut does what was shown, once a person has agreed.
func (p *importPlan) carryOut(ctx context.Context) error {
	r := p.run
	if n := p.count(func(s *importStep) bool { return s.do != leave }); n == 0 {
		return p.tidy(ctx)
	} else if !p.yes {
		question := fmt.Sprintf("store %s and take them out of the file", display.Count(n, "key"))
		if p.keep {
			question = fmt.Sprintf("store %s", display.Count(n, "key"))
		}
		if err := r.confirm(ctx, "vault import", question, "nothing was imported"); err != nil {
			return err
		}
	}
	if err := p.store(ctx); err != nil {
		if p.count(func(s *importStep) bool { return s.stored }) > 0 {
			r.say("stopped: what was stored is in the file as well; vault import goes on from here")
		}
		return err
	}
	err := p.flush(ctx)
	if err == nil {
		err = p.rewrite(ctx)
	}
	if err != nil {
		return app.WithHint(fmt.Errorf("the keys are stored, and still in the file too: %w", err), "vault import goes on from here")
	}
	return nil
}

// flush makes sure that the keys survive a loss of power before they go from the file.
func (p *importPlan) flush(ctx context.Context) error {
	keys, err := p.run.task.Keyring(ctx)
	if err != nil || p.keep {
		return err
	}
	return store.Flush(ctx, keys)
}

// store puts each key into the keyring and goes on after one that fails.
func (p *importPlan) store(ctx context.Context) error {
	r := p.run
	kept := map[string]bool{}
	for _, s := range p.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case s.do == leave:
			continue
		case kept[s.Profile]: // both files have it
			s.stored = true
			continue
		}
		if s.err = p.storeOne(ctx, s); s.err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		s.stored, kept[s.Profile] = true, true
		if s.do != replace {
			continue
		}
		if err := r.task.ForgetUsers(ctx, p.set, s.Profile); err != nil {
			return fmt.Errorf("forget the sessions of the old key: %w", err)
		}
	}
	return nil
}

// storeOne returns nil when the keyring has the key, as read back just now.
func (p *importPlan) storeOne(ctx context.Context, s *importStep) error {
	r := p.run
	if s.do != take {
		keys, err := r.task.Keyring(ctx)
		if err != nil {
			return err
		}
		if err := store.KeepKey(ctx, keys, s.Profile, s.Key); err != nil {
			return err
		}
		r.sayStored(s.Profile, s.Key, s.before)
		return nil
	}
	now, err := r.task.StoredKey(ctx, s.Profile) // it may have gone while we were asking
	if err == nil && !now.Key.Equal(s.Key) {
		err = errors.New("the key in the keyring was changed in the meantime")
	}
	return err
}

// mostTries is how often a file is read again that other programs keep changing.
const mostTries = 5

// rewrite makes sure of the profiles and takes the stored keys out of the files.
func (p *importPlan) rewrite(ctx context.Context) error {
	unlock, err := p.run.task.LockFiles(ctx, p.config.Path, p.credentials.Path)
	if err != nil {
		return err
	}
	defer unlock()
	for _, f := range []*profiles.KeyFile{p.config, p.credentials} {
		for tries := 1; ; tries++ {
			err := p.rewriteFile(f)
			var changed *profiles.ChangedError
			if err == nil {
				break
			}
			if tries == mostTries || !errors.As(err, &changed) {
				return err
			}
		}
	}
	return nil
}

// rewriteFile changes one of the files. It reads the file again: since the plan was made
// another program may have written to it, or this one has, where both paths lead to the
// same file.
func (p *importPlan) rewriteFile(f *profiles.KeyFile) error {
	now, err := f.Reload()
	if err != nil {
		return err
	}
	defer now.Wipe()
	stored := func(s *importStep) bool { return s.stored }
	edit, taken, err := p.edit(f, now, stored)
	if err != nil {
		return err
	}
	if err := edit.Write(); err != nil {
		return err
	}
	if taken > 0 {
		p.run.say("took %s out of %s", display.Count(taken, "key"), f.Path)
	}
	for _, s := range p.steps {
		if s.file == f && s.stored && !p.keep {
			p.afterwards(s, now)
		}
	}
	return nil
}

// afterwards records what became of a stored key in its file, which was read as now before
// it was changed.
func (p *importPlan) afterwards(s *importStep, now *profiles.KeyFile) {
	_, same, other := keyOf(now, s)
	if s.removed = same || !other; !s.removed {
		s.leave("the file has another key for it by now")
	}
}

// keyOf looks for the key of a step in its file as it is now: the same one, or another one
// for the same profile.
func keyOf(now *profiles.KeyFile, s *importStep) (found profiles.Plain, same, other bool) {
	for _, x := range now.Keys() {
		switch {
		case x.Profile != s.Profile:
		case x.Err == nil && x.Key.Equal(s.Key):
			return x, true, false
		default:
			other = true
		}
	}
	return found, false, other
}

// edit works out the change of a file for the chosen steps. now is the file as it is by
// now. taken is how many keys go.
func (p *importPlan) edit(f, now *profiles.KeyFile, chosen func(*importStep) bool) (e *profiles.Edit, taken int, err error) {
	e = now.Edit()
	var keys []profiles.Plain
	for _, s := range p.steps {
		if s.file != f || s.do == leave || p.keep || !chosen(s) {
			continue
		}
		if x, same, _ := keyOf(now, s); same {
			keys = append(keys, x)
		}
	}
	if err := e.Remove(keys); err != nil {
		return nil, 0, err
	}
	for _, s := range p.steps {
		if f == p.config && s.file == p.credentials && s.do != leave && chosen(s) && !now.Has(s.Profile) {
			if err := e.Append(s.Profile, s.carried()); err != nil {
				return nil, 0, err
			}
		}
	}
	return e, len(keys), nil
}

// tidy deletes what an import that was killed may have left, where this one has nothing
// to write.
func (p *importPlan) tidy(ctx context.Context) error {
	unlock, err := p.run.task.LockFiles(ctx, p.config.Path, p.credentials.Path)
	if err == nil {
		unlock()
	}
	return err
}

// conclude says what is left in clear, and makes the exit status.
func (p *importPlan) conclude() error {
	r := p.run
	p.sayExposed()
	switch {
	case p.json:
		if err := p.printJSON(); err != nil {
			return err
		}
	case p.dryRun:
	case p.count(func(s *importStep) bool { return s.do != leave }) > 0:
		p.sayLeft()
	case len(p.steps) > 0: // what is left, and why, has just been shown
		r.say("there is no key to move")
		p.hintOverwrite()
	}
	if p.count(func(s *importStep) bool { return s.removed }) > 0 {
		r.hint("other tools find no key in the file any more: vault use PROFILE, or vault exec PROFILE -- COMMAND")
	}
	if p.count(func(s *importStep) bool { return s.err != nil || s.problem }) > 0 {
		return statusError(exitFailed)
	}
	return nil
}

// sayExposed warns of a file that others could read the keys in. On Windows the mode
// does not tell.
func (p *importPlan) sayExposed() {
	const others fs.FileMode = 0o044
	for _, f := range []*profiles.KeyFile{p.credentials, p.config} {
		if runtime.GOOS != "windows" && f.Mode&others != 0 && p.count(func(s *importStep) bool { return s.file == f }) > 0 {
			p.run.say("%s can be read by others (%s): whoever could read it may have these keys, so replace them by new ones", f.Path, f.Mode)
		}
	}
}

// sayLeft names each key that is still in clear, and why.
func (p *importPlan) sayLeft() {
	for _, s := range p.steps {
		switch {
		case s.err != nil:
			p.run.say("still in clear in %s:%d: %s, because it could not be stored: %s",
				s.file.Path, s.Line, s.Profile, strings.Join(strings.Fields(app.Text(s.err)), " "))
		case s.do == leave:
			p.run.say("still in clear in %s:%d: %s, because %s", s.file.Path, s.Line, s.Profile, s.why)
		}
	}
	p.hintOverwrite()
}

func (p *importPlan) hintOverwrite() {
	if p.count(func(s *importStep) bool { return s.conflict }) > 0 {
		p.run.hint("--overwrite replaces what the keyring has")
	}
}

// imported is a key in the JSON form.
type imported struct {
	Profile string `json:"profile"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Key     string `json:"key"` // the end of its id
	ARN     string `json:"arn,omitempty"`
	Action  string `json:"action"` // store, replace, remove or leave
	Why     string `json:"why,omitempty"`
	Stored  bool   `json:"stored"`  // read back from the keyring
	Removed bool   `json:"removed"` // from the file
	Error   string `json:"error,omitempty"`
}

func (p *importPlan) printJSON() error {
	list := []imported{}
	for _, s := range p.steps {
		x := imported{
			Profile: s.Profile, File: s.file.Path, Line: s.Line, Key: s.Key.Tail(), ARN: s.who.ARN,
			Action: s.do.String(), Why: s.why, Stored: s.stored, Removed: s.removed,
		}
		if s.err != nil {
			x.Error = app.Text(s.err)
		}
		list = append(list, x)
	}
	return display.JSON(p.run.Stdout, list)
}

func (p *importPlan) count(is func(*importStep) bool) (n int) {
	for _, s := range p.steps {
		if is(s) {
			n++
		}
	}
	return n
}

func (p *importPlan) wipe() {
	p.credentials.Wipe()
	p.config.Wipe()
}

// carriedKeys are the settings that the AWS tools honour in a credentials file and vault
// looks for in the config file.
var carriedKeys = []string{
	"region", "output", "mfa_serial", "role_arn", "source_profile", "external_id", "role_session_name", "duration_seconds",
}

// carried are the settings for the profile's new section. They stay in the credentials
// file too, where the AWS tools look first.
func (s *importStep) carried() []profiles.Setting {
	var list []profiles.Setting
	for _, x := range s.Settings {
		if slices.Contains(carriedKeys, x.Key) {
			list = append(list, x)
		}
	}
	return list
}

// temporary reports whether a key is left because it lapses by itself.
func temporary(err error) bool { return errors.Is(err, creds.ErrTemporary) }
