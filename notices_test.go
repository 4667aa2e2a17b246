package main

// This file compares THIRD_PARTY_NOTICES with the modules that are linked into the
// program, and with the licenses that come with them.

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// linkedModules returns where the source of each module is that is linked into the
// program on some system, by "PATH VERSION".
func linkedModules(t *testing.T) map[string]string {
	t.Helper()
	dirs, err := findLinked()
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

var findLinked = sync.OnceValues(func() (map[string]string, error) {
	dirs := map[string]string{}
	for _, target := range []string{"linux 0", "darwin 0", "darwin 1", "windows 0"} {
		system, cgo, _ := strings.Cut(target, " ")
		list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", ".")
		list.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED="+cgo)
		var errs strings.Builder
		list.Stderr = &errs
		out, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w\n%s", system, err, errs.String())
		}
		for line := range strings.Lines(string(out)) {
			if name, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
				dirs[name] = dir
			}
		}
	}
	return dirs, nil
})

// notices returns the sections of the file, by "PATH VERSION".
func notices(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("THIRD_PARTY_NOTICES")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(text), strings.Repeat("-", 80)+"\n")[1:] {
		name, body, _ := strings.Cut(s, "\n")
		sections[name] = body
	}
	return sections
}

func TestEveryLinkedModuleHasItsNoticeAndNoOther(t *testing.T) {
	linked, noticed := linkedModules(t), notices(t)
	for _, name := range slices.Sorted(maps.Keys(linked)) {
		if _, ok := noticed[name]; !ok {
			t.Errorf("THIRD_PARTY_NOTICES has no section %q", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(noticed)) {
		if _, ok := linked[name]; !ok {
			t.Errorf("THIRD_PARTY_NOTICES has a section %q, and no build has that module", name)
		}
	}
	if len(linked) < 20 {
		t.Errorf("only %d modules were found", len(linked))
	}
}

// sameRE finds a reference to another module's license.
var sameRE = regexp.MustCompile(`\(([^:()]+): as for (\S+)\)`)

func TestEveryNoticeIsTheLicenseThatComesWithTheModule(t *testing.T) {
	linked, noticed := linkedModules(t), notices(t)
	for name, body := range noticed {
		dir := linked[name]
		if dir == "" {
			continue // TestEveryLinkedModuleHasItsNoticeAndNoOther reports it
		}
		for _, file := range licenses(t, dir) {
			if whole := words(t, file); !strings.Contains(wordsOf(body), whole) && !refers(t, body, filepath.Base(file), whole, linked) {
				t.Errorf("the section %q has not the text of %s", name, filepath.Base(file))
			}
		}
	}
}

// licenses are the files at the top of a module that its license may be in.
func licenses(t *testing.T, dir string) (files []string) {
	t.Helper()
	for _, pattern := range []string{"LICEN[SC]E*", "COPYING*", "NOTICE*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Errorf("%s has no license", dir)
	}
	return files
}

// refers reports whether a section names another module whose license has the same text.
func refers(t *testing.T, body, file, whole string, linked map[string]string) bool {
	t.Helper()
	for _, m := range sameRE.FindAllStringSubmatch(body, -1) {
		for name, dir := range linked {
			if m[1] == file && strings.HasPrefix(name, m[2]+" ") {
				return slices.ContainsFunc(licenses(t, dir), func(f string) bool { return words(t, f) == whole })
			}
		}
	}
	return false
}

func words(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return wordsOf(string(text))
}

// wordsOf is a text whose lines may be broken in other places.
func wordsOf(text string) string { return strings.Join(strings.Fields(text), " ") }
