package progress

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// terminal is a line on a terminal of a width, on which work takes as long as is wanted.
func terminal(width int) (l *Line, out *bytes.Buffer, wait func(time.Duration)) {
	now := time.Unix(1e9, 0)
	out = &bytes.Buffer{}
	l = &Line{Out: out, Name: "vault", Now: func() time.Time { return now }, Width: func() int { return width }}
	return l, out, func(d time.Duration) { now = now.Add(d) }
}

func TestShortWorkIsNotShownAndLongWorkIsOneLineThatIsGoneAtTheEnd(t *testing.T) {
	l, out, wait := terminal(0)
	ctx := With(context.Background(), l.Step)
	for i := range 11 {
		Step(ctx, "copying keys", i, 10)
	}
	if out.Len() > 0 {
		t.Errorf("short work: %q", out)
	}
	for i := range 101 {
		Step(ctx, "copying keys", i, 100)
		wait(50 * time.Millisecond)
	}
	shown := out.String()
	if n := strings.Count(shown, "\r"); n < 40 || n > 50 {
		t.Errorf("it was written %d times in five seconds", n)
	}
	if strings.Contains(shown, "\n") || !strings.Contains(shown, "\rvault: copying keys: 50 of 100\x1b[K") || !strings.HasSuffix(shown, "of 100\x1b[K\r\x1b[K") {
		t.Errorf("%q", shown)
	}
}

func TestTheLineNeverWrapsAndIsRemovedBeforeOtherText(t *testing.T) {
	for _, width := range []int{0, 20, 79, 200} {
		l, out, wait := terminal(width)
		l.Step(strings.Repeat("é", 300), 0, 2)
		wait(time.Second)
		l.Step(strings.Repeat("é", 300), 1, 2)
		most := width
		if width == 0 {
			most = 80
		}
		if n := len([]rune(out.String())) - len("\r\x1b[K"); n != most-1 {
			t.Errorf("width %d: %d cells", width, n)
		}
		out.Reset()
		_, _ = io.WriteString(l.Above(out), "a message\n")
		_, _ = io.WriteString(l.Above(out), "another\n")
		if out.String() != "\r\x1b[Ka message\nanother\n" {
			t.Errorf("%q", out)
		}
	}
}

func TestWithoutALineNothingIsDrawn(t *testing.T) {
	var l *Line
	Step(context.Background(), "x", 1, 2)
	Step(With(context.Background(), l.Step), "x", 1, 2)
	l.Clear()
	if out := (&bytes.Buffer{}); l.Above(out) != io.Writer(out) {
		t.Error("the writer is another one")
	}
}

func TestManyMayReportAtOnce(t *testing.T) {
	l, _, _ := terminal(0)
	l.Out = io.Discard
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			l.Step(fmt.Sprint("work ", i%2), i, 20)
			_, _ = io.WriteString(l.Above(io.Discard), "x")
		})
	}
	wg.Wait()
}
