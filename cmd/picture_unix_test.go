//go:build unix

package cmd_test

import (
	"fmt"
	"html"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/hinshun/vt10x"

	"github.com/d44b7504/vault/internal/testenv"
)

// The pictures of the README are screens of the demo. With -update they are drawn again; otherwise
// the screens of today must have the same text, but for times.
func TestThePicturesOfTheReadmeShowTheDemo(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	digits := regexp.MustCompile(`[0-9]+`)
	for name, picture := range playDemo(t) {
		file := "../docs/" + name
		if *update {
			check(os.WriteFile(file, []byte(picture), 0o644))
		}
		if got, want := digits.ReplaceAllString(picture, "0"), digits.ReplaceAllString(string(must(os.ReadFile(file))), "0"); got != want {
			t.Errorf("docs/%s is of an older program: go test ./cmd -run %s -update draws it again; the demo shows\n%s", name, t.Name(), picture)
		}
	}
}

const pictureColumns, pictureRows = 80, 24

// playDemo plays the demo in bash, as a visitor would type it, and draws what the terminal shows, by the
// name of each picture. Sessions last an hour, as at AWS.
func playDemo(t *testing.T) map[string]string {
	t.Helper()
	v := newWorld(t, roleConfig).visitor(t, "bash", "NO_COLOR=", "AWS_VAULT_AGENT=off")
	screen := vt10x.New(vt10x.WithSize(pictureColumns, pictureRows), vt10x.WithWriter(v.tty))
	go func() { _, _ = io.Copy(screen, v.tty) }()
	await := func(what string, shown func(string) bool) {
		for end := time.Now().Add(patience); !shown(screen.String()); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the screen does not have %s:\n%s", what, screen.String())
			}
		}
	}
	prompts := func(n int) {
		await(fmt.Sprint(n, " prompts"), func(s string) bool { return strings.Count(s, "demo> ") == n })
	}
	clear := func() { v.send("clear\r"); prompts(1) }
	prompts(1)
	v.send("export AWS_ASSUME_ROLE_TTL=59m55s\r")
	prompts(2)
	clear()
	for i, line := range []string{
		"vault use prod", "vault status", "vault use dve", "vault use dev", "vault exec prod -- sh -c 'echo I am $AWS_VAULT'", "vault off",
	} {
		v.send(line + "\r")
		prompts(i + 2)
	}
	pictures := map[string]string{"demo.svg": drawTerminal(screen)}
	clear()
	v.send("vault use\r")
	await("the list", func(s string) bool { return strings.Contains(s, "3/3") })
	v.send("adm")
	await("what was found", func(s string) bool { return strings.Contains(s, "1/3") && strings.Contains(s, "role/administrator") })
	pictures["choose.svg"] = drawTerminal(screen)
	v.send("\x1b")
	await("the prompt again", func(s string) bool { return strings.Count(s, "demo> ") == 2 })
	v.send("exit 0\r")
	if err := v.cmd.Wait(); err != nil {
		t.Error(err)
	}
	return pictures
}

// A terminal's eight colours, twice: those of a light and of a dark page.
var terminalColours = [2][8]string{
	{"#24292f", "#cf222e", "#116329", "#9a6700", "#0969da", "#8250df", "#1b7c83", "#6e7781"},
	{"#8b949e", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4"},
}

func terminalStyle() string {
	var b strings.Builder
	for mode, colours := range terminalColours {
		if mode == 1 {
			b.WriteString("  @media (prefers-color-scheme: dark) {\n    .page { fill: #0d1117; stroke: #30363d } text { fill: #e6edf3 }\n")
		}
		for i, colour := range colours {
			fmt.Fprintf(&b, "    .c%d { fill: %s }\n", i, colour)
		}
	}
	return "<style>\n  text { font: 14px ui-monospace, Menlo, Consolas, monospace; white-space: pre; fill: #24292f }\n" +
		"  .page { fill: #ffffff; stroke: #d0d7de } .bold { font-weight: bold } .line { text-decoration: underline }\n" + b.String() + "  }\n</style>\n"
}

// drawTerminal draws the screen as an SVG, a text element for each run of cells that look alike.
func drawTerminal(screen vt10x.Terminal) string {
	const width, height = 8.43, 19
	screen.Lock()
	defer screen.Unlock()
	var rows strings.Builder
	last := 0
	for y := range pictureRows {
		for x := 0; x < pictureColumns; {
			from, look := x, screen.Cell(x, y)
			var text strings.Builder
			for ; x < pictureColumns && alike(screen.Cell(x, y), look); x++ {
				text.WriteRune(max(screen.Cell(x, y).Char, ' '))
			}
			if shown := strings.TrimRightFunc(text.String(), unicode.IsSpace); shown != "" {
				last = y
				fmt.Fprintf(&rows, "<text x=\"%.0f\" y=\"%d\"%s>%s</text>\n", 14+float64(from)*width, 24+y*height, looks(look), html.EscapeString(shown))
			}
		}
	}
	w, h := 28+pictureColumns*width, 24+(last+1)*height
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %d\" role=\"img\" aria-label=\"vault in a terminal\">\n%s"+
		"<rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"%.0f\" height=\"%d\" rx=\"8\"/>\n%s</svg>\n", w, h, terminalStyle(), w-1, h-1, rows.String())
}

const glyphUnderline, glyphBold = 1 << 1, 1 << 2 // of vt10x, which does not export them

func alike(a, b vt10x.Glyph) bool { return a.FG == b.FG && a.Mode == b.Mode }

func looks(g vt10x.Glyph) string {
	var class []string
	if g.FG < 16 {
		class = append(class, fmt.Sprintf("c%d", g.FG%8))
	}
	if g.Mode&glyphBold != 0 {
		class = append(class, "bold")
	}
	if g.Mode&glyphUnderline != 0 {
		class = append(class, "line")
	}
	if len(class) == 0 {
		return ""
	}
	return " class=\"" + strings.Join(class, " ") + "\""
}
