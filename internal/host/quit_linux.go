package host

import (
	"os"
	"os/signal"
	"unsafe"

	"golang.org/x/sys/unix"
)

// defaultEffect gives a signal the effect that it has on a program which does not know it: Go itself
// would show its stacks. signal.Ignore has Go forget its own handler first, so that
// signal.Notify installs it again.
func defaultEffect(s os.Signal) {
	signal.Ignore(s)
	var none [64]byte // a struct sigaction of zeros, in every architecture's form: SIG_DFL
	const setBytes = 8
	_, _, failed := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s.(unix.Signal)), uintptr(unsafe.Pointer(&none)), 0, setBytes, 0, 0)
	if failed != 0 { // it must not stay ignored
		c := make(chan os.Signal, 1)
		signal.Notify(c, s)
		signal.Stop(c)
	}
}
