package shells

import "strings"

// fish reads two escapes inside single quotes: a backslash and the quote.
var fishQuotes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// fishLanguage sets and removes globals only: a universal variable would reach every
// other session, and outlive this one; one that the user has is the user's.
var fishLanguage = Language{
	quote:    func(s string) string { return "'" + fishQuotes.Replace(s) + "'" },
	assign:   func(name, quoted string) string { return "set -gx " + name + " " + quoted },
	unset:    func(name string) string { return "set -eg " + name },
	call:     callWithSpaces,
	ReadWord: func(typed string) Word { return readWord(typed, true) },
}

var fish = Shell{
	Name:      "fish",
	Title:     "fish",
	Extension: "fish",

	Language: fishLanguage,
	Hook:     fishLanguage,
	Channel:  Descriptor3,
	Complete: CompleteStyle{Words: LastWordAsTyped, Candidates: CandidateTab},

	StartFiles: func(p Places) []string { return []string{p.config("fish", "config.fish")} },
	StartDirs:  func(p Places) []string { return []string{p.config("fish", "conf.d")} },
	StartFile:  "~/.config/fish/config.fish",
	HookFiles: func(p Places, _ func(string) (string, bool)) []HookFile {
		return []HookFile{{Path: p.config("fish", "conf.d", "vault.fish"), Guard: "status is-interactive; and @", Early: true}}
	},
	HistoryFiles: func(p Places) []string { return []string{p.data("fish", "fish_history")} },

	Load: "@ | source",

	Least:         Version{3, 6},
	VersionArgs:   []string{"--version"},
	BeforeCommand: BeforeCommand{Since: Version{3, 6}},

	Print:       "echo $@",
	Interactive: func(string) []string { return []string{"-i"} },
	DemoStart:   "set -g fish_greeting\nfunction fish_prompt; echo -n 'demo> '; end\n",
}
