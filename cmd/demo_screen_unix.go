//go:build unix

package cmd

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// This file is a terminal without a window: as much of an xterm as the line editors of
// the shells use, so that the transcript of the demo can be read off it. A whole
// emulator compiles its patterns at every start of the program, for the demo alone.

// screen is a grid of characters that a shell draws on. String may be called by other
// goroutines while feed runs.
type screen struct {
	cols, rows int
	reply      io.Writer // gets the answers to the questions that programs ask a terminal

	mu     sync.Mutex
	grid   [][]rune
	x, y   int // of the cursor; x == cols when the last column was written
	kx, ky int // as saved
}

func newScreen(cols, rows int, reply io.Writer) *screen {
	s := &screen{cols: cols, rows: rows, reply: reply}
	s.insertLines(0, rows)
	return s
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := make([]string, len(s.grid))
	for i, l := range s.grid {
		lines[i] = string(l)
	}
	return strings.Join(lines, "\n")
}

// feed draws what r sends, until r ends.
func (s *screen) feed(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		c, _, err := in.ReadRune()
		if err == nil && c == '\x1b' {
			err = s.escape(in)
		} else if err == nil {
			s.draw(c)
		}
		if err != nil {
			return
		}
	}
}

// draw puts a character at the cursor, or obeys a control character.
func (s *screen) draw(c rune) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c == '\r':
		s.x = 0
	case c == '\n':
		s.x = min(s.x, s.cols-1)
		s.down()
	case c == '\b':
		s.moveTo(min(s.x, s.cols-1)-1, s.y)
	case c == '\t':
		s.moveTo(s.x/8*8+8, s.y)
	case c >= ' ' && c != '\x7f':
		if s.x == s.cols {
			s.x = 0
			s.down()
		}
		s.grid[s.y][s.x] = c
		s.x++
	}
}

// escape reads one sequence to its end and obeys it. What it does not know it leaves out.
func (s *screen) escape(in io.RuneReader) error {
	c, _, err := in.ReadRune()
	switch {
	case err != nil:
		return err
	case c == '[':
		return s.controlSequence(in)
	case strings.ContainsRune("]PX^_", c): // a title, a colour: text up to BEL or ESC \
		for before := c; err == nil && c != '\a' && !(before == '\x1b' && c == '\\'); {
			before = c
			c, _, err = in.ReadRune()
		}
	case strings.ContainsRune("()*+#% ", c): // a character set
		_, _, err = in.ReadRune()
	case c == '7':
		s.kx, s.ky = s.x, s.y
	case c == '8':
		s.at(func() { s.moveTo(s.kx, s.ky) })
	case c == 'M':
		s.at(func() { s.moveTo(s.x, s.y-1) })
	}
	return err
}

func (s *screen) at(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// controlSequence reads parameters and the letter that ends them.
func (s *screen) controlSequence(in io.RuneReader) error {
	var text strings.Builder
	for {
		c, _, err := in.ReadRune()
		if err != nil {
			return err
		}
		if '@' <= c && c <= '~' {
			s.at(func() { s.obey(c, text.String()) })
			return nil
		}
		text.WriteRune(c)
	}
}

func (s *screen) obey(letter rune, text string) {
	if strings.Trim(text, "0123456789;") != "" {
		return // private: modes, and questions that need no answer
	}
	first, second, _ := strings.Cut(text, ";")
	a, _ := strconv.Atoi(first)
	b, _ := strconv.Atoi(second)
	n, x := max(a, 1), min(s.x, s.cols-1)
	switch letter {
	case 'A':
		s.moveTo(x, s.y-n)
	case 'B':
		s.moveTo(x, s.y+n)
	case 'C':
		s.moveTo(x+n, s.y)
	case 'D':
		s.moveTo(x-n, s.y)
	case 'E':
		s.moveTo(0, s.y+n)
	case 'F':
		s.moveTo(0, s.y-n)
	case 'G':
		s.moveTo(n-1, s.y)
	case 'd':
		s.moveTo(x, n-1)
	case 'H', 'f':
		s.moveTo(max(b, 1)-1, n-1)
	case 'n':
		if a == 6 {
			fmt.Fprintf(s.reply, "\x1b[%d;%dR", s.y+1, x+1)
		}
	case 'c':
		fmt.Fprint(s.reply, "\x1b[?6c")
	default:
		s.change(letter, a, n)
	}
}

// change obeys what changes the grid.
func (s *screen) change(letter rune, a, n int) {
	line, x := s.grid[s.y], min(s.x, s.cols-1)
	n = min(n, s.rows+s.cols)
	switch letter {
	case 'K':
		blank(line, []int{x, 0, 0}[a%3], []int{s.cols, x + 1, s.cols}[a%3])
	case 'J':
		from, to := []int{s.y + 1, 0, 0}[a%3], []int{s.rows, s.y, s.rows}[a%3]
		for _, l := range s.grid[from:to] {
			blank(l, 0, s.cols)
		}
		s.change('K', a, 1)
	case 'X':
		blank(line, x, min(x+n, s.cols))
	case 'P':
		gone := min(n, s.cols-x)
		copy(line[x:], line[x+gone:])
		blank(line, s.cols-gone, s.cols)
	case '@':
		room := min(n, s.cols-x)
		copy(line[x+room:], line[x:])
		blank(line, x, x+room)
	case 'L':
		s.insertLines(s.y, n)
		s.grid = s.grid[:s.rows]
	case 'M':
		s.grid = slices.Delete(s.grid, s.y, min(s.y+n, s.rows))
		s.insertLines(len(s.grid), s.rows-len(s.grid))
	}
}

func (s *screen) moveTo(x, y int) {
	s.x, s.y = min(max(x, 0), s.cols-1), min(max(y, 0), s.rows-1)
}

// down goes to the next line; at the last one the others move up.
func (s *screen) down() {
	if s.y++; s.y == s.rows {
		s.y--
		s.grid = s.grid[1:]
		s.insertLines(len(s.grid), 1)
	}
}

func (s *screen) insertLines(at, n int) {
	for range n {
		line := make([]rune, s.cols)
		blank(line, 0, s.cols)
		s.grid = slices.Insert(s.grid, at, line)
	}
}

func blank(line []rune, from, to int) {
	for i := from; i < to; i++ {
		line[i] = ' '
	}
}
