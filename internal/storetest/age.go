package storetest

import (
	"bytes"
	"io"
	"path/filepath"

	"filippo.io/age"

	"github.com/d44b7504/vault/internal/atomicfile"
)

// CheapIdentity puts an identity into an age store's private directory whose passphrase
// costs little to try; the program makes the rest of the store. With its own it would spend a
// third of a second in each command.
func CheapIdentity(dir, passphrase string) error {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return err
	}
	to.SetWorkFactor(6)
	var sealed bytes.Buffer
	out, err := age.Encrypt(&sealed, to)
	if err == nil {
		_, err = io.WriteString(out, id.String()+"\n")
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, "own", "identity.age"), sealed.Bytes())
}
