//go:build darwin && !cgo

package store

import "context"

// securityPath is Apple's own program. The PATH is not searched: another program of this
// name would get the keys.
const securityPath = "/usr/bin/security"

func openKeychain(_ context.Context, o Options, _ bool) (driver, error) {
	return openSecurity(securityPath, o)
}
