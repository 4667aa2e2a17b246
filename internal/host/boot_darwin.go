package host

import "golang.org/x/sys/unix"

// bootClock goes on while the machine sleeps, on macOS.
const bootClock = unix.CLOCK_MONOTONIC
