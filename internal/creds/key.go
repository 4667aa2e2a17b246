package creds

import (
	"errors"
	"strings"
)

// Why a pair is not one to keep. NewKey's errors match one of them.
var (
	errIncomplete = errors.New("the access key id or the secret is empty")
	ErrTemporary  = errors.New("this is a temporary key (ASIA…); only the key of an IAM user is worth storing")
	ErrMalformed  = errors.New("this is not what an access key looks like: there is more in it than AWS gives out")
)

// NewKey makes a key of what a person typed or a file holds, white space around it
// aside. It refuses what AWS never gives out, so that a slip of the hand or a comment
// behind the key is found before anything is stored. Whether AWS knows the key it
// cannot say.
func NewKey(id, secret string) (Key, error) {
	id, secret = strings.TrimSpace(id), strings.TrimSpace(secret)
	switch {
	case id == "" || secret == "":
		return Key{}, errIncomplete
	case strings.HasPrefix(id, "ASIA"):
		return Key{}, ErrTemporary
	case strings.ContainsFunc(id, func(c rune) bool { return !wordRune(c) }), strings.ContainsFunc(secret, func(c rune) bool { return c <= ' ' || c > '~' }):
		return Key{}, ErrMalformed
	}
	return Key{ID: id, Secret: New(secret)}, nil
}

func wordRune(c rune) bool {
	return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// Equal compares both halves.
func (k Key) Equal(o Key) bool { return k.ID == o.ID && k.Secret.Equal(o.Secret) }

// Tail is what may be shown of the key's id: its last four characters.
func (k Key) Tail() string { return Tail(k.ID) }

// Tail is what may be shown of the id of a key: "…WXYZ".
func Tail(id string) string { return "…" + Last4(id) }

// Last4 is what people know a key's id by.
func Last4(id string) string { return id[max(0, len(id)-4):] }
