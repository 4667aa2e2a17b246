package display

import (
	"bufio"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Table aligns cells in columns that are two blanks apart. Every cell is cleaned. The zero
// value is an empty table.
type Table struct {
	Indent string // before every row
	cells  []string
	ends   []int // where each row ends in cells
	widths []int // of the columns, the last cell of a row apart
	paint  map[int]func(string) string
	wide   bool // a cell has characters of several bytes
}

// Grow makes room for rows of so many columns.
func (t *Table) Grow(rows, columns int) {
	t.cells, t.ends = slices.Grow(t.cells, rows*columns), slices.Grow(t.ends, rows)
}

// Row adds a row.
func (t *Table) Row(cells ...string) {
	for i, text := range cells {
		if !isPlainASCII(text) {
			text, t.wide = Clean(text), true
		}
		t.cells = append(t.cells, text)
		if i == len(cells)-1 {
			break
		}
		if i == len(t.widths) {
			t.widths = append(t.widths, 0)
		}
		t.widths[i] = max(t.widths[i], t.width(text))
	}
	t.ends = append(t.ends, len(t.cells))
}

// width is how many characters a cell has, which are not counted where all are of one byte.
func (t *Table) width(text string) int {
	if !t.wide {
		return len(text)
	}
	return utf8.RuneCountInString(text)
}

// PaintedRow adds a row whose last cell is passed through paint after it was cleaned: it
// may add the escape sequences of a colour.
func (t *Table) PaintedRow(paint func(string) string, cells ...string) {
	t.Row(cells...)
	if t.paint == nil {
		t.paint = map[int]func(string) string{}
	}
	t.paint[len(t.cells)-1] = paint
}

// Write writes the rows, with one call of Write as long as they fit a few dozen kilobytes.
func (t *Table) Write(w io.Writer) error {
	b := bufio.NewWriterSize(w, 32<<10)
	blanks := strings.Repeat(" ", 2+slices.Max(append(t.widths, 0)))
	at := 0
	for _, end := range t.ends {
		_, _ = b.WriteString(t.Indent) // a failure to write is Flush's to report
		for i, text := range t.cells[at:end] {
			if paint := t.paint[at+i]; paint != nil {
				text = paint(text)
			}
			_, _ = b.WriteString(text)
			if at+i < end-1 {
				_, _ = b.WriteString(blanks[:t.widths[i]+2-t.width(text)])
			}
		}
		_ = b.WriteByte('\n')
		at = end
	}
	return b.Flush()
}
