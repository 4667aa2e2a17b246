package cmd

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	fzf "github.com/junegunn/fzf/src"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/profiles"
)

// pick lets a person choose a profile in the fuzzy finder many know already. It draws
// on the terminal, so standard output stays free for code.
func pick(ctx context.Context, r *run) (string, error) {
	if r.task.Quiet || r.task.Ask == nil {
		line := r.command + " PROFILE"
		if strings.HasSuffix(r.command, " exec") {
			line += " -- COMMAND"
		}
		return "", app.WithHint(app.Usage(r.command, errors.New("no profile was named, and there is no terminal to choose one on")), "%s", line)
	}
	data, err := profiles.ReadFile(r.task.Env.ConfigFile())
	if err != nil {
		return "", err
	}
	choices := profiles.JoinSummaries(profiles.ScanSummaries(data), credentialsProfiles(r))
	if len(choices) == 0 {
		return "", app.WithHint(errors.New("there is no profile to choose from"), "vault add NAME")
	}
	at, err := find(ctx, choices, finderLooks(r.task.Env))
	if err != nil {
		return "", err
	}
	return choices[at].Name, nil
}

// find runs the finder and returns the index of the choice. The lines it shows are
// cleaned; the index in front of them, which is not shown, leads back to the name.
func find(ctx context.Context, choices []profiles.Summary, looks []string) (int, error) {
	o, err := finderOptions(looks)
	if err != nil {
		return 0, err
	}
	defer host.KeepTerminal(endFinder)()
	input, output := make(chan string), make(chan string, 1)
	o.Input, o.Output = input, output
	go func() {
		defer close(input)
		for i, c := range choices {
			select {
			case input <- strconv.Itoa(i) + "\t" + display.Clean(c.Name) + "\t" + display.Clean(c.Description):
			case <-ctx.Done():
				return
			}
		}
	}()
	code, err := fzf.Run(o) // which ends by itself at SIGINT and SIGTERM
	if err != nil {
		return 0, err
	}
	select {
	case line := <-output:
		index, _, _ := strings.Cut(line, "\t")
		return strconv.Atoi(index)
	default:
	}
	if code == fzf.ExitInterrupt {
		return 0, statusError(exitInterrupted)
	}
	return 0, errors.New("no profile was chosen")
}

// endFinder is what the finder writes to the terminal at its end: no mouse, no bracketed
// paste, the cursor to be seen.
const endFinder = "\x1b[?1000l\x1b[?1002l\x1b[?1006l\x1b[?2004l\x1b[?7h\x1b[?25h\r\n"

// finderOptions are the finder's. Looks that it does not know are left out, all of them.
func finderOptions(looks []string) (*fzf.Options, error) {
	options := slices.Concat([]string{"--layout=reverse", "--info=inline"}, looks, []string{
		"--height=~15", "--prompt=profile> ", "--no-multi", "--scheme=default",
		"--delimiter=\t", "--with-nth=2..", "--tabstop=4",
	})
	o, err := fzf.ParseOptions(false, options)
	if err != nil && len(looks) > 0 {
		return finderOptions(nil)
	}
	return o, err
}
