//go:build !linux

package host

import "os"

// defaultEffect has nothing to do: only Linux lets a Go program change what a signal does to it. Where a
// signal is not caught, Go shows its stacks.
func defaultEffect(os.Signal) {}
