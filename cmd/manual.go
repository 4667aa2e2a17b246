package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/host"
)

// Manual returns all commands as a person knows them, with their examples, to be written about and
// not to be run.
func Manual() *cobra.Command {
	r := newRun(&app.World{World: &host.World{Program: usualName}})
	root := newRoot(r)
	var each func(c *cobra.Command)
	each = func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		c.Long, c.Example = r.withHookLines(c.Long), examplesOf(c)
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	each(root)
	return root
}

// ExitStatus is what a status of the program means.
type ExitStatus struct {
	Status int
	What   string
}

// ExitStatuses returns those that every command has.
func ExitStatuses() []ExitStatus {
	return []ExitStatus{
		{exitDone, "done"}, {exitFailed, "failed"}, {exitUsage, "usage"}, {exitSignIn, "a person must sign in"}, {exitInterrupted, "interrupted"},
	}
}

// exitStatuses is the line of the help that has them.
func exitStatuses() string {
	var list []string
	for _, s := range ExitStatuses() {
		list = append(list, fmt.Sprintf("%d %s", s.Status, s.What))
	}
	return strings.Join(list, ", ")
}
