package shells

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// PowerShell ends a single-quoted string at any of five characters; doubling keeps each.
var pwshQuotes = strings.NewReplacer("'", "''",
	"\u2018", "\u2018\u2018", "\u2019", "\u2019\u2019", "\u201a", "\u201a\u201a", "\u201b", "\u201b\u201b")

// pwshLanguage removes a variable by assigning $null: since PowerShell 7.5 an empty
// string would leave an empty variable behind.
var pwshLanguage = Language{
	quote:  pwshQuote,
	assign: func(name, quoted string) string { return "$env:" + name + " = " + quoted },
	unset:  func(name string) string { return "$env:" + name + " = $null" },
	call:   callWithSpaces,
}

var pwsh = Shell{
	Name:      "pwsh",
	Title:     "PowerShell",
	Aliases:   []string{"powershell"}, // Windows PowerShell 5.1
	Extension: "ps1",

	Language: pwshLanguage,
	Hook:     data, // script block logging writes what PowerShell compiles into a log
	Channel:  CapturedOutput,
	Complete: CompleteStyle{Words: WordsUnquoted, Variable: true, Candidates: CandidateTab},

	StartFiles: pwshStartFiles,
	StartDirs:  noFiles,
	StartFile:  "$PROFILE",
	HookFiles: func(p Places, _ func(string) (string, bool)) []HookFile {
		return []HookFile{{Path: pwshStartFiles(p)[0], CRLF: true}}
	},
	// Windows may keep the documents in another folder.
	Where:        []string{"-NoLogo", "-NoProfile", "-NonInteractive", "-Command", `'` + WhereMark + pwshProfile + `=' + $PROFILE`},
	HistoryFiles: pwshHistoryFiles,

	Load: "Invoke-Expression (& @ | Out-String)",

	Least:       Version{5, 1},
	VersionArgs: []string{"-NoLogo", "-NoProfile", "-NonInteractive", "-Command", "$PSVersionTable.PSVersion.ToString()"},

	Print: "$env:@",
	Interactive: func(file string) []string {
		q, err := pwshLanguage.Quote(file)
		if err != nil {
			return nil // a path cannot have a NUL
		}
		return []string{"-NoLogo", "-NoProfile", "-NoExit", "-Command", ". " + q}
	},
	DemoStart: "function prompt { 'demo> ' }\n",
}

// pwshProfile is where in Places PowerShell's own $PROFILE is; no variable of the environment.
const pwshProfile = "$PROFILE"

// pwshStartFiles are the profiles for one host and for all hosts. Windows has two
// PowerShells with a folder each.
func pwshStartFiles(p Places) []string {
	dirs := []string{p.config("powershell")}
	if p.OS == "windows" {
		dirs = []string{p.home("Documents", "PowerShell"), p.home("Documents", "WindowsPowerShell")}
	}
	var files []string
	if own := p.Env[pwshProfile]; own != "" {
		files = append(files, own)
	}
	for _, dir := range dirs {
		files = append(files, filepath.Join(dir, "Microsoft.PowerShell_profile.ps1"), filepath.Join(dir, "profile.ps1"))
	}
	return files
}

func pwshHistoryFiles(p Places) []string {
	files := []string{p.data("powershell", "PSReadLine", "ConsoleHost_history.txt")}
	if roaming := p.Env["APPDATA"]; roaming != "" {
		files = append(files, filepath.Join(roaming, "Microsoft", "Windows", "PowerShell", "PSReadLine", "ConsoleHost_history.txt"))
	}
	return files
}

// pwshQuote gives pure ASCII, because Windows PowerShell reads a program's output in the
// console's code page: whatever is not ASCII is written as a UTF-16 code unit. Bytes
// that are not UTF-8 become U+FFFD; PowerShell's strings could not hold them either.
func pwshQuote(s string) string {
	if ascii(s) {
		return "'" + pwshQuotes.Replace(s) + "'"
	}
	parts := []string{"''"} // the sum is a string even when it begins with a char
	literal := func(ascii string) {
		if ascii != "" {
			parts = append(parts, "'"+pwshQuotes.Replace(ascii)+"'")
		}
	}
	start := 0
	for i, r := range s {
		if r < utf8.RuneSelf {
			continue
		}
		literal(s[start:i])
		for _, u := range utf16.Encode([]rune{r}) {
			parts = append(parts, fmt.Sprintf("[char]0x%04x", u))
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		start = i + size
	}
	literal(s[start:])
	return "(" + strings.Join(parts, "+") + ")"
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
