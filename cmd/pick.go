package cmd

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	fzf "github.com/junegunn/fzf/src"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/host"
)

// pick lets a person choose a profile in the fuzzy finder that many know already, or, where it
// cannot draw or cannot be read out, in a numbered list. Both are on the terminal, so standard
// output stays free for code.
func pick(ctx context.Context, r *run) (string, error) {
	return pickOf(ctx, r, func(app.Choice) bool { return true })
}

// pickOf is pick among some of the profiles.
func pickOf(ctx context.Context, r *run, wanted func(app.Choice) bool) (string, error) {
	if r.task.Quiet || r.task.Ask == nil {
		return "", noTerminal(r)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // thousands of profiles are soon shown
	choices, err := r.task.Choices()
	if err != nil {
		return "", err
	}
	if len(choices) == 0 {
		return "", noProfiles(r)
	}
	if choices = slices.DeleteFunc(choices, func(c app.Choice) bool { return !wanted(c) }); len(choices) == 0 {
		return "", app.WithHint(errors.New("there is no profile to choose from for this command"), "vault list shows what there is")
	}
	at, err := choose(ctx, r, choices)
	if err != nil {
		return "", err
	}
	return choices[at].Name, nil
}

// noTerminal is the error where a profile has to be named.
func noTerminal(r *run) error {
	line := r.command + " PROFILE"
	if strings.HasSuffix(r.command, " exec") {
		line += " -- COMMAND"
	}
	err := app.Usage(r.command, errors.New("no profile was named, and there is no terminal to choose one on"))
	return app.WithHint(err, "%s; vault list --profiles shows the names", line)
}

// noProfiles tells how a first profile is made.
func noProfiles(r *run) error {
	r.say("there is no profile to choose from yet. To get one:")
	for _, way := range [...][2]string{
		{"vault sso login --start-url URL", "sign in to IAM Identity Center"},
		{"vault add NAME", "store an access key that you have"},
		{"vault import", "move the keys of ~/.aws/credentials into the keyring"},
	} {
		r.say("  %-32s  %s", way[0], way[1])
	}
	return statusError(exitFailed)
}

// choose shows the profiles and returns the index of the one that is chosen.
func choose(ctx context.Context, r *run, choices []app.Choice) (int, error) {
	plain, err := plainPicker(r)
	if err != nil {
		return 0, err
	}
	if plain {
		return choosePlain(ctx, r, choices)
	}
	columns, lines := r.Size()
	table := newPickTable(choices, columns, r.Now())
	return find(ctx, finder{
		rows: len(choices), lines: lines, looks: r.finderLooks(), self: r.Self, header: table.header(),
		row: func(i int) string { return table.row(&choices[i]) },
		key: func(i int) string { return choices[i].Name },
	})
}

// pickerVariable says how a profile is chosen.
const pickerVariable = "AWS_VAULT_PICKER"

// plainPicker reports whether the list is one of numbered lines: it is wanted, or the terminal
// cannot be drawn on. ACCESSIBLE is what other programs ask too for a user with a screen reader.
func plainPicker(r *run) (bool, error) {
	switch how := r.getenv(pickerVariable); how {
	case "":
		return r.getenv("TERM") == "dumb" || r.getenv("ACCESSIBLE") != "", nil
	case "lines":
		return true, nil
	case "fzf":
		return false, nil
	default:
		return false, app.Usage(r.command, fmt.Errorf("%s is %q: write fzf or lines", pickerVariable, how))
	}
}

// finder is what the fuzzy finder shows: rows below a header, all of them clean, and what is
// to be known of the row under the cursor.
type finder struct {
	header string
	rows   int                // how many
	row    func(i int) string // is called from another goroutine, in order
	key    func(i int) string // by which the preview finds it
	lines  int                // of the terminal; 0: not known
	looks  []string           // the user's options
	self   string             // this program, for the preview
}

// find runs the finder and returns the index of the choice. The index and the key in front of
// each row are not shown.
func find(ctx context.Context, f finder) (int, error) {
	o, err := f.options(f.looks)
	if err != nil {
		return 0, err
	}
	defer host.KeepTerminal(endFinder)()
	input, output := make(chan string, 256), make(chan string, 1)
	o.Input, o.Output = input, output
	go func() {
		defer close(input)
		for i := range f.rows {
			select {
			case input <- strconv.Itoa(i) + "\t" + previewKey(f.key(i)) + "\t" + f.row(i):
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

// Lines of the finder on the terminal: of rows at most, and of the preview.
const finderRows, previewLines = 12, 7

// options are the finder's. Looks that it does not know are left out, all of them. With --sync it
// draws once, as soon as it has all rows; without, it waits between the first of them and the others.
// (With --header-lines it would use a core meanwhile.)
func (f finder) options(looks []string) (*fzf.Options, error) {
	height := min(f.rows, finderRows) + 3 + previewLines + 1 // question, line, header; border
	if len(looks) > 0 {
		height += 6 // borders and margins take lines
	}
	options := slices.Concat([]string{"--layout=reverse", "--info=inline-right"}, looks, []string{
		"--height=" + strconv.Itoa(height), "--prompt=profile> ", "--no-multi", "--scheme=default", "--tiebreak=begin,index",
		"--delimiter=\t", "--with-nth=3..", "--tabstop=4", "--header=" + f.header, "--sync", "--ellipsis=..", "--no-hscroll",
	}, f.preview())
	o, err := fzf.ParseOptions(false, options)
	if err != nil && len(looks) > 0 {
		return f.options(nil)
	}
	return o, err
}
