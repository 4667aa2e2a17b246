package host

import "golang.org/x/sys/unix"

// LockMemory keeps the memory of a process that lives long from being written to a swap
// file, where the system allows that much, and reports whether it does. A limit that is not
// infinite would stop the process when it needs more memory.
func LockMemory() bool {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) != nil || limit.Cur != unix.RLIM_INFINITY {
		return false
	}
	return unix.Mlockall(unix.MCL_CURRENT|unix.MCL_FUTURE|unix.MCL_ONFAULT) == nil
}
