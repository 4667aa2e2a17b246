// Package progress shows how far long work is, on one line of a terminal that is written again and
// again and is gone at the end. Work reports each step to its context, and knows nothing of a terminal.
package progress

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// Func is told that done of total steps are done. what is what is being done, as in "copying keys".
// Several goroutines may call it.
type Func func(what string, done, total int)

type key struct{}

// With returns a context whose steps are told to f.
func With(ctx context.Context, f Func) context.Context { return context.WithValue(ctx, key{}, f) }

// Step tells whoever made the context that done of total steps are done; 0 when the work begins. It
// does nothing where nobody wants to know.
func Step(ctx context.Context, what string, done, total int) {
	if f, ok := ctx.Value(key{}).(Func); ok {
		f(what, done, total)
	}
}

// Line is the line. Its methods may be called by several goroutines; nil is a line that is never
// drawn.
type Line struct {
	Out   io.Writer        // the terminal
	Name  string           // of the program, before everything
	Now   func() time.Time // which may be faster or slower than any clock
	Width func() int       // of the terminal in cells; 0: not known

	mu    sync.Mutex
	what  string    // is being done
	begun time.Time // since when
	drawn time.Time // zero: nothing is on the terminal
}

// Work that takes less time than this is not shown, and the line is not written more often.
const (
	patience = 300 * time.Millisecond
	interval = 100 * time.Millisecond
)

// Step is a Func.
func (l *Line) Step(what string, done, total int) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.Now()
	if l.what != what {
		l.what, l.begun = what, now
	}
	switch {
	case done >= total:
		l.what = ""
		l.clear()
	case now.Sub(l.begun) >= patience && now.Sub(l.drawn) >= interval:
		l.drawn = now
		_, _ = io.WriteString(l.Out, "\r"+l.text(done, total)+eraseRest)
	}
}

// What ANSI terminals, and Windows' since 2016, understand.
const eraseRest = "\x1b[K"

// text is the line, cut so that it never wraps: what wraps could not be written over.
func (l *Line) text(done, total int) string {
	text := []rune(fmt.Sprintf("%s: %s: %d of %d", l.Name, l.what, done, total))
	width := 80
	if l.Width != nil && l.Width() > 0 {
		width = l.Width()
	}
	return string(text[:min(len(text), width-1)])
}

// Clear removes the line from the terminal, before something else is written there.
func (l *Line) Clear() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
}

func (l *Line) clear() {
	if !l.drawn.IsZero() {
		l.drawn = time.Time{}
		_, _ = io.WriteString(l.Out, "\r"+eraseRest)
	}
}

// Above returns a writer to the same terminal, before whose text the line is removed.
func (l *Line) Above(w io.Writer) io.Writer {
	if l == nil {
		return w
	}
	return above{l, w}
}

type above struct {
	*Line
	w io.Writer
}

func (a above) Write(b []byte) (int, error) {
	a.Clear()
	return a.w.Write(b)
}
