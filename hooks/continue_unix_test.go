//go:build unix

package hooks

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// tellContinued prints a line each time this program goes on after it was stopped. A shell
// has then given it the terminal; before that, what is typed may still be read in the
// shell's own mode, in which a Return ends no line.
func tellContinued() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGCONT)
	go func() {
		for range c {
			fmt.Println("continued")
		}
	}()
}
