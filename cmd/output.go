package cmd

import (
	"bytes"

	"github.com/d44b7504/vault/internal/display"
)

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
