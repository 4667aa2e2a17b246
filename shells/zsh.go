package shells

var zsh = Shell{
	Name:      "zsh",
	Title:     "zsh",
	Extension: "zsh",

	Language: posix,
	Hook:     posix,
	Channel:  Descriptor3,
	Complete: CompleteStyle{Words: WordsAsTyped, Candidates: CandidateColon},

	StartFiles: func(p Places) []string {
		return []string{p.zdotdir(".zshrc"), p.zdotdir(".zprofile"), p.zdotdir(".zshenv"), p.zdotdir(".zlogin")}
	},
	StartDirs: noFiles,
	StartFile: "~/.zshrc",
	HookFiles: func(p Places, _ func(string) (string, bool)) []HookFile {
		return []HookFile{{Path: p.zdotdir(".zshrc")}}
	},
	Where: []string{"-c", `print -r -- "` + WhereMark + `ZDOTDIR=${ZDOTDIR-}"`}, // ~/.zshenv may set it
	HistoryFiles: func(p Places) []string {
		return append(p.histfile(), p.zdotdir(".zsh_history"), p.home(".zsh_history"), p.home(".zhistory"), p.home(".history"))
	},

	Load:     `eval "$(@)"`,
	HookList: "precmd_functions",

	Least:         Version{5, 1},
	VersionArgs:   []string{"--version"},
	BeforeCommand: BeforeCommand{Since: Version{5, 1}},

	Print:       "echo $@",
	Interactive: func(string) []string { return []string{"-d", "-i"} },
	DemoStart:   "PROMPT='demo> '\nautoload -Uz compinit && compinit -u -D\n",
}
