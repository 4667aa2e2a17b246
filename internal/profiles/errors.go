package profiles

import (
	"fmt"
	"strings"
)

// NotFoundError: a name has no section. Profile and Key say who named it, and are ""
// when the caller did.
type NotFoundError struct {
	Name    string
	Nearest []string // at most 3, best first
	Profile string
	Key     string // source_profile or include_profile
}

func (e *NotFoundError) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("no profile named %q", e.Name)
	}
	return fmt.Sprintf("no profile named %q, which is the %s of %q", e.Name, e.Key, e.Profile)
}

// LoopError: profiles name each other in a circle. Path ends with the name at which
// the circle closes.
type LoopError struct {
	Kind string // source_profile or include_profile
	Path []string
}

func (e *LoopError) Error() string {
	names := make([]string, len(e.Path))
	for i, name := range e.Path {
		names[i] = fmt.Sprintf("%q", name)
	}
	return fmt.Sprintf("%s goes in a circle: %s", e.Kind, strings.Join(names, " -> "))
}

// SyntaxError: a line of the config file cannot be read. It does not quote the line,
// which may be half of a key pair.
type SyntaxError struct {
	File string
	Line int
	Why  string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("read %s: %s", place(e.File, e.Line), e.Why)
}

// ValueError: a setting is there and its value cannot be used. File is "" when the
// value is not the file's: it is the caller's, or that of the variable Key names.
type ValueError struct {
	File    string
	Line    int
	Profile string
	Key     string
	Value   string // one line, and "" where it may hold a secret
	Why     string
}

func (e *ValueError) Error() string {
	key := e.Key
	if e.Value != "" {
		key = fmt.Sprintf("%s %q", e.Key, short(e.Value))
	}
	text := fmt.Sprintf("%s of profile %q: %s", key, e.Profile, e.Why)
	if e.File == "" {
		return text
	}
	return place(e.File, e.Line) + ": " + text
}

// ChangedError: a file is no longer what it was when the change of it was worked out.
type ChangedError struct{ File string }

func (e *ChangedError) Error() string {
	return e.File + " was changed by somebody else in the meantime; nothing was written"
}

// NoRoleError: something was asked for that only a role can have.
type NoRoleError struct {
	Profile string
	What    string
}

func (e *NoRoleError) Error() string {
	return fmt.Sprintf("profile %q assumes no role, so there is nothing a %s applies to", e.Profile, e.What)
}

// Warning is what a person should know of a profile that can be used: most often a
// setting that does nothing. File is "" when it is about none that stands there.
type Warning struct {
	File    string
	Line    int
	Profile string
	Key     string
	Why     string
}

func (w Warning) String() string {
	text := fmt.Sprintf("%s of profile %q: %s", w.Key, w.Profile, w.Why)
	if w.File == "" {
		return text
	}
	return place(w.File, w.Line) + ": " + text
}

func place(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }

// short keeps a message readable when the value is not.
func short(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
