package doctor

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// This file reads what lies on the disk.

// mostRead is how much of a file is read.
const mostRead = 16 << 20

// read returns what is in a file, up to a limit, and nil when there is none that
// can be read. What is not a regular file could block for ever.
func read(path string) []byte {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	data, _ := io.ReadAll(io.LimitReader(f, mostRead))
	return data
}

// lines gives the lines of a text with their numbers from 1.
func lines(text []byte) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range strings.Lines(string(text)) {
			if n++; !yield(n, strings.TrimRight(line, "\r\n")) {
				return
			}
		}
	}
}

// literal is a path in which filepath.Glob takes every character for itself.
func literal(path string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(path)
}

// pattern is a regular expression that is compiled when it is first used, so that no other
// command pays for it at its start.
type pattern struct {
	text string
	once sync.Once
	re   *regexp.Regexp
}

func (p *pattern) get() *regexp.Regexp {
	p.once.Do(func() { p.re = regexp.MustCompile(p.text) })
	return p.re
}

// absolute drops relative paths: they mean that there is no home directory, and the current
// directory must not take its place.
func absolute(paths []string) []string {
	return slices.DeleteFunc(paths, func(p string) bool { return !filepath.IsAbs(p) })
}

// unique drops what is there twice.
func unique(names []string) []string {
	seen := make(map[string]bool, len(names))
	var list []string
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			list = append(list, n)
		}
	}
	return list
}
