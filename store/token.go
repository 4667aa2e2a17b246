package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// TokenPrefix begins the name of every sign-in to Identity Center. The whole name has the
// form of a session's, and is hashed too.
const TokenPrefix = "vault.token,"

// TokenName returns the name of the item that holds a sign-in, by where it was made and for
// which scopes.
func TokenName(startURL, region string, scopes []string) string {
	key := strings.Join(append([]string{startURL, region}, scopes...), "\x00")
	return TokenPrefix + digest(key) + "," + digest(region) + noExpiry
}

// Token is a sign-in to Identity Center and the registration of this program there. Either
// may be missing: a registration lasts longer than a sign-in.
type Token struct {
	StartURL, Region string // to show

	Access  creds.Secret
	Expires time.Time
	Refresh creds.Secret // empty where Identity Center gives none

	Client        string
	ClientSecret  creds.Secret
	ClientExpires time.Time
	ClientFlow    string // how the registered client may sign in

	Shared bool // the AWS tools have it too, in a file
}

// tokenItem is how a Token is encoded.
type tokenItem struct {
	StartURL, Region       string
	AccessToken            string `json:",omitempty"`
	Expires                time.Time
	RefreshToken           string `json:",omitempty"`
	ClientID, ClientSecret string `json:",omitempty"`
	ClientExpires          time.Time
	ClientFlow             string `json:",omitempty"`
	Shared                 bool   `json:",omitempty"`
}

// PutToken stores a sign-in under a name of TokenName.
func PutToken(ctx context.Context, s Store, name string, t Token) error {
	b, err := json.Marshal(tokenItem{
		StartURL: t.StartURL, Region: t.Region,
		AccessToken: t.Access.Reveal(), Expires: t.Expires.UTC(), RefreshToken: t.Refresh.Reveal(),
		ClientID: t.Client, ClientSecret: t.ClientSecret.Reveal(), ClientExpires: t.ClientExpires.UTC(), ClientFlow: t.ClientFlow,
		Shared: t.Shared,
	})
	if err != nil {
		return err
	}
	return putCached(ctx, s, name, secretFrom(b))
}

// GetToken reads a sign-in; ErrNotFound when there is none.
func GetToken(ctx context.Context, s Store, name string) (Token, error) {
	item, err := getCached(ctx, s, name)
	if err != nil {
		return Token{}, err
	}
	return parseToken(item)
}

// parseToken decodes a sign-in. Its error matches ErrNotFound: another one can be made.
func parseToken(item creds.Secret) (Token, error) {
	var v tokenItem
	if json.NewDecoder(strings.NewReader(item.Reveal())).Decode(&v) != nil || v.StartURL == "" {
		return Token{}, fmt.Errorf("%w: the item is not a sign-in", ErrNotFound)
	}
	return Token{
		StartURL: v.StartURL, Region: v.Region,
		Access: creds.New(v.AccessToken), Expires: v.Expires, Refresh: creds.New(v.RefreshToken),
		Client: v.ClientID, ClientSecret: creds.New(v.ClientSecret), ClientExpires: v.ClientExpires, ClientFlow: v.ClientFlow,
		Shared: v.Shared,
	}, nil
}
