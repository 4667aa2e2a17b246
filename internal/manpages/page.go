package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/d44b7504/vault/cmd"
	"github.com/d44b7504/vault/internal/settings"
)

// This file writes one page, in the macros that man(7) describes. groff and mandoc both read them.

// page is a page that is being written.
type page struct{ strings.Builder }

// about writes the page of a command. day is the date in its footer, "" for none.
func about(c *cobra.Command, version, day string) string {
	var p page
	fmt.Fprintf(&p, ".TH %s 1 %q %q \"User Commands\"\n.nh\n.ad l\n", strings.ToUpper(pageName(c)), day, "vault "+version)
	p.section("NAME")
	fmt.Fprintf(&p, "%s \\- %s\n", plain(pageName(c)), plain(c.Short))
	p.section("SYNOPSIS")
	if c.HasParent() {
		fmt.Fprintf(&p, ".B %s\n", plain(c.UseLine()))
	} else {
		fmt.Fprintf(&p, ".B %s\n.I COMMAND\n", c.Name())
	}
	p.section("DESCRIPTION")
	text, statuses, _ := strings.Cut(cmp.Or(c.Long, c.Short), statusWords)
	p.text(text)
	p.commands(c)
	p.options("OPTIONS", c.LocalFlags())
	if c.HasParent() {
		p.options("OPTIONS OF EVERY COMMAND", c.InheritedFlags())
	}
	p.environment(c)
	p.files(c)
	p.statuses(c, statuses)
	p.section("EXAMPLES")
	p.code(c.Example)
	p.seeAlso(c)
	return p.String()
}

// pageName is the name of the page of a command.
func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func (p *page) section(title string) { fmt.Fprintf(p, ".SH %s\n", title) }

// item writes a term and, further in, what it means.
func (p *page) item(term, what string) {
	fmt.Fprintf(p, ".TP\n.B %s\n%s\n", plain(term), plain(what))
}

// text writes paragraphs. Lines that begin with blanks are shown as they are.
func (p *page) text(text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			p.WriteString(".PP\n")
		}
		if strings.HasPrefix(paragraph, " ") {
			p.code(paragraph)
			continue
		}
		lines := strings.Split(paragraph, "\n")
		at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, " ") })
		if at < 0 {
			at = len(lines)
		}
		for _, line := range lines[:at] {
			p.WriteString(plain(line) + "\n")
		}
		p.code(strings.Join(lines[at:], "\n"))
	}
}

// code writes lines as they are.
func (p *page) code(text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	p.WriteString(".PP\n.nf\n")
	for line := range strings.Lines(text) {
		p.WriteString(plain(strings.TrimRight(line, "\n")) + "\n")
	}
	p.WriteString(".fi\n")
}

func (p *page) commands(c *cobra.Command) {
	if !slices.ContainsFunc(c.Commands(), shown) {
		return
	}
	p.section("COMMANDS")
	for _, sub := range c.Commands() {
		if shown(sub) {
			p.item(sub.Name(), sub.Short)
		}
	}
}

// shown reports whether a command has a page.
func shown(c *cobra.Command) bool { return c.IsAvailableCommand() && c.Name() != "help" }

func (p *page) options(title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	p.section(title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if value = strings.TrimSuffix(value, "Array"); value != "" {
			name += " " + value
		}
		if !slices.Contains([]string{"", "0", "0s", "false", "[]"}, f.DefValue) {
			usage += " (default " + f.DefValue + ")"
		}
		p.item(name, usage)
	})
}

// environment writes the variables that stand for a flag of a command; for the program itself,
// all variables and keys.
func (p *page) environment(c *cobra.Command) {
	if c.HasParent() {
		p.settings("ENVIRONMENT", settings.Variables(), func(s settings.Setting) bool {
			return s.Flag != "" && c.LocalFlags().Lookup(strings.TrimPrefix(s.Flag, "--")) != nil
		})
		return
	}
	all := func(settings.Setting) bool { return true }
	p.settings("ENVIRONMENT", settings.Variables(), all)
	p.settings("KEYS OF THE CONFIG FILE", settings.Keys(), all)
}

func (p *page) settings(title string, groups []settings.Group, wanted func(settings.Setting) bool) {
	for _, g := range groups {
		list := slices.DeleteFunc(slices.Clone(g.Settings), func(s settings.Setting) bool { return !wanted(s) })
		if len(list) == 0 {
			continue
		}
		if title != "" {
			p.section(title)
			title = ""
		}
		fmt.Fprintf(p, ".SS %s\n", plain(g.Title))
		for _, s := range list {
			p.item(s.Name, s.Sentence())
		}
	}
}

func (p *page) files(c *cobra.Command) {
	if c.HasParent() {
		return
	}
	p.section("FILES")
	for _, f := range settings.Files() {
		p.item(f.Place, f.What)
	}
}

// statusWords begin the last paragraph of the help of a command whose statuses mean something else
// than those of all others.
const statusWords = "Exit status: "

func (p *page) statuses(c *cobra.Command, own string) {
	p.section("EXIT STATUS")
	if own != "" && c.HasParent() {
		p.text(own)
		return
	}
	for _, s := range cmd.ExitStatuses() {
		p.item(fmt.Sprint(s.Status), s.What)
	}
}

func (p *page) seeAlso(c *cobra.Command) {
	p.section("SEE ALSO")
	var names []string
	if c.HasParent() {
		names = append(names, pageName(c.Parent()))
	}
	for _, sub := range c.Commands() {
		if shown(sub) {
			names = append(names, pageName(sub))
		}
	}
	for _, name := range names {
		fmt.Fprintf(p, ".BR %s (1),\n", plain(name))
	}
	p.WriteString(".BR aws (1)\n.PP\nhttps://github.com/d44b7504/vault/tree/main/docs\n")
}

// plain is a text that roff shows as it is.
func plain(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`, "…", "...", "’", `\(cq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
