package cmd

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/creds"
	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/profiles"
	"github.com/d44b7504/vault/sessions"
	"github.com/d44b7504/vault/store"
)

type addOptions struct {
	profile          string
	fromEnv          bool
	csv, mfaSerial   string
	check, addConfig bool
	region           string
}

func newAdd(r *run) *cobra.Command {
	o := addOptions{}
	c := &cobra.Command{
		Use:   "add PROFILE",
		Short: "store an access key in the keyring",
		Long: `Stores the access key of an IAM user in the keyring, after asking AWS whether the
key works. What is typed is not shown. A profile without a section in the config
file gets one. A key that is there already is replaced, and the sessions made with
it are forgotten.`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: r.completeProfile,
		RunE: func(c *cobra.Command, a []string) error {
			o.profile = a[0]
			if o.fromEnv && o.csv != "" {
				return usage(c, errors.New("--env and --from-csv are two different places, name one"))
			}
			return add(c.Context(), r, o)
		},
	}
	fs := c.Flags()
	boolFlag(fs, &o.fromEnv, "env", "", false, "take the key from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	fs.StringVar(&o.csv, "from-csv", "", "take the key from a file that the IAM console gave")
	boolFlag(fs, &o.check, "check", "", true, "ask AWS whether the key works")
	boolFlag(fs, &o.addConfig, "add-config", "", true, "add a section to the config file if there is none")
	fs.StringVar(&o.mfaSerial, "mfa-serial", "", "MFA device, for the new section")
	fs.StringVar(&o.region, "region", "", "region, for the new section")
	_ = c.RegisterFlagCompletionFunc("from-csv", completeFiles)
	_ = c.RegisterFlagCompletionFunc("region", completeRegions)
	return c
}

func add(ctx context.Context, r *run, o addOptions) error {
	set, err := r.profiles()
	if err != nil {
		return err
	}
	if err := addable(set, o.profile); err != nil {
		return err
	}
	// The keyring is opened first: nobody should type a secret that cannot be kept.
	s, err := r.keyring(ctx)
	if err != nil {
		return err
	}
	key, err := r.newKey(ctx, &o)
	if err != nil {
		return err
	}
	if o.check {
		if err := r.checkKey(ctx, o, key); err != nil {
			return err
		}
	}
	if err := store.PutKey(ctx, s, o.profile, key); err != nil {
		return err
	}
	r.say("stored the key …%s for %s", tail(key.ID), printable(o.profile))
	if err := r.forgetUsers(ctx, set, o.profile); err != nil {
		return fmt.Errorf("forget the sessions of the old key: %w", err)
	}
	if o.addConfig && !set.Has(o.profile) {
		return r.addSection(o)
	}
	return nil
}

// addable refuses a profile whose credentials come from another one: a key stored for
// it would never be used.
func addable(set *profiles.Set, name string) error {
	if name == "" || strings.ContainsAny(name, "\x00\r\n") {
		return fmt.Errorf("%q cannot be the name of a profile", name)
	}
	for _, s := range set.Settings(name) {
		if s.Key == "source_profile" && s.Value != name {
			return withHint(fmt.Errorf("%q takes its credentials from %q", name, s.Value), "vault add %s", word(s.Value))
		}
	}
	return nil
}

// newKey obtains the pair: from the environment, a file or a person.
func (r *run) newKey(ctx context.Context, o *addOptions) (creds.Key, error) {
	switch {
	case o.fromEnv:
		return keyFromEnv(r.env)
	case o.csv != "":
		return keyFromCSV(o.csv)
	case r.Ask == nil:
		return creds.Key{}, withHint(&sessions.NeedsUserError{Profile: o.profile, What: "its key to be typed, and there is no terminal"}, "use --env or --from-csv")
	}
	id, err := r.Ask(ctx, "Access key id: ", false)
	if err != nil {
		return creds.Key{}, err
	}
	secret, err := r.Ask(ctx, "Secret access key: ", true)
	if err != nil {
		return creds.Key{}, err
	}
	k, err := newKey(id.Reveal(), secret.Reveal())
	if err != nil || o.mfaSerial != "" || !o.addConfig {
		return k, err
	}
	serial, err := r.Ask(ctx, "MFA device (arn:aws:iam::…:mfa/…, or nothing): ", false)
	o.mfaSerial = strings.TrimSpace(serial.Reveal())
	return k, err
}

func keyFromEnv(m map[string]string) (creds.Key, error) {
	if m["AWS_SESSION_TOKEN"] != "" {
		return creds.Key{}, errors.New("AWS_SESSION_TOKEN is set: these credentials expire and are not worth storing")
	}
	return newKey(m["AWS_ACCESS_KEY_ID"], m["AWS_SECRET_ACCESS_KEY"])
}

// keyFromCSV reads the file that the IAM console offers: a header, then one row. Its
// columns have had several names.
func keyFromCSV(file string) (creds.Key, error) {
	f, err := os.Open(file)
	if err != nil {
		return creds.Key{}, err
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 {
		return creds.Key{}, fmt.Errorf("%s is not the file with an access key that the IAM console gives", file)
	}
	if len(rows) > 2 {
		return creds.Key{}, fmt.Errorf("%s has %d keys; give a file with one", file, len(rows)-1)
	}
	var id, secret string
	for i, title := range rows[0] {
		switch strings.ToLower(strings.TrimSpace(strings.TrimPrefix(title, "\ufeff"))) {
		case "access key id":
			id = rows[1][i]
		case "secret access key":
			secret = rows[1][i]
		}
	}
	if id == "" || secret == "" {
		return creds.Key{}, fmt.Errorf("%s has no column, or no value, for the access key id and its secret", file)
	}
	return newKey(id, secret)
}

func newKey(id, secret string) (creds.Key, error) {
	id, secret = strings.TrimSpace(id), strings.TrimSpace(secret)
	switch {
	case id == "" || secret == "":
		return creds.Key{}, errors.New("the access key id or the secret is empty")
	case strings.HasPrefix(id, "ASIA"):
		return creds.Key{}, errors.New("this is a temporary key (ASIA…); only the key of an IAM user is worth storing")
	}
	return creds.Key{ID: id, Secret: creds.New(secret)}, nil
}

func (r *run) checkKey(ctx context.Context, o addOptions, k creds.Key) error {
	over := r.overrides(env.Request{Region: o.region})
	over.HasKey = func(string) bool { return true }
	p, err := profiles.Parse("", nil).Resolve(o.profile, over)
	if err != nil {
		return err
	}
	end := r.endpoint(p, sessions.STS, p.Region)
	who, err := sessions.WhoAmI(ctx, end, creds.Session{Profile: o.profile, AccessKeyID: k.ID, SecretKey: k.Secret})
	var call *sessions.CallError
	if errors.As(err, &call) {
		return withHint(fmt.Errorf("nothing was stored: %s", call.Reason()), "vault add --no-check stores it unasked")
	}
	if err != nil {
		return err
	}
	r.say("the key belongs to %s", printable(who.ARN))
	return nil
}

func (r *run) addSection(o addOptions) error {
	var settings []profiles.Setting
	for _, s := range []profiles.Setting{{Key: "region", Value: o.region}, {Key: "mfa_serial", Value: o.mfaSerial}} {
		if s.Value != "" {
			settings = append(settings, s)
		}
	}
	file := r.configFile()
	if err := profiles.AppendProfile(file, o.profile, settings); err != nil {
		return err
	}
	r.say("added a section for it to %s", printable(file))
	return nil
}

func tail(id string) string { return id[max(0, len(id)-4):] }
