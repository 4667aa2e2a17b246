package cmd

// This file offers words for TAB: what the arguments and flags of the commands may be.
// Nothing here opens a keyring or makes a call.

import (
	"bytes"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/shells"
)

// describable is how much config file is read for more than names: about 2,000
// profiles. Nobody reads a longer list; a few typed letters make it shorter.
const describable = 256 << 10

// completeProfile offers the profiles, with what each is. It looks at the config file
// line by line and opens no keyring.
func (r *run) completeProfile(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	data, err := profiles.ReadFile(r.task.Env.ConfigFile())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if data = sectionsOf(data, word); len(data) > describable {
		return profiles.ScanNames(data), cobra.ShellCompDirectiveNoFileComp
	}
	var list []cobra.Completion
	for _, s := range profiles.ScanSummaries(data) {
		if !strings.Contains(s.Name, "\t") { // a TAB would end the name
			list = append(list, cobra.CompletionWithDesc(s.Name, s.Description))
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// completeProfiles offers the profiles that are not on the line yet.
func (r *run) completeProfiles(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	list, d := r.completeProfile(c, nil, word)
	return slices.DeleteFunc(list, func(x cobra.Completion) bool {
		name, _, _ := strings.Cut(x, "\t")
		return slices.Contains(args, name)
	}), d
}

// completeStored offers those among them that stand on a key of their own, as far as
// the config file tells; which keys there are, the keyring would have to be opened for.
func (r *run) completeStored(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	list, d := r.completeProfiles(c, args, word)
	return slices.DeleteFunc(list, func(x cobra.Completion) bool {
		_, what, described := strings.Cut(x, "\t")
		return described && what != profiles.StoredKey
	}), d
}

// sectionsOf leaves out, with a look at the headers alone, the sections of a config
// file whose names surely do not begin with word; none if that would leave nothing.
func sectionsOf(data []byte, word string) []byte {
	if word == "" || len(data) < describable {
		return data
	}
	var kept []byte
	start := []byte(" " + word)
	for rest := data; len(rest) > 0; {
		section := rest
		if end := bytes.Index(rest[1:], []byte("\n[")); end >= 0 {
			section = rest[:end+2]
		}
		rest = rest[len(section):]
		header, _, _ := bytes.Cut(section, []byte("\n"))
		if bytes.Contains(header, start) || bytes.ContainsAny(header, "\t\"'\\") || bytes.HasPrefix(header, []byte("[default]")) {
			kept = append(kept, section...)
		}
	}
	if !slices.ContainsFunc(profiles.ScanNames(kept), func(n string) bool { return strings.HasPrefix(n, word) }) {
		return data
	}
	return kept
}

func completeRegions(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var list []cobra.Completion
	for _, g := range profiles.Regions() {
		list = append(list, cobra.CompletionWithDesc(g.Name, g.Description))
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

func completeShells(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return append([]cobra.Completion(nil), shells.Names()...), cobra.ShellCompDirectiveNoFileComp
}

func completeFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

func completeDirs(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// fixed offers a few words.
func fixed(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// completePrompts completes the last name of a list with those that are not in it.
func completePrompts(_ *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before := word[:strings.LastIndexByte(word, ',')+1]
	used := strings.Split(before, ",")
	var list []cobra.Completion
	for _, name := range mfa.Drivers() {
		if !slices.Contains(used, name) {
			list = append(list, before+name)
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}
