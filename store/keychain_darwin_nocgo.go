//go:build darwin && !cgo

package store

import "context"

// securityPath is where Apple has it; another of that name on the PATH is not it.
const securityPath = "/usr/bin/security"

func openKeychain(_ context.Context, o Options, _ bool) (driver, error) {
	return openSecurity(securityPath, o)
}
