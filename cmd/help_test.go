package cmd

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/settings"
)

// helpRun runs a line and returns what is printed.
func helpRun(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	r := newRun(&app.World{World: &host.World{Args: args, Program: usualName, Stdout: &out, Stderr: &out}})
	root := newRoot(r)
	root.SetArgs(args)
	if err := root.Execute(); err != nil {
		t.Errorf("%q: %v", args, err)
	}
	return out.String()
}

// everyCommand calls f for each command that help shows.
func everyCommand(c *cobra.Command, f func(path string, c *cobra.Command)) {
	_, path, _ := strings.Cut(c.CommandPath(), " ")
	f(path, c)
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			everyCommand(sub, f)
		}
	}
}

func wholeTree() *cobra.Command {
	return newRoot(newRun(&app.World{World: &host.World{Program: usualName}}))
}

func TestEveryCommandHasTwoExamplesThatItUnderstands(t *testing.T) {
	everyCommand(wholeTree(), func(path string, c *cobra.Command) {
		lines := examples()[path]
		if len(lines) < 2 || lines[0] == lines[1] {
			t.Errorf("%q has %d examples: add them in cmd/examples.go", path, len(lines))
		}
		for _, line := range lines {
			words := strings.Fields(strings.NewReplacer("'", "", " && ", " -- ", " >", " -- ").Replace(line))
			found, rest, err := wholeTree().Find(words)
			if err != nil || !strings.HasPrefix(found.CommandPath(), c.CommandPath()) {
				t.Errorf("%q: %v", line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil && !errors.Is(err, pflag.ErrHelp) {
				t.Errorf("%q: %v", line, err)
			}
		}
	})
}

func TestTheHelpOfEveryCommandFitsEightyColumnsAndHasNoColour(t *testing.T) {
	check := func(args ...string) string {
		text := helpRun(t, args...)
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\n"); cells(line) > helpWidth && !strings.Contains(line, "AWS_VAULT_") && !strings.Contains(line, "://") && !strings.Contains(line, "hook pwsh") {
				t.Errorf("%q has %d columns: %q", args, cells(line), line)
			}
		}
		if strings.Contains(text, "\x1b") || strings.Contains(text, "stringArray") {
			t.Errorf("%q: %q", args, text)
		}
		return text
	}
	everyCommand(wholeTree(), func(path string, c *cobra.Command) {
		text := check(append(strings.Fields(path), "--help")...)
		words := strings.HasPrefix(path, "store") || path == "migrate"
		if strings.Contains(text, "\nExamples:\n") != true || strings.Contains(text, "--age-dir") != words || strings.Contains(text, "help backends") == words {
			t.Errorf("%q: %s", path, text)
		}
		if path != "" && c.Parent() == c.Root() && !strings.Contains(helpRun(t), "\n  "+c.Name()+" ") {
			t.Errorf("the list of commands lacks %q", path)
		}
	})
	root := check()
	for _, group := range helpGroups() {
		if !strings.Contains(root, "\n"+group.title+":\n") {
			t.Errorf("there is no group %q: %s", group.title, root)
		}
	}
	if text := check("help", "backends"); !strings.Contains(text, "--age-dir") || !strings.Contains(text, "secret-service") {
		t.Error(text)
	}
	if text := check("help", "settings"); !strings.Contains(text, "AWS_VAULT_PICKER") || !strings.Contains(text, "vault_description") {
		t.Error(text)
	}
}

func TestTheFlagOfEverySettingExists(t *testing.T) {
	flags := map[string]bool{}
	everyCommand(wholeTree(), func(_ string, c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) { flags["--"+f.Name] = true })
		c.InheritedFlags().VisitAll(func(f *pflag.Flag) { flags["--"+f.Name] = true })
	})
	for _, s := range settings.All() {
		if s.Flag != "" && !flags[s.Flag] {
			t.Errorf("%s names the flag %s, which no command has", s.Name, s.Flag)
		}
	}
}

func TestHelpExplainsOneSettingAndEndsItsName(t *testing.T) {
	if text := helpRun(t, "help", "settings", "vault_mode", "no_color"); !strings.Contains(text, "vault_mode, --mode\n") || !strings.Contains(text, "NO_COLOR\n") || strings.Contains(text, "vault_protected") {
		t.Error(text)
	}
	r := newRun(&app.World{World: &host.World{Args: []string{"help"}, Program: usualName}})
	root := newRoot(r)
	root.SetArgs([]string{"help", "settings", "AWS_VAULT_PROMT"})
	if err := root.Execute(); err == nil || !strings.Contains(app.Hint(err), `"AWS_VAULT_PROMPT"`) {
		t.Errorf("%v, %q", err, app.Hint(err))
	}
	names := strings.Join(settingNames(), "\n")
	for _, s := range settings.All() {
		if !strings.Contains(names, s.Name+"\t") {
			t.Errorf("TAB does not offer %s", s.Name)
		}
	}
}

func TestGoRunShowsTheNameThatCanBeTyped(t *testing.T) {
	for program, want := range map[string]string{"/tmp/go-build123/b001/exe/vault": "vault", "/opt/exe/vault": "/opt/exe/vault"} {
		r := newRun(&app.World{World: &host.World{Program: program}})
		if got := r.program(); got != want {
			t.Errorf("%s: %q", program, got)
		}
	}
}
