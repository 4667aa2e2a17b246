package shells

var bash = Shell{
	Name:      "bash",
	Title:     "bash",
	Extension: "bash",

	Language: posix,
	Hook:     posix,
	Channel:  Descriptor3,
	Complete: CompleteStyle{Words: WordsAsTyped, Candidates: CandidateInsert},

	StartFiles: bashStartFiles,
	StartDirs:  noFiles,
	StartFile:  "~/.bashrc",
	HistoryFiles: func(p Places) []string {
		return append(p.histfile(), p.home(".bash_history"))
	},

	Load:     `eval "$(@)"`,
	HookList: "PROMPT_COMMAND",

	Least:         Version{3, 2},
	VersionArgs:   []string{"--version"},
	BeforeCommand: BeforeCommand{Since: Version{5, 3}, Helpers: []string{"bash-preexec", "ble.sh"}},

	Print:       "echo $@",
	Interactive: func(file string) []string { return []string{"--noprofile", "--rcfile", file, "-i"} },
	DemoStart:   "PS1='demo> '\n",
}

// bashStartFiles puts the file first that a terminal's shell reads: those of macOS are
// login shells, which do not read ~/.bashrc.
func bashStartFiles(p Places) []string {
	names := []string{".bashrc", ".bash_profile", ".bash_login", ".profile", ".bash_aliases"}
	if p.OS == "darwin" {
		names = []string{".bash_profile", ".bash_login", ".profile", ".bashrc", ".bash_aliases"}
	}
	var files []string
	for _, name := range names {
		files = append(files, p.home(name))
	}
	return files
}
