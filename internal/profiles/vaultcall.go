package profiles

import (
	"runtime"
	"slices"
	"strings"
)

// This file recognizes a credential_process that is this program, or AWS Vault, whose way to
// give credentials to the AWS tools that is. Such a line is not a source: it says that the
// AWS tools get from vault what vault makes of a profile.

// vaultCall is a command that prints the credentials of a profile.
type vaultCall struct {
	profile string
	plain   bool // no flag changes which credentials these are
}

// vaultPrograms are the names under which the program is installed, and AWS Vault's.
var vaultPrograms = []string{"vault", "aws-vault"}

// vaultCommand reads a command line by the rules of the system; false for one that is something else.
func vaultCommand(command string, windows bool) (vaultCall, bool) {
	words, ok := commandWords(command, windows)
	if !ok || !slices.Contains(vaultPrograms, programName(words[0])) {
		return vaultCall{}, false
	}
	return vaultArguments(words[1:])
}

// programName is the name of a program without its directory and without .exe.
func programName(word string) string {
	word = strings.ToLower(word[strings.LastIndexAny(word, `/\`)+1:])
	return strings.TrimSuffix(word, ".exe")
}

// vaultArguments reads the words after the program. Only export and exec print credentials,
// and exec only with --json.
func vaultArguments(words []string) (call vaultCall, ok bool) {
	call.plain = true
	command, json := "", false
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch name, value, joined := strings.Cut(word, "="); {
		case word == "--":
			return call, false // a program is run
		case name == "--json" || word == "-j":
			json = true
		case strings.HasPrefix(word, "-") && !joined && takesValue(word) && i+1 < len(words):
			i++
			json = json || name == "--format" && words[i] == "json"
			call.plain = call.plain && isNeutral(name)
		case strings.HasPrefix(word, "-"):
			json = json || name == "--format" && value == "json"
			call.plain = call.plain && isNeutral(name)
		case command == "":
			command = word
		case call.profile == "":
			call.profile = word
		default:
			return call, false
		}
	}
	return call, json && call.profile != "" && (command == "export" || command == "exec")
}

// neutralFlags do not change which credentials are printed. Of them, the first few have a
// value.
var neutralFlags = []string{"--format", "--prompt", "--debug", "--no-color", "--json"}

func isNeutral(flag string) bool { return slices.Contains(neutralFlags, flag) }

// takesValue reports whether the word after a flag is its value. Both programs have few
// flags without one.
func takesValue(flag string) bool {
	return !slices.Contains([]string{
		"--debug", "--no-color", "--json", "--no-session", "-n", "--server", "-s", "--ecs-server", "--ec2-server", "--lazy",
		"--biometrics", "--refresh", "--read-only", "--stdout",
	}, flag)
}

// vaultCall returns what a profile's credential_process asks vault for; false when it is
// another program.
func (v *view) vaultCall() (vaultCall, bool) {
	e, ok := v.find("credential_process")
	if !ok {
		return vaultCall{}, false
	}
	return vaultCommand(e.Value, runtime.GOOS == "windows")
}

// runsItself reports whether a profile's credential_process asks vault for the profile
// itself. What vault then prints is what the profile means without that line.
func (v *view) runsItself() bool {
	call, ok := v.vaultCall()
	return ok && call.profile == v.name
}
