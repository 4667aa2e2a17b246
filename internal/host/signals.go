package host

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// Signals returns a context that ends when the person or the system asks the program
// to stop. stop restores the usual effect of the signals.
func Signals(ctx context.Context) (c context.Context, stop context.CancelFunc) {
	ends := heeded(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if len(ends) == 0 { // NotifyContext would take none for all
		return ctx, func() {}
	}
	return signal.NotifyContext(ctx, ends...)
}

// heeded leaves out the signals that whoever started us, nohup for one, wants ignored:
// what exec runs must ignore them too.
func heeded(list ...os.Signal) []os.Signal {
	return slices.DeleteFunc(list, signal.Ignored)
}
