//go:build darwin && !cgo

package store

import "context"

func openKeychain(_ context.Context, o Options, _ bool) (driver, error) {
	return openSecurity(securityPath, o)
}
