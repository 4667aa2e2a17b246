package cmd

import "github.com/spf13/cobra"

// This file has the flags of AWS Vault's own command that every program of its kind has.

const completionFlag = "completion-script-"

// bindAWSVault adds them to the root, hidden.
func bindAWSVault(root *cobra.Command) {
	for _, name := range [...]string{"help-long", completionFlag + "bash", completionFlag + "zsh"} {
		root.Flags().Bool(name, false, "")
		_ = root.Flags().MarkHidden(name)
	}
	// Many processes at once are safe here without asking for it.
	root.PersistentFlags().Bool("parallel-safe", false, "")
	_ = root.PersistentFlags().MarkHidden("parallel-safe")
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
