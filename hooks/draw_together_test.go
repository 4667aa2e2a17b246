package hooks

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/testenv"
)

// together is what a person may have asked for at the same time.
type together struct {
	right, countdown, title, blank, tall, protected bool
}

// combinations has each pair of the six with both values of each, in eight rows.
var combinations = []together{
	{false, false, false, false, false, false},
	{true, true, true, true, false, true},
	{true, true, false, false, true, true},
	{false, true, true, false, true, false},
	{true, false, true, true, true, false},
	{false, false, true, false, false, true},
	{true, false, false, false, false, false},
	{false, true, false, true, false, false},
	{false, false, false, true, true, true},
}

// prompt is that of a person in each shell: with a free line above it, with a line of its own above the
// last one, with both.
func (c together) prompt(w *world) string {
	blank, tall := "", ""
	if c.blank {
		blank = `\n`
	}
	if c.tall {
		tall = `top\n`
	}
	if w.shell == "fish" {
		text := ""
		if c.blank {
			text += "echo; "
		}
		if c.tall {
			text += "echo top; "
		}
		return "function fish_prompt; " + text + "echo -n 'R> '; end"
	}
	return w.in(map[string]string{"bash": "PS1='" + blank + tall + "R> '", "zsh": "PROMPT=$'" + blank + tall + "R> '"})
}

// What is shown, and where, does not depend on what else is wanted: the label is there once, what the
// person's prompt has stays, and after off nothing of it is left.
func TestWhateverIsWantedTogetherThePromptIsWhole(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for _, c := range testenv.Sample(combinations, 3) {
			t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
				w := newWorld(t, w.shell)
				p := plan{Life: 2490, Style: []string{"36", "33", "31"}}
				if c.protected {
					p.Label, p.Style = "prod protected", []string{"1;4;31", "33", "31"}
				}
				w.plans(p)
				w.write("hook", w.script(Options{Binary: "vault", Prompt: true, Draw: Draw{Title: c.title, Right: c.right, Countdown: c.countdown}}))
				x := w.start(c.prompt(w), "")
				x.run("vault use prod", "clear", "true")
				label := "[" + strings.TrimSpace(cmp.Or(p.Label, "prod")) + " 41m]"
				x.eventually("the label once", func() bool { return strings.Count(x.lastPrompt(c), label) == 1 })
				shown := x.lastPrompt(c)
				if rest := strings.Join(strings.Fields(strings.Replace(shown, label, "", 1)), " "); rest != c.words() {
					t.Errorf("beside the label the prompt is %q", rest)
				}
				if c.blank && strings.TrimSpace(strings.Split(shown, "\n")[0]) != "" {
					t.Errorf("the free line is not free:\n%s", shown)
				}
				if right := strings.HasSuffix(strings.TrimRight(shown, " \n"), label) && !strings.HasPrefix(strings.TrimSpace(shown), label); (c.right && w.shell != "bash" || w.shell == "fish") != right {
					t.Errorf("the label is at the wrong side:\n%s", shown)
				}
				if c.title {
					x.eventually("the title", func() bool { return strings.Contains(x.Title(), "prod") })
				} else if strings.Contains(x.Title(), "41m") {
					t.Errorf("the title is %q", x.Title())
				}
				x.run("vault off", "clear", "true")
				x.eventually("nothing of the label", func() bool {
					return strings.Join(strings.Fields(x.lastPrompt(c)), " ") == c.words() && !strings.Contains(x.Title(), "41m")
				})
			})
		}
	})
}

// words are what the person's prompt has itself.
func (c together) words() string {
	if c.tall {
		return "top R>"
	}
	return "R>"
}

func (x *term) lastPrompt(c together) string { return lastPrompt(x.Screen.String(), c) }

// lastPrompt are the rows that the prompt of a person takes, the last one on a screen.
func lastPrompt(screen string, c together) string {
	rows := strings.Split(strings.TrimRight(screen, "\n "), "\n")
	n := 1
	if c.blank {
		n++
	}
	if c.tall {
		n++
	}
	rows = rows[max(0, len(rows)-n):]
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	return strings.Join(rows, "\n")
}
