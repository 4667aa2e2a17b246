package store

import (
	"bytes"
	"crypto/hmac"
	stdlib "crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding"
	"encoding/binary"
	"hash"

	"github.com/d44b7504/vault/internal/creds"
)

// pbkdf2 returns a key of wrapKeySize bytes, as PBKDF2 of RFC 8018 with HMAC-SHA256 makes
// it. With the file back end a command spends a third of its time here. The standard
// library's takes 1.4 times as long, because each round makes two hashes of any length; here
// a round is two steps of the hash, on a block that has its padding already.
func pbkdf2(pass creds.Secret, salt []byte, rounds int) ([]byte, error) {
	secret := []byte(pass.Reveal())
	defer clear(secret)
	c := newRounds(secret, append(salt[:len(salt):len(salt)], 0, 0, 0, 1)) // the key is shorter than a block, which is the first
	if !c.works(secret) {
		return stdlib.Key(sha256.New, pass.Reveal(), salt, rounds, wrapKeySize)
	}
	for range rounds - 1 {
		c.next()
		subtle.XORBytes(c.key[:], c.key[:], c.block[:sha256.Size])
	}
	return c.key[:wrapKeySize], nil
}

// stateful is a SHA-256 whose state can be read and set. The state is encoded as four bytes
// that say so, the eight words, and what was written since the last whole block.
type stateful interface {
	hash.Hash
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// hashRounds is an HMAC-SHA256 that is applied to its own result.
type hashRounds struct {
	hash         stateful
	inner, outer []byte // the states after the key
	key          [sha256.Size]byte
	block        [sha256.BlockSize]byte // the last result, with the padding of one that follows a key
	state        []byte
}

func newRounds(secret, first []byte) *hashRounds {
	c := &hashRounds{}
	c.inner, c.outer = c.after(secret, 0x36), c.after(secret, 0x5c)
	mac := hmac.New(sha256.New, secret)
	mac.Write(first)
	mac.Sum(c.key[:0])
	copy(c.block[:], c.key[:])
	c.block[sha256.Size] = 0x80
	binary.BigEndian.PutUint64(c.block[sha256.BlockSize-8:], (sha256.BlockSize+sha256.Size)*8)
	return c
}

// after returns the state of a hash after a key.
func (c *hashRounds) after(secret []byte, pad byte) []byte {
	if len(secret) > sha256.BlockSize {
		sum := sha256.Sum256(secret)
		secret = sum[:]
	}
	block := bytes.Repeat([]byte{pad}, sha256.BlockSize)
	for i, b := range secret {
		block[i] ^= b
	}
	c.hash, _ = sha256.New().(stateful)
	if c.hash == nil {
		return nil
	}
	c.hash.Write(block)
	state, _ := c.hash.AppendBinary(nil)
	return state
}

// next replaces the result by that of the next round.
func (c *hashRounds) next() {
	c.step(c.inner)
	c.step(c.outer)
}

func (c *hashRounds) step(start []byte) {
	_ = c.hash.UnmarshalBinary(start) // its own
	c.hash.Write(c.block[:])
	c.state, _ = c.hash.AppendBinary(c.state[:0])
	copy(c.block[:sha256.Size], c.state[4:])
}

// works tries one round, and reports whether the state is encoded as it has been since Go 1.10.
func (c *hashRounds) works(secret []byte) bool {
	if len(c.inner) < 4+sha256.Size {
		return false
	}
	try := *c
	try.next()
	mac := hmac.New(sha256.New, secret)
	mac.Write(c.key[:])
	return hmac.Equal(mac.Sum(nil), try.block[:sha256.Size])
}
