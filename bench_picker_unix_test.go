//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/creack/pty"
)

// BenchmarkPicker measures the time until the list of 5,000 profiles is on the terminal, with
// the first of them in it. Its budget is 30 ms.
func BenchmarkPicker(b *testing.B) {
	s := newStage(b)
	small, large := s.config(10), s.config(5000)
	limit := func() time.Duration { return 30 * time.Millisecond }
	rows := []*row{
		s.floorRow(large),
		s.row("picker-10", "the list of 10 profiles to choose from", 0, small, "exec", "--", "true"),
		s.row("picker-5000", "the list of 5,000", 0, large, "exec", "--", "true"),
	}
	rows[1].limit, rows[2].limit = limit, limit
	null := devNull(b)
	for range rounds {
		wall, cpu := rows[0].once(b, null)
		rows[0].wall, rows[0].cpu = append(rows[0].wall, wall), append(rows[0].cpu, cpu)
		for _, r := range rows[1:] {
			wall, cpu := firstScreen(b, r)
			r.wall, r.cpu = append(r.wall, wall), append(r.cpu, cpu)
		}
	}
	for _, r := range rows {
		slices.Sort(r.wall)
		slices.Sort(r.cpu)
	}
	tell(b, "The picker", rows)
}

// firstScreen starts a program on a terminal of its own, and ends it when a profile is shown.
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
	for some := make([]byte, 16<<10); !bytes.Contains(shown, []byte("team00-svc00000-admin")); {
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

// pickerLine measures the list of 5,000 profiles once more, in fewer rounds.
func (s *stage) pickerLine(v *verdicts) string {
	r := s.row("picker", "", 0, s.path("config-5000"), "exec", "--", "true")
	least := time.Hour
	for range 20 {
		wall, _ := firstScreen(s.b, r)
		least = min(least, wall)
	}
	return fmt.Sprintf("The list of 5,000 profiles to choose from is on the terminal after %.1f ms (≤ 30, %s).\n",
		inMilliseconds(least), v.of("picker", least <= 30*time.Millisecond))
}
