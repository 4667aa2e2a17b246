package cmd

// This file runs the checks and prints what they found. A check looks and changes
// nothing: it asks nobody, reads no item of the keyring, and shows of a key no more than
// its last four characters. The checks themselves are in doctor_*.go, by subject.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/profiles"
)

// finding is one thing a check has to say. Cure is what to do about it, a command line
// where one does it.
type finding struct {
	Check   string `json:"check"`
	Level   string `json:"level"`
	Message string `json:"message"`
	Cure    string `json:"cure,omitempty"`
}

// The levels of a finding. Only a problem makes the command fail.
const (
	levelOK      = "ok"
	levelNote    = "note"
	levelWarning = "warning"
	levelProblem = "problem"
)

func fine(format string, args ...any) finding {
	return finding{Level: levelOK, Message: fmt.Sprintf(format, args...)}
}

func noted(cure, format string, args ...any) finding {
	return finding{Level: levelNote, Cure: cure, Message: fmt.Sprintf(format, args...)}
}

func warned(cure, format string, args ...any) finding {
	return finding{Level: levelWarning, Cure: cure, Message: fmt.Sprintf(format, args...)}
}

func wrong(cure, format string, args ...any) finding {
	return finding{Level: levelProblem, Cure: cure, Message: fmt.Sprintf(format, args...)}
}

// doctor is a run that looks for what is wrong.
type doctor struct {
	*run
	set    *profiles.Set // never nil
	setErr error         // why the config file could not be read
}

type doctorOptions struct{ offline, json bool }

const (
	// doctorPatience bounds the whole command.
	doctorPatience = 9 * time.Second
	// onePatience bounds each wait in it: a keyring, an answer of AWS, a program.
	onePatience = 3 * time.Second
)

func newDoctor(r *run) *cobra.Command {
	var o doctorOptions
	c := &cobra.Command{
		Use:   "doctor",
		Short: "find out why it does not work",
		Long: `Looks at the keyrings, the hook, this shell's variables, the clock, the config file
and at what lies around in plain text, and says what is wrong and what to do about it.
It changes nothing, asks nobody and decrypts nothing. AWS is asked for the time,
without a key; --offline leaves that out.

With --json it is an array of objects: check, level (ok, note, warning, problem),
message and cure.

Exit status: 0 no problem was found, 1 there is one.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return examine(c.Context(), r, o) },
	}
	boolFlag(c.Flags(), &o.offline, "offline", "", false, "do not ask AWS for the time")
	boolFlag(c.Flags(), &o.json, "json", "", false, "as JSON")
	return c
}

func examine(ctx context.Context, r *run, o doctorOptions) error {
	r.task.Quiet = true
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	d := &doctor{run: r}
	if d.set, d.setErr = r.task.Profiles(); d.setErr != nil {
		d.set = profiles.Parse(r.task.Env.ConfigFile(), nil)
		r.task.UseProfiles(d.set)
	}
	found := sideBySide(ctx, d.checks(o))
	if err := ctx.Err(); err != nil && context.Cause(ctx) == context.Canceled {
		return err // Ctrl-C: half a report would look like a whole one
	}
	if err := r.tellFindings(found, o.json); err != nil {
		return err
	}
	for _, f := range found {
		if f.Level == levelProblem {
			return statusError(exitFailed)
		}
	}
	return nil
}

// check is a subject and who looks at it.
type check struct {
	name string
	look func(context.Context) []finding
}

func (d *doctor) checks(o doctorOptions) []check {
	list := []check{
		{"keyring", d.keyrings}, {"keys", d.keys}, {"hook", d.hook}, {"variables", d.variables},
		{"config", d.config}, {"plain text", d.plainText},
	}
	if !o.offline {
		list = append(list, check{"clock", d.clock})
	}
	return list
}

// sideBySide runs the checks at the same time, for some of them wait, and returns what
// they found in their order. Each bounds its own waits; a disk that hangs they cannot.
func sideBySide(ctx context.Context, list []check) []finding {
	results := make([]chan []finding, len(list))
	for i, c := range list {
		results[i] = make(chan []finding, 1)
		go func() { results[i] <- c.look(ctx) }()
	}
	var all []finding
	for i, c := range list {
		found := []finding{warned("", "no answer in time")}
		select {
		case found = <-results[i]:
		case <-ctx.Done():
			select {
			case found = <-results[i]:
			default:
			}
		}
		for _, f := range found {
			f.Check = c.name
			all = append(all, f)
		}
	}
	return all
}

func (r *run) tellFindings(found []finding, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(r.Stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false) // a cure is to be read
		return e.Encode(found)
	}
	var b bytes.Buffer
	for i, f := range found {
		if i == 0 || found[i-1].Check != f.Check {
			fmt.Fprintf(&b, "%s\n", f.Check)
		}
		fmt.Fprintf(&b, "  %s %s\n", r.levelWord(f.Level), printable(f.Message))
		if f.Cure != "" {
			fmt.Fprintf(&b, "  %8s %s\n", "", printable(f.Cure))
		}
	}
	b.WriteString("\n" + verdict(found) + "\n")
	_, err := r.Stdout.Write(b.Bytes())
	return err
}

// levelWord is the level as a word of eight columns, coloured on a terminal. The word says
// the same without the colour.
func (r *run) levelWord(level string) string {
	text := fmt.Sprintf("%-8s", level)
	if !r.coloured() {
		return text
	}
	c := color.New(map[string]color.Attribute{
		levelOK: color.FgGreen, levelNote: color.FgCyan, levelWarning: color.FgYellow, levelProblem: color.FgRed,
	}[level])
	c.EnableColor()
	return c.Sprint(text)
}

// verdict sums the report up in a line.
func verdict(found []finding) string {
	n := map[string]int{}
	for _, f := range found {
		n[f.Level]++
	}
	if n[levelProblem]+n[levelWarning] == 0 {
		return "nothing is wrong"
	}
	var parts []string
	if p := n[levelProblem]; p > 0 {
		parts = append(parts, numberOf(p, "problem", "problems"))
	}
	if w := n[levelWarning]; w > 0 {
		parts = append(parts, numberOf(w, "warning", "warnings"))
	}
	return all(parts)
}

// tilde is a path as people write it.
func (r *run) tilde(path string) string {
	home := r.task.Env.Home()
	if rest, ok := strings.CutPrefix(path, home); ok && home != "" && rest != "" && os.IsPathSeparator(rest[0]) {
		return "~" + rest
	}
	return path
}

// below is a path in the user's home.
func (r *run) below(parts ...string) string {
	return r.task.Env.InHome(parts...)
}

// mostRead is how much of a file is looked at.
const mostRead = 16 << 20

// readRegular returns what is in a file, as far as it is looked at, and nil when there
// is none that can be read. What is no regular file could keep us waiting for ever.
func readRegular(path string) []byte {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || !filepath.IsAbs(path) { // relative: there is no home directory
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	data, _ := io.ReadAll(io.LimitReader(f, mostRead))
	return data
}

// lazily compiles a pattern when it is first used: what doctor looks for costs no other
// command a thing.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
