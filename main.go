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
	exit := os.Exit
	exit(run(exit))
}

func run(exit func(status int)) int {
	host.ProtectMemory()
	debug.SetGCPercent(400) // it lives for milliseconds, and has memory to spare
	ctx, end := host.Signals(context.Background(), exit)
	defer host.RestoreTerminal()
	defer host.EndChildren()
	return end(cmd.Main(ctx, app.Real()))
}
