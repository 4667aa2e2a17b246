package profiles

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file adds a section to a config file, at its end. It changes no other line.

// ExistsError: there is already a section for the profile.
type ExistsError struct {
	Name string
	File string
	Line int
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("profile %q is already in %s", e.Name, place(e.File, e.Line))
}

// AppendProfile adds a section to a config file. What was in the file stays as it is, byte
// for byte; a missing file is made. Names and values that a section cannot contain are
// refused before anything is written. See atomicfile.Write for the rest.
func AppendProfile(path, name string, settings []Setting) error {
	old, err := ReadFile(path)
	if err != nil {
		return fmt.Errorf("add profile %q: %w", name, err)
	}
	text, err := appendSection(path, old, name, settings)
	if err != nil {
		return err
	}
	if err := rewrite(path, old, text); err != nil {
		return fmt.Errorf("add profile %q: %w", name, err)
	}
	return nil
}

// appendSection returns the new text of a file. It parses that text to make sure that the
// profile has these settings and that nothing else has changed.
func appendSection(path string, old []byte, name string, settings []Setting) ([]byte, error) {
	before := Parse(path, old)
	if at, ok := before.find(profileSection, name); ok {
		return nil, &ExistsError{Name: name, File: path, Line: before.line(&before.sections[at])}
	}
	if why := notText(string(old)); why != "" {
		return nil, fmt.Errorf("add profile %q to %s: %s", name, path, why)
	}
	section, err := renderSection(name, settings)
	if err != nil {
		return nil, err
	}
	text := join(old, section)
	after := Parse(path, text)
	if !slices.Equal(after.namesOf(profileSection), append(before.Names(), name)) ||
		len(after.damaged()) != len(before.damaged()) || !after.holds(name, settings) {
		return nil, fmt.Errorf("add profile %q to %s: the file would have another meaning after that", name, path)
	}
	return text, nil
}

// holds reports whether the section of a profile has exactly these settings.
func (s *Set) holds(name string, settings []Setting) bool {
	at, ok := s.find(profileSection, name)
	return ok && slices.EqualFunc(s.read(&s.sections[at]).settings, settings, func(a, b Setting) bool {
		return a.Key == b.Key && a.Value == b.Value
	})
}

// join adds a section to a text, after an empty line and with the line ends of the text.
func join(old []byte, section string) []byte {
	end := "\n"
	if i := bytes.IndexByte(old, '\n'); i > 0 && old[i-1] == '\r' {
		end = "\r\n"
	}
	text := slices.Clone(old)
	if len(old) > 0 {
		if !bytes.HasSuffix(text, []byte("\n")) {
			text = append(text, end...)
		}
		if !bytes.HasSuffix(text, []byte("\n"+end)) {
			text = append(text, end...)
		}
	}
	return append(text, strings.ReplaceAll(section, "\n", end)...)
}

// renderSection returns the text of a section.
func renderSection(name string, settings []Setting) (string, error) {
	header, err := renderHeader(name)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(header + "\n")
	for _, x := range settings {
		if why := unwritable(x); why != "" {
			return "", &ValueError{Profile: name, Key: x.Key, Value: x.Value, Why: why}
		}
		b.WriteString(x.Key + " = " + x.Value + "\n")
	}
	return b.String(), nil
}

// renderHeader returns the header of a profile. The name is quoted where a shell would need
// quotes.
func renderHeader(name string) (string, error) {
	if why := unusableName(name); why != "" {
		return "", &ValueError{Profile: name, Key: "name", Value: name, Why: why}
	}
	switch {
	case name == "default":
		return "[default]", nil
	case !strings.ContainsFunc(name, isSpace) && !strings.ContainsAny(name, wordSpecial):
		return "[profile " + name + "]", nil
	case !strings.ContainsAny(name, `"\`):
		return `[profile "` + name + `"]`, nil
	case !strings.Contains(name, "'"):
		return "[profile '" + name + "']", nil
	}
	return `[profile "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"]`, nil
}

// unusableName says why a header cannot contain a name, "" if it can.
func unusableName(name string) string {
	switch {
	case name == "":
		return "the name of a profile cannot be empty"
	case !utf8.ValidString(name):
		return "the name of a profile must be UTF-8 text"
	case strings.ContainsFunc(name, breaksLine):
		return "the name of a profile must be one line without control characters"
	case strings.ContainsRune(name, ']'):
		return "the name of a profile cannot contain a ]"
	}
	return ""
}

func breaksLine(r rune) bool { return unicode.IsControl(r) || r == 0x2028 || r == 0x2029 }

// unwritable says why a section cannot contain a setting, "" if it can.
func unwritable(x Setting) string {
	switch {
	case x.Key == "" || strings.Trim(x.Key, "abcdefghijklmnopqrstuvwxyz0123456789_") != "":
		return "a key must consist of lower-case letters, digits and _"
	case !utf8.ValidString(x.Value):
		return "a value must be UTF-8 text"
	case strings.ContainsFunc(x.Value, breaksLine):
		return "a value must be one line without control characters"
	case trimSpace(x.Value) != x.Value:
		return "a value cannot begin or end with white space"
	}
	return ""
}
