package host

import (
	"sync"
	"time"
)

// StartOf says when a process of this user started, in a unit of the system's own, by which
// it is told from a later one with the same number. 0: the system does not say. there is
// false if no such process runs; one that has ended and is not collected yet does not run.
func StartOf(pid int) (started int64, there bool) {
	if pid <= 0 {
		return 0, false
	}
	return startOf(pid)
}

// pollEvery is how often the end of a process is looked for where the kernel does not tell.
const pollEvery = 2 * time.Second

// OnEnd calls ended once when the process has ended: the one that had this number when OnEnd
// was called. The kernel tells, at no cost until then; where it does not, it is looked for
// every two seconds. stop, which may be called more than once, ends the watch.
func OnEnd(pid int, ended func()) (stop func()) {
	if stop, told := onEnd(pid, ended); told {
		return stop
	}
	was, _ := StartOf(pid)
	over := make(chan struct{})
	go func() {
		tick := time.NewTicker(pollEvery)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			if now, there := StartOf(pid); !there || now != was {
				ended()
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(over) })
}
