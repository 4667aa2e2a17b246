package fakeaws

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/d44b7504/vault/internal/creds"
)

// The first four letters of an identifier say what it identifies.
const (
	longLivedKey = "AKIA"
	temporaryKey = "ASIA"
	userID       = "AIDA"
	roleID       = "AROA"
)

// newKeyID makes an access key id. It holds the account, as AWS's own do: bits 7 to 46 of
// the first six bytes, below a top bit that is set, in base32.
func newKeyID(prefix, account string) (string, error) {
	n, err := strconv.ParseUint(account, 10, 40)
	if err != nil {
		return "", fmt.Errorf("account %q: %w", account, err)
	}
	b := random(10)
	head := uint64(1)<<47 | n<<7 | uint64(b[5]&0x7f)
	for i := range 6 {
		b[i] = byte(head >> (8 * (5 - i)))
	}
	return prefix + base32.StdEncoding.EncodeToString(b), nil
}

// newUniqueID makes the id of a user or role, which is never used again, not even for the
// same name.
func newUniqueID(prefix string) string {
	return prefix + base32.StdEncoding.EncodeToString(random(11))[:17]
}

// newSecret makes a secret of 40 characters, with + and / among them, as AWS does.
func newSecret() creds.Secret {
	return creds.New(base64.StdEncoding.EncodeToString(random(30)))
}

func newSessionToken() creds.Secret {
	return creds.New(base64.StdEncoding.EncodeToString(random(220)))
}

func newRequestID() string {
	b := random(16)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never returns an error: it would end the program
	return b
}
