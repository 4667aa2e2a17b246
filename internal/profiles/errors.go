package profiles

import (
	"fmt"
	"strings"
)

// NotFoundError: there is no profile of that name. Profile and Key say where the name is
// written; they are "" when the caller gave it.
type NotFoundError struct {
	Name    string
	Nearest []string // names that may have been meant, at most three, best first
	Profile string
	Key     string // source_profile, include_profile or credential_process
	Ignored []Ignored
	Unread  []*SyntaxError // lines that cannot be read: one of them may be its header
}

// NotFound makes the error for a name that the caller gave.
func (s *Set) NotFound(name string) *NotFoundError {
	return &NotFoundError{Name: name, Nearest: near(name, s.Names()), Ignored: s.ignoredFor("profile", name), Unread: s.Problems()}
}

func (e *NotFoundError) Error() string {
	text := e.what()
	for _, x := range e.Ignored {
		text += "; " + x.what()
	}
	if len(e.Ignored) == 0 && len(e.Unread) > 0 {
		text += "; " + (&UnreadableError{e.Unread[0], e.Unread[1:]}).Error()
	}
	return text
}

func (e *NotFoundError) what() string {
	switch e.Key {
	case "":
		return fmt.Sprintf("no profile named %q", e.Name)
	case "credential_process":
		return fmt.Sprintf("no profile named %q, which the credential_process of %q asks vault for", e.Name, e.Profile)
	}
	return fmt.Sprintf("no profile named %q, which is the %s of %q", e.Name, e.Key, e.Profile)
}

// LoopError: profiles refer to each other in a loop. Path has their names; the last is
// the one that was there before.
type LoopError struct {
	Kind string // source_profile, include_profile or credential_process
	Path []string
}

func (e *LoopError) Error() string {
	names := make([]string, len(e.Path))
	for i, name := range e.Path {
		names[i] = fmt.Sprintf("%q", name)
	}
	return fmt.Sprintf("%s leads back to the same profile: %s", e.Kind, strings.Join(names, " -> "))
}

// SyntaxError: a line of the config file cannot be read. The line itself is not in it,
// because it may contain a secret.
type SyntaxError struct {
	File string
	Line int
	Why  string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("read %s: %s", place(e.File, e.Line), e.Why)
}

// UnreadableError is a SyntaxError with the other lines of the file that cannot be read.
type UnreadableError struct {
	*SyntaxError
	Others []*SyntaxError
}

func (e *UnreadableError) Unwrap() error { return e.SyntaxError }

func (e *UnreadableError) Error() string {
	const most = 20
	text := e.SyntaxError.Error()
	for i, x := range e.Others {
		if i == most {
			return text + fmt.Sprintf("; and %d more lines", len(e.Others)-most)
		}
		text += "; " + place(x.File, x.Line) + ": " + x.Why
	}
	return text
}

// unreadable adds to an error of a line the other lines of its file.
func (s *Set) unreadable(e *SyntaxError) error {
	var others []*SyntaxError
	for _, x := range s.Problems() {
		if x != e && x.File == e.File {
			others = append(others, x)
		}
	}
	if len(others) == 0 {
		return e
	}
	return &UnreadableError{e, others}
}

// ValueError: the value of a setting cannot be used. File is "" when the value does not
// come from a file: the caller gave it, or Key is an environment variable.
type ValueError struct {
	File    string
	Line    int
	Profile string
	Key     string
	Value   string // one line; "" where it may contain a secret
	Why     string
	Ignored []Warning // settings of the profile that were ignored, which may be the reason
}

func (e *ValueError) Error() string {
	text := e.what()
	for _, w := range e.Ignored {
		text += "; " + w.String()
	}
	return text
}

func (e *ValueError) what() string {
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

// ChangedError: another program has changed a file between the time when it was read and
// the time when it was to be written.
type ChangedError struct{ File string }

func (e *ChangedError) Error() string {
	return e.File + " was changed by another program in the meantime; nothing was written"
}

// NoRoleError: the caller wants something that is possible with a role only.
type NoRoleError struct {
	Profile string
	What    string
}

func (e *NoRoleError) Error() string {
	return fmt.Sprintf("profile %q does not assume a role, and a %s can be given only to a role", e.Profile, e.What)
}

// Warning is something that a person should know about a profile that can be used, such
// as a setting without effect. File is "" when it is not about a line of a file.
type Warning struct {
	File    string
	Line    int
	Profile string
	Key     string // "" when it is not about a setting
	Why     string
	Cure    string // what to write, if what was ignored may say where credentials come from
}

// Regionless reports whether it says that no region is set anywhere.
func (w Warning) Regionless() bool { return w.Key == "region" && w.File == "" }

func (w Warning) String() string {
	if w.Key == "" {
		return w.Why
	}
	text := fmt.Sprintf("%s of profile %q: %s", w.Key, w.Profile, w.Why)
	if w.File == "" {
		return text
	}
	return place(w.File, w.Line) + ": " + text
}

// place is a line of a file, in the form that editors understand.
func place(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }

// short cuts a long value for a message.
func short(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
