package store

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
)

// Names are the names of the items in a store, by kind. The name alone says what an item
// is.
type Names struct {
	Keys     []string // long-lived keys
	Hidden   int      // how many more keys there are, whose names are encrypted
	Sessions []string // cached sessions
	Tokens   []string // sign-ins to Identity Center
	AWSVault []string // sessions and sign-ins that AWS Vault has cached
	Staged   []string // keys of a rotation that is not finished: they exist nowhere else
}

// Rotating reports whether the rotation of a profile's key is not finished.
func (n Names) Rotating(profile string) bool {
	return slices.ContainsFunc(n.Staged, func(name string) bool {
		return strings.HasPrefix(name, stagedPrefix+digest(profile)+",")
	})
}

// ReadNames lists the items of a store. It decrypts nothing and asks nothing. guesses is
// called only where the back end hides names: of these names it returns those that have a
// key, and of the other keys the number. Any other store it lists once.
//
// An item that is in none of the lists was made by a later version of this program, and must
// not be touched.
func ReadNames(ctx context.Context, s Store, guesses func() []string) (Names, error) {
	if b := hiding(s); b != nil {
		return readHidden(ctx, b, guesses())
	}
	var n Names
	all, err := s.List(ctx, "")
	for _, name := range all {
		switch kindOf(name) {
		case SessionItem:
			n.Sessions = append(n.Sessions, name)
		case SignInItem:
			n.Tokens = append(n.Tokens, name)
		case StagedItem:
			n.Staged = append(n.Staged, name)
		case AWSVaultItem:
			n.AWSVault = append(n.AWSVault, name)
		case KeyItem:
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
	n.Staged, err = s.List(ctx, stagedPrefix)
	return n, err
}

// AWSVaultOf returns what AWS Vault has cached for one profile and for the sign-in at one
// start URL. Items of AWS Vault before version 5 have other names and are not found; they
// expired years ago.
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

// awsVaultProfile returns the profile in the name of a session that AWS Vault has cached.
func awsVaultProfile(name string) (string, bool) {
	if !isAWSVaultSession(name) {
		return "", false
	}
	of, err := base64.RawURLEncoding.DecodeString(strings.Split(name, ",")[1])
	return string(of), err == nil
}

// DeleteAll deletes items and returns how many it has deleted. An item that is missing, or
// that another program has stored under such a name, is not an error; the first error ends
// it.
func DeleteAll(ctx context.Context, s Store, names []string) (int, error) {
	deleted := 0
	for _, name := range names {
		var foreign *ForeignError
		switch err := s.Delete(ctx, name); {
		case err == nil:
			deleted++
		case errors.As(err, &foreign) && foreign.Err == nil:
		case !errors.Is(err, ErrNotFound):
			return deleted, err
		}
	}
	return deleted, nil
}

// Counts is how many cached sessions each profile has.
type Counts map[[digestSize]byte]int

// CountSessions counts Sessions by profile.
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

// Of returns how many sessions a profile has.
func (c Counts) Of(profile string) int {
	if len(c) == 0 {
		return 0
	}
	return c[digestBytes(profile)]
}
