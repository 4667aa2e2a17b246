package store

import (
	"context"

	"github.com/99designs/keyring"
)

func platform() []backend {
	return []backend{
		{name: "wincred", open: openWincred},
		{name: "file", open: openFiles},
	}
}

func openWincred(_ context.Context, o Options, _ bool) (driver, error) {
	return &library{cfg: config(keyring.WinCredBackend, o)}, nil
}
