package cmd_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// misread are the beginnings of what is said of a line that cannot be understood.
var misread = regexp.MustCompile(`has no flag|there is no command|takes no argument|takes one argument|needs a value|is not a flag|unknown command`)

// linesOf are the lines for vault in some pages, each once, without the program's name.
func linesOf(pages ...string) (lines []string) {
	for _, page := range pages {
		text := string(must(os.ReadFile(page)))
		for _, m := range regexp.MustCompile("(?m)`(?:sudo )?vault ([^`\n]+)`|^    vault (.+)$").FindAllStringSubmatch(text, -1) {
			if line := m[1] + m[2]; !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// Every line for vault in the pages about its use is one that vault understands.
func TestTheLinesOfThePagesAboutUseAreUnderstood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile other]\nregion = eu-west-1\n")
	lines := linesOf("../docs/saml.md", "../docs/console.md", "../docs/keys.md", "../docs/profiles.md", "../docs/exec.md")
	if len(lines) < 30 {
		t.Errorf("only %d lines were found", len(lines))
	}
	for _, line := range lines {
		if line == "proxy" {
			continue // it would wait for those that it serves
		}
		words := strings.Fields(strings.ReplaceAll(line, "'", ""))
		r := w.vault(t, w.environ("SSH_CONNECTION=1", "AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_MAX_ATTEMPTS=1"), words...)
		if misread.MatchString(r.err) {
			t.Errorf("vault %s: %s", line, r.err)
		}
	}
}
