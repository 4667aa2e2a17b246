// Package creds holds the two values that every other package passes around: a
// Secret and a Session. It does no I/O and imports no other package of this module.
package creds

import (
	"crypto/subtle"
	"fmt"
	"io"
)

// Secret is text that must not be printed. However it is formatted, alone or
// inside a struct, with any verb, it shows "[redacted]": it holds a pointer and
// formats itself, so there is nothing for fmt, JSON or a debugger's %v to reach.
//
// The zero value is the empty secret. Secrets are immutable and safe for
// concurrent use. They cannot be compared with ==; use Equal.
type Secret struct {
	_ [0]func() // makes == a compile error
	p *string
}

const redacted = "[redacted]"

// New wraps s. The caller should hold no other copy for longer than needed.
func New(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{p: &s}
}

// Reveal returns the text itself. Every call of it is a place where a secret
// leaves the program's hands: rendering shell code, a child's environment, a
// server's reply, signing a request, writing to a keyring.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.p == nil }

// Equal compares in time that depends on the lengths only.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// Format implements fmt.Formatter for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String implements fmt.Stringer for callers that bypass fmt.
func (s Secret) String() string { return redacted }

// MarshalText keeps a secret out of JSON and other encodings of a struct that
// happens to hold one. Code that must write it says Reveal.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
