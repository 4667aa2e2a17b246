package host

// This file says what a signal does. The first one that asks the program to end ends its
// context, so that it can stop in good order. What does not look at its context, such as
// a read from a file that never answers, must not keep the program alive: the second
// signal, or two seconds, ends it as the signal would have without us.
//
// To catch signals costs Go a thread and two changes of threads for each of them, a tenth of
// the time of a short command. A command that ends before it does anything that must be ended
// in good order does not pay for it: see CatchSignals.

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// endPatience is how long the program has to stop in good order.
const endPatience = 2 * time.Second

// signals is what this process does with signals. There is one of it.
var signals = struct {
	mu       sync.Mutex
	handle   func(os.Signal) bool // takes a signal for another program; nil: none does
	holds    int                  // how many calls must not be cut off
	released chan struct{}        // told when holds becomes 0
	trace    bool                 // see TraceOnQuit
	catch    func()               // see CatchSignals; nil: they are caught, or it is not needed
	soon     *time.Timer          // see CatchSignalsSoon
}{released: make(chan struct{}, 1)}

// Signals returns a context that ends when the person or the system asks the program to
// stop. Until CatchSignals a signal ends the process there and then. exit ends the process;
// it is called where the program does not stop by itself. end gives the signals their usual
// effect again, and returns the exit status of a program that wants to end with status.
func Signals(ctx context.Context, exit func(status int)) (c context.Context, end func(status int) int) {
	c, cancel := context.WithCancel(ctx)
	received := make(chan os.Signal, 4)
	var first atomic.Pointer[os.Signal]
	signals.mu.Lock()
	defer signals.mu.Unlock()
	quietly()
	signals.catch = func() {
		// Notify would take no signal for all signals. What whoever started us wants ignored,
		// nohup for one, stays ignored, for what exec runs too.
		if list := slices.DeleteFunc(slices.Concat(stopping, quitting), isIgnored); len(list) > 0 {
			signal.Notify(received, list...)
		}
		go act(received, &first, cancel, exit)
	}
	return c, func(status int) int {
		if caught := letSignalsBe(); caught {
			signal.Stop(received)
			quietly()
		}
		cancel()
		if s := first.Load(); s != nil && status == interrupted {
			return statusOf(*s)
		}
		return status
	}
}

// quietly has the signals that end the program at once end it without a word, as other programs end.
// What Go would show may name what is secret.
func quietly() {
	for _, s := range quitting {
		defaultEffect(s)
	}
}

// isIgnored reports whether whoever started us wants a signal ignored. Of those in quitting Go does not know.
func isIgnored(s os.Signal) bool { return !slices.Contains(quitting, s) && signal.Ignored(s) }

// letSignalsBe keeps signals from being caught from now on, and reports whether they are.
func letSignalsBe() (caught bool) {
	signals.mu.Lock()
	defer signals.mu.Unlock()
	if signals.soon != nil {
		signals.soon.Stop()
	}
	caught = signals.catch == nil
	signals.catch, signals.soon = nil, nil
	return caught
}

// act does what the signals say, one after the other.
func act(received <-chan os.Signal, first *atomic.Pointer[os.Signal], cancel func(), exit func(status int)) {
	for s := range received {
		if taken(s) {
			continue
		}
		if first.CompareAndSwap(nil, &s) && slices.Contains(stopping, s) {
			cancel()
			s = secondSignal(received, s)
		}
		endNow(s, exit)
	}
}

// CatchSignals makes signals end the context of Signals from now on. It is for whoever is
// about to do what must be ended in good order: to change the terminal, to start a program
// that ends with this one, to make a file or a socket that is removed at the end. It does
// nothing when they are caught already, and in a process without Signals.
func CatchSignals() {
	signals.mu.Lock()
	defer signals.mu.Unlock()
	if signals.catch != nil {
		signals.catch()
		signals.catch = nil
	}
}

// CatchSignalsSoon is for what most often is done at once, but may wait for a person or for
// the network: if it takes as long as a person can notice, signals are caught.
func CatchSignalsSoon() {
	signals.mu.Lock()
	defer signals.mu.Unlock()
	if signals.catch != nil && signals.soon == nil {
		signals.soon = time.AfterFunc(20*time.Millisecond, CatchSignals)
	}
}

// interrupted is the exit status of a program that stops because its context has ended.
const interrupted = 130

// secondSignal returns the signal that ends the program when the first one did not: the
// next one, or the first again when the time is over.
func secondSignal(received <-chan os.Signal, first os.Signal) os.Signal {
	over := time.NewTimer(endPatience)
	defer over.Stop()
	for {
		select {
		case s := <-received:
			if !taken(s) {
				return s
			}
		case <-over.C:
			if !held() {
				return first
			}
		case <-signals.released:
			over.Reset(endPatience)
		}
	}
}

// endNow ends the process, and leaves the terminal as it was.
func endNow(s os.Signal, exit func(status int)) {
	if slices.Contains(quitting, s) && traced() {
		stacks := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "%s\n\n%s\n", s, stacks[:runtime.Stack(stacks, true)])
	}
	EndChildren()
	RestoreTerminal()
	dieOf(s)
	exit(statusOf(s))
}

func held() bool {
	signals.mu.Lock()
	defer signals.mu.Unlock()
	return signals.holds > 0
}

func traced() bool {
	signals.mu.Lock()
	defer signals.mu.Unlock()
	return signals.trace
}

// TraceOnQuit makes SIGQUIT and its like show what every goroutine is doing, as Go programs
// do by themselves.
func TraceOnQuit() {
	CatchSignals()
	signals.mu.Lock()
	defer signals.mu.Unlock()
	signals.trace = true
}

// taken hands a signal to whoever YieldSignals has named.
func taken(s os.Signal) bool {
	signals.mu.Lock()
	handle := signals.handle
	signals.mu.Unlock()
	return handle != nil && handle(s)
}

// YieldSignals gives every signal to handle, for a program that is being waited for: what
// handle reports as taken does not end this process. It is for one caller at a time.
func YieldSignals(handle func(os.Signal) (taken bool)) (release func()) {
	set := func(f func(os.Signal) bool) {
		signals.mu.Lock()
		defer signals.mu.Unlock()
		signals.handle = f
	}
	CatchSignals()
	set(handle)
	return func() { set(nil) }
}

// HoldSignals keeps the end of the patience after a first signal away until release: for a
// call that must not be cut off, and has an end of its own. A second signal still ends the
// process.
func HoldSignals() (release func()) {
	CatchSignals()
	signals.mu.Lock()
	defer signals.mu.Unlock()
	signals.holds++
	return sync.OnceFunc(func() {
		signals.mu.Lock()
		defer signals.mu.Unlock()
		if signals.holds--; signals.holds == 0 {
			select {
			case signals.released <- struct{}{}:
			default:
			}
		}
	})
}
