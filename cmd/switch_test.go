//go:build unix

package cmd_test

// A switch is whole or it is not made, and what the user or another tool has set stays
// theirs: in every shell, with the real program.

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

// shellScript is a script in one shell, with the hook loaded.
type shellScript struct {
	t       *testing.T
	w       *world
	sh      *shelltest.Shell
	lines   []string
	environ []string
}

// inEachShell runs a test with an empty script in every shell.
func inEachShell(t *testing.T, list []*shelltest.Shell, test func(t *testing.T, s *shellScript)) {
	t.Helper()
	shelltest.Each(t, list, func(t *testing.T, sh *shelltest.Shell) {
		w := roleWorld(t)
		test(t, &shellScript{t: t, w: w, sh: sh, lines: []string{must(sh.RCLine("vault"))}, environ: w.environ()})
	})
}

func (s *shellScript) add(lines ...string) { s.lines = append(s.lines, lines...) }

// export exports variables given as NAME=value.
func (s *shellScript) export(list ...string) {
	var changes []env.Change
	for _, e := range list {
		name, value, _ := strings.Cut(e, "=")
		changes = append(changes, env.Change{Name: name, Value: creds.New(value)})
	}
	s.add(must(s.sh.Render(changes)))
}

// print prints variables, one a line, as NAME=value.
func (s *shellScript) print(names ...string) {
	for _, n := range names {
		s.add("echo " + n + "=" + s.sh.Variable(n))
	}
}

func (s *shellScript) run() result {
	s.t.Helper()
	file := s.w.path("script." + s.sh.Extension)
	check(os.WriteFile(file, []byte(strings.Join(s.lines, "\n")+"\n"), 0o600))
	r := s.w.run(s.t, s.environ, s.sh.Name, append(slices.Clone(s.sh.Script), file)...)
	if found := s.w.leak(r.out + r.err); found != "" {
		s.t.Errorf("a secret was shown: %s", found)
	}
	return r
}

// prints runs the script and checks what it printed.
func (s *shellScript) prints(want ...string) result {
	s.t.Helper()
	r := s.run()
	if got := strings.TrimSpace(r.out); got != strings.Join(want, "\n") {
		s.t.Errorf("status %d, printed\n%s\nnot\n%s\n%s", r.status, got, strings.Join(want, "\n"), r.err)
	}
	return r
}

const pastedID = "AKIAPASTEDBYHAND0000"

func TestOffRemovesTheSessionTokenBesideAPastedPair(t *testing.T) {
	t.Parallel()
	inEachShell(t, shelltest.All(t), func(t *testing.T, s *shellScript) {
		s.add("vault use prod")
		s.export("AWS_ACCESS_KEY_ID="+pastedID, "AWS_SECRET_ACCESS_KEY=pasted")
		s.add("vault off")
		s.print("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_VAULT")
		s.prints("AWS_ACCESS_KEY_ID="+pastedID, "AWS_SECRET_ACCESS_KEY=pasted", "AWS_SESSION_TOKEN=", "AWS_VAULT=")
	})
}

func TestOffRestoresOnlyThePairThatWasPastedBeforeUse(t *testing.T) {
	t.Parallel()
	inEachShell(t, shelltest.All(t), func(t *testing.T, s *shellScript) {
		s.environ = append(s.environ, "AWS_ACCESS_KEY_ID=AKIAFROMTHESTART0000", "AWS_SECRET_ACCESS_KEY=start", "AWS_SESSION_TOKEN=start-token")
		s.add("vault use prod")
		s.export("AWS_ACCESS_KEY_ID="+pastedID, "AWS_SECRET_ACCESS_KEY=pasted")
		s.add("vault use prod", "vault use base", "vault off")
		s.print("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
		s.prints("AWS_ACCESS_KEY_ID="+pastedID, "AWS_SECRET_ACCESS_KEY=pasted", "AWS_SESSION_TOKEN=")
	})
}

func TestAPastedTokenAloneStays(t *testing.T) {
	t.Parallel()
	inEachShell(t, shelltest.All(t), func(t *testing.T, s *shellScript) {
		s.add("vault use prod")
		s.export("AWS_SESSION_TOKEN=pasted")
		s.add("vault off")
		s.print("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
		s.prints("AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=pasted")
	})
}

func TestStatusNamesEachVariableThatWasReplaced(t *testing.T) {
	t.Parallel()
	inEachShell(t, shelltest.All(t), func(t *testing.T, s *shellScript) {
		s.add("vault use prod")
		s.export("AWS_SECRET_ACCESS_KEY=pasted", "AWS_WEB_IDENTITY_TOKEN_FILE=/x")
		s.add("vault status")
		if r := s.run(); !strings.Contains(r.out, "AWS_SECRET_ACCESS_KEY, AWS_WEB_IDENTITY_TOKEN_FILE\n") {
			t.Errorf("status %d: %s\n%s", r.status, r.out, r.err)
		}
	})
}

// readOnlyShells are those that let a person make an environment variable read-only.
func readOnlyShells(t *testing.T) []*shelltest.Shell {
	return []*shelltest.Shell{shelltest.For(t, "bash"), shelltest.For(t, "zsh")}
}

func TestAReadOnlyVariableIsNamedAndNothingIsChanged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fixed, command, names string }{
		{"export AWS_PROFILE=mine; readonly AWS_PROFILE", "vault use prod", "AWS_PROFILE"},
		{"readonly AWS_SESSION_TOKEN", "vault use prod", "AWS_SESSION_TOKEN"},
		{"typeset -rx AWS_ACCESS_KEY_ID=AKIAMINE", "vault use prod", "AWS_ACCESS_KEY_ID"},
		{"readonly AWS_REGION", "vault use prod", "AWS_REGION"},
		{"readonly AWS_REGION=eu-west-3", "vault use prod --region us-east-2", "AWS_REGION"},
		{"readonly __VAULT_STATE", "vault use prod", "__VAULT_STATE"},
		{"vault use base; readonly AWS_ACCESS_KEY_ID AWS_VAULT", "vault use prod", "AWS_ACCESS_KEY_ID, AWS_VAULT"},
		{"vault use base; readonly AWS_SECRET_ACCESS_KEY", "vault off", "AWS_SECRET_ACCESS_KEY"},
		{"vault use base; readonly AWS_SESSION_TOKEN", "vault refresh", "AWS_SESSION_TOKEN"},
	} {
		t.Run(c.fixed, func(t *testing.T) {
			t.Parallel()
			inEachShell(t, readOnlyShells(t), func(t *testing.T, s *shellScript) {
				before, after := s.w.path("before"), s.w.path("after")
				seen := "env | grep -E '^(AWS_|__VAULT)' | sort >"
				s.add(c.fixed, seen+before, c.command, "echo status=$?", seen+after)
				r := s.prints("status=1")
				if got := string(must(os.ReadFile(after))); got != string(must(os.ReadFile(before))) {
					t.Errorf("the environment became %s", got)
				}
				if !strings.Contains(r.err, "nothing was changed: this shell does not let a read-only variable be changed ("+c.names+")") {
					t.Error(r.err)
				}
				if calls := s.w.aws.Calls("AssumeRole"); strings.Contains(c.command, "use") && !strings.Contains(c.names, "REGION") && calls != 0 {
					t.Errorf("AWS was asked %d times for a session that could not be used", calls)
				}
			})
		})
	}
}

// What a switch set there would be gone when the function returns, and with it a part of
// the session.
func TestAVariableThatIsLocalToAFunctionIsNamedAndNothingIsChanged(t *testing.T) {
	t.Parallel()
	inEachShell(t, readOnlyShells(t), func(t *testing.T, s *shellScript) {
		s.add("export AWS_PROFILE=mine; f() { local AWS_PROFILE=other AWS_X=1; vault use prod; }", "f; echo status=$?", "vault use base",
			"g() { local -x AWS_SECRET_ACCESS_KEY=x; h; }; h() { local a=1; vault use prod; }; g; echo status=$?")
		s.print("AWS_VAULT", "AWS_PROFILE")
		s.add("k() { local a=1; vault use prod; }; k; echo status=$?")
		s.print("AWS_VAULT")
		r := s.prints("status=1", "status=1", "AWS_VAULT=base", "AWS_PROFILE=", "status=0", "AWS_VAULT=prod")
		for _, name := range []string{"AWS_PROFILE", "AWS_SECRET_ACCESS_KEY"} {
			if !strings.Contains(r.err, "a local "+name+"\n") {
				t.Error(r.err)
			}
		}
	})
}

// A value of a function's own hides the session's while the function runs, and no longer.
func TestInFishAFunctionsOwnVariableLeavesTheSessionWhole(t *testing.T) {
	t.Parallel()
	inEachShell(t, []*shelltest.Shell{shelltest.For(t, "fish")}, func(t *testing.T, s *shellScript) {
		s.add("set -gx AWS_PROFILE mine", "function f; set -lx AWS_PROFILE other; set -lx AWS_ACCESS_KEY_ID x; vault use prod; end", "f")
		s.print("AWS_VAULT", "AWS_PROFILE")
		s.add("string match -q 'ASIA*' -- $AWS_ACCESS_KEY_ID; and echo whole")
		s.prints("AWS_VAULT=prod", "AWS_PROFILE=", "whole")
	})
}

func TestThePromptSaysThatAReadOnlyVariableStopsTheRenewal(t *testing.T) {
	t.Parallel()
	inEachShell(t, readOnlyShells(t), func(t *testing.T, s *shellScript) {
		s.add("vault use prod", "id=$AWS_ACCESS_KEY_ID", "readonly AWS_SESSION_TOKEN")
		s.add(s.w.path("renew")+" && __vault_precmd", `echo "$__vault_text"`, `[ "$id" = "$AWS_ACCESS_KEY_ID" ] && echo kept`)
		// another terminal renews the session
		check(os.WriteFile(s.w.path("renew"), []byte("#!/bin/sh\nenv -u __VAULT_STATE -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN vault use prod --refresh --shell bash | cat >/dev/null\n"), 0o700))
		r := s.run()
		if lines := strings.Split(strings.TrimSpace(r.out), "\n"); len(lines) != 2 || !strings.HasSuffix(lines[0], " readonly!") || lines[1] != "kept" {
			t.Errorf("status %d: %s\n%s", r.status, r.out, r.err)
		}
	})
}

func TestAReadOnlyRegionIsTheRegionOfTheSession(t *testing.T) {
	t.Parallel()
	inEachShell(t, readOnlyShells(t), func(t *testing.T, s *shellScript) {
		s.add("export AWS_REGION=eu-west-3; readonly AWS_REGION", "vault use prod")
		s.print("AWS_VAULT", "AWS_REGION", "AWS_DEFAULT_REGION")
		s.add("vault use base && vault off")
		s.print("AWS_VAULT", "AWS_REGION", "AWS_DEFAULT_REGION")
		s.prints("AWS_VAULT=prod", "AWS_REGION=eu-west-3", "AWS_DEFAULT_REGION=eu-west-3", "AWS_VAULT=", "AWS_REGION=eu-west-3", "AWS_DEFAULT_REGION=")
	})
}

func TestAScriptChangesEverythingOrNothing(t *testing.T) {
	t.Parallel()
	inEachShell(t, readOnlyShells(t), func(t *testing.T, s *shellScript) {
		s.lines = nil // no hook
		s.add("export AWS_DEFAULT_PROFILE=mine; readonly AWS_DEFAULT_PROFILE", s.sh.Evaluate("vault use prod --shell "+s.sh.Name), "echo status=$?")
		s.print("AWS_VAULT", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_PROFILE")
		r := s.prints("status=1", "AWS_VAULT=", "AWS_ACCESS_KEY_ID=", "AWS_DEFAULT_PROFILE=mine")
		if !strings.Contains(r.err, "AWS_DEFAULT_PROFILE is read-only in this shell; nothing was changed") {
			t.Error(r.err)
		}
	})
}

func TestFishNamesTheUniversalVariableThatPreventsASwitch(t *testing.T) {
	t.Parallel()
	inEachShell(t, []*shelltest.Shell{shelltest.For(t, "fish")}, func(t *testing.T, s *shellScript) {
		s.sh.Script = []string{"--private"}                                                 // without its configuration fish has no universal variables
		check(os.MkdirAll(s.w.path("home/.local/share/fish/generated_completions"), 0o700)) // or fish would make them now
		s.add("set -Ux AWS_PROFILE mine", "set -Ux AWS_DEFAULT_REGION eu-west-3", "set -U AWS_ROLE_ARN unexported", "vault use prod", "echo status=$status")
		s.print("AWS_VAULT", "AWS_PROFILE", "AWS_ACCESS_KEY_ID")
		s.add("set -eU AWS_PROFILE", "vault use prod", "set -U | string match 'AWS_*'", "vault status | string match 'changed*'")
		s.print("AWS_VAULT", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION")
		s.add("vault off", "set -eg AWS_DEFAULT_REGION")
		s.print("AWS_VAULT", "AWS_DEFAULT_REGION")
		r := s.prints("status=1", "AWS_VAULT=", "AWS_PROFILE=mine", "AWS_ACCESS_KEY_ID=",
			"AWS_DEFAULT_REGION eu-west-3", "AWS_ROLE_ARN unexported",
			"AWS_VAULT=prod", "AWS_PROFILE=", "AWS_REGION=eu-west-3", "AWS_DEFAULT_REGION=eu-west-3", "AWS_VAULT=", "AWS_DEFAULT_REGION=eu-west-3")
		if !strings.Contains(r.err, "fish cannot hide a universal variable from programs (AWS_PROFILE)") || !strings.Contains(r.err, "set --erase --universal AWS_PROFILE") {
			t.Error(r.err)
		}
	})
}

func TestASwitchThatNoShellWouldKeepFails(t *testing.T) {
	t.Parallel()
	inEachShell(t, []*shelltest.Shell{shelltest.For(t, "bash")}, func(t *testing.T, s *shellScript) {
		s.add("vault use prod | cat", `echo "pipe ${PIPESTATUS[0]}"`, "vault use prod & wait $!", `echo "background $?"`, "x=$(vault use prod)", `echo "substitution $?"`,
			"echo x | vault use prod", `echo "last ${PIPESTATUS[1]}"`, "f() { vault use prod; }; f | cat", `echo "function ${PIPESTATUS[0]}"`)
		s.print("AWS_VAULT")
		r := s.prints("pipe 1", "background 1", "substitution 1", "last 1", "function 1", "AWS_VAULT=")
		if strings.Contains(r.err, "renews") || strings.Count(r.err, "in this sub-shell only") != 5 || strings.Count(r.err, "the shell around it is as it was") != 5 {
			t.Error(r.err)
		}
	})
}

func TestAnIntendedSubShellIsSwitchedWithAMessage(t *testing.T) {
	t.Parallel()
	inEachShell(t, readOnlyShells(t), func(t *testing.T, s *shellScript) {
		named := "sh -c 'echo $AWS_VAULT'"
		s.add("(vault use prod; "+named+"); echo status=$?", "{ vault use prod; "+named+"; } | cat", "x=$(vault use prod; "+named+"); echo $x",
			"for p in prod base; do vault use $p; "+named+"; done | cat", "(vault use prod && exec "+named+")", "(vault use prod; vault off; echo \"[$AWS_VAULT]\")")
		s.print("AWS_VAULT")
		r := s.prints("prod", "status=0", "prod", "prod", "prod", "base", "prod", "[]", "AWS_VAULT=")
		if strings.Contains(r.err, "renews") || strings.Count(r.err, ", in this sub-shell only") != 8 || strings.Contains(r.err, "as it was") {
			t.Error(r.err)
		}
	})
}

// The account's shell may be another one, or none.
func TestExecWithoutACommandOpensTheShellOneIsIn(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "ps")
	inEachShell(t, shelltest.Hooked(t), func(t *testing.T, s *shellScript) {
		s.environ = append(s.environ, "SHELL="+s.w.path("account's"))
		for _, shell := range append(s.sh.Programs(), "dash") {
			inner := s.w.path(shell + ".in")
			check(os.WriteFile(inner, []byte("ps -o comm= -p "+map[bool]string{true: "$fish_pid", false: "$$"}[shell == "fish"]+"; echo $AWS_VAULT\n"), 0o600))
			if shell == s.sh.Name {
				s.add("vault exec prod <" + inner)
			} else {
				s.add("dash -c 'vault exec prod <" + inner + "; true'")
			}
		}
		r := s.prints(s.sh.Name, "prod", "dash", "prod")
		if strings.Count(r.err, "a sub-shell with prod") != 2 {
			t.Error(r.err)
		}
	})
}

// PowerShell's program may be called by other names than pwsh, as it is where pwsh is a script.
func TestExecWithoutACommandOpensPowerShellInPowerShell(t *testing.T) {
	t.Parallel()
	inEachShell(t, []*shelltest.Shell{shelltest.For(t, "pwsh")}, func(t *testing.T, s *shellScript) {
		s.environ = append(s.environ, "SHELL=/bin/sh")
		inner := s.w.path("inner")
		check(os.WriteFile(inner, []byte("\"$($PSVersionTable.PSEdition) $env:AWS_VAULT\"\n"), 0o600))
		s.add("[IO.File]::ReadAllText('" + inner + "') | vault exec prod")
		s.prints("Core prod")
	})
}

// inProject enters a directory with an .envrc, as direnv's hook does at a prompt.
func inProject(t *testing.T, s *shellScript, envrc string) (enter, leave []string) {
	t.Helper()
	testenv.Require(t, "direnv")
	check(os.MkdirAll(s.w.path("project"), 0o700))
	s.w.write("project/.envrc", envrc)
	s.environ = append(s.environ, "DIRENV_LOG_FORMAT=")
	hook := s.sh.Evaluate("direnv export " + s.sh.Name)
	if s.sh.Name == "pwsh" { // not known to every direnv
		hook = `foreach ($p in [Text.Json.JsonDocument]::Parse("$(direnv export json)").RootElement.EnumerateObject()) { [Environment]::SetEnvironmentVariable($p.Name, $(if ($p.Value.ValueKind -eq "Null") { [NullString]::Value } else { $p.Value.GetString() })) }`
	}
	return []string{"cd " + s.w.path("project"), "direnv allow .", hook}, []string{"cd ..", hook}
}

func TestWhatDirenvHadSetDoesNotComeBackOutsideTheProject(t *testing.T) {
	t.Parallel()
	inEachShell(t, shelltest.Hooked(t), func(t *testing.T, s *shellScript) {
		enter, leave := inProject(t, s, "export AWS_PROFILE=project AWS_REGION=ap-south-1 AWS_ACCESS_KEY_ID=AKIAPROJECT AWS_SECRET_ACCESS_KEY=project\n")
		names := []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_VAULT"}
		s.environ = append(s.environ, "AWS_PROFILE=mine")
		s.add(enter...)
		s.add("vault use prod")
		s.add(leave...)
		s.add("vault off")
		s.print(names...)
		s.add(enter...)
		s.add("vault use prod", "vault off")
		s.print(names...)
		s.add(leave...)
		s.print(names...)
		outside := []string{"AWS_PROFILE=mine", "AWS_REGION=", "AWS_DEFAULT_REGION=", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=", "AWS_VAULT="}
		inside := []string{"AWS_PROFILE=project", "AWS_REGION=ap-south-1", "AWS_DEFAULT_REGION=", "AWS_ACCESS_KEY_ID=AKIAPROJECT", "AWS_SECRET_ACCESS_KEY=project", "AWS_SESSION_TOKEN=", "AWS_VAULT="}
		s.prints(slices.Concat(outside, inside, outside)...)
	})
}

func TestASessionThatWasLeftInAProjectDoesNotComeBackOutside(t *testing.T) {
	t.Parallel()
	inEachShell(t, shelltest.Hooked(t), func(t *testing.T, s *shellScript) {
		enter, leave := inProject(t, s, "export AWS_ACCESS_KEY_ID=AKIAPROJECT AWS_SECRET_ACCESS_KEY=project AWS_REGION=ap-south-1\n")
		s.add("vault use prod")
		s.add(enter...)
		s.add("vault off")
		s.add(leave...)
		s.print("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_VAULT")
		s.prints("AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=", "AWS_REGION=", "AWS_DEFAULT_REGION=", "AWS_VAULT=")
	})
}

// The hook keeps the user's own keys until a prompt finds that direnv's are gone.
func TestTheUsersKeysComeBackWhenTheProjectIsLeft(t *testing.T) {
	t.Parallel()
	inEachShell(t, shelltest.All(t), func(t *testing.T, s *shellScript) {
		enter, leave := inProject(t, s, "export AWS_ACCESS_KEY_ID=AKIAPROJECT AWS_SECRET_ACCESS_KEY=project\n")
		s.environ = append(s.environ, "AWS_ACCESS_KEY_ID=AKIAMINE", "AWS_SECRET_ACCESS_KEY=mine", "AWS_SESSION_TOKEN=token")
		names := []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_VAULT"}
		mine := []string{"AWS_ACCESS_KEY_ID=AKIAMINE", "AWS_SECRET_ACCESS_KEY=mine", "AWS_SESSION_TOKEN=token", "AWS_VAULT="}
		projects := []string{"AWS_ACCESS_KEY_ID=AKIAPROJECT", "AWS_SECRET_ACCESS_KEY=project", "AWS_SESSION_TOKEN=", "AWS_VAULT="}
		var want []string
		for _, inside := range [][]string{{"vault off"}, {"vault use base", "vault off"}, {"vault off", "__vault_precmd", "vault use base", "vault off"}} {
			s.add("vault use prod")
			s.add(enter...)
			s.add(inside...)
			s.add("__vault_precmd")
			s.print(names...)
			s.add(leave...)
			s.add("__vault_precmd")
			s.print(names...)
			want = append(append(want, projects...), mine...)
		}
		s.prints(want...)
	})
}

// A prompt does what the last lines do: it asks the program when a region has changed.
func TestBothRegionsAgreeAfterDirenvHasTakenOneAway(t *testing.T) {
	t.Parallel()
	inEachShell(t, shelltest.Hooked(t), func(t *testing.T, s *shellScript) {
		enter, leave := inProject(t, s, "export AWS_REGION=ap-south-1\n")
		s.add(enter...)
		s.add("vault use prod")
		s.print("AWS_REGION", "AWS_DEFAULT_REGION")
		s.add(leave...)
		s.add("__vault_precmd", "__vault_precmd")
		s.print("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_VAULT")
		s.prints("AWS_REGION=ap-south-1", "AWS_DEFAULT_REGION=ap-south-1", "AWS_REGION=eu-central-1", "AWS_DEFAULT_REGION=eu-central-1", "AWS_VAULT=prod")
	})
}
