package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding"
	"hash"

	"github.com/d44b7504/vault/internal/creds"
)

// pbkdf2 returns a key of wrapKeySize bytes, as PBKDF2 of RFC 8018 with HMAC-SHA256 makes
// it. The standard library's takes half as long again: it sets up the two hashes of HMAC in
// each round, and here each goes back to what it was after the passphrase.
func pbkdf2(pass creds.Secret, salt []byte, rounds int) []byte {
	secret := []byte(pass.Reveal())
	defer clear(secret)
	first := hmac.New(sha256.New, secret)
	first.Write(salt)
	first.Write([]byte{0, 0, 0, 1}) // the number of the block: the key is shorter than one
	sum := first.Sum(nil)
	key := append([]byte(nil), sum...)
	inner, outer := newKeyedHash(secret, 0x36), newKeyedHash(secret, 0x5c)
	for range rounds - 1 {
		sum = outer.sum(inner.sum(sum, sum[:0]), sum[:0])
		for i, b := range sum {
			key[i] ^= b
		}
	}
	return key[:wrapKeySize]
}

// keyedHash is one of the two hashes of an HMAC, and its state after the key.
type keyedHash struct {
	hash interface {
		hash.Hash
		encoding.BinaryMarshaler
		encoding.BinaryUnmarshaler
	}
	keyed []byte
}

func newKeyedHash(secret []byte, pad byte) (k keyedHash) {
	if len(secret) > sha256.BlockSize {
		sum := sha256.Sum256(secret)
		secret = sum[:]
	}
	block := make([]byte, sha256.BlockSize)
	copy(block, secret)
	for i := range block {
		block[i] ^= pad
	}
	k.hash = sha256.New().(interface { // it says that it can be all of these
		hash.Hash
		encoding.BinaryMarshaler
		encoding.BinaryUnmarshaler
	})
	k.hash.Write(block)
	k.keyed, _ = k.hash.MarshalBinary()
	return k
}

// sum appends the hash of key and data to out.
func (k keyedHash) sum(data, out []byte) []byte {
	_ = k.hash.UnmarshalBinary(k.keyed) // its own state
	k.hash.Write(data)
	return k.hash.Sum(out)
}
