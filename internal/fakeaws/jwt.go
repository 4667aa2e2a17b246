package fakeaws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// This file signs and checks JSON web tokens (RFC 7515, 7517, 7638) with the two
// algorithms that AWS accepts from identity providers: RS256 and ES256.

const p256Size = 32 // bytes of a coordinate, and of half a signature

// jwt is a decoded token whose signature has not been checked.
type jwt struct {
	header struct {
		Typ, Alg, Kid string
		JWK           *jwk
	}
	claims    map[string]any
	signed    string // what the signature covers
	signature []byte
}

// jwk is a public key in the form of RFC 7517.
type jwk struct {
	Kty string `json:"kty"`
	Kid string `json:"kid,omitempty"`
	Alg string `json:"alg,omitempty"`
	Use string `json:"use,omitempty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
}

func encodeJWT(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func parseJWT(text string) (*jwt, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errors.New("not three parts")
	}
	t := &jwt{signed: parts[0] + "." + parts[1]}
	for i, into := range []any{&t.header, &t.claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return nil, err
		}
	}
	var err error
	t.signature, err = base64.RawURLEncoding.DecodeString(parts[2])
	return t, err
}

// text returns a claim that is a string, else "".
func (t *jwt) text(claim string) string {
	s, _ := t.claims[claim].(string)
	return s
}

// number returns a claim that is a time in seconds.
func (t *jwt) number(claim string) (int64, bool) {
	n, ok := t.claims[claim].(float64)
	return int64(n), ok
}

// texts returns a claim that is a string or a list of strings.
func (t *jwt) texts(claim string) []string {
	if s := t.text(claim); s != "" {
		return []string{s}
	}
	var list []string
	raw, _ := t.claims[claim].([]any)
	for _, v := range raw {
		if s, ok := v.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

// verify reports whether the token was signed with the key. The key decides on the
// algorithm, not the token's header.
func (t *jwt) verify(k *jwk) error {
	sum := sha256.Sum256([]byte(t.signed))
	switch {
	case k.Kty == "EC" && t.header.Alg == "ES256":
		pub, err := k.ecdsa()
		if err != nil {
			return err
		}
		if len(t.signature) != 2*p256Size {
			return errors.New("signature of a wrong length")
		}
		r, s := new(big.Int).SetBytes(t.signature[:p256Size]), new(big.Int).SetBytes(t.signature[p256Size:])
		if !ecdsa.Verify(pub, sum[:], r, s) {
			return errors.New("signature does not match")
		}
		return nil
	case k.Kty == "RSA" && t.header.Alg == "RS256":
		pub, err := k.rsa()
		if err != nil {
			return err
		}
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], t.signature)
	}
	return fmt.Errorf("algorithm %q does not fit the key", t.header.Alg)
}

// point returns the two coordinates at their full length. The Go SDK leaves out leading
// zero bytes when it writes a proof, so they are added here.
func (k *jwk) point() ([]byte, error) {
	point := []byte{4}
	for _, text := range []string{k.X, k.Y} {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || len(b) == 0 || len(b) > p256Size {
			return nil, errors.New("not a coordinate of P-256")
		}
		point = append(append(point, make([]byte, p256Size-len(b))...), b...)
	}
	return point, nil
}

func (k *jwk) ecdsa() (*ecdsa.PublicKey, error) {
	if k.Crv != "P-256" {
		return nil, errors.New("not a P-256 key")
	}
	point, err := k.point()
	if err != nil {
		return nil, err
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}

func (k *jwk) rsa() (*rsa.PublicKey, error) {
	n, err := base64.RawURLEncoding.DecodeString(k.N)
	if err != nil {
		return nil, err
	}
	e, err := base64.RawURLEncoding.DecodeString(k.E)
	if err != nil || len(e) == 0 || len(e) > 4 {
		return nil, errors.New("not an RSA exponent")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
}

// thumbprint returns the hash that identifies a P-256 key (RFC 7638).
func (k *jwk) thumbprint() (string, error) {
	point, err := k.point()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, encodeJWT(point[1:1+p256Size]), encodeJWT(point[1+p256Size:])))
	return encodeJWT(sum[:]), nil
}

func publicJWK(key crypto.Signer) (*jwk, error) {
	switch pub := key.Public().(type) {
	case *rsa.PublicKey:
		return &jwk{Kty: "RSA", Alg: "RS256", Use: "sig", N: encodeJWT(pub.N.Bytes()), E: encodeJWT(big.NewInt(int64(pub.E)).Bytes())}, nil
	case *ecdsa.PublicKey:
		point, err := pub.Bytes()
		if err != nil {
			return nil, err
		}
		return &jwk{Kty: "EC", Alg: "ES256", Use: "sig", Crv: "P-256", X: encodeJWT(point[1 : 1+p256Size]), Y: encodeJWT(point[1+p256Size:])}, nil
	}
	return nil, errors.New("a key of an unknown kind")
}

// signJWT makes a token. The key decides the algorithm.
func signJWT(key crypto.Signer, kid string, claims map[string]any) (string, error) {
	k, err := publicJWK(key)
	if err != nil {
		return "", err
	}
	header, err := json.Marshal(map[string]string{"typ": "JWT", "alg": k.Alg, "kid": kid})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := encodeJWT(header) + "." + encodeJWT(payload)
	sum := sha256.Sum256([]byte(text))
	signature, err := signSum(key, sum[:])
	return text + "." + encodeJWT(signature), err
}

// signSum signs in the form of JWS: an ECDSA signature is its two numbers one after the
// other.
func signSum(key crypto.Signer, sum []byte) ([]byte, error) {
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return key.Sign(rand.Reader, sum, crypto.SHA256)
	}
	r, s, err := ecdsa.Sign(rand.Reader, ec, sum)
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 2*p256Size)
	r.FillBytes(signature[:p256Size])
	s.FillBytes(signature[p256Size:])
	return signature, nil
}
