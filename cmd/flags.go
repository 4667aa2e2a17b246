package cmd

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
)

// boolFlag adds a flag and, as AWS Vault has it for every one, its hidden negation.
func boolFlag(fs *pflag.FlagSet, p *bool, name, short string, value bool, usage string) {
	fs.BoolVarP(p, name, short, value, usage)
	fs.AddFlag(&pflag.Flag{
		Name: "no-" + name, Value: negation{p}, DefValue: "false", NoOptDefVal: "true", Hidden: true,
	})
}

type negation struct{ p *bool }

func (n negation) String() string     { return "false" }
func (n negation) Type() string       { return "bool" }
func (n negation) Set(s string) error { *n.p = s != "true"; return nil }

// regionFlag adds --region, which takes short forms too, and completes it.
func regionFlag(c *cobra.Command, p *string, usage string) {
	c.Flags().Var((*regionValue)(p), "region", usage)
	_ = c.RegisterFlagCompletionFunc("region", completeRegions)
}

type regionValue string

func (v *regionValue) String() string { return string(*v) }
func (v *regionValue) Type() string   { return "region" }
func (v *regionValue) Set(s string) error {
	name, err := regionNamed(s)
	*v = regionValue(name)
	return err
}

// regionNamed is the region that a person has typed, in full or in a short form.
func regionNamed(text string) (string, error) {
	name := profiles.RegionNamed(strings.TrimSpace(text))
	err := profiles.CheckRegion(name)
	var unknown *profiles.RegionError
	if errors.As(err, &unknown) && len(unknown.Nearest) > 0 {
		return name, app.WithHint(err, "%s", app.DidYouMean(unknown.Nearest))
	}
	return name, err
}

// durationFlag takes Go's notation, as AWS Vault does, or a plain number of seconds.
func durationFlag(fs *pflag.FlagSet, p *time.Duration, name, short, usage string) {
	fs.VarP((*durationValue)(p), name, short, usage)
}

type durationValue time.Duration

func (d *durationValue) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}
func (d *durationValue) Type() string { return "duration" }
func (d *durationValue) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil {
		v, err = time.ParseDuration(s + "s")
	}
	if err != nil || v < 0 {
		return errors.New("write it like 45m, 1h30m, or in seconds")
	}
	*d = durationValue(v)
	return nil
}

const volatileUsage = "move keys also into a keyring that a restart of this machine empties (keyctl)"

// firstArg is the first argument, "" when there is none.
func firstArg(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// distinct are arguments without repetitions.
func distinct(args []string) []string {
	var list []string
	for _, a := range args {
		if !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}
