package cmd

import (
	"context"
	"fmt"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/doctor"
)

type doctorOptions struct{ offline, json bool }

func newDoctor(r *run) *cobra.Command {
	var o doctorOptions
	c := &cobra.Command{
		Use:   "doctor",
		Short: "find out why it does not work",
		Long: `Looks at the keyrings, the hook, this shell's variables, the clock, the config file
and at keys in plain text, and says what is wrong and what to do about it. It changes
nothing, asks you for nothing and decrypts nothing. AWS is asked for the time, without a key;
--offline leaves that out.

With --json it is an array of objects: check, level (ok, note, warning, problem),
message and cure.

Exit status: 0 no problem was found, 1 there is one.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return runDoctor(c.Context(), r, o) },
	}
	boolFlag(c.Flags(), &o.offline, "offline", "", false, "do not ask AWS for the time")
	boolFlag(c.Flags(), &o.json, "json", "", false, "as JSON")
	return c
}

func runDoctor(ctx context.Context, r *run, o doctorOptions) error {
	r.task.Quiet = true
	found, err := doctor.Examine(ctx, doctor.Options{Task: r.task, Program: r.Self, Called: r.program(), Name: r.name, Named: r.named, Parent: r.Parent(), Offline: o.offline})
	if err != nil {
		return err
	}
	if o.json {
		err = display.JSON(r.Stdout, found)
	} else {
		err = printFindings(r, found)
	}
	if err == nil && doctor.Failed(found) {
		err = statusError(exitFailed)
	}
	return err
}

func printFindings(r *run, found []doctor.Finding) error {
	for i, f := range found {
		if i == 0 || found[i-1].Check != f.Check {
			_ = r.print("%s", f.Check) // a failure to write is flush's to report
		}
		_ = r.printAfter("  "+levelWord(r, f.Level)+" ", f.Message)
		if f.Cure != "" {
			_ = r.print("  %8s %s", "", f.Cure)
		}
	}
	_ = r.print("")
	return r.print("%s", doctor.Summary(found))
}

// levelWord is the level as a word of eight columns, coloured on a terminal. The word says
// the same without the colour.
func levelWord(r *run, level doctor.Level) string {
	text := fmt.Sprintf("%-8s", level)
	var c color.Attribute
	switch level {
	case doctor.OK:
		c = color.FgGreen
	case doctor.Note:
		c = color.FgCyan
	case doctor.Warning:
		c = color.FgYellow
	case doctor.Problem:
		c = color.FgRed
	}
	return r.paint(c)(text)
}
