//go:build unix

package cmd

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hinshun/vt10x"
)

// drawn is what a screen shows, without the blanks at the ends.
func drawn(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \x00")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// stroke is something a line editor sends.
func stroke(r *rand.Rand) string {
	if r.IntN(3) > 0 {
		return string(rune('a' + r.IntN(26)))
	}
	moves := "ABCDGHJKKPLM@Xd"
	switch letter := moves[r.IntN(len(moves))]; letter {
	case 'J', 'K':
		return fmt.Sprintf("\x1b[%d%c", 2*r.IntN(2), letter) // it has a 1J of its own
	case 'H':
		return fmt.Sprintf("\x1b[%d;%dH", r.IntN(9), r.IntN(22))
	default:
		plain := []string{"\r", "\n", "\r\n", "\b", "\x1b[0;31m", "\x1b]0;a title\a", "\x1b]11;?\x1b\\", "\x1b(B", "\x1b7\x1b8", "\x1b[?25l", "é"}
		if r.IntN(2) == 0 {
			return plain[r.IntN(len(plain))]
		}
		return fmt.Sprintf("\x1b[%d%c", 1+r.IntN(4), letter)
	}
}

func TestTheDemosScreenShowsWhatAnEmulatorShows(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		var sent strings.Builder
		for range 60 {
			sent.WriteString(stroke(r))
		}
		ours, theirs := newScreen(20, 8, io.Discard), vt10x.New(vt10x.WithSize(20, 8))
		ours.feed(strings.NewReader(sent.String()))
		_, err := io.WriteString(theirs, sent.String())
		if got, want := drawn(ours.String()), drawn(theirs.String()); err != nil || got != want {
			t.Fatalf("%q (%v) is drawn as\n%s\nand should be\n%s", sent.String(), err, got, want)
		}
	}
}

func TestTheDemosScreenAnswersWhatProgramsAskATerminal(t *testing.T) {
	var said strings.Builder
	newScreen(20, 8, &said).feed(strings.NewReader("ab\r\nc\x1b[6n\x1b[c"))
	if said.String() != "\x1b[2;2R\x1b[?6c" {
		t.Errorf("it said %q", said.String())
	}
}
