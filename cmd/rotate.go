package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/rotation"
)

func newRotate(r *run) *cobra.Command {
	var o rotateOptions
	c := &cobra.Command{
		Use:   "rotate [PROFILE]",
		Short: "replace the stored access key by a new one",
		Long: `Makes a new access key for the IAM user whose key a profile uses, stores it beside
the old one, and waits until AWS knows it. Then the new key takes the place of the old
one, which is deactivated and deleted. Sessions of every profile that uses the key are
deleted too.

If it is interrupted, a key that works is stored, and the same command, or --resume,
continues. The profile may be a role, any number of roles above the key. The user
needs iam:CreateAccessKey, iam:UpdateAccessKey, iam:DeleteAccessKey and
iam:ListAccessKeys; iam:GetAccessKeyLastUsed helps.

Exit status: 0 done, 1 failed, 2 usage, 3 a person must give an MFA code or answer a
question, 130 interrupted.`,
		Args: func(c *cobra.Command, a []string) error {
			if o.list {
				return args(cobra.NoArgs)(c, a)
			}
			return args(cobra.MaximumNArgs(1))(c, a)
		},
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			if o.list {
				return listRotations(r, o.asJSON)
			}
			o.profile = firstArg(a)
			return runRotate(c.Context(), r, o)
		},
	}
	o.bindRotate(c)
	return c
}

func (o *rotateOptions) bindRotate(c *cobra.Command) {
	fs := c.Flags()
	boolFlag(fs, &o.resume, "resume", "", false, "finish a rotation, and begin none")
	boolFlag(fs, &o.noSession, "no-session", "n", false, "sign with the key itself, not with a session or role")
	fs.StringVarP(&o.mfaToken, "mfa-token", "t", "", "the MFA code, instead of being asked")
	fs.StringVar(&o.deleteOther, "delete-other", "", "if the user has two keys: delete the one that is not stored first; `KEY`, its id or the last four characters of that, is needed if it was used today")
	fs.Lookup("delete-other").NoOptDefVal = anyOther
	boolFlag(fs, &o.keepOld, "keep-old", "", false, "deactivate the old key, do not delete it")
	boolFlag(fs, &o.dryRun, "dry-run", "", false, "say what would be done, and change nothing")
	boolFlag(fs, &o.list, "list", "", false, "list the rotations that are not finished")
	boolFlag(fs, &o.yes, "yes", "y", false, "do not ask")
	boolFlag(fs, &o.asJSON, "json", "", false, "the result as JSON")
}

// rotatedKey is the result for programs.
type rotatedKey struct {
	Profile string     `json:"profile"`
	Item    string     `json:"stored_as"`
	User    string     `json:"user,omitempty"`
	Old     string     `json:"old_key,omitempty"`
	New     string     `json:"new_key,omitempty"`
	OldNow  string     `json:"old_key_is,omitempty"`
	Resumed bool       `json:"resumed"`
	DryRun  bool       `json:"dry_run,omitempty"`
	Begun   *time.Time `json:"begun,omitempty"`
}

func runRotate(ctx context.Context, r *run, o rotateOptions) error {
	if o.profile == "" {
		var err error
		if o.profile, err = pickOf(ctx, r, app.Choice.HasKey); err != nil {
			return err
		}
	}
	p, err := r.task.Resolve(ctx, env.Request{Profile: o.profile})
	if err != nil {
		return err
	}
	for _, warning := range p.Warnings {
		r.say("%s", warning)
	}
	rotator := r.task.NewRotator(p)
	if rotator.Item == "" {
		return app.WithHint(fmt.Errorf("%q does not use a stored key that could be rotated: %s", p.Name, app.SourceText(p)), "vault list --credentials shows the stored keys")
	}
	unlock, err := rotator.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := rotator.Open(ctx); err != nil {
		return err
	}
	x := rotating{r, rotator, o}
	k, err := x.rotate(ctx)
	if err != nil {
		return x.explain(err)
	}
	if o.asJSON {
		return display.JSON(r.Stdout, k)
	}
	return nil
}

// rotate begins a rotation, or continues one.
func (x rotating) rotate(ctx context.Context) (rotatedKey, error) {
	k := rotatedKey{Profile: x.Profile.Name, Item: x.Item}
	x.task.MFACode = creds.New(x.o.mfaToken)
	rot := x.Rotation
	rot.KeepOld, rot.DryRun = x.o.keepOld, x.o.dryRun
	rot.MakeRoom, rot.MayDiscard, rot.Say = x.makeRoom, x.mayDiscard, x.event
	state, found, err := x.prepare(ctx)
	if err != nil || !found {
		return k, err
	}
	if x.o.dryRun {
		k.User, k.Old, k.DryRun = rot.User, state.Key.ID, true
		return k, x.preview(ctx, state)
	}
	if state.Phase == rotation.Replaced {
		if state, err = x.giveUp(ctx, state); err != nil {
			return k, err
		}
	}
	res, err := rot.Run(ctx, state)
	if err != nil {
		return k, err
	}
	k.User, k.Old, k.New, k.OldNow, k.Resumed = rot.User, res.Old, res.New, res.OldNow, res.Resumed
	if !res.Begun.IsZero() && res.Resumed {
		k.Begun = &res.Begun
	}
	x.finished(res)
	return k, nil
}

// prepare says what is going to be rotated, and looks at how far an earlier run came. With
// --resume it finds nothing where no rotation is unfinished.
func (x rotating) prepare(ctx context.Context) (state rotation.State, found bool, err error) {
	journal, begun, err := x.Rotation.Begun(ctx)
	if err != nil {
		return state, false, err
	}
	if !begun && x.o.resume {
		x.say("no rotation of %s is unfinished", x.Item)
		return state, false, nil
	}
	key, err := x.Identify(ctx, x.o.noSession)
	if err != nil {
		return state, false, err
	}
	if begun {
		x.announceResumed(journal)
	} else {
		x.announceKey(key)
	}
	state, err = x.Rotation.Look(ctx)
	return state, true, err
}

// unfinishedRotation is one for programs.
type unfinishedRotation struct {
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
	book, err := r.task.Rotations()
	if err != nil {
		return err
	}
	journals, err := book.List()
	rows := []unfinishedRotation{}
	for _, j := range journals {
		rows = append(rows, unfinishedRotation{j.Profile, j.Item, j.Backend, j.User, j.Old, j.New, string(j.Step), j.Begun})
	}
	if asJSON {
		return errors.Join(display.JSON(r.Stdout, rows), err)
	}
	for _, u := range rows {
		_ = r.print("%s: begun %s, stopped at: %s; vault rotate --resume %s", u.Item, display.Ago(r.Now().Sub(u.Begun)), u.Step, app.Word(u.Profile))
	}
	if len(rows) == 0 && err == nil {
		r.say("no rotation is unfinished")
	}
	return err
}
