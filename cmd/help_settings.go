package cmd

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/settings"
)

// helpSettings lists all settings, or explains those that are named.
func helpSettings(r *run, names []string) error {
	var b bytes.Buffer
	if len(names) > 0 {
		for _, name := range names {
			s, is := settings.Find(name)
			if !is {
				return app.WithHint(fmt.Errorf("there is no setting %q", name), "%s", nearSetting(r, name))
			}
			writeSetting(&b, s)
		}
		return printCleanLines(r.Stdout, r.ours(b.String()))
	}
	for _, part := range []struct {
		title  string
		groups []settings.Group
	}{{"Variables", settings.Variables()}, {"Keys", settings.Keys()}} {
		for _, g := range part.groups {
			fmt.Fprintf(&b, "%s: %s\n", part.title, g.Title)
			for _, s := range g.Settings {
				writeSetting(&b, s)
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("A flag goes before a variable, and a variable before a key. show PROFILE says\nwhich keys a profile has, and where.\n")
	return printCleanLines(r.Stdout, r.ours(b.String()))
}

// writeSetting writes the name of a setting and below it what it does.
func writeSetting(b *bytes.Buffer, s settings.Setting) {
	name := s.Name
	if s.Flag != "" {
		name += ", " + s.Flag
	}
	fmt.Fprintf(b, "  %s\n", name)
	for _, line := range wrapped(s.Sentence(), helpWidth-6) {
		b.WriteString("      " + line + "\n")
	}
}

// nearSetting offers the settings that a name which is none may be meant for.
func nearSetting(r *run, name string) string {
	var names []string
	for _, s := range settings.All() {
		names = append(names, s.Name)
	}
	if near := profiles.Near(name, names); len(near) > 0 {
		return app.DidYouMean(near)
	}
	return r.name + " help settings lists them"
}

// settingNames completes the name of a setting.
func settingNames() []cobra.Completion {
	var list []cobra.Completion
	for _, s := range settings.All() {
		list = append(list, cobra.CompletionWithDesc(s.Name, s.What))
	}
	slices.Sort(list)
	return list
}

// wrapped are the lines of a text that is broken between words.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && cells(line)+1+cells(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}
