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

func main() { os.Exit(run()) }

func run() int {
	host.Harden()
	debug.SetGCPercent(400) // it lives for milliseconds, and has memory to spare
	ctx, stop := host.Signals(context.Background())
	defer stop()
	defer host.EndChildren()
	return cmd.Main(ctx, app.Real())
}
