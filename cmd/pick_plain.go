package cmd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
)

// This file is the list for terminals that cannot be drawn on, and for people who have them read
// out: numbered lines, and a question.

// plainRows is how many lines are shown at a time.
const plainRows = 20

// choosePlain asks for a number, a name, or words that make the list shorter, until one profile
// is chosen.
func choosePlain(ctx context.Context, r *run, choices []app.Choice) (int, error) {
	rows := make([]string, len(choices))
	for i := range choices {
		rows[i] = plainRow(&choices[i], r.Now())
	}
	left := matching(rows, "")
	for {
		r.showLines(plainLines(rows, left))
		typed, err := r.answer(ctx, "PROFILE", "", "Number, name, or a part of it: ", "")
		if err != nil {
			return 0, err
		}
		if at := slices.IndexFunc(choices, func(c app.Choice) bool { return c.Name == typed }); at >= 0 {
			return at, nil
		}
		if n, err := strconv.Atoi(typed); err == nil && n >= 1 && n <= len(choices) {
			return n - 1, nil
		}
		if left = matching(rows, typed); len(left) == 1 {
			return left[0], nil
		}
		if len(left) == 0 {
			r.showLines([]string{fmt.Sprintf("No profile has %q in it.", typed)})
			left = matching(rows, "")
		}
	}
}

// plainRow says of a profile in one line what the columns of the finder do.
func plainRow(c *app.Choice, now time.Time) string {
	facts := []string{c.AccountName, c.Account, c.Role, c.Source}
	if c.Active {
		facts = append([]string{"active"}, facts...)
	}
	if left := leftOf(c, now); left != "" {
		facts = append(facts, left+" left")
	}
	facts = slices.DeleteFunc(append(facts, pickText(c)), func(fact string) bool { return fact == "" })
	return display.Clean(c.Name + ": " + strings.Join(facts, ", "))
}

// matching are the rows in which every word stands, whatever the case of its letters.
func matching(rows []string, typed string) (found []int) {
	words := strings.Fields(strings.ToLower(typed))
	for i, row := range rows {
		row = strings.ToLower(row)
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(row, w) }) {
			found = append(found, i)
		}
	}
	return found
}

// plainLines are the rows with their numbers, and how many are not shown.
func plainLines(rows []string, left []int) (lines []string) {
	for _, at := range left[:min(len(left), plainRows)] {
		lines = append(lines, fmt.Sprintf("%3d  %s", at+1, rows[at]))
	}
	if more := len(left) - plainRows; more > 0 {
		lines = append(lines, fmt.Sprintf("and %s; type a part of the name to see fewer", display.Count(more, "more profile")))
	}
	return lines
}

// showLines shows lines that belong to a question, on the terminal where it is asked.
func (r *run) showLines(lines []string) {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(display.Clean(line) + "\n")
	}
	if r.Tell == nil || r.Tell(b.String()) != nil {
		_ = printCleanLines(r.Stderr, b.String())
	}
}
