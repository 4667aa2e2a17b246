package shells

import "strings"

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
	HookFiles:  bashHookFiles,
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

// bashHookFiles adds the file of login shells, as those of ssh and of macOS's terminals are,
// unless it mentions ~/.bashrc, which it then reads. sh and display managers read ~/.profile too.
func bashHookFiles(p Places, text func(string) (string, bool)) []HookFile {
	files := []HookFile{{Path: p.home(".bashrc")}}
	for _, name := range []string{".bash_profile", ".bash_login", ".profile"} {
		content, exists := text(p.home(name))
		switch {
		case exists && mentions(content, "bashrc"):
			return files
		case exists && name == ".profile":
			return append(files, HookFile{Path: p.home(name), Guard: `[ -z "${BASH_VERSION-}" ] || @`, Early: true})
		case exists:
			return append(files, HookFile{Path: p.home(name), Early: true})
		}
	}
	return append(files, HookFile{Path: p.home(".bash_profile"), Early: true})
}

// mentions reports whether a line that is not a comment has a word in it.
func mentions(text, word string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") && strings.Contains(line, word) {
			return true
		}
	}
	return false
}
