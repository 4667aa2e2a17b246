package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

type addOptions struct {
	profile          string
	fromEnv          bool
	csv, user        string
	mfaSerial        string
	check, addConfig bool
	overwrite        bool
	region           string
	typed            bool // the key was
}

func newAdd(r *run) *cobra.Command {
	o := addOptions{}
	c := &cobra.Command{
		Use:   "add PROFILE",
		Short: "store an access key in the keyring",
		Long: `Stores the access key of an IAM user in the keyring, after asking AWS whether the
key works, and reads it back. The secret is not shown as it is typed. A profile without a
section in the config file gets one. A key that is stored already is replaced, and the
sessions made with it are deleted. What another program has stored under this name, or
you yourself in pass, is replaced only with --overwrite.`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.profile = a[0]
			switch {
			case o.fromEnv && o.csv != "":
				return usage(c, errors.New("--env and --from-csv cannot be used together"))
			case o.user != "" && o.csv == "":
				return usage(c, errors.New("--csv-user needs --from-csv"))
			}
			return runAdd(c.Context(), r, o)
		},
	}
	fs := c.Flags()
	boolFlag(fs, &o.fromEnv, "env", "", false, "take the key from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	fs.StringVar(&o.csv, "from-csv", "", "take the key from a file that the IAM console gave; - for standard input")
	fs.StringVar(&o.user, "csv-user", "", "whose key, if the file has several")
	boolFlag(fs, &o.overwrite, "overwrite", "", false, "replace an entry of another program, or of your own, that has this name")
	boolFlag(fs, &o.check, "check", "", true, "ask AWS whether the key works")
	boolFlag(fs, &o.addConfig, "add-config", "", true, "add a section to the config file if there is none")
	fs.StringVar(&o.mfaSerial, "mfa-serial", "", "MFA device, for the new section")
	regionFlag(c, &o.region, "region, for the new section")
	_ = c.RegisterFlagCompletionFunc("from-csv", completeFiles)
	return c
}

func runAdd(ctx context.Context, r *run, o addOptions) error {
	set, err := r.task.Profiles()
	if err != nil {
		return err
	}
	if err := app.CheckKeyName(set, o.profile); err != nil {
		return err
	}
	// The keyring is opened first: a secret that cannot be stored should not be typed.
	if !o.overwrite {
		if err := r.task.CheckForeign(ctx, o.profile); err != nil {
			return app.WithHint(err, "vault add --overwrite %s replaces it; in pass, $AWS_VAULT_PASS_PREFIX keeps keys in a folder of their own", app.Word(o.profile))
		}
	}
	before, err := r.task.ReplacedKey(ctx, o.profile)
	if err != nil {
		return err
	}
	key, err := obtainKey(ctx, r, &o)
	if err != nil {
		return err
	}
	if err := examine(ctx, r, set, &o, key); err != nil {
		return err
	}
	if err := r.task.StoreKey(ctx, o.profile, key, o.overwrite); err != nil {
		return err
	}
	sayStored(r, o.profile, key, before)
	if err := r.task.ForgetUsers(ctx, set, o.profile); err != nil {
		return fmt.Errorf("delete the sessions of the old key: %w", err)
	}
	if err := addSection(ctx, r, set, o); err != nil {
		return err
	}
	if o.csv != "" && o.csv != "-" {
		r.hint("%s still has the key in plain text, delete it", absolutePath(o.csv))
	}
	return nil
}

// absolutePath is a path that means the same in another directory, if that can be found out.
func absolutePath(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// obtainKey gets the key: from the environment, a file or a person.
func obtainKey(ctx context.Context, r *run, o *addOptions) (creds.Key, error) {
	switch {
	case o.fromEnv:
		return keyFromEnv(r)
	case o.csv != "":
		return keyFromFile(r, *o)
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
	o.typed = true
	return creds.NewKey(id.Reveal(), secret.Reveal())
}

func keyFromEnv(r *run) (creds.Key, error) {
	if r.getenv("AWS_SESSION_TOKEN") != "" {
		return creds.Key{}, errors.New("AWS_SESSION_TOKEN is set: these credentials expire, so there is no use in storing them")
	}
	return creds.NewKey(r.getenv("AWS_ACCESS_KEY_ID"), r.getenv("AWS_SECRET_ACCESS_KEY"))
}

// maxCSV is far more bytes than the console writes.
const maxCSV = 1 << 20

// keyFromFile reads the key in a file that the IAM console gave, or on standard input.
func keyFromFile(r *run, o addOptions) (creds.Key, error) {
	in, name := r.Stdin, "standard input"
	if o.csv != "-" {
		f, err := os.Open(o.csv)
		if err != nil {
			return creds.Key{}, err
		}
		defer func() { _ = f.Close() }()
		in, name = f, o.csv
	}
	data, err := io.ReadAll(io.LimitReader(in, maxCSV))
	defer clear(data)
	if err != nil {
		return creds.Key{}, err
	}
	return app.KeyFromCSV(data, name, o.user)
}

// examine asks AWS about the key, and then about the MFA device.
func examine(ctx context.Context, r *run, set *profiles.Set, o *addOptions, k creds.Key) error {
	if err := checkKey(ctx, r, set, o, k); err != nil {
		return err
	}
	return checkDevice(ctx, r, set, o, k)
}

// checkKey asks AWS which user the key belongs to. A key that only another partition knows
// gives the new section its region.
func checkKey(ctx context.Context, r *run, set *profiles.Set, o *addOptions, k creds.Key) error {
	if !o.check {
		return nil
	}
	if o.region == "" && !set.Has(o.profile) {
		o.region = profiles.RegionFor(o.mfaSerial)
	}
	owner, elsewhere, err := r.task.KeyOwner(ctx, set, o.profile, o.region, k)
	var call *sessions.CallError
	if errors.As(err, &call) {
		err = fmt.Errorf("nothing was stored: %s", call.Reason())
		if call.WrongSecret() {
			return app.WithHint(err, "copy the whole secret, or make another key: AWS shows a secret only once")
		}
		return app.WithHint(err, "vault add --no-check stores it without asking AWS")
	}
	if err != nil {
		return err
	}
	r.say("the key belongs to %s", owner.ARN)
	if elsewhere != "" {
		o.region = elsewhere
		r.say("it is known only in the partition of %s, which is its region from now on", elsewhere)
	}
	return nil
}

// checkDevice asks for the MFA device, if a person is there and a section will be written,
// and whether the device is one of the user's, as far as AWS says so. The key is right
// whatever the device is, so a wrong one is only told.
func checkDevice(ctx context.Context, r *run, set *profiles.Set, o *addOptions, k creds.Key) error {
	asks := o.typed && o.mfaSerial == "" && o.addConfig && !set.Configured(o.profile)
	serial := o.mfaSerial
	for _, s := range set.Settings(o.profile) {
		if s.Key == "mfa_serial" {
			serial = s.Value
		}
	}
	if !asks && serial == "" {
		return nil
	}
	var devices []string
	known := false
	if o.check {
		devices, known = r.task.CheckDevice(ctx, set, o.profile, o.region, k)
	}
	if asks {
		var err error
		if serial, err = askDevice(ctx, r, devices); err != nil || serial == "" {
			return err
		}
		o.mfaSerial = serial
	}
	if known && !slices.Contains(devices, serial) {
		r.say("%s is not an MFA device of this user: %s", serial, cmp.Or(strings.Join(devices, ", "), "AWS knows none"))
	}
	return nil
}

// askDevice asks for the MFA device. The only one that the user has is what an empty answer
// means.
func askDevice(ctx context.Context, r *run, devices []string) (string, error) {
	question := "MFA device (arn:aws:iam::…:mfa/…, or nothing): "
	if len(devices) == 1 {
		question = fmt.Sprintf("MFA device [%s], or - for none: ", devices[0])
	}
	answer, err := r.task.Ask(ctx, question, false)
	switch serial := strings.TrimSpace(answer.Reveal()); {
	case serial == "" && len(devices) == 1:
		return devices[0], err
	case serial == "-":
		return "", err
	default:
		return serial, err
	}
}

// addSection adds the profile to the config file, if it is not there. What is there is not
// changed.
func addSection(ctx context.Context, r *run, set *profiles.Set, o addOptions) error {
	var settings []profiles.Setting
	for _, s := range []profiles.Setting{{Key: "region", Value: o.region}, {Key: "mfa_serial", Value: o.mfaSerial}} {
		if s.Value != "" {
			settings = append(settings, s)
		}
	}
	file := r.task.Env.ConfigFile()
	unlock, err := r.task.LockFiles(ctx, file)
	if err != nil {
		return err
	}
	defer unlock()
	switch {
	case set.Configured(o.profile) && len(settings) > 0:
		r.say("%s has a section for %s already, which is not changed: write %s into it yourself", file, o.profile, settings[0].Key)
		return nil
	case set.Configured(o.profile) || !o.addConfig:
		return nil
	}
	r.task.TellOtherNames(file)
	if err := profiles.AppendProfile(file, o.profile, settings); err != nil {
		return err
	}
	r.say("added a section for it to %s", file)
	return nil
}
