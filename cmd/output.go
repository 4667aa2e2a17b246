package cmd

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/fatih/color"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
)

// print prints a line that was asked for on standard output, without what a terminal would
// act on. Text from outside reaches standard output by this, by a display.Table or by
// display.JSON; rules_test.go lists the files in which a shell or a program is the reader.
func (r *run) print(format string, args ...any) error {
	_, err := fmt.Fprintln(r.Stdout, display.Clean(fmt.Sprintf(r.ours(format), args...)))
	return err
}

// printAfter prints a line that begins with a text of this program, which may have a colour.
func (r *run) printAfter(prefix, text string) error {
	_, err := fmt.Fprintln(r.Stdout, prefix+display.Clean(text))
	return err
}

// printNames prints names one a line: as they are for a program, and for a terminal without
// what it would act on.
func printNames(r *run, list []string) error {
	var b bytes.Buffer
	for _, n := range list {
		if r.StdoutIsTerm {
			n = display.Clean(n)
		}
		b.WriteString(n)
		b.WriteByte('\n')
	}
	_, err := r.Stdout.Write(b.Bytes())
	return err
}

// printCleanLines prints a text line by line without what a terminal would act on.
func printCleanLines(out io.Writer, text string) error {
	for line := range strings.Lines(text) {
		if _, err := fmt.Fprintln(out, display.Clean(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

// printDiff prints a diff, with colours where they are wanted.
func printDiff(r *run, text string) error {
	removed, added := r.paint(color.FgRed), r.paint(color.FgGreen)
	for line := range strings.Lines(text) {
		line = display.Clean(strings.TrimSuffix(line, "\n"))
		switch line[0] {
		case '-':
			line = removed(line)
		case '+':
			line = added(line)
		}
		if _, err := fmt.Fprintln(r.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// sayStored tells which key is stored now, and which one was before.
func sayStored(r *run, profile string, k creds.Key, before app.StoredKey) {
	was := ""
	switch {
	case !before.Exists:
	case before.Key.Equal(k):
		was = ", as it was before"
	default:
		was = ", in place of " + before.Shown()
	}
	r.say("stored the key %s for %s%s", k.Tail(), profile, was)
}
