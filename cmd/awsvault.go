package cmd

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/completions"
	"github.com/d44b7504/vault/shells"
)

// This file has the flags of AWS Vault's own command that every program of its kind has.

const completionFlag = "completion-script-"

// bindAWSVault adds them to the root, hidden.
func bindAWSVault(root *cobra.Command) {
	for _, name := range [...]string{"help-long", completionFlag + "bash", completionFlag + "zsh"} {
		root.Flags().Bool(name, false, "")
		_ = root.Flags().MarkHidden(name)
	}
}

// completionAsked is the shell whose completion script a line of AWS Vault's documents asks for,
// "" for none.
func completionAsked(root *cobra.Command) (shell string) {
	for _, name := range [...]string{"bash", "zsh"} {
		if asked, _ := root.Flags().GetBool(completionFlag + name); asked {
			return name
		}
	}
	return ""
}

// printCompletion prints the completion script of a shell. name is that of the command to
// complete, "" for the program's.
func printCompletion(r *run, c *cobra.Command, shell, name string) error {
	sh, err := shells.For(strings.TrimSpace(shell))
	if err != nil {
		return usage(c, err)
	}
	text, err := completions.Script(sh, completions.Options{Binary: r.Program, Name: name})
	if err != nil {
		return usage(c, err)
	}
	_, err = io.WriteString(r.Stdout, text)
	return err
}
