// Command clocked is the program with a clock that a test sets; see clock.c.
package main

import (
	"context"
	"encoding/binary"
	"os"
	"time"
	_ "unsafe" // for the name of the SDK's clock

	"github.com/d44b7504/vault/cmd"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/host"
)

// signingTime is the clock by which the SDK signs, which is none of its settings.
//
//go:linkname signingTime github.com/aws/aws-sdk-go-v2/internal/sdk.NowTime
var signingTime func() time.Time

func main() {
	file, exit := os.Getenv("VAULT_TEST_CLOCK"), os.Exit
	ctx, end := host.Signals(context.Background(), exit)
	w := app.Real()
	boot := w.SinceBoot
	w.Now = func() time.Time {
		passed, off := read(file)
		return time.Now().Add(passed + off)
	}
	signingTime = w.Now
	w.SinceBoot = func() time.Duration {
		passed, _ := read(file)
		return boot() + passed
	}
	status := end(cmd.Main(ctx, w))
	host.EndChildren()
	host.RestoreTerminal()
	exit(status)
}

func read(file string) (passed, off time.Duration) {
	b, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	return time.Duration(binary.NativeEndian.Uint64(b)), time.Duration(binary.NativeEndian.Uint64(b[8:]))
}
