//go:build !linux && !darwin && !windows

package host

import "time"

// sinceBoot is not known here.
func sinceBoot() time.Duration { return 0 }
