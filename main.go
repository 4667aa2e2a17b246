// Command vault puts short-lived AWS credentials into the shell you are in.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/d44b7504/vault/cmd"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/host"
)

func main() {
	growStack(len(os.Args) > 40<<10)
	exit := os.Exit
	exit(run(exit))
}

// growStack makes room for a command's deepest call while there is nothing yet to copy. Go
// would double the stack five times, each time with more calls on it, for a twentieth of the
// time that a command takes.
//
//go:noinline
func growStack(touch bool) (n byte) {
	if touch { // never, as its pages would cost what is saved
		var room [40 << 10]byte
		n = room[len(os.Args)]
	}
	return n
}

func run(exit func(status int)) int {
	host.ProtectMemory()
	debug.SetGCPercent(400) // it lives for milliseconds, and has memory to spare
	ctx, end := host.Signals(context.Background(), exit)
	defer host.RestoreTerminal()
	defer host.EndChildren()
	return end(cmd.Main(ctx, app.Real()))
}
