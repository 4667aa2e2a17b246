//go:build unix && !linux

package host

import "syscall"

var cores syscall.Rlimit // the limit we were started with

// ProtectMemory keeps our memory out of core dumps.
func ProtectMemory() {
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &cores) == nil {
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: 0, Max: cores.Max})
	}
}

// restoreLimits gives the program that takes our place the limit on core dumps that we
// were started with.
func restoreLimits() { _ = syscall.Setrlimit(syscall.RLIMIT_CORE, &cores) }
