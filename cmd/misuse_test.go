package cmd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/store"
)

// typedLine runs a command line in this process, with a config file of two profiles and the
// given variables, and returns what it said.
func typedLine(t *testing.T, environ []string, args ...string) (said string, status int) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config")
	check(t, os.WriteFile(config, []byte("[profile prod]\nregion = eu-west-1\n[profile dev]\n[profile 'your project']\n"), 0o600))
	var out, errs bytes.Buffer
	w := &app.World{
		World: &host.World{
			Args: args, Program: "vault", Environ: append(environ, "AWS_CONFIG_FILE="+config, "HOME="+t.TempDir()),
			Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Now: time.Now,
		},
		OpenStore: func(context.Context, store.Options) (store.Store, error) { return storetest.NewMemory(), nil },
	}
	status = Main(t.Context(), w)
	return errs.String(), status
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// librarys are the beginnings of the sentences of cobra and pflag.
var librarys = regexp.MustCompile(`unknown (command|flag|shorthand)|accepts |requires at least|needs an argument|invalid (argument|syntax)|strconv|bad flag|Unknown help|received \d`)

// Every command, with every kind of wrong line that does not depend on what it does.
func TestEveryErrorOfACommandLineIsASentenceThatNamesTheCommand(t *testing.T) {
	r := newRun(&app.World{World: &host.World{Program: "vault"}})
	var each func(c *cobra.Command)
	each = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			each(sub)
		}
		if c.DisableFlagParsing {
			return
		}
		path := strings.Fields(c.CommandPath())[1:]
		for _, wrong := range wrongLines(c) {
			line := slices.Concat(path, wrong)
			said, status := typedLine(t, nil, line...)
			_, hint, hinted := strings.Cut(said, "hint: ")
			if status != exitUsage || librarys.MatchString(said) || !hinted || !strings.Contains(said, "vault "+strings.Join(path, " ")) {
				t.Errorf("%q: status %d, said %q, hint %q", line, status, said, hint)
			}
		}
	}
	each(newRoot(r))
}

// wrongLines are arguments with which a command cannot be run.
func wrongLines(c *cobra.Command) (list [][]string) {
	_, takes, _ := strings.Cut(c.Use, " ")
	many := strings.Contains(takes, "…") || strings.Contains(takes, "...")
	list = append(list, []string{"--nonsense"}, []string{"-Z"}, []string{"--=x"})
	if !many && !c.HasSubCommands() && c.Name() != "help" {
		list = append(list, []string{"zza", "zzb", "zzc"})
	}
	if takes != "" && !strings.HasPrefix(takes, "[") {
		list = append(list, []string{})
	}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case f.NoOptDefVal == "":
			list = append(list, []string{"--" + f.Name})
		case f.Value.Type() == "bool" && !strings.HasPrefix(f.Name, "no-"):
			list = append(list, []string{"--" + f.Name + "=maybe"})
		}
		if f.Value.Type() == "duration" {
			list = append(list, []string{"--" + f.Name, "soon"})
		}
	})
	return list
}

func TestAMistypedLineNamesTheOneThatWasMeant(t *testing.T) {
	for _, c := range []struct {
		line, want string
		environ    []string
	}{
		{line: "usee prod", want: `there is no command "usee" … did you mean "vault use prod"?`},
		{line: "stat", want: `did you mean "vault status"?`},
		{line: "agent stat", want: `did you mean "vault agent status"?`},
		{line: "USE prod", want: `did you mean "vault use prod"?`},
		{line: "usee --region eu-west-1 prod", want: `did you mean "vault use"?`},
		{line: "--backend file usee", want: `there is no command "usee"`},
		{line: "prod", want: `did you mean "vault use prod"?`},
		{line: "prod --region eu-west-1", want: `did you mean "vault use prod"?`},
		{line: "prdo", want: `did you mean "vault use prod"?`},
		{line: "prod aws s3 ls", want: `did you mean "vault exec prod -- aws s3 ls"?`},
		{line: "signin", want: `did you mean "vault sso login"?`},
		{line: "sync", want: `did you mean "vault sso sync"?`},
		{line: "delete prod", want: `did you mean "vault remove prod"?`},
		{line: "sso lgin", want: `there is no command "sso lgin" … did you mean "vault sso login"?`},
		{line: "store lst", want: `did you mean "vault store list"?`},
		{line: "store age recipient", want: `did you mean "vault store age recipients"?`},
		{line: "help nosuch", want: `there is no command "nosuch" … vault --help lists the commands`},
		{line: "help sso lgin", want: `did you mean "vault sso login"?`},
		{line: "add", want: `vault add needs the name of a profile … hint: vault add PROFILE`},
		{line: "hook", want: `vault hook needs the name of a shell`},
		{line: "off prod", want: `vault off takes no argument, but was given "prod" … vault off leaves the active profile`},
		{line: "status prod", want: `vault show prod explains a profile`},
		{line: "refresh prod", want: `vault use prod --refresh`},
		{line: "use prod eu-west-1", want: `did you mean "vault use prod --region eu-west-1"?`},
		{line: "use prod ls /tmp", want: `did you mean "vault exec prod -- ls /tmp"?`},
		{line: "use your project", want: `put quotes around a name with blanks: vault use "your project"`},
		{line: "exec your project -- ls /tmp", want: `vault exec "your project" -- ls /tmp`},
		{line: "exec your project ls", want: `vault exec "your project" ls`},
		{line: "export your project", want: `vault export "your project"`},
		{line: "whoami your project", want: `vault whoami "your project"`},
		{line: "show your project", want: `vault show "your project"`},
		{line: "use --regoin x", want: `vault use has no flag --regoin … did you mean --region?`},
		{line: "exec --profile prod -- ls", want: `name the profile without a flag: vault exec PROFILE`},
		{line: "exec ls nosuchfile", want: `no profile named "ls" … "ls" is a command, and the profile comes before it: vault exec PROFILE -- ls nosuchfile`},
		{line: "exec ls -l", want: `no profile named "ls" … vault exec PROFILE -- COMMAND`},
		{line: "exec prd -- ls", want: `no profile named "prd" … did you mean "prod"?`},
		{line: "exec -- ls", want: `hint: vault exec PROFILE -- COMMAND`},
		{line: "export", want: `hint: vault export PROFILE`},
		{line: "whoami", want: `hint: vault whoami PROFILE`},
		{line: "off", want: `vault off --shell bash`},
		{line: "use prod", want: `vault use PROFILE --shell bash`},
		{line: "refresh", want: `vault refresh --shell bash`},
		{line: "off", want: `type vault off by itself`, environ: []string{"__VAULT_SUBSHELL=alone"}},
	} {
		said, status := typedLine(t, c.environ, strings.Fields(c.line)...)
		for _, part := range strings.Split(c.want, " … ") {
			if status == 0 || !strings.Contains(said, part) {
				t.Errorf("%q: status %d, said %q, without %q", c.line, status, said, part)
			}
		}
	}
}

func TestHelpMayStandAfterTheProfileOfExec(t *testing.T) {
	if said, status := typedLine(t, nil, "exec", "prod", "--help"); status != 0 || said != "" {
		t.Errorf("status %d, said %q", status, said)
	}
}

// TAB shows what a command and a flag are for in a few words. There is no name of a program in
// them, which may have another.
func TestWhatTABShowsNamesNoProgram(t *testing.T) {
	name := regexp.MustCompile(`(^|[^.\w])vault\b`)
	var each func(c *cobra.Command)
	each = func(c *cobra.Command) {
		if name.MatchString(c.Short) {
			t.Errorf("%s: %q", c.CommandPath(), c.Short)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && name.MatchString(f.Usage) {
				t.Errorf("%s --%s: %q", c.CommandPath(), f.Name, f.Usage)
			}
		})
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	each(newRoot(newRun(&app.World{World: &host.World{Program: "vault"}})))
}
