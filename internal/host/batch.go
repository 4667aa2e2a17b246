package host

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// This file writes the command lines of batch files, for Windows. It has no call of the system, so that it is
// tested on all of them.
//
// A batch file is read by cmd.exe, which looks at the whole command line first, and acts on & | < > ^ and %NAME%. What
// is written for other programs is no protection: an argument could run a command of its own, with the
// credentials that the batch file is given.

// isBatch reports whether cmd.exe would read a file. Windows drops dots and spaces at the end of a name.
func isBatch(path string) bool {
	switch strings.ToLower(filepath.Ext(strings.TrimRight(path, ". "))) {
	case ".bat", ".cmd":
		return true
	}
	return false
}

// batchLine is the command line by which cmd.exe runs a batch file with exactly these arguments. The switches make
// %cd:~,% be replaced, ! stand for itself, and AutoRun in the registry be ignored.
func batchLine(path string, args []string) (string, error) {
	var line strings.Builder
	line.WriteString(`cmd.exe /e:ON /v:OFF /d /c "`)
	for i, a := range append([]string{path}, args...) {
		if i > 0 {
			line.WriteByte(' ')
		}
		if strings.ContainsAny(a, "\x00\r\n") {
			return "", errors.New("it is a batch file, and an argument of a batch file cannot have a line break")
		}
		if i == 0 && (strings.Contains(a, `"`) || strings.HasSuffix(a, `\`)) {
			return "", fmt.Errorf("%q is not the name of a file", a)
		}
		writeBatchWord(&line, a, i == 0)
	}
	line.WriteByte('"')
	return line.String(), nil
}

// writeBatchWord writes one word as both cmd.exe and the programs that a batch file hands it to understand it.
func writeBatchWord(line *strings.Builder, word string, quoted bool) {
	quoted = quoted || word == "" || strings.HasSuffix(word, `\`) || strings.ContainsFunc(word, needsQuotes)
	if quoted {
		line.WriteByte('"')
	}
	slashes := 0
	for _, c := range []byte(word) {
		switch c {
		case '"': // twice, behind twice the backslashes before it
			line.WriteString(strings.Repeat(`\`, slashes) + `"`)
		case '%': // an empty part of a variable that is always set, so that no name of a variable follows
			line.WriteString("%%cd:~,")
		}
		line.WriteByte(c)
		slashes++
		if c != '\\' {
			slashes = 0
		}
	}
	if quoted {
		line.WriteString(strings.Repeat(`\`, slashes) + `"`)
	}
}

// needsQuotes is true for whatever is not known to be harmless.
func needsQuotes(c rune) bool {
	letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	return c < 0xa0 && !letter && !strings.ContainsRune(`#$*+-./:?@\_`, c)
}

// shellLine is the command line by which cmd.exe runs a command as it is written. With /s it takes away the
// first and the last quote, and nothing else.
func shellLine(command string) string { return `cmd.exe /s /c "` + command + `"` }
