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
	fs.Var((*promptList)(&r.task.MFAPrompts), "prompt", "how to ask for MFA codes, in order: "+strings.Join(mfa.Drivers(), ", ")+" ($AWS_VAULT_PROMPT)")
	str(&r.task.Store.Backend, "backend", "AWS_VAULT_BACKEND", "keyring to use")
	for _, s := range store.Settings() {
		str(s.Value(&r.task.Store), s.Flag, s.Variable, s.Usage)
	}
}

func completeGlobals(root *cobra.Command) {
	_ = root.RegisterFlagCompletionFunc("backend", fixed(store.Backends()...))
	_ = root.RegisterFlagCompletionFunc("prompt", completePrompts)
	for _, s := range store.Settings() {
		switch s.Kind {
		case store.Folder, store.OwnFolder:
			_ = root.RegisterFlagCompletionFunc(s.Flag, completeDirs)
		case store.File:
			_ = root.RegisterFlagCompletionFunc(s.Flag, completeFiles)
		}
	}
}

// promptList is a list of drivers as --prompt takes it. What the variable says is looked at
// when a code may be needed: a typo there is no reason not to list profiles.
type promptList string

func (p *promptList) String() string { return string(*p) }
func (p *promptList) Type() string   { return "list" }
func (p *promptList) Set(s string) error {
	_, err := mfa.Parse(s)
	*p = promptList(s)
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
