package store

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
)

// Names is what a store holds, told apart by the names of its items alone.
type Names struct {
	Keys     []string // long-lived keys
	Hidden   int      // more of those, whose names are encrypted
	Sessions []string // our cached sessions
	Tokens   []string // our sign-ins to Identity Center
	AWSVault []string // sessions and sign-ins that AWS Vault has cached
	Staged   []string // keys that wait for their rotation to be finished: they exist nowhere else
}

// rotationPrefix begins the names of Staged; a hash of the profile's name follows.
const rotationPrefix = "vault.rotate,"

// Rotating says that the rotation of a profile's key was not finished.
func (n Names) Rotating(profile string) bool {
	return slices.ContainsFunc(n.Staged, func(name string) bool {
		return strings.HasPrefix(name, rotationPrefix+digest(profile)+",")
	})
}

// ReadNames looks into a store once, if the store does not encrypt names. It decrypts
// nothing and asks nothing. guesses are for a store that does, and are not asked for
// otherwise: of its keys it gives those that are among them, and of the rest the number.
//
// What is in none of the lists is of a later version of ours, and not to be touched.
func ReadNames(ctx context.Context, s Store, guesses func() []string) (Names, error) {
	if b := hiding(s); b != nil {
		return readHidden(ctx, b, guesses())
	}
	var n Names
	all, err := s.List(ctx, "")
	for _, name := range all {
		switch {
		case strings.HasPrefix(name, SessionPrefix):
			n.Sessions = append(n.Sessions, name)
		case strings.HasPrefix(name, TokenPrefix):
			n.Tokens = append(n.Tokens, name)
		case strings.HasPrefix(name, rotationPrefix):
			n.Staged = append(n.Staged, name)
		case isGenerated(name):
		case transient(name):
			n.AWSVault = append(n.AWSVault, name)
		default:
			n.Keys = append(n.Keys, name)
		}
	}
	return n, err
}

func readHidden(ctx context.Context, s *bounded, guesses []string) (n Names, err error) {
	if n.Keys, n.Hidden, err = s.knownNames(ctx, guesses); err != nil {
		return n, err
	}
	if n.Sessions, err = s.List(ctx, SessionPrefix); err != nil {
		return n, err
	}
	if n.Tokens, err = s.List(ctx, TokenPrefix); err != nil {
		return n, err
	}
	n.Staged, err = s.List(ctx, rotationPrefix)
	return n, err
}

// AWSVaultOf leaves, of what AWS Vault has cached, the sessions of one profile and the
// sign-in at one start URL. Versions of it before the fifth named items in other ways;
// theirs are not found, they lapsed years ago.
func (n Names) AWSVaultOf(profile, startURL string) []string {
	var list []string
	for _, name := range n.AWSVault {
		of, isSession := awsVaultProfile(name)
		isToken := startURL != "" && strings.TrimRight(name, "#/") == "oidc:"+strings.TrimRight(startURL, "#/")
		if isToken || isSession && of == profile {
			list = append(list, name)
		}
	}
	return list
}

// awsVaultProfile is the profile in the name of a session that AWS Vault has cached.
func awsVaultProfile(name string) (string, bool) {
	if !isAWSVaultSession(name) {
		return "", false
	}
	of, err := base64.RawURLEncoding.DecodeString(strings.Split(name, ",")[1])
	return string(of), err == nil
}

// DeleteAll removes items and says how many it removed. One that is gone already is no
// error; the first error ends it.
func DeleteAll(ctx context.Context, s Store, names []string) (int, error) {
	deleted := 0
	for _, name := range names {
		switch err := s.Delete(ctx, name); {
		case err == nil:
			deleted++
		case !errors.Is(err, ErrNotFound):
			return deleted, err
		}
	}
	return deleted, nil
}

// Counts says how many of the cached sessions are whose.
type Counts map[[digestSize]byte]int

// CountSessions counts Sessions by profile, for who has many profiles to ask about.
func (n Names) CountSessions() Counts {
	c := make(Counts, len(n.Sessions))
	for _, name := range n.Sessions {
		of, _, _ := strings.Cut(strings.TrimPrefix(name, SessionPrefix), ",")
		var d [digestSize]byte
		if got, err := base64.RawURLEncoding.DecodeString(of); err == nil && len(got) == len(d) {
			copy(d[:], got)
			c[d]++
		}
	}
	return c
}

// Of is how many a profile has.
func (c Counts) Of(profile string) int {
	if len(c) == 0 {
		return 0
	}
	return c[digestBytes(profile)]
}
