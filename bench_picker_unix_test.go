//go:build unix

package main

import (
	"bytes"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/creack/pty"
)

// BenchmarkPicker measures the time until the list of profiles is on the terminal.
func BenchmarkPicker(b *testing.B) {
	s := newStage(b)
	small, large := s.config(10), s.config(5000)
	rows := append([]*row{s.floorRow(large)}, s.pickerRows(small, large)...)
	measure(b, rows)
	tell(b, "The picker", rows)
}

// pickerRows are the lists to choose from, until the first of the profiles is shown.
func (s *stage) pickerRows(small, large string) []*row {
	rows := []*row{
		s.row("picker-10", "the first screen of the list to choose from, 10 profiles", 0, small, "exec", "--", "true"),
		s.row("picker-5000", "the same, 5,000", 0, large, "exec", "--", "true"),
	}
	for _, r := range rows {
		r.screen = "team00-svc00000-admin"
		r.limit = func() time.Duration { return 30 * time.Millisecond }
	}
	return rows
}

// firstScreen starts a program on a terminal of its own, and ends it when the row's text is shown.
func firstScreen(b *testing.B, r *row) (wall, cpu time.Duration) {
	c := exec.Command(r.argv[0], r.argv[1:]...)
	c.Env = append(slices.Clone(r.env), "TERM=xterm-256color")
	start := time.Now()
	tty, err := pty.StartWithSize(c, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = tty.Close() }()
	over := time.AfterFunc(30*time.Second, func() { _ = c.Process.Kill() })
	defer over.Stop()
	var shown []byte
	for some := make([]byte, 16<<10); !bytes.Contains(shown, []byte(r.screen)); {
		n, err := tty.Read(some)
		if err != nil {
			b.Fatalf("%v: %q", err, shown)
		}
		if shown = append(shown, some[:n]...); bytes.Contains(some[:n], []byte("\x1b[6n")) { // where is the cursor?
			if _, err := tty.WriteString("\x1b[1;1R"); err != nil {
				b.Fatal(err)
			}
		}
	}
	wall = time.Since(start)
	_ = c.Process.Kill()
	_ = c.Wait()
	return wall, c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}
