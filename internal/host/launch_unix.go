//go:build unix

package host

import (
	"os"

	"golang.org/x/sys/unix"
)

// redirect makes the three standard streams lead to f.
func redirect(f *os.File) {
	for _, stream := range []int{0, 1, 2} {
		_ = dup2(int(f.Fd()), stream)
	}
	unix.Umask(0o077)
}
