// Command vault puts short-lived AWS credentials into the shell you are in.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/d44b7504/vault/cmd"
)

func main() { os.Exit(run()) }

func run() int {
	harden()
	debug.SetGCPercent(400) // it lives for milliseconds, and has memory to spare
	ctx := context.Background()
	if ends := heeded(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP); len(ends) > 0 {
		c, stop := signal.NotifyContext(ctx, ends...)
		defer stop()
		ctx = c
	}
	return cmd.Main(ctx, realWorld())
}

// heeded leaves out the signals that whoever started us, nohup for one, wants ignored:
// what exec runs must ignore them too.
func heeded(list ...os.Signal) []os.Signal {
	return slices.DeleteFunc(list, signal.Ignored)
}
