package cmd

import (
	"cmp"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
)

// This file lays the profiles out in columns for a person who chooses one.

// pickColumn is a column of the list.
type pickColumn struct {
	title string
	most  int // cells of the terminal; longer texts are cut
	of    func(*app.Choice) string
}

// narrow is the width below which the list has only what tells profiles apart.
const narrow = 60

// pickColumns are those for a terminal of a width. What a person looks for first is at the left.
func pickColumns(width int, now time.Time) []pickColumn {
	columns := []pickColumn{
		{"", 2, pickMark},
		{"PROFILE", max(width/3, 16), func(c *app.Choice) string { return c.Name }},
		{"LEFT", 6, func(c *app.Choice) string { return leftOf(c, now) }},
		{"ACCOUNT", max(width/5, 12), func(c *app.Choice) string { return cmp.Or(c.AccountName, c.Account) }},
		{"ROLE", max(width*9/40, 12), func(c *app.Choice) string { return c.Role }},
	}
	if width >= narrow {
		columns = append(columns, pickColumn{"FROM", 16, func(c *app.Choice) string { return c.Source }})
	}
	return append(columns, pickColumn{"", 1 << 10, pickText})
}

// pickMark marks the active profile and those that are protected.
func pickMark(c *app.Choice) (mark string) {
	if c.Active {
		mark = "*"
	}
	if c.Protected {
		mark += "!"
	}
	return mark
}

// leftOf is how much is left of the session that is cached.
func leftOf(c *app.Choice, now time.Time) string {
	if c.Expires.IsZero() {
		return ""
	}
	return display.Left(c.Expires.Sub(now))
}

// pickText is what the user has written about a profile.
func pickText(c *app.Choice) string {
	if c.Protected {
		return strings.TrimSpace("protected " + c.Text)
	}
	return c.Text
}

// pickTable makes the lines of the list, clean and in columns. A column in which nothing stands
// is left out.
type pickTable struct {
	columns []pickColumn
	widths  []int
	name    int // the cells that a name may take
}

func newPickTable(choices []app.Choice, width int, now time.Time) pickTable {
	t := pickTable{}
	for at, column := range pickColumns(cmp.Or(width, 80), now) {
		widest := 0
		for i := range choices {
			widest = max(widest, cells(display.Clean(column.of(&choices[i]))))
		}
		if at == 1 {
			t.name = column.most
		}
		if widest > 0 || at == 0 {
			t.columns = append(t.columns, column)
			t.widths = append(t.widths, max(min(widest, column.most), len(column.title), 1))
		}
	}
	return t
}

func (t pickTable) header() string {
	return t.line(func(c pickColumn) string { return c.title })
}

// row is the line of a profile. A name that was cut is whole at the end, and so does the id of
// an account that has a name: they are found by what is typed.
func (t pickTable) row(c *app.Choice) string {
	line := t.line(func(column pickColumn) string { return display.Clean(column.of(c)) })
	if name := display.Clean(c.Name); cells(name) > t.name {
		line += "  " + name
	}
	if c.AccountName != "" {
		line += "  " + display.Clean(c.Account)
	}
	return line
}

func (t pickTable) line(text func(pickColumn) string) string {
	var b strings.Builder
	b.Grow(128)
	gap := 0
	for i, column := range t.columns {
		cell := cut(text(column), t.widths[i])
		if cell != "" {
			pad(&b, gap)
			b.WriteString(cell)
			gap = 0
		}
		gap += t.widths[i] + 1 + min(i, 1) - cells(cell) // the mark is close to the name
	}
	return b.String()
}

const blanks = "                                                                "

func pad(b *strings.Builder, n int) {
	for ; n > len(blanks); n -= len(blanks) {
		b.WriteString(blanks)
	}
	b.WriteString(blanks[:max(n, 0)])
}

// cells is how many cells of a terminal a clean text takes.
func cells(text string) int {
	for i := range len(text) {
		if text[i] > '~' {
			return uniseg.StringWidth(text)
		}
	}
	return len(text)
}

// cut shortens a text to so many cells, and shows that it did.
func cut(text string, most int) string {
	if cells(text) <= most {
		return text
	}
	room, state, end := most-2, -1, 0
	for rest := text; rest != ""; {
		var cluster string
		var width int
		cluster, rest, width, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if room -= width; room < 0 {
			break
		}
		end += len(cluster)
	}
	return text[:end] + ".."
}
