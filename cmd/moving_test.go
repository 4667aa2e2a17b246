package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// misread are the beginnings of what is said of a line that cannot be understood.
var misread = regexp.MustCompile(`has no flag|there is no command|takes no argument|takes one argument|needs a value|is not a flag|unknown command`)

// Every line for vault in the pages for those who come from another program is one that vault
// understands.
func TestTheLinesOfThePagesAboutMovingAreUnderstood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile other]\nregion = eu-west-1\n")
	pages := append(must(filepath.Glob("../docs/from-*.md")), "../docs/saml.md", "../docs/console.md", "../docs/keys.md", "../docs/profiles.md", "../docs/exec.md")
	if len(pages) != 10 {
		t.Fatalf("there are %d pages", len(pages))
	}
	var lines []string
	for _, page := range pages {
		text := string(must(os.ReadFile(page)))
		for _, m := range regexp.MustCompile("(?m)`(?:sudo )?vault ([^`\n]+)`|^    vault (.+)$").FindAllStringSubmatch(text, -1) {
			if line := m[1] + m[2]; !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) < 60 {
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
