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
	}
}

func openWincred(_ context.Context, o Options, _ bool) (driver, error) {
	return &credentials{&parted{&library{cfg: config(keyring.WinCredBackend, o)}, credentialSize}}, nil
}

// credentials is the driver on Windows' Credential Manager.
type credentials struct{ *parted }

func (c *credentials) survey(ctx context.Context) (where string, items int, remark string) {
	where = "Windows Credential Manager"
	names, err := c.keys(ctx)
	if err != nil {
		return where, -1, err.Error()
	}
	return where, len(names), ""
}
