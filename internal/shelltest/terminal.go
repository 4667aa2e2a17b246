package shelltest

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
)

// Terminal is a program on a terminal of its own, with a screen that shows what a person
// would see. It may be read by several goroutines; one of them types.
type Terminal struct {
	Screen vt10x.Terminal

	cmd    *exec.Cmd
	pty    *os.File
	drawn  chan struct{} // has room for one: something was drawn since it was last looked at
	hungUp chan struct{} // closed when nothing can be shown any more
	close  sync.Once

	mu  sync.Mutex
	all strings.Builder
}

// Open starts a program on a terminal of this size. Both end with the test, or with Close.
func Open(t testing.TB, cmd *exec.Cmd, columns, rows uint16) *Terminal {
	t.Helper()
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: rows, Cols: columns})
	if err == nil {
		f, err = pollable(f)
	}
	if err != nil {
		t.Fatal(err)
	}
	x := &Terminal{cmd: cmd, pty: f, drawn: make(chan struct{}, 1), hungUp: make(chan struct{}),
		Screen: vt10x.New(vt10x.WithSize(int(columns), int(rows)), vt10x.WithWriter(f))}
	go func() {
		defer close(x.hungUp)
		_, _ = io.Copy(io.MultiWriter(x.Screen, x), f)
	}()
	t.Cleanup(x.Close)
	return x
}

// Close kills the program, waits for what else has the terminal, and takes it away, unless that
// was done before.
func (x *Terminal) Close() {
	x.close.Do(func() {
		_ = x.cmd.Process.Kill()
		_ = x.cmd.Wait()
		select {
		case <-x.hungUp: // everything that the program had started there has ended
		case <-time.After(5 * time.Second): // a program of a failed test still holds it
		}
		_ = x.pty.Close()
	})
}

// HangUp takes the terminal away, as a window that is closed does, and waits for the end of
// the program, which it kills if that does not come within patience.
func (x *Terminal) HangUp(patience time.Duration) (ended bool) {
	x.close.Do(func() {
		late := time.AfterFunc(patience, func() { _ = x.cmd.Process.Kill() })
		_ = x.pty.Close()
		_ = x.cmd.Wait()
		ended = late.Stop()
		<-x.hungUp
	})
	return ended
}

// PID is that of the program.
func (x *Terminal) PID() int { return x.cmd.Process.Pid }

// Write keeps every byte that the terminal is sent, after the screen has it.
func (x *Terminal) Write(b []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	select {
	case x.drawn <- struct{}{}:
	default:
	}
	return x.all.Write(b)
}

// Transcript is every byte that the terminal was sent.
func (x *Terminal) Transcript() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.all.String()
}

// Title is that of the window.
func (x *Terminal) Title() string {
	x.Screen.Lock() // unlike String, its own Title does not lock
	defer x.Screen.Unlock()
	return x.Screen.Title()
}

// Send types. It returns an error where the terminal was taken away.
func (x *Terminal) Send(keys string) error {
	_, err := io.WriteString(x.pty, keys)
	return err
}

// Await waits until something is so, which it asks whenever the screen has changed, and now
// and then. It returns false if that does not come within patience.
func (x *Terminal) Await(patience time.Duration, is func() bool) bool {
	pause := time.Millisecond // it grows, or on a busy machine the looking would keep it busy
	for end := time.Now().Add(patience); !is(); pause = min(2*pause, 20*time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
		select {
		case <-x.drawn:
		case <-time.After(pause):
		}
	}
	return true
}

// Row is the line that the cursor is on.
func (x *Terminal) Row() string {
	x.Screen.Lock()
	defer x.Screen.Unlock()
	columns, _ := x.Screen.Size()
	var b strings.Builder
	for i := range columns {
		b.WriteRune(x.Screen.Cell(i, x.Screen.Cursor().Y).Char)
	}
	return strings.TrimRight(b.String(), " \x00")
}

// Text is the whole screen, without the blanks at the ends of lines.
func (x *Terminal) Text() string {
	var b strings.Builder
	for line := range strings.Lines(x.Screen.String()) {
		b.WriteString(strings.TrimRight(line, " \n\x00") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
