package cmd

import (
	"bufio"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/store"
)

// globals are the flags every command takes. Names and variables are AWS Vault's.
type globals struct {
	debug  bool
	prompt prompts
	store  store.Options
}

// Main runs the program and returns its exit status. Nothing below it exits.
func Main(ctx context.Context, w *app.World) int {
	r := newRun(w)
	out := bufio.NewWriter(w.Stdout) // one write(2) for ten thousand candidates
	real := w.Stdout
	r.Stdout = out
	defer func() { w.Stdout = real }()

	root := newRoot(r)
	root.SetArgs(w.Args)
	err := root.ExecuteContext(ctx)
	if flushErr := out.Flush(); err == nil && flushErr != nil {
		err = flushErr
	}
	return r.report(err)
}

func newRoot(r *run) *cobra.Command {
	root := &cobra.Command{
		Use:   "vault",
		Short: "AWS credentials in the shell you are in, kept fresh",
		Long: `vault puts short-lived AWS credentials into the shell you are in, keeps them
fresh, and leaves the keys that do not expire in your keyring.

Begin with one line in your shell's rc file, then switch in place:

  eval "$(vault hook zsh)"        or bash; fish and PowerShell: vault hook --help
  vault use prod

Exit status: 0 done, 1 failed, 2 usage, 3 a person must sign in, 130 interrupted.`,
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetOut(r.Stdout)
	root.SetErr(r.Stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, err) })
	r.bindGlobals(root.PersistentFlags())
	root.AddCommand(
		newUse(r), newOff(r), newStatus(r), newRefresh(r), newExec(r), newExport(r),
		newAdd(r), newImport(r), newMigrate(r), newRotate(r), newRemove(r), newClear(r), newList(r), newStore(r),
		newShow(r), newDoctor(r), newSSO(r), newWhoami(r), newHook(r), newCompletion(r), newDemo(r), newVersion(r),
	)
	addCompletionCommand(root, r)
	return root
}

func (r *run) bindGlobals(fs *pflag.FlagSet) {
	str := func(p *string, name, variable, usage string) {
		fs.StringVar(p, name, r.env[variable], usage+" ($"+variable+")")
	}
	boolFlag(fs, &r.g.debug, "debug", "", false, "show what AWS answered")
	r.g.prompt = prompts(r.env["AWS_VAULT_PROMPT"])
	fs.Var(&r.g.prompt, "prompt", "how to ask for MFA codes, in order: "+strings.Join(mfa.Drivers(), ",")+" ($AWS_VAULT_PROMPT)")
	o := &r.g.store
	str(&o.Backend, "backend", "AWS_VAULT_BACKEND", "keyring to use")
	str(&o.KeychainName, "keychain", "AWS_VAULT_KEYCHAIN_NAME", "name of the macOS keychain")
	str(&o.Collection, "secret-service-collection", "AWS_VAULT_SECRET_SERVICE_COLLECTION_NAME", "collection of the Secret Service")
	str(&o.PassDir, "pass-dir", "AWS_VAULT_PASS_PASSWORD_STORE_DIR", "directory of pass")
	str(&o.PassCmd, "pass-cmd", "AWS_VAULT_PASS_CMD", "the pass program")
	str(&o.PassPrefix, "pass-prefix", "AWS_VAULT_PASS_PREFIX", "prefix of the names in pass")
	str(&o.FileDir, "file-dir", "AWS_VAULT_FILE_DIR", "directory of the file back end")
	str(&o.AgeDir, "age-dir", "AWS_VAULT_AGE_DIR", "directory of the age back end")
	str(&o.AgeIdentity, "age-identity", "AWS_VAULT_AGE_IDENTITY", "file with the age identity that decrypts")
	str(&o.Helper, "helper", "AWS_VAULT_HELPER", "NAME of the program docker-credential-NAME")
}

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

// durationFlag takes Go's notation, as AWS Vault does, or a plain number of seconds.
func durationFlag(fs *pflag.FlagSet, p *time.Duration, name, short, usage string) {
	fs.VarP((*duration)(p), name, short, usage)
}

type duration time.Duration

func (d *duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}
func (d *duration) Type() string { return "duration" }
func (d *duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil {
		v, err = time.ParseDuration(s + "s")
	}
	if err != nil || v < 0 {
		return errors.New("write it like 45m, 1h30m, or in seconds")
	}
	*d = duration(v)
	return nil
}

// usageError is a command line that cannot be understood: exit status 2.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(c *cobra.Command, err error) error {
	return &usageError{command: c.CommandPath(), err: err}
}

// args wraps a cobra check of positional arguments into a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, a []string) error {
		if err := check(c, a); err != nil {
			return usage(c, err)
		}
		return nil
	}
}

// valueFlags lists the global flags that take the next word, for the hooks.
func valueFlags(root *cobra.Command) []string {
	var names []string
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.NoOptDefVal == "" {
			names = append(names, "--"+f.Name)
		}
	})
	return names
}
