package cmd

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/profiles"
	"github.com/d44b7504/vault/shells"
)

// completeProfile offers the profiles, with what each is. It reads the config file
// only for section headers, and opens no keyring.
func (r *run) completeProfile(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	data, err := os.ReadFile(r.configFile())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var list []cobra.Completion
	for _, s := range profiles.ScanSummaries(data) {
		list = append(list, cobra.CompletionWithDesc(s.Name, s.Description))
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

func completeRegions(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var list []cobra.Completion
	for _, g := range profiles.Regions() {
		list = append(list, cobra.CompletionWithDesc(g.Name, g.Description))
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

func completeShells(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return append([]cobra.Completion(nil), shells.Names()...), cobra.ShellCompDirectiveNoFileComp
}

func completeFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// fixed offers a few words.
func fixed(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

func addCompletionCommand(root *cobra.Command, r *run) {}
