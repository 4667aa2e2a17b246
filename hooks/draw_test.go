package hooks

// How the prompt shows a session: colours, the place in the prompt, the title, and when it is
// left to another program.

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/testenv"
)

// colours are those of a cell in the row with the prompt, at the first place where text stands.
func (x *term) colour(text string) int {
	x.t.Helper()
	x.Screen.Lock()
	defer x.Screen.Unlock()
	columns, rows := x.Screen.Size()
	for y := rows - 1; y >= 0; y-- {
		var row strings.Builder
		for c := range columns {
			row.WriteRune(x.Screen.Cell(c, y).Char)
		}
		if strings.Contains(row.String(), "R>") {
			return int(x.Screen.Cell(strings.Index(row.String(), text), y).FG)
		}
	}
	return -1
}

func TestTheNameHasTheColourOfItsProfileAndTheTimeThatOfItsUrgency(t *testing.T) {
	t.Parallel()
	const cyan, yellow, red = 6, 3, 1
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		for _, c := range []struct {
			p    plan
			want string
			time int
		}{
			{plan{Life: 3570}, "prod 59m", cyan}, {plan{Life: 250}, "prod 4m", yellow}, {plan{Life: 3570, Note: "mfa!"}, "prod 59m mfa!", yellow},
			{plan{Life: 50}, "prod <1m", red}, {plan{Life: -5, Note: "offline!", Fail: true}, "prod expired offline!", red}, {plan{}, "prod", 0},
		} {
			c.p.Style = []string{"36", "33", "31"}
			w.plans(c.p)
			x.run("vault use prod")
			x.shows(c.want)
			if got := x.colour("[prod"); got != cyan {
				t.Errorf("%s: the name has the colour %d", c.want, got)
			}
			_, left, timed := strings.Cut(c.want, " ")
			if got := x.colour("[" + c.want); timed && x.colour(left) != c.time || got != cyan {
				t.Errorf("%s: the time has the colour %d, want %d", c.want, x.colour(left), c.time)
			}
		}
		x.run("vault off")
		x.shows("")
	})
}

// In fish the end of a renewal is an event, which may come between any two commands. Here it
// comes when a variable is set.
func TestARenewalThatEndsWhileThePromptIsDrawnIsShown(t *testing.T) {
	t.Parallel()
	x := newWorld(t, "fish").start("", "")
	x.run("vault use prod")
	x.shows("prod 41m")
	for _, variable := range []string{"n", "rest", "c", "__vault_shown"} {
		got := x.output(fmt.Sprintf("begin; set -g __vault_text 'prod 1m'; function renewed --on-variable %s; set -g __vault_text 'prod 59m'; end; "+
			"__vault_segment >/dev/null; functions -e renewed; __vault_segment; end", variable))
		if !strings.Contains(got, "59m") {
			t.Errorf("after a renewal at %s the next prompt shows %q", variable, got)
		}
	}
}

// In fish the end of a renewal may come when an answer of the program was read, and was not yet applied. That answer is
// for what the shell had before: to apply another one first would leave the keys of one session with the state of
// another, and "off" would take those keys for the person's own.
func TestARenewalThatEndsWhileAnAnswerIsAppliedWaitsForThePrompt(t *testing.T) {
	t.Parallel()
	x := newWorld(t, "fish").start("", "")
	x.run("vault use prod")
	x.shows("prod 41m")
	for _, does := range []string{"vault use prod", "vault refresh", "set -g __vault_end -9999999999; set -g __vault_late 0; __vault_preexec", "vault off"} {
		got := x.output(fmt.Sprintf("begin; set -g nested; set -g ended; functions -c __vault_precmd kept; function __vault_precmd; set -a nested x; end; "+
			"function ended --on-variable code; set -a ended x; __vault_ended; end; %s >/dev/null 2>&1; functions -e ended __vault_precmd; "+
			"functions -c kept __vault_precmd; functions -e kept; string join / looked (count $nested) again (set -q __vault_again; and echo yes) (count $ended) ; set -e __vault_again; end", does))
		if !regexp.MustCompile(`looked/0/again/yes/[1-9]`).MatchString(got) {
			t.Errorf("%s: %q", does, got)
		}
		if busy := x.output("set -q __vault_busy; and echo still busy; or echo free"); !strings.Contains(busy, "free") {
			t.Errorf("after %s it is %q", does, busy)
		}
	}
}

// People keep a line free above the prompt.
func TestABlankLineAboveThePromptStays(t *testing.T) {
	t.Parallel()
	for shell, prompts := range map[string][]string{
		"bash": {`PS1='\nR> '`, "PS1=$'\\n\\nR> '", `PS1='\[\e[0m\]\n\[\e[1m\]R> '`},
		"zsh":  {"PROMPT=$'\\nR> '", "PROMPT=$'%{\\e[0m%}\\n%{\\e[1m%}R> '"},
	} {
		for _, prompt := range testenv.Sample(prompts, 2) {
			w := newWorld(t, shell)
			x := w.start("", prompt)
			x.run("vault use prod", "true")
			x.shows("prod 41m")
			rows := strings.Split(strings.TrimRight(x.Screen.String(), "\n "), "\n")
			if last := len(rows) - 1; !strings.HasPrefix(rows[last], "[prod 41m] R>") || strings.TrimSpace(rows[last-1]) != "" {
				t.Errorf("%s:\n%s", prompt, x.Screen.String())
			}
		}
	}
}

func TestTheTitleAndTheRightPromptShowItWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.write("hook", w.script(Options{Binary: "vault", Prompt: true, Draw: Draw{Title: true, Right: true, Countdown: true}}))
		x := w.start("", w.in(map[string]string{"bash": "", "zsh": "", "fish": "function fish_title; echo mine; end"}))
		x.run("vault use prod", "true")
		x.eventually("the label", func() bool { return strings.Contains(x.Row(), "[prod 41m]") })
		x.eventually("the title", func() bool { return strings.Contains(x.Title(), "prod 41m") })
		if right := strings.Contains(x.Row(), "R> ") && strings.HasSuffix(strings.TrimSpace(x.Row()), "  [prod 41m]"); right != (w.shell != "bash") {
			t.Errorf("the row is %q", x.Row())
		}
		x.run("vault off", "true")
		x.eventually("no label", func() bool { return !strings.Contains(x.Row(), "prod") })
		x.eventually("no session in the title", func() bool { return !strings.Contains(x.Title(), "prod") })
	})
}

// starship, oh-my-posh, pure and tide draw the whole prompt, as they are told to.
func TestAPromptThatAnotherProgramDrawsIsLeftToIt(t *testing.T) {
	t.Parallel()
	for shell, others := range map[string]map[string]string{
		"bash": {"STARSHIP_SHELL=bash; starship_precmd() { :; }": "", "_omp_hook() { :; }": "omp"},
		"zsh": {
			"starship_precmd() { : }": "", "_omp_precmd() { : }": "omp", "prompt_pure_precmd() { : }": "pure",
			"prompt_pure_precmd() { : }; PROMPT='%(87V.[%87v] .)R> '": "shown",
			"prompt_spaceship_precmd() { : }":                         "",
		},
		"fish": {
			"function fish_prompt; set -l x starship; echo -n 'R> '; end":    "",
			"function fish_prompt; set -l x _omp_get; echo -n 'R> '; end":    "omp",
			"function fish_prompt; set -l x _tide_1_prompt; echo 'R> '; end": "",
		},
	} {
		for other, told := range others {
			w := newWorld(t, shell)
			x := w.start(other, "")
			want := ""
			if told == "shown" {
				told, want = "", "prod 41m"
			}
			// the first time that a session is to be seen, and later that it was told
			for i, words := range []string{"use prod", "doctor"} {
				if got := x.lacks(words); got != told {
					t.Errorf("%s: %s: the program is told %q, want %q", other, words, got, told)
				}
				if i == 0 && told != "" {
					told += " told"
				}
			}
			x.run("true")
			if got := x.segment(); got != want {
				t.Errorf("%s: the prompt shows %q", other, got)
			}
			x.want(w.in(map[string]string{"bash": `"$__vault_text"`, "zsh": `"$__vault_text"`, "fish": `"$__vault_text"`}), "prod 41m")
		}
	}
}

func TestAColourIsANameANumberOrRedGreenAndBlue(t *testing.T) {
	for color, want := range map[string]string{
		"": "36", "red": "31", "Bright-Red": "91", "gray": "90", "12": "94", "208": "38;5;208", "orange": "38;5;208",
		"#ff8800": "38;5;208", "#fff": "38;5;231", "#000000": "38;5;16",
	} {
		style, err := StyleOf(color, false, false)
		if err != nil || style[0] != want {
			t.Errorf("%q: %v, %v", color, style, err)
		}
	}
	for _, color := range []string{"redd", "256", "-1", "#12", "#gggggg", "bright-orange", "31;5", "\x1b[31m", "#+12345"} {
		style, err := StyleOf(color, true, true)
		if err == nil || style[0] != "1;4;31" {
			t.Errorf("%q: %v, %v", color, style, err)
		}
	}
	if style, err := StyleOf("#ff8800", false, true); err != nil || style[0] != "38;2;255;136;0" {
		t.Errorf("%v, %v", style, err)
	}
}
