package cmd

// How a person likes the finder to look is in the variables of fzf, beside what it should
// do for other programs: print more than the choice, run commands, wait, choose by itself.
// Only the options that change how it looks are used.

import (
	"io"
	"os"
	"strings"

	shellwords "github.com/junegunn/go-shellwords"
)

// lookOption reports whether an option of fzf changes how it looks and nothing else, and
// whether it takes a value: "" none, "=" always, "?" perhaps.
func lookOption(name string) (value string, known bool) {
	switch name {
	case "--no-color", "--reverse", "--no-border", "--inline-info", "--no-separator", "--no-scrollbar", "--no-bold", "--black",
		"--no-unicode", "--ambidouble", "--highlight-line", "--no-mouse", "--cycle":
		return "", true
	case "--style", "--layout", "--margin", "--padding", "--info", "--separator", "--pointer", "--marker", "--ellipsis", "--gutter":
		return "=", true
	case "--color", "--border", "--scrollbar":
		return "?", true
	}
	return "", false
}

// finderLooks is what the user's variables for fzf say of its looks. NO_COLOR goes before them.
func (r *run) finderLooks() []string {
	list := append(looksIn(finderFile(r.getenv("FZF_DEFAULT_OPTS_FILE"))), looksIn(r.getenv("FZF_DEFAULT_OPTS"))...)
	if r.getenv("NO_COLOR") != "" {
		list = append(list, "--no-color")
	}
	return list
}

// finderFile reads a file of options; one that is not plain and short has none.
func finderFile(name string) string {
	const limit = 64 << 10
	info, err := os.Stat(name)
	if name == "" || err != nil || !info.Mode().IsRegular() || info.Size() > limit {
		return ""
	}
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	text, _ := io.ReadAll(io.LimitReader(f, limit))
	return string(text)
}

// looksIn picks the options that change the looks out of a line of options. A line that
// cannot be read has none.
func looksIn(line string) (list []string) {
	parser := shellwords.NewParser()
	parser.ParseComment = true
	words, err := parser.Parse(line)
	if err != nil {
		return nil
	}
	for i, word := range words {
		name, _, joined := strings.Cut(word, "=")
		value, known := lookOption(name)
		if !known || joined && value == "" {
			continue
		}
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		isValue := next != "" && !strings.HasPrefix(next, "-") && !strings.HasPrefix(next, "+")
		switch {
		case joined || value == "":
			list = append(list, word)
		case isValue:
			list = append(list, name+"="+next)
		case value == "?":
			list = append(list, name)
		}
	}
	return list
}
