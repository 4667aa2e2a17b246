package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

type addOptions struct {
	profile          string
	fromEnv          bool
	csv, user        string
	mfaSerial        string
	check, addConfig bool
	region           string
}

func newAdd(r *run) *cobra.Command {
	o := addOptions{}
	c := &cobra.Command{
		Use:   "add PROFILE",
		Short: "store an access key in the keyring",
		Long: `Stores the access key of an IAM user in the keyring, after asking AWS whether the
key works, and reads it back. The secret is not shown as it is typed. A profile without a
section in the config file gets one. A key that is there already is replaced, and the
sessions made with it are forgotten.`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.profile = a[0]
			switch {
			case o.fromEnv && o.csv != "":
				return usage(c, errors.New("--env and --from-csv are two different places, name one"))
			case o.user != "" && o.csv == "":
				return usage(c, errors.New("--csv-user goes with --from-csv"))
			}
			return add(c.Context(), r, o)
		},
	}
	fs := c.Flags()
	boolFlag(fs, &o.fromEnv, "env", "", false, "take the key from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	fs.StringVar(&o.csv, "from-csv", "", "take the key from a file that the IAM console gave; - for standard input")
	fs.StringVar(&o.user, "csv-user", "", "whose key, if the file has several")
	boolFlag(fs, &o.check, "check", "", true, "ask AWS whether the key works")
	boolFlag(fs, &o.addConfig, "add-config", "", true, "add a section to the config file if there is none")
	fs.StringVar(&o.mfaSerial, "mfa-serial", "", "MFA device, for the new section")
	fs.StringVar(&o.region, "region", "", "region, for the new section")
	_ = c.RegisterFlagCompletionFunc("from-csv", completeFiles)
	_ = c.RegisterFlagCompletionFunc("region", completeRegions)
	return c
}

func add(ctx context.Context, r *run, o addOptions) error {
	set, err := r.task.Profiles()
	if err != nil {
		return err
	}
	if err := addable(set, o.profile); err != nil {
		return err
	}
	// The keyring is opened first: nobody should type a secret that cannot be kept.
	s, err := r.task.Keyring(ctx)
	if err != nil {
		return err
	}
	before, err := r.replaced(ctx, s, o.profile)
	if err != nil {
		return err
	}
	key, err := r.newKey(ctx, set, &o)
	if err != nil {
		return err
	}
	if o.check {
		if err := r.checkKey(ctx, set, o, key); err != nil {
			return err
		}
	}
	if err := keep(ctx, s, o.profile, key); err != nil {
		return err
	}
	r.sayStored(o.profile, key, before)
	if err := r.task.ForgetUsers(ctx, set, o.profile); err != nil {
		return fmt.Errorf("forget the sessions of the old key: %w", err)
	}
	if err := r.addSection(ctx, set, o); err != nil {
		return err
	}
	if o.csv != "" && o.csv != "-" {
		r.hint("%s still holds the key in clear, delete it", absolute(o.csv))
	}
	return nil
}

// replaced is what the new key will take the place of. In a store that takes keys without
// being unlocked it is not read: nobody is asked for a passphrase to add a key.
func (r *run) replaced(ctx context.Context, s store.Store, name string) (app.StoredKey, error) {
	if store.Of(s).StoresUnasked {
		there, err := r.task.HasKey(ctx, name)
		return app.StoredKey{Exists: there, Unread: true}, err
	}
	before, err := r.task.StoredKey(ctx, name)
	if err != nil && (ctx.Err() != nil || !damaged(err)) {
		return before, err
	}
	return before, nil
}

// keep stores the key on the disk: the person may delete it elsewhere now.
func keep(ctx context.Context, s store.Store, name string, k creds.Key) error {
	if err := storeAndCompare(ctx, s, name, k); err != nil {
		return err
	}
	return store.Flush(ctx, s)
}

// storeAndCompare stores the key and reads it back, unless that would take what storing did
// not: a passphrase, which nobody should be asked for to add a key.
func storeAndCompare(ctx context.Context, s store.Store, name string, k creds.Key) error {
	if store.Of(s).StoresUnasked {
		return store.PutKey(ctx, s, name, k)
	}
	err := store.KeepKey(ctx, s, name, k)
	var unread *store.UnreadError
	if errors.As(err, &unread) && errors.Is(err, store.ErrLocked) {
		return nil
	}
	return err
}

// damaged: an item that cannot be read can still be replaced. One behind a lock cannot.
func damaged(err error) bool {
	return errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrLocked) && !errors.Is(err, context.DeadlineExceeded)
}

// absolute is a path that means the same elsewhere, if it can be had.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// addable refuses a profile whose credentials come from another one: a key stored for
// it would never be used.
func addable(set *profiles.Set, name string) error {
	if name == "" || strings.ContainsAny(name, "\x00\r\n") || !utf8.ValidString(name) {
		return fmt.Errorf("%q cannot be the name of a profile: it has to be one line of UTF-8 text", name)
	}
	for _, s := range set.Settings(name) {
		if s.Key == "source_profile" && s.Value != name {
			return app.WithHint(fmt.Errorf("%q takes its credentials from %q", name, s.Value), "vault add %s", app.Word(s.Value))
		}
	}
	return nil
}

// newKey obtains the pair: from the environment, a file or a person.
func (r *run) newKey(ctx context.Context, set *profiles.Set, o *addOptions) (creds.Key, error) {
	switch {
	case o.fromEnv:
		return keyFromEnv(r.task.Env.Current)
	case o.csv != "":
		return r.keyFromCSV(o.csv, o.user)
	case r.task.Ask == nil:
		return creds.Key{}, app.WithHint(&sessions.NeedsUserError{Profile: o.profile, What: "its key to be typed, and there is no terminal"}, "use --env or --from-csv")
	}
	id, err := r.task.Ask(ctx, "Access key id: ", false)
	if err != nil {
		return creds.Key{}, err
	}
	secret, err := r.task.Ask(ctx, "Secret access key: ", true)
	if err != nil {
		return creds.Key{}, err
	}
	k, err := creds.NewKey(id.Reveal(), secret.Reveal())
	if err != nil || o.mfaSerial != "" || !o.addConfig || set.Has(o.profile) {
		return k, err // the device is written into a new section, never into an old one
	}
	serial, err := r.task.Ask(ctx, "MFA device (arn:aws:iam::…:mfa/…, or nothing): ", false)
	o.mfaSerial = strings.TrimSpace(serial.Reveal())
	return k, err
}

func keyFromEnv(m map[string]string) (creds.Key, error) {
	if m["AWS_SESSION_TOKEN"] != "" {
		return creds.Key{}, errors.New("AWS_SESSION_TOKEN is set: these credentials expire and are not worth storing")
	}
	return creds.NewKey(m["AWS_ACCESS_KEY_ID"], m["AWS_SECRET_ACCESS_KEY"])
}

func (r *run) checkKey(ctx context.Context, set *profiles.Set, o addOptions, k creds.Key) error {
	who, err := r.task.KeyOwner(ctx, set, o.profile, o.region, k)
	var call *sessions.CallError
	if errors.As(err, &call) {
		return app.WithHint(fmt.Errorf("nothing was stored: %s", call.Reason()), "vault add --no-check stores it unasked")
	}
	if err != nil {
		return err
	}
	r.say("the key belongs to %s", who.ARN)
	return nil
}

// sayStored tells which key is stored now, and which one is not any more.
func (r *run) sayStored(profile string, k creds.Key, before app.StoredKey) {
	line := "stored the key " + k.Tail() + " for " + profile
	switch {
	case !before.Exists:
	case before.Key.Equal(k):
		line += ", as it was before"
	default:
		line += ", in place of " + before.Shown()
	}
	r.say("%s", line)
}

// addSection makes the profile in the config file, if it is not there. What is there
// is not changed.
func (r *run) addSection(ctx context.Context, set *profiles.Set, o addOptions) error {
	var settings []profiles.Setting
	for _, s := range []profiles.Setting{{Key: "region", Value: o.region}, {Key: "mfa_serial", Value: o.mfaSerial}} {
		if s.Value != "" {
			settings = append(settings, s)
		}
	}
	file := r.task.Env.ConfigFile()
	done, err := r.task.LockFiles(ctx, file)
	if err != nil {
		return err
	}
	defer done()
	switch {
	case set.Has(o.profile) && len(settings) > 0:
		r.say("%s has a section for %s already, which stays as it is: write %s into it yourself",
			file, o.profile, settings[0].Key)
		return nil
	case set.Has(o.profile) || !o.addConfig:
		return nil
	}
	if err := profiles.AppendProfile(file, o.profile, settings); err != nil {
		return err
	}
	r.say("added a section for it to %s", file)
	return nil
}
