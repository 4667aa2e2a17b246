//go:build !windows

package mfa

import (
	"context"

	"github.com/d44b7504/vault/internal/creds"
)

// credUI shows the dialog of Windows; nil elsewhere.
var credUI func(context.Context, string) (creds.Secret, error)
