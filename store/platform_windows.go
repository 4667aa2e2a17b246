package store

import (
	"context"

	"github.com/99designs/keyring"
)

// credentialSize is what Windows takes in one credential.
const credentialSize = 2560

func platform() []backend {
	return []backend{
		{name: "wincred", open: openWincred},
		{name: "file", open: openFiles},
		{name: "age", open: openAge, explicit: true},
	}
}

func openWincred(_ context.Context, o Options, _ bool) (driver, error) {
	return &parted{&library{cfg: config(keyring.WinCredBackend, o)}, credentialSize}, nil
}
