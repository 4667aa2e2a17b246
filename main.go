// Command vault puts short-lived AWS credentials into the shell you are in.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/d44b7504/vault/cmd"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return cmd.Main(ctx, realWorld())
}
