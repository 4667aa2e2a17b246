package host

import (
	"time"

	"golang.org/x/sys/windows"
)

// sinceBoot is how long ago the machine started.
func sinceBoot() time.Duration { return windows.DurationSinceBoot() }
