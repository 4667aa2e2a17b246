package profiles

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// headerPieces are what decides whether a line is a header: brackets, indentation, white space
// of other kinds, comments, and lines that can be continued.
var headerPieces = []string{
	"[", "]", "[profile a]", "[default]", "[DEFAULT]", "[]", "[a b", " ", "\t", "\u00a0", "\x1c", "#", ";", "\n", "\n", "\n\n", "\n ", "\n  [b]",
	"key = value", "key =", "  nested = [x]", "= x", "x]", "[c] # y", "é", "\xff", "word",
}

func TestHeadersAreFoundAsIfEachLineWasRead(t *testing.T) {
	t.Parallel()
	type found struct {
		text        string
		line, below int // how much of the file is left from the line on, and below it
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		var b strings.Builder
		for range 1 + random.IntN(14) {
			b.WriteString(headerPieces[random.IntN(len(headerPieces))])
		}
		var want, got []found
		for r := readLines(b.String()); r.next(); {
			if r.kind == header {
				want = append(want, found{r.text, len(r.whole), len(r.src)})
			}
		}
		for r := readLines(b.String()); r.nextHeader(); {
			got = append(got, found{r.text, len(r.whole), len(r.src)})
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q: %v, not %v", b.String(), got, want)
		}
	}
}

func TestTheLineOfAHeaderIsTheSameHoweverManyAreAskedFor(t *testing.T) {
	text := strings.Repeat("[DEFAULT]\n\n", fewLines+2) + strings.Repeat("\n[profile a]\nregion = x\n  [b]\n", 3*fewLines)
	s := Parse("config", []byte(text))
	lines := strings.Split(text, "\n")
	for i := range s.sections {
		if line := s.line(&s.sections[i]); !strings.Contains(lines[line-1], "["+s.header(&s.sections[i])+"]") {
			t.Errorf("section %d is not in line %d", i, line)
		}
	}
}
