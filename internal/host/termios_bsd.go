//go:build unix && !linux && !aix && !solaris

package host

import "golang.org/x/sys/unix"

const getTermios, setTermios = unix.TIOCGETA, unix.TIOCSETA
