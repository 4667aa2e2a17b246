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

// completeProfile offers the profiles for the first argument, with what each is. It looks
// at the config file line by line and opens no keyring.
func completeProfile(r *run) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return profileCandidates(r, word), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeProfiles offers the profiles that are not on the line yet.
func completeProfiles(r *run) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return withoutNames(profileCandidates(r, word), args), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeStored offers those among them whose own key may be stored, as far as the config
// file tells; which keys there are, the keyring would have to be opened for.
func completeStored(r *run) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		list := slices.DeleteFunc(withoutNames(profileCandidates(r, word), args), func(c cobra.Completion) bool {
			_, what, described := strings.Cut(c, "\t")
			return described && what != profiles.StoredKey && what != profiles.SharedSettings
		})
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// profileCandidates lists the profiles that word may become, and more where that is faster.
func profileCandidates(r *run, word string) []cobra.Completion {
	data, err := profiles.ReadFile(r.task.Env.ConfigFile())
	if err != nil {
		return nil
	}
	more := credentialsProfiles(r)
	if data = sectionsOf(data, word); len(data) > describable {
		return withNames(profiles.ScanNames(data), more)
	}
	var list []cobra.Completion
	for _, s := range profiles.JoinSummaries(profiles.ScanSummaries(data), more) {
		if !strings.Contains(s.Name, "\t") { // a TAB would end the name
			list = append(list, cobra.CompletionWithDesc(s.Name, s.Description))
		}
	}
	return list
}

// credentialsProfiles lists the profiles of the credentials file; none where it cannot be read.
func credentialsProfiles(r *run) []profiles.Summary {
	data, err := profiles.ReadCredentials(r.task.Env.CredentialsFile())
	if err != nil {
		return nil
	}
	return profiles.ScanCredentials(data)
}

// withNames adds the names that are not in a list yet.
func withNames(list []string, more []profiles.Summary) []string {
	for _, s := range more {
		if !slices.Contains(list, s.Name) {
			list = append(list, s.Name)
		}
	}
	return list
}

func withoutNames(list []cobra.Completion, names []string) []cobra.Completion {
	return slices.DeleteFunc(list, func(c cobra.Completion) bool {
		name, _, _ := strings.Cut(c, "\t")
		return slices.Contains(names, name)
	})
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

func completeSessions(r *run) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		data, err := profiles.ReadFile(r.task.Env.ConfigFile())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return profiles.Parse("", data).SSOSessions(), cobra.ShellCompDirectiveNoFileComp
	}
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
