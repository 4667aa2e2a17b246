package profiles

import (
	"fmt"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/creds"
)

// This file removes keys from a file. It removes whole lines: those of the two settings and,
// in a credentials file, the header of a section that has no other settings. Every other
// byte stays.

// Edit is a change of a KeyFile that was planned. Write makes it.
type Edit struct {
	file  *KeyFile
	text  []byte
	taken []Plain
	added strings.Builder
	lines []string // those that are removed, without secrets
}

// Edit returns an Edit that changes nothing yet.
func (f *KeyFile) Edit() *Edit { return &Edit{file: f, text: f.data} }

// Remove removes the keys of some profiles. They must be from Keys, without an Err. In a
// config file the headers of the sections stay, because they make the profiles.
func (e *Edit) Remove(keys []Plain) error {
	if len(keys) == 0 {
		return nil
	}
	set := e.file.parse(e.text)
	gone := map[int]string{}
	for _, p := range keys {
		e.file.linesOf(set, p, gone)
	}
	bare := map[int]string{}
	if e.file.credentials {
		bare = emptied(string(e.text), gone)
	}
	text := without(e.text, gone, bare)
	if !e.file.lacks(e.text, text, keys) {
		// Without the header, an indented line below it may continue a line above it.
		bare = nil
		if text = without(e.text, gone, bare); !e.file.lacks(e.text, text, keys) {
			return fmt.Errorf("remove the keys from %s: the file would have another meaning after that", e.file.Path)
		}
	}
	for at := range strings.Count(unixLines(string(e.text)), "\n") + 1 {
		if line := gone[at+1] + bare[at+1]; line != "" {
			e.lines = append(e.lines, line)
		}
	}
	e.text, e.taken = text, keys
	return nil
}

// Append adds a section to a config file. It is an error if there is one already.
func (e *Edit) Append(profile string, settings []Setting) error {
	text, err := appendSection(e.file.Path, e.text, profile, settings)
	if err != nil {
		return err
	}
	section, err := renderSection(profile, settings)
	if err != nil {
		return err
	}
	e.text = text
	e.added.WriteString(section)
	return nil
}

// Empty reports that there is nothing to write.
func (e *Edit) Empty() bool { return len(e.lines) == 0 && e.added.Len() == 0 }

// Diff returns the change as text: removed lines with "-", added ones with "+". Of a key it
// has only the end of the id.
func (e *Edit) Diff() string {
	var b strings.Builder
	for _, line := range e.lines {
		b.WriteString("-" + line + "\n")
	}
	for line := range strings.Lines(e.added.String()) {
		b.WriteString("+" + line)
	}
	return b.String()
}

// Write makes the change; see atomicfile.Write. If another program has changed the file
// since it was read, nothing is written and the error is a *ChangedError. Of two processes
// that do this at the same moment, one may undo the change of the other: the caller must
// hold a lock.
func (e *Edit) Write() error {
	if e.Empty() {
		return nil
	}
	return rewrite(e.file.Path, e.file.data, e.text)
}

// linesOf adds the lines of a profile's key to gone, with what may be shown of each.
func (f *KeyFile) linesOf(set *Set, p Plain, gone map[int]string) {
	at, _ := set.find(profileSection, p.Profile)
	for _, x := range set.read(&set.sections[at]).settings {
		switch x.Key {
		case settingID:
			gone[x.Line] = settingID + " = " + p.Key.Tail()
		case settingSecret:
			gone[x.Line] = settingSecret + " = " + creds.Secret{}.String()
		}
	}
}

// comment is the kind of the lines that a lineReader skips.
const comment = bad + 1

// layout returns the kind of each line of a text; that of the first line is at 1.
func layout(text string) []kind {
	list := make([]kind, strings.Count(unixLines(text), "\n")+2)
	for i := range list[1:] {
		list[i+1] = comment
	}
	if strings.HasSuffix(unixLines(text), "\n") || text == "" {
		list = list[:len(list)-1]
	}
	for r := readLines(strings.TrimPrefix(text, "\ufeff")); r.next(); {
		list[r.line] = r.kind
	}
	return list
}

// emptied finds the lines of sections that are empty once the lines in gone are removed:
// the header and the blank lines below it. A section with a comment stays, and so does a
// header with a comment right above it.
func emptied(text string, gone map[int]string) map[int]string {
	kinds, lines := layout(text), strings.Split(strings.TrimPrefix(unixLines(text), "\ufeff"), "\n")
	bare := map[int]string{}
	for at := 1; at < len(kinds); at++ {
		if kinds[at] != header {
			continue
		}
		end := at + 1
		for end < len(kinds) && kinds[end] != header {
			end++
		}
		about := end // comments right above the next header belong to that
		for end < len(kinds) && kinds[about-1] == comment {
			about--
		}
		if takes(kinds, gone, at, about) && trimSpace(lines[at-1]) == "["+headerText(trimSpace(lines[at-1]))+"]" {
			for i := at; i < about; i++ {
				if gone[i] == "" {
					bare[i] = strings.TrimRight(lines[i-1], " \t")
				}
			}
		}
	}
	return bare
}

// takes reports whether a section, from its header to its end, has only blank lines apart
// from those that are removed.
func takes(kinds []kind, gone map[int]string, at, end int) bool {
	any := false
	for i := at + 1; i < end; i++ {
		if gone[i] != "" {
			any = true
		} else if kinds[i] != blank {
			return false
		}
	}
	return any && kinds[at-1] != comment
}

// without returns a text without some of its lines. A byte order mark stays.
func without(text []byte, gone, bare map[int]string) []byte {
	kept := make([]byte, 0, len(text))
	rest := string(text)
	if after, marked := strings.CutPrefix(rest, "\ufeff"); marked {
		kept, rest = append(kept, "\ufeff"...), after
	}
	for number := 1; rest != ""; number++ {
		line := physicalLine(rest)
		rest = rest[len(line):]
		_, key := gone[number]
		_, head := bare[number]
		if !key && !head {
			kept = append(kept, line...)
		}
	}
	return kept
}

// physicalLine returns the first line of a text with its end: \n, \r\n or \r.
func physicalLine(s string) string {
	i := strings.IndexAny(s, "\r\n")
	switch {
	case i < 0:
		return s
	case strings.HasPrefix(s[i:], "\r\n"):
		i++
	}
	return s[:i+1]
}

// lacks parses the new text, and reports whether the keys are gone and every other setting
// is as it was, in its place.
func (f *KeyFile) lacks(old, text []byte, keys []Plain) bool {
	was, is := f.parse(old), f.parse(text)
	taken := map[string]bool{}
	for _, p := range keys {
		taken[p.Profile] = true
	}
	left := func(s *Set) (list []Setting) {
		for i := range s.sections {
			sec := &s.sections[i]
			kind, name := s.meaning(sec)
			rest := slices.Clone(s.read(sec).settings)
			if kind == profileSection && taken[name] {
				rest = slices.DeleteFunc(rest, func(x Setting) bool { return x.Key == settingID || x.Key == settingSecret })
			}
			if len(rest) == 0 && f.credentials && taken[name] {
				continue // the header may go
			}
			list = append(append(list, Setting{Key: "[", Value: fmt.Sprintf("%d %s", kind, name)}), rest...)
		}
		return append(list, s.defaults.settings...)
	}
	for _, p := range keys {
		if slices.ContainsFunc(is.Settings(p.Profile), func(x Setting) bool { return x.Key == settingID || x.Key == settingSecret }) {
			return false
		}
	}
	return len(was.damaged()) == len(is.damaged()) && slices.EqualFunc(left(was), left(is), func(a, b Setting) bool { return a.Key == b.Key && a.Value == b.Value })
}
