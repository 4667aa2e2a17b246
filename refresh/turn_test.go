package refresh

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Each Turn opens its lock anew, so that goroutines act as processes here.
func TestAtMostEightRunAProgramThatKeepsSecrets(t *testing.T) {
	t.Parallel()
	d := Directory{Path: t.TempDir()}
	var now, most atomic.Int32
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			done := d.Turn(t.Context())
			defer done()
			n := now.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			time.Sleep(2 * time.Millisecond) // the program that would run
			now.Add(-1)
		})
	}
	all.Wait()
	if n := most.Load(); n > turns || n < 2 {
		t.Errorf("%d at once", n)
	}
}

// Whoever has a turn may be waiting for a person.
func TestATurnIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	d := Directory{Path: t.TempDir()}
	var held []func()
	for range turns {
		held = append(held, d.Turn(t.Context()))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if got := patienceOf(ctx); got != longestTurn {
		t.Errorf("waits %s of a minute", got)
	}
	if got := patienceOf(t.Context()); got != longestTurn {
		t.Errorf("waits %s without a deadline", got)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	d.Turn(ctx)()
	if ctx.Err() != nil {
		t.Error("all of the time was spent waiting")
	}
	held[3]() // another one than is waited for
	next := make(chan func())
	go func() { next <- d.Turn(t.Context()) }()
	(<-next)()
	for _, done := range append(held[:3], held[4:]...) {
		done()
	}
	d.Turn(t.Context())()
	(Directory{}).Turn(t.Context())() // without a directory
}
