package fakeaws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// This file is an identity provider outside AWS, such as a CI system: it makes tokens and
// publishes the keys to check them with.

const rsaBits = 2048

// Issuer is an OpenID Connect provider that an account knows.
type Issuer struct {
	URL string // the iss of its tokens, where its documents are
	ARN string // of the provider in IAM

	server    *Server
	account   string
	audiences []string

	// Guarded by Server.mu:
	keys    map[string]crypto.Signer // by id
	current map[string]string        // algorithm → id
	minted  int
	revoked map[string]bool // by jti
}

var issuerService = &service{
	name:  "issuer",
	write: writePortal,
	unsigned: map[string]func(*Server, *call) (any, *apiError){
		"OpenIDConfiguration": openIDConfiguration,
		"JWKS":                jwks,
	},
}

// AddIssuer makes a provider, and makes the account know it with these
// audiences ("sts.amazonaws.com" if none is named).
func (s *Server) AddIssuer(account string, audiences ...string) (*Issuer, error) {
	if !accountID().MatchString(account) {
		return nil, fmt.Errorf("account %q is not twelve digits", account)
	}
	if len(audiences) == 0 {
		audiences = []string{"sts.amazonaws.com"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path := "/issuer/" + strconv.Itoa(len(s.state.issuers)+1)
	i := &Issuer{
		URL:       s.URL() + path,
		ARN:       fmt.Sprintf("arn:%s:iam::%s:oidc-provider/%s", s.opts.Partition, account, strings.TrimPrefix(s.URL(), "http://")+path),
		server:    s,
		account:   account,
		audiences: slices.Clone(audiences),
		keys:      map[string]crypto.Signer{},
		current:   map[string]string{},
		revoked:   map[string]bool{},
	}
	s.state.issuers[path] = i
	return i, nil
}

// Mint signs a token with RS256. Claims that are not given are made up so that
// the token is good for an hour: iss, aud, sub, iat, exp, jti. A nil one is left
// out.
func (i *Issuer) Mint(claims map[string]any) (creds.Secret, error) { return i.mint("RS256", claims) }

// MintES256 is Mint with the other algorithm.
func (i *Issuer) MintES256(claims map[string]any) (creds.Secret, error) {
	return i.mint("ES256", claims)
}

func (i *Issuer) mint(algorithm string, claims map[string]any) (creds.Secret, error) {
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	id, err := i.key(algorithm)
	if err != nil {
		return creds.Secret{}, err
	}
	now := i.server.opts.Now()
	i.minted++
	all := map[string]any{
		"iss": i.URL, "aud": i.audiences[0], "sub": "someone", "jti": strconv.Itoa(i.minted),
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	text, err := signJWT(i.keys[id], id, all)
	return creds.New(text), err
}

// key returns the id of the current key for the algorithm. The key is made when it is
// first needed, because an RSA key takes a while.
func (i *Issuer) key(algorithm string) (string, error) {
	if id := i.current[algorithm]; id != "" {
		return id, nil
	}
	var key crypto.Signer
	var err error
	if algorithm == "ES256" {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		key, err = rsa.GenerateKey(rand.Reader, rsaBits)
	}
	if err != nil {
		return "", err
	}
	id := randomWord(8)
	i.keys[id], i.current[algorithm] = key, id
	return id, nil
}

// RotateKeys replaces the published keys: tokens that were made before are not accepted
// any more.
func (i *Issuer) RotateKeys() {
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	clear(i.keys)
	clear(i.current)
}

// Revoke makes the issuer answer that the token is revoked when AWS asks.
func (i *Issuer) Revoke(token creds.Secret) error {
	t, err := parseJWT(token.Reveal())
	if err != nil {
		return err
	}
	if t.text("iss") != i.URL || t.text("jti") == "" {
		return errors.New("not a token of this issuer")
	}
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	i.revoked[t.text("jti")] = true
	return nil
}

// issuerAction returns which of an issuer's documents a request is for.
func issuerAction(r *http.Request) string {
	switch {
	case r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, "/issuer/"):
		return ""
	case strings.HasSuffix(r.URL.Path, configurationPath):
		return "OpenIDConfiguration"
	case strings.HasSuffix(r.URL.Path, jwksPath):
		return "JWKS"
	}
	return ""
}

const (
	configurationPath = "/.well-known/openid-configuration"
	jwksPath          = "/jwks.json"
)

func openIDConfiguration(s *Server, c *call) (any, *apiError) {
	i := s.state.issuers[strings.TrimSuffix(c.request.URL.Path, configurationPath)]
	if i == nil {
		return nil, noIssuer()
	}
	return map[string]any{
		"issuer":                                i.URL,
		"jwks_uri":                              i.URL + jwksPath,
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
	}, nil
}

func jwks(s *Server, c *call) (any, *apiError) {
	i := s.state.issuers[strings.TrimSuffix(c.request.URL.Path, jwksPath)]
	if i == nil {
		return nil, noIssuer()
	}
	doc, err := i.jwks()
	if err != nil {
		return nil, refuse(http.StatusInternalServerError, "InternalFailure", "%v", err)
	}
	return json.RawMessage(doc), nil
}

func noIssuer() *apiError {
	return refuse(http.StatusNotFound, "NotFound", "There is no such issuer")
}

// jwks returns the document with the public keys. STS here reads the keys from it, as it
// does for any provider.
func (i *Issuer) jwks() ([]byte, error) {
	list := []*jwk{}
	for _, id := range slices.Sorted(maps.Keys(i.keys)) {
		k, err := publicJWK(i.keys[id])
		if err != nil {
			return nil, err
		}
		k.Kid = id
		list = append(list, k)
	}
	return json.Marshal(map[string]any{"keys": list})
}

// published returns the key with the id, nil if there is none.
func (i *Issuer) published(id string) *jwk {
	text, err := i.jwks()
	if err != nil {
		return nil
	}
	var doc struct{ Keys []*jwk }
	if json.Unmarshal(text, &doc) != nil {
		return nil
	}
	for _, k := range doc.Keys {
		if k.Kid == id {
			return k
		}
	}
	return nil
}
