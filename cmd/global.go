package cmd

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/store"
)

// This file has the flags that every command takes. Names and variables are AWS Vault's.

func bindGlobals(root *cobra.Command, r *run) {
	fs := root.PersistentFlags()
	str := func(p *string, name, variable, usage string) {
		fs.StringVar(p, name, r.getenv(variable), usage+" ($"+variable+")")
	}
	boolFlag(fs, &r.debug, "debug", "", false, "show what AWS answered")
	r.task.MFAPrompts = r.getenv("AWS_VAULT_PROMPT")
	fs.Var((*prompts)(&r.task.MFAPrompts), "prompt", "how to ask for MFA codes, in order: "+strings.Join(mfa.Drivers(), ",")+" ($AWS_VAULT_PROMPT)")
	o := &r.task.Store
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
	completeGlobals(root)
}

func completeGlobals(root *cobra.Command) {
	_ = root.RegisterFlagCompletionFunc("backend", fixed(store.Backends()...))
	_ = root.RegisterFlagCompletionFunc("prompt", completePrompts)
	_ = root.RegisterFlagCompletionFunc("file-dir", completeDirs)
	_ = root.RegisterFlagCompletionFunc("pass-dir", completeDirs)
	_ = root.RegisterFlagCompletionFunc("age-dir", completeDirs)
	_ = root.RegisterFlagCompletionFunc("age-identity", completeFiles)
}

// prompts is a list of drivers as --prompt takes it. What the variable says is looked at
// when a code may be needed: a typo there is no reason not to list profiles.
type prompts string

func (p *prompts) String() string { return string(*p) }
func (p *prompts) Type() string   { return "list" }
func (p *prompts) Set(s string) error {
	_, err := mfa.Parse(s)
	*p = prompts(s)
	return err
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
