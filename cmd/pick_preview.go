package cmd

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
)

// This file says of the profile under the cursor of the list what it means. The finder starts
// a program for that, which is this one again. No name of a profile is in the command: the finder
// would hand it to a shell.

const previewCommand = "__preview"

// previewKey is a name in letters and digits alone.
func previewKey(name string) string { return hex.EncodeToString([]byte(name)) }

// preview are the options by which the finder shows what belongs to a row. It is below the rows,
// which need the width, and hidden where that would leave too few of them.
func (f finder) preview() []string {
	if f.self == "" || f.key == nil {
		return nil
	}
	shell, program := "sh -c", "'"+strings.ReplaceAll(f.self, "'", `'\''`)+"'"
	if runtime.GOOS == "windows" {
		shell, program = "cmd /s/c", `"`+f.self+`"`
	}
	window := fmt.Sprintf("down,%d,wrap,border-top", previewLines)
	if f.lines > 0 && f.lines < previewLines+8 {
		window += ",hidden" // until it is asked for
	}
	return []string{
		"--with-shell=" + shell, "--preview=" + program + " " + previewCommand + " {2}",
		"--preview-window=" + window, "--bind=ctrl-/:toggle-preview",
	}
}

func newPreview(r *run) *cobra.Command {
	return &cobra.Command{
		Use: previewCommand + " KEY", Hidden: true, Args: args(cobra.ExactArgs(1)), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, a []string) error {
			name, err := hex.DecodeString(strings.Trim(a[0], "'\"^"))
			if err != nil {
				return usage(c, errors.New("the list of profiles runs this command"))
			}
			return runPreview(r, string(name))
		},
	}
}

// runPreview says in a few lines what a profile means. It asks neither AWS nor the keyring.
func runPreview(r *run, name string) error {
	e, err := app.Explain(r.task, env.Request{Profile: name})
	facts := previewFacts{width: previewWidth(r)}
	if err != nil {
		facts.row("problem", cmp.Or(e.Error, app.Text(err)))
		return facts.Write(r.Stdout)
	}
	if text, _ := e.Settings["vault_description"].(string); text != "" {
		facts.row("about", text)
	}
	for i, h := range e.Chain {
		facts.row([]string{"is", "over"}[min(i, 1)], h.Words())
	}
	facts.row("region", e.Region)
	for _, n := range e.Needs {
		facts.row("needs", n.Words())
	}
	for _, w := range e.Warnings {
		facts.row("note", w)
	}
	return facts.Write(r.Stdout)
}

// previewWidth is how many cells the finder has for a line.
func previewWidth(r *run) int {
	n, err := strconv.Atoi(r.getenv("FZF_PREVIEW_COLUMNS"))
	if err != nil {
		return 80
	}
	return n
}

// previewFacts is a table whose texts go on in further lines between words, which the finder
// would break anywhere.
type previewFacts struct {
	display.Table
	width int
}

func (f *previewFacts) row(name, text string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len("problem  ")+cells(line)+1+cells(word) > f.width {
			f.Row(name, line)
			name, line = "", ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	f.Row(name, line)
}
