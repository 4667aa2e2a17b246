package cmd_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// picked runs a command that has to ask for a profile, types into the finder, and returns
// the exit status and what the terminal showed. Each exchange is what the finder shows, and
// what is typed then: it takes Enter for what it has found so far.
func (w *world) picked(t *testing.T, talk []exchange, extra ...string) (status int, shown string, echo bool) {
	t.Helper()
	environ := append(without(w.environ(extra...), "TERM"), "TERM=xterm-256color")
	return w.onTerminal(t, environ, "profile>", func(p *os.Process, tty *terminal) {
		for _, x := range talk {
			if !tty.await(x.asked) {
				t.Errorf("the finder does not show %q", x.asked)
				_ = p.Kill()
				return
			}
			must(tty.WriteString(x.typed))
		}
	}, "exec", "--", "sh", "-c", "echo chosen: $AWS_VAULT")
}

// Whatever someone has told fzf to do for other programs, here it shows the profiles and
// gives the one that was chosen.
func TestNoOptionOfTheUsersForFZFBreaksThePicker(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile other]\nregion = eu-west-1\n[profile work]\nregion = eu-west-1\n")
	w.stored("alice", "work")
	for i, options := range []string{
		"", "--print-query", "--expect=enter,ctrl-x", "--filter=work", "--print0", "--read0", "--select-1 --exit-0 --query=zzz", "--multi --bind=enter:select-all+accept",
		"--bind 'enter:become(touch MARK)'", "--bind start:abort", "--bind=enter:accept-non-empty,j:ignore", "--bind 'load:reload(touch MARK)'",
		"--preview 'touch MARK; env > MARK'", "--tac --no-sort --sync", "--with-nth=3 --delimiter=x --accept-nth=2", "--listen", "--version", "--help", "--man",
		"--height=0", "--tmux", "--disabled", "--no-input", "--history=/nonexistent/x", "--bash", "--nonsense", "'unbalanced", "--color=nonsense",
		"--color dark,hl:#d858fe --border rounded --layout=default --info=right --preview='touch MARK'", "--style=full --margin 1,2 --pointer=>", "--footer=x --header-lines=5",
	} {
		for _, where := range []string{"FZF_DEFAULT_OPTS", "FZF_DEFAULT_OPTS_FILE"} {
			if where == "FZF_DEFAULT_OPTS_FILE" && i%8 != 1 {
				continue // the same words by the other way
			}
			text := strings.ReplaceAll(options, "MARK", w.path("mark"))
			value := text
			if where == "FZF_DEFAULT_OPTS_FILE" {
				w.write("options", text+"\n")
				value = w.path("options")
			}
			status, shown, echo := w.picked(t, []exchange{{"2/2", "wo"}, {"1/2", "\r"}}, where+"="+value, "FZF_DEFAULT_COMMAND=touch "+w.path("mark"))
			if status != 0 || !strings.Contains(shown, "chosen: work") || !echo {
				t.Errorf("%s=%s: status %d, the terminal is as it was: %v\n%q", where, options, status, echo, shown)
			}
			if _, err := os.Stat(w.path("mark")); err == nil {
				t.Errorf("%s=%s: a command was run", where, options)
			}
		}
	}
}

func TestLooksOfTheUsersForFZFAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile work]\nregion = eu-west-1\n")
	w.stored("alice", "work")
	status, shown, _ := w.picked(t, []exchange{{"1/1", "\r"}}, "FZF_DEFAULT_OPTS=--border=sharp --pointer '=>' --print-query")
	if status != 0 || !strings.Contains(shown, "┌") || !strings.Contains(shown, "=>") {
		t.Errorf("status %d: %q", status, shown)
	}
}

func TestAnOptionsFileOfFZFThatNeverEndsIsNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile work]\nregion = eu-west-1\n")
	w.stored("alice", "work")
	check(unix.Mkfifo(w.path("fifo"), 0o600))
	for _, file := range []string{w.path("fifo"), "/dev/zero", w.path("nowhere"), w.path("home")} {
		if status, shown, _ := w.picked(t, []exchange{{"1/1", "\r"}}, "FZF_DEFAULT_OPTS_FILE="+file); status != 0 {
			t.Errorf("%s: status %d: %q", file, status, shown)
		}
	}
}

func TestWhateverEndsThePickerTheTerminalIsAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile work]\nregion = eu-west-1\n")
	environ := append(without(w.environ(), "TERM"), "TERM=xterm-256color")
	for name, c := range map[string]struct {
		signal syscall.Signal
		typed  string
		status int
	}{
		"Ctrl-C": {0, "\x03", 130}, "SIGINT": {syscall.SIGINT, "", 130}, "SIGTERM": {syscall.SIGTERM, "", 143}, "SIGHUP": {syscall.SIGHUP, "", -1}, "SIGQUIT": {syscall.SIGQUIT, "", 131},
	} {
		status, shown, echo := w.onTerminal(t, environ, "profile>", func(p *os.Process, tty *terminal) {
			if c.signal != 0 {
				check(p.Signal(c.signal))
			}
			must(tty.WriteString(c.typed))
		}, "exec", "--", "true")
		if status != c.status || !echo || strings.Contains(shown, "goroutine") {
			t.Errorf("%s: status %d, the terminal is as it was: %v\n%q", name, status, echo, shown)
		}
	}
}

func TestThePickerBeginsWithWhatWasUsedAndShowsWhatItMeans(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile other]\nregion = eu-west-1\n[profile work]\nregion = eu-west-1\nvault_description = the day's work\n"+
		"[profile \"evil\x1b[2J\"]\nvault_description = \x1b]0;owned\x07\n")
	w.stored("alice", "work")
	if status, shown, _ := w.picked(t, []exchange{{"3/3", "work"}, {"1/3", "\r"}}); status != 0 {
		t.Fatalf("status %d: %q", status, shown)
	}
	environ := append(without(w.environ(), "TERM"), "TERM=xterm-256color")
	status, shown, _ := w.onTerminal(t, environ, "key stored for work", func(_ *os.Process, tty *terminal) {
		must(tty.WriteString("\r"))
	}, "exec", "--", "sh", "-c", "echo chosen: $AWS_VAULT")
	if status != 0 || !strings.Contains(shown, "chosen: work") || !strings.Contains(shown, "about   the day's work") || !strings.Contains(shown, "59m") {
		t.Errorf("status %d: %q", status, shown)
	}
	if !strings.Contains(shown, "evil?[2J") || strings.Contains(shown, "\x1b]") || strings.Contains(shown, "\x07") {
		t.Errorf("the terminal acts on a name or a description: %q", shown)
	}
}
