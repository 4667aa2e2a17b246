package cmd

import (
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
)

// listed are the lines of a list, its header first.
func listed(choices []app.Choice, width int, now time.Time) (lines []string) {
	table := newPickTable(choices, width, now)
	lines = append(lines, table.header())
	for i := range choices {
		lines = append(lines, table.row(&choices[i]))
	}
	return lines
}

func TestTheListIsInColumnsAtEveryWidthAndHarmless(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	choices := []app.Choice{
		{Detail: profiles.Detail{Name: "prod", Account: "111122223333", Role: "admin", Source: "over base", Text: "ask first", Protected: true}, Active: true, Expires: now.Add(42 * time.Minute)},
		{Detail: profiles.Detail{Name: "日本", Account: "444455556666", Role: "r", Source: "corp"}},
		{Detail: profiles.Detail{Name: "a-name-that-is-longer-than-its-column-ReadOnly", Account: "444455556666", Role: "AdministratorAccessForAll", Source: "corp"}},
		{Detail: profiles.Detail{Name: "evil\x1b[2J\u202e", Role: "\a\r\nx", Source: "\x9b31m", Text: "\x1b]0;owned\a"}},
	}
	wide := listed(choices, 80, now)
	want := []string{
		"   PROFILE                     LEFT  ACCOUNT       ROLE                FROM",
		"*! prod                        42m   111122223333  admin               over base  protected ask first",
		"   日本                              444455556666  r                   corp",
	}
	for i, line := range want {
		if wide[i] != line {
			t.Errorf("got  %q\nwant %q", wide[i], line)
		}
	}
	for _, width := range []int{0, 1, 20, 50, 80, 300} {
		lines := listed(choices, width, now)
		for _, line := range lines {
			if display.Clean(line) != line || strings.Contains(line, "\t") {
				t.Errorf("width %d: %q", width, line)
			}
		}
		if !strings.Contains(lines[3], "ReadOnly") || width == 50 && cells(lines[2]) > width {
			t.Errorf("width %d: %q, %q", width, lines[2], lines[3])
		}
	}
	if line := listed(choices[1:], 80, now)[0]; strings.Contains(line, "LEFT") {
		t.Errorf("a column in which nothing stands: %q", line)
	}
	if line := listed([]app.Choice{{Detail: profiles.Detail{Name: "a"}}}, 80, now)[1]; line != "  a" {
		t.Errorf("%q", line)
	}
}
