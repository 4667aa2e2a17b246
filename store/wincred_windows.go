package store

import (
	"context"

	"github.com/99designs/keyring"
)

// credentialSize is what Windows takes in one credential.
const credentialSize = 2560

func openWincred(_ context.Context, o Options, _ bool) (driver, error) {
	l := &library{cfg: config(keyring.WinCredBackend, o), place: "Windows Credential Manager"}
	return &partsDriver{&casedDriver{l, l.place}, credentialSize}, nil
}
