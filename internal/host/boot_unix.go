//go:build linux || darwin

package host

import (
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot is how long ago the machine started, 0 if the system does not say.
func sinceBoot() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(bootClock, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
