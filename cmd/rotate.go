package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/rotation"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

type rotateOptions struct {
	profile                                 string
	mfaToken, deleteOther                   string
	noSession, resume, keepOld, yes, asJSON bool
	dryRun, list                            bool
}

func newRotate(r *run) *cobra.Command {
	var o rotateOptions
	c := &cobra.Command{
		Use:   "rotate PROFILE",
		Short: "replace the stored access key by a new one",
		Long: `Makes a new access key for the IAM user whose key a profile stands on, stores it
beside the old one, and waits until AWS knows it. Then it takes the old one's place,
and the old one is deactivated and deleted. Sessions of every profile over that key
are forgotten.

However it is interrupted, a key that works is stored, and the same command, or
--resume, goes on from there. The profile may be a role, any number of roles above
the key. The user needs iam:CreateAccessKey, iam:UpdateAccessKey,
iam:DeleteAccessKey and iam:ListAccessKeys; iam:GetAccessKeyLastUsed helps.

Exit status: 0 done, 1 failed, 2 usage, 3 a person must give an MFA code or answer a
question, 130 interrupted.`,
		Args: func(c *cobra.Command, a []string) error {
			if o.list {
				return args(cobra.NoArgs)(c, a)
			}
			return args(cobra.ExactArgs(1))(c, a)
		},
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			if o.list {
				return listRotations(r, o.asJSON)
			}
			o.profile = a[0]
			return rotate(c.Context(), r, o)
		},
	}
	fs := c.Flags()
	boolFlag(fs, &o.resume, "resume", "", false, "finish a rotation, and begin none")
	boolFlag(fs, &o.noSession, "no-session", "n", false, "sign with the key itself, not with a session or role")
	fs.StringVarP(&o.mfaToken, "mfa-token", "t", "", "the MFA code, instead of being asked")
	fs.StringVar(&o.deleteOther, "delete-other", "", "of two keys, delete the one that is not stored; `KEY` is its id or the last four of it, for one that was used today")
	fs.Lookup("delete-other").NoOptDefVal = anyOther
	boolFlag(fs, &o.keepOld, "keep-old", "", false, "deactivate the old key, do not delete it")
	boolFlag(fs, &o.dryRun, "dry-run", "", false, "look, say what would be done, and change nothing")
	boolFlag(fs, &o.list, "list", "", false, "list the rotations that are not finished")
	boolFlag(fs, &o.yes, "yes", "y", false, "do not ask")
	boolFlag(fs, &o.asJSON, "json", "", false, "the result as JSON")
	return c
}

// rotated is the result for programs.
type rotated struct {
	Profile string     `json:"profile"`
	Item    string     `json:"stored_as"`
	User    string     `json:"user,omitempty"`
	Old     string     `json:"old_key,omitempty"`
	New     string     `json:"new_key,omitempty"`
	OldNow  string     `json:"old_key_is,omitempty"`
	Resumed bool       `json:"resumed"`
	Begun   *time.Time `json:"begun,omitempty"`
}

func rotate(ctx context.Context, r *run, o rotateOptions) error {
	p, err := r.task.Resolve(ctx, env.Request{Profile: o.profile})
	if err != nil {
		return err
	}
	for _, warning := range p.Warnings {
		r.say("%s", warning.String())
	}
	item := sessions.NewPlan(p).Key
	if item == "" {
		return app.WithHint(fmt.Errorf("%q stands on no stored key that could be rotated: %s", p.Name, app.SourceText(p)), "vault list --credentials shows the stored keys")
	}
	unlock, err := r.rotationLock(ctx, item)
	if err != nil {
		return err
	}
	defer unlock()
	book, err := r.rotations()
	if err != nil {
		return err
	}
	job := &rotationJob{run: r, o: o, profile: p, item: item, book: book}
	res, err := job.do(ctx)
	if err != nil {
		return job.explain(err)
	}
	if o.asJSON && !o.dryRun {
		return display.JSON(r.Stdout, res)
	}
	return nil
}

// errRotating: another process is at this key.
var errRotating = errors.New("another terminal is rotating this key")

// rotationLock lets one process rotate a key. It does not wait for another one: what
// that does would be done twice.
func (r *run) rotationLock(ctx context.Context, item string) (unlock func(), err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	unlock, err = r.task.Env.Runtime().Lock(ctx, "rotate\x00"+item, func() { cancel(errRotating) })
	if err != nil && errors.Is(context.Cause(ctx), errRotating) {
		err = errRotating
	}
	return unlock, err
}

// rotations is where unfinished rotations are noted down.
func (r *run) rotations() (rotation.Book, error) {
	dir, err := r.task.Env.StateDir()
	return rotation.Book{Dir: filepath.Join(dir, "rotate")}, err
}

// rotationJob is one run of the command, once it is known what it is about.
type rotationJob struct {
	*run
	o       rotateOptions
	profile profiles.Profile
	item    string
	book    rotation.Book
	rot     *rotation.Rotation
}

func (j *rotationJob) do(ctx context.Context) (rotated, error) {
	out := rotated{Profile: j.profile.Name, Item: j.item}
	s, err := j.task.Keyring(ctx)
	if err != nil {
		return out, err
	}
	j.task.MFACode = creds.New(j.o.mfaToken)
	j.rot = j.rotation(s)
	noted, begun, err := j.rot.Begun(ctx)
	if err != nil {
		return out, err
	}
	if !begun && j.o.resume {
		j.say("no rotation of %s is unfinished", j.item)
		return out, nil
	}
	key, err := j.identify(ctx)
	if err != nil {
		return out, err
	}
	if begun {
		j.announceResumed(noted)
	} else {
		j.announce(key)
	}
	state, err := j.rot.Look(ctx)
	if err != nil {
		return out, err
	}
	if j.o.dryRun {
		return out, j.preview(ctx, state)
	}
	if state.Phase == rotation.Replaced {
		if state, err = j.giveUp(ctx, state); err != nil {
			return out, err
		}
	}
	res, err := j.rot.Run(ctx, state)
	if err != nil {
		return out, err
	}
	out.User, out.Old, out.New, out.OldNow, out.Resumed = j.rot.User, res.Old, res.New, res.OldNow, res.Resumed
	if !res.Begun.IsZero() && res.Resumed {
		out.Begun = &res.Begun
	}
	j.finished(res)
	return out, nil
}

func (j *rotationJob) rotation(s store.Store) *rotation.Rotation {
	return &rotation.Rotation{
		Item: j.item, Profile: j.profile.Name, Backend: store.Of(s).Name, KeepOld: j.o.keepOld, DryRun: j.o.dryRun,
		Store: s, Book: j.book, AWS: rotation.Calls{Who: app.KeyUser(j.profile)},
		MakeRoom: j.makeRoom, MayDiscard: j.mayDiscard, Follow: j.follow,
		Say: j.event, Now: j.Now, Sleep: j.Sleep, Hold: host.HoldSignals,
	}
}

// identify finds out whose key it is, and with that who signs.
func (j *rotationJob) identify(ctx context.Context) (key string, err error) {
	user, key, err := j.rot.Identify(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return "", &sessions.NoKeyError{Profile: j.profile.Name, Key: j.item}
	}
	if err != nil {
		return "", err
	}
	j.rot.User = user
	if app.IsRoot(user) {
		return "", app.WithHint(fmt.Errorf("the key stored for %q is that of the root user of account %s, which should have none", j.item, app.AccountOf(user)),
			"delete it in the console, and store that of an IAM user")
	}
	if _, name := app.UserOf(user); name == "" {
		return "", fmt.Errorf("the key stored for %q belongs to %s, which is no IAM user", j.item, user)
	}
	signer, err := j.task.NewSigner(ctx, j.profile, user, j.o.noSession)
	if err != nil {
		return "", err
	}
	who := j.rot.AWS.Who
	j.rot.AWS = signer.Calls()
	j.rot.AWS.Who = who
	return key, nil
}

func (j *rotationJob) announce(key string) {
	_, name := app.UserOf(j.rot.User)
	verb := "rotating the"
	if j.o.dryRun {
		verb = "the"
	}
	j.say("%s key …%s of user %s in account %s, stored for %s", verb, creds.Last4(key), name, app.AccountOf(j.rot.User), j.item)
}

// follow replaces copies of the old key that are stored under other names, and drops the
// sessions of every profile over it, in the store and in every terminal.
func (j *rotationJob) follow(ctx context.Context, old string, now creds.Key) error {
	set, err := j.task.Profiles()
	if err != nil {
		return err
	}
	names := []string{j.item}
	for _, twin := range j.twins(ctx, set, old) {
		if err := store.KeepKey(ctx, j.rot.Store, twin, now); err != nil {
			return err
		}
		j.say("%s had the same key, and has the new one now", twin)
		names = append(names, twin)
	}
	for _, name := range names {
		if err := j.task.ForgetUsers(ctx, set, name); err != nil {
			return fmt.Errorf("forget the sessions of the old key: %w", err)
		}
	}
	j.task.Env.Runtime().Recheck()
	return nil
}

// twins are the other profiles that the same key is stored for. Where each read may take a
// dialog or a touch of a key, none are looked for.
func (j *rotationJob) twins(ctx context.Context, set *profiles.Set, id string) []string {
	if of := store.Of(j.rot.Store); id == "" || of.Name == "" || of.AsksPerItem {
		return nil
	}
	var list []string
	j.eachKey(ctx, set, func(name string, k creds.Key) {
		if k.ID == id {
			list = append(list, name)
		}
	})
	return list
}

// eachKey reads the keys stored for other profiles than this one. A name that is no
// profile may be another program's, and what cannot be read is passed over.
func (j *rotationJob) eachKey(ctx context.Context, set *profiles.Set, f func(name string, k creds.Key)) {
	names, _, err := store.KeyNames(ctx, j.rot.Store, set.Names()...)
	if err != nil {
		return
	}
	for _, name := range names {
		if name == j.item || !set.Has(name) {
			continue
		}
		if k, err := store.GetKey(ctx, j.rot.Store, name); err == nil {
			f(name, k)
		}
	}
}

// event says what happens, a line each.
func (j *rotationJob) event(e rotation.Event, id string) {
	key, name := "…"+creds.Last4(id), display.Clean(j.item)
	switch e {
	case rotation.Made:
		j.say("made the key %s and stored it beside the old one", key)
	case rotation.Waiting:
		j.say("waiting until all of AWS knows the key %s", key)
	case rotation.Verified:
		j.say("the key %s works", key)
	case rotation.Switched:
		j.say("the key %s is now the one stored for %s", key, name)
	case rotation.Deactivated:
		j.say("deactivated the old key %s", key)
	case rotation.Deleted:
		j.say("deleted the old key %s", key)
	case rotation.Kept:
		j.say("the old key %s stays active: iam:UpdateAccessKey is not allowed", key)
	case rotation.Discarded:
		j.say("deleted the key %s, which was made and lost", key)
	case rotation.Removed:
		j.say("deleted the other key %s", key)
	case rotation.Unlisted:
		j.say("iam:ListAccessKeys is not allowed; going on without knowing which other keys there are")
	case rotation.Readopted:
		j.say("AWS no longer knows the key that was stored for %s; the new one, %s, is in its place", name, key)
	}
}

// announceResumed says that there is something to go on with.
func (j *rotationJob) announceResumed(noted rotation.Journal) {
	if j.o.dryRun && !noted.Begun.IsZero() {
		j.say("the rotation of %s that was begun %s is not finished", j.item, display.Ago(j.Now().Sub(noted.Begun)))
		return
	}
	if noted.Begun.IsZero() {
		j.say("a new key lies beside the one stored for %s: going on with the rotation it is from", j.item)
		return
	}
	j.say("going on with the rotation of %s that was begun %s", j.item, display.Ago(j.Now().Sub(noted.Begun)))
}

func (j *rotationJob) finished(res rotation.Result) {
	name := display.Clean(j.item)
	switch {
	case res.Resumed && res.OldNow == "":
		j.say("%s has the key …%s; which one it had before is not known any more", name, creds.Last4(res.New))
		j.hint("vault rotate %s shows the keys that are left, should there be two", app.Word(j.profile.Name))
	case res.OldNow == "deleted":
		j.say("done: %s has the key …%s, and the key …%s is no more", name, creds.Last4(res.New), creds.Last4(res.Old))
	default:
		j.say("done: %s has the key …%s, and the key …%s is %s", name, creds.Last4(res.New), creds.Last4(res.Old), res.OldNow)
	}
	if res.Resumed && !res.Begun.IsZero() && j.Now().Sub(res.Begun) > 24*time.Hour {
		j.hint("that key was made %s; for a new one run it again", display.Ago(j.Now().Sub(res.Begun)))
	}
}

// explain adds to an error what state it leaves, and how to go on.
func (j *rotationJob) explain(err error) error {
	if j.rot == nil {
		return err
	}
	again := "vault rotate --resume " + app.Word(j.profile.Name)
	noted, open, readErr := j.book.Read(j.item)
	var damaged *rotation.DamagedError
	var replaced *rotation.ReplacedError
	var orphan *rotation.OrphanError
	var used *rotation.UsedError
	var needs *sessions.NeedsUserError
	var call *sessions.CallError
	switch isCall := errors.As(err, &call); {
	case errors.As(err, &damaged):
		return app.WithHint(err, "move it away; %s then goes by what is stored and what AWS lists", again)
	case errors.As(err, &replaced):
		return app.WithHint(err, "%s", j.replacedHint(replaced))
	case errors.As(err, &used):
		return app.WithHint(fmt.Errorf("%w %s; it is not deleted", err, usedWords(used.Use, j.Now())),
			"if nobody needs it, delete it in the console; then %s", again)
	case errors.As(err, &orphan):
		return app.WithHint(err, "%s deletes it", again)
	case errors.As(err, &needs) && needs.Need == sessions.NeedsCode && !app.HasHint(err):
		where := "run it in a terminal: vault rotate " + app.Word(j.profile.Name)
		if readErr == nil && open {
			where = "a key that works is stored for " + app.Word(j.item) + "; in a terminal " + again + " goes on from here"
		}
		return app.WithHint(err, "%s", where)
	case isCall && call.Kind == sessions.Full:
		return app.WithHint(errors.New("the user has two access keys already, which is as many as there may be"), "delete one of them, or let your policies allow iam:ListAccessKeys to choose here")
	case readErr != nil || !open:
		return err
	case errors.Is(err, context.Canceled):
		j.say("stopped; a key that works is stored for %s", j.item)
		j.hint("%s goes on from here", again)
		return err
	case isCall && call.Action == "iam:DeleteAccessKey" && call.Kind == sessions.Denied && noted.Step == rotation.Retiring:
		return app.WithHint(err, "the new key is in use and the old one is inactive. %s tries again; with --keep-old it leaves it so", again)
	}
	return app.WithHint(err, "a key that works is stored for %s; %s goes on from here", app.Word(j.item), again)
}

// preview says what would be done.
func (j *rotationJob) preview(ctx context.Context, s rotation.State) error {
	old, ending := "…"+creds.Last4(s.Key.ID), "delete"
	if j.o.keepOld {
		ending = "keep"
	}
	switch s.Phase {
	case rotation.Fresh:
		if len(s.Keys) > 1 {
			j.say("the user has two keys, as many as there may be; one would have to go first")
			j.keyTable(j.owned(ctx, s))
		}
		j.say("would make a new key, store it, wait until it works, deactivate %s and %s it", old, ending)
	case rotation.Unclear:
		j.say("would delete the key that was made and lost, if there is one, and make another")
	case rotation.Staged:
		j.say("would store the key …%s for %s in the place of %s", creds.Last4(s.Beside.ID), j.item, old)
	case rotation.Stored:
		old = "…" + creds.Last4(s.Journal.Old)
		if slices.ContainsFunc(s.Keys, func(k rotation.Key) bool { return k.ID == s.Journal.Old && !k.Active }) {
			j.say("would %s %s, which is inactive", ending, old)
		} else {
			j.say("would deactivate %s and %s it", old, ending)
		}
	case rotation.Replaced:
		return &rotation.ReplacedError{Journal: s.Journal, Stored: s.Key.ID}
	}
	return nil
}

// owned is every key with what AWS says of its use.
func (j *rotationJob) owned(ctx context.Context, s rotation.State) []rotation.Owned {
	var all []rotation.Owned
	for _, k := range s.Keys {
		o := rotation.Owned{Key: k}
		if k.ID == s.Key.ID {
			o.Stored = j.item
		}
		o.Use, o.Unseen = j.rot.AWS.LastUsed(ctx, k.ID)
		all = append(all, o)
	}
	return all
}

// unfinished is one rotation for programs.
type unfinished struct {
	Profile string    `json:"profile"`
	Item    string    `json:"stored_as"`
	Backend string    `json:"backend,omitempty"`
	User    string    `json:"user"`
	Old     string    `json:"old_key"`
	New     string    `json:"new_key,omitempty"`
	Step    string    `json:"next"`
	Begun   time.Time `json:"begun"`
}

func listRotations(r *run, asJSON bool) error {
	book, err := r.rotations()
	if err != nil {
		return err
	}
	list, err := book.List()
	rows := []unfinished{}
	for _, j := range list {
		rows = append(rows, unfinished{j.Profile, j.Item, j.Backend, j.User, j.Old, j.New, string(j.Step), j.Begun})
	}
	if asJSON {
		return errors.Join(display.JSON(r.Stdout, rows), err)
	}
	for _, u := range rows {
		fmt.Fprintf(r.Stdout, "%s: begun %s, stopped at: %s; vault rotate --resume %s\n", display.Clean(u.Item), display.Ago(r.Now().Sub(u.Begun)), display.Clean(u.Step), app.Word(u.Profile))
	}
	if len(rows) == 0 && err == nil {
		r.say("no rotation is unfinished")
	}
	return err
}
