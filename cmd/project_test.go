//go:build unix

package cmd_test

// Project directories: a file names the profile of a directory.

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

const projectConfig = `
[profile dev]
source_profile = base

[profile held]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/prod
vault_protected = true

[profile coded]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/prod
mfa_serial = arn:aws:iam::111122223333:mfa/alice
`

// inProjects is a script in each shell, whose hook looks for project directories; a call of its
// precmd is a prompt.
func inProjects(t *testing.T, mode string, test func(t *testing.T, s *shellScript)) {
	t.Helper()
	inEachShell(t, shelltest.All(t), func(t *testing.T, s *shellScript) {
		s.lines = []string{must(s.sh.RCLine("vault", "--project="+mode))}
		s.w.write("home/.aws/config", roleConfig+projectConfig)
		s.project("work/shop", "prod")
		s.project("work/site", "base")
		test(t, s)
	})
}

// project makes a directory with a file that names a profile.
func (s *shellScript) project(dir, profile string) {
	s.t.Helper()
	check(os.MkdirAll(s.w.path(dir+"/src/deep"), 0o700))
	s.w.write(dir+"/.vault-profile", profile+"\n")
}

// trust trusts the files of directories, as a person does in another terminal.
func (s *shellScript) trust(dirs ...string) {
	s.t.Helper()
	for _, dir := range dirs {
		if r := s.w.vault(s.t, s.environ, "project", "trust", s.w.path(dir)); r.status != 0 {
			s.t.Fatal(r.err)
		}
	}
}

// at goes to a directory, shows a prompt and prints who one is there.
func (s *shellScript) at(dirs ...string) {
	for _, dir := range dirs {
		s.add("cd '"+s.w.path(dir)+"'", "__vault_precmd")
		s.who()
	}
}

func (s *shellScript) who() { s.print("AWS_VAULT") }

// shows runs the script and compares what who printed.
func (s *shellScript) shows(want ...string) result {
	s.t.Helper()
	for i := range want {
		want[i] = "AWS_VAULT=" + want[i]
	}
	return s.prints(want...)
}

func TestATrustedFileSwitchesTheShellAndLeavingGivesBackWhatItHad(t *testing.T) {
	t.Parallel()
	inProjects(t, "switch", func(t *testing.T, s *shellScript) {
		s.trust("work/shop", "work/site")
		s.add("vault use dev")
		s.at("work/shop", "work/shop/src/deep", "work/site", "work/site/src", "work")
		s.add("vault off")
		s.at("work/shop", "work")
		r := s.shows("prod", "prod", "base", "base", "dev", "prod", "")
		if n := strings.Count(r.err, "vault: prod until"); n != 2 {
			t.Errorf("said %d times that prod is active:\n%s", n, r.err)
		}
	})
}

// said are the lines about the project's file.
func said(r result) (list []string) {
	for line := range strings.Lines(r.err) {
		if strings.Contains(line, ".vault-profile") {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list
}

func TestAFileIsMentionedOnceUntilItIsTrustedAndAgainWhenItHasChanged(t *testing.T) {
	t.Parallel()
	inProjects(t, "switch", func(t *testing.T, s *shellScript) {
		file := s.w.path("work/shop/.vault-profile")
		write := func(profile, at string) string { // two changes may be in the same tick of the disk's clock
			return `sh -c "echo ` + profile + ` >'` + file + `'; touch -d ` + at + ` '` + file + `'"`
		}
		s.at("work/shop", "work/shop", "work/shop/src")
		s.add("vault project trust", "__vault_precmd")
		s.who()
		s.add(write("base", "2099-01-01"))
		s.at("work/shop", "work/shop")
		s.add("vault project allow", "__vault_precmd", "__vault_precmd")
		s.who()
		s.add("vault project revoke", "__vault_precmd", "__vault_precmd")
		s.who()
		s.add("vault project ignore", "__vault_precmd", write("prod", "2099-02-02"), "__vault_precmd")
		s.who()
		s.add("vault project trust", "rm '"+file+"'", "__vault_precmd")
		s.who()
		r := s.shows("", "", "", "prod", "", "", "base", "", "", "")
		text := s.w.path("work/shop/.vault-profile")
		want := []string{
			text + ` names "prod" and is not trusted; if it is right: vault project trust`, "trusted " + text + `, which names "prod"`,
			text + ` has changed since it was trusted and names "base"; if it is right: vault project trust`, "trusted " + text + `, which names "base"`,
			text + " is not trusted any more", text + ` names "base" and is not trusted; if it is right: vault project trust`,
			text + " is ignored", "trusted " + text + `, which names "prod"`,
		}
		if got := strings.Join(said(r), "\n"); got != "vault: "+strings.Join(want, "\nvault: ") {
			t.Errorf("said\n%s", got)
		}
	})
}

func TestWhatThePersonChoosesInAProjectStays(t *testing.T) {
	t.Parallel()
	inProjects(t, "switch", func(t *testing.T, s *shellScript) {
		s.trust("work/shop", "work/site")
		s.at("work/shop")
		s.add("vault use dev", "__vault_precmd")
		s.at("work/shop/src", "work")
		s.at("work/shop")
		s.add("vault off")
		s.at("work/shop/src", "work")
		s.add("vault use prod")
		s.at("work/shop", "work", "work/site", "work")
		s.shows("prod", "dev", "dev", "prod", "", "", "prod", "prod", "base", "prod")
	})
}

func TestAnOfferIsMadeOnceAndTakenUpByADot(t *testing.T) {
	t.Parallel()
	inProjects(t, "offer", func(t *testing.T, s *shellScript) {
		s.trust("work/shop")
		s.add("vault use dev")
		s.at("work/shop", "work/shop/src")
		s.add("vault use .", "vault status")
		s.at("work/shop", "work", "work/shop")
		r := s.run()
		if n := strings.Count(r.err, "prod is the profile of this directory; to switch: vault use .\n"); n != 2 {
			t.Errorf("offered %d times:\n%s", n, r.err)
		}
		if got := strings.Join(strings.Fields(r.out), " "); !strings.HasPrefix(got, "AWS_VAULT=dev AWS_VAULT=dev profile prod") ||
			!strings.HasSuffix(got, "AWS_VAULT=prod AWS_VAULT=dev AWS_VAULT=dev") || !strings.Contains(r.out, "/shop/.vault-profile; leaving it gives back dev\n") {
			t.Error(r.out)
		}
	})
}

// inBash is a script in bash alone, for what the program decides.
func inBash(t *testing.T, mode string) *shellScript {
	t.Helper()
	w := roleWorld(t)
	w.write("home/.aws/config", roleConfig+projectConfig)
	sh := shelltest.For(t, "bash")
	testenv.Require(t, "bash")
	s := &shellScript{t: t, w: w, sh: sh, lines: []string{must(sh.RCLine("vault", "--project="+mode))}, environ: w.environ()}
	s.project("work/shop", "prod")
	s.project("work/site", "base")
	return s
}

func TestAFileThatDoesNotCountSaysSoInOneSentenceAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := inBash(t, "switch")
	want := []string{}
	add := func(name, sentence, make string) {
		check(os.MkdirAll(s.w.path("bad/"+name), 0o700))
		s.add("cd " + must(s.sh.Quote(s.w.path("bad/"+name))) + "; " + make + "; vault project trust 2>/dev/null && touch .vault-profile")
		s.add("__vault_precmd; __vault_precmd; echo \"$AWS_VAULT|$__VAULT_STATE\"; cd ..; __vault_precmd")
		want = append(want, s.w.path("bad/"+name+"/.vault-profile")+" "+sentence)
	}
	add("link", "is a symbolic link, and is not used", "ln -s "+must(s.sh.Quote(s.w.path("work/shop/.vault-profile")))+" .vault-profile")
	add("pipe", "is not a regular file, and is not used", "mkfifo .vault-profile")
	add("open", "can be written by every user, and is not used", "echo prod >.vault-profile; chmod 666 .vault-profile")
	add("huge", "is larger than 4096 bytes, and is not used", "head -c 5000 /dev/zero >.vault-profile")
	add("escape", "has something else than the name of a profile, and is not used", `printf 'prod\033]2;x\007' >.vault-profile`)
	add("code", "names \"$(touch gone)`touch gone`\" and is not trusted; if it is right: vault project trust", "echo '$(touch gone)`touch gone`' >.vault-profile")
	add("a 'b' $(touch gone)\n\x1b[31m", "names \"nobody\" and is not trusted; if it is right: vault project trust", "echo nobody >.vault-profile")
	r := s.run()
	if got := strings.TrimSpace(r.out); got != strings.TrimSpace(strings.Repeat("|\n", len(want))) {
		t.Errorf("something is active:\n%s", got)
	}
	if got := said(r); len(got) != len(want) || strings.ContainsAny(strings.Join(got, ""), "\x1b\x07") {
		t.Errorf("said\n%s", r.err)
	}
	for i, line := range said(r)[:len(want)-1] {
		if line != "vault: "+want[i] {
			t.Errorf("said %q, not %q", line, want[i])
		}
	}
	if found, _ := filepath.Glob(s.w.path("bad/*/gone")); len(found) > 0 {
		t.Errorf("code was run: %q", found)
	}
}

func TestAProjectThatNeedsAPersonIsNamedAndNotSwitchedTo(t *testing.T) {
	t.Parallel()
	s := inBash(t, "switch")
	s.w.mfa("arn:aws:iam::"+account+":user/alice", "alice")
	s.project("work/held", "held")
	s.project("work/coded", "coded")
	s.trust("work/held", "work/coded", "work/shop", "work/site")
	s.add("vault use dev")
	s.at("work/shop", "work/held", "work/coded", "work")
	s.add("vault use held --yes-really=held")
	s.at("work/shop", "work")
	r := s.shows("prod", "dev", "dev", "dev", "prod", "")
	for _, want := range []string{
		"vault: held is the profile of this directory, and is not active: it is protected; to switch: vault use .\n",
		"vault: coded is the profile of this directory, and is not active: ",
		"vault: left prod; held, which was active before, is not active again: it is protected; vault use held\n",
	} {
		if !strings.Contains(r.err, want) {
			t.Errorf("not said: %s\n%s", want, r.err)
		}
	}
}

func TestAProjectIsHeldToTheRuleForCodingAgents(t *testing.T) {
	t.Parallel()
	s := inBash(t, "switch")
	s.trust("work/shop")
	s.environ = append(s.environ, "CLAUDECODE=1", "AWS_VAULT_AGENTS=deny")
	s.at("work/shop")
	s.add("cd ../site", "vault project trust", "__vault_precmd")
	s.who()
	r := s.shows("", "")
	for _, want := range []string{"prod is not given to coding agents", "a person has to trust "} {
		if !strings.Contains(r.err, want) {
			t.Errorf("not said: %s\n%s", want, r.err)
		}
	}
	s.environ = append(without(s.environ, "AWS_VAULT_AGENTS"), "AWS_VAULT_AGENTS=read-only")
	s.lines = append(s.lines[:1], "cd '"+s.w.path("work/shop")+"'", "__vault_precmd", "vault status")
	if r := s.run(); !strings.Contains(r.out, "to what it shares with arn:aws:iam::aws:policy/ReadOnlyAccess") {
		t.Error(r.out + r.err)
	}
}

// What is inherited by a child says what has been dealt with.
func TestAShellInAProjectDoesNotUndoWhatTheOneAroundItHas(t *testing.T) {
	t.Parallel()
	inProjects(t, "switch", func(t *testing.T, s *shellScript) {
		s.trust("work/shop")
		inner := "script2." + s.sh.Extension
		s.w.write(inner, strings.Join([]string{must(s.sh.RCLine("vault", "--project=switch")), "__vault_precmd", "echo in=" + s.sh.Variable("AWS_VAULT"),
			"cd ..", "__vault_precmd", "echo out=" + s.sh.Variable("AWS_VAULT")}, "\n")+"\n")
		run := s.sh.Name + " " + strings.Join(s.sh.Script, " ") + " '" + s.w.path(inner) + "'"
		s.at("work/shop")
		s.add(run)
		s.add("vault off", run, "vault use dev", run)
		s.who()
		s.prints("AWS_VAULT=prod", "in=prod", "out=", "in=", "out=", "in=dev", "out=dev", "AWS_VAULT=dev")
	})
}

func TestDirenvIsLeftAloneAndThatIsSaidOnce(t *testing.T) {
	t.Parallel()
	inProjects(t, "switch", func(t *testing.T, s *shellScript) {
		enter, leave := inProject(t, s, "export AWS_PROFILE=base\n")
		s.project("project", "prod")
		s.trust("project", "work/shop")
		s.at("work/shop")
		s.add(enter...)
		s.add("__vault_precmd", "__vault_precmd", "cd src", "__vault_precmd")
		s.print("AWS_VAULT", "AWS_PROFILE")
		s.add("cd ..")
		s.add(leave...)
		s.add("__vault_precmd")
		s.print("AWS_VAULT", "AWS_PROFILE")
		r := s.prints("AWS_VAULT=prod", "AWS_VAULT=", "AWS_PROFILE=base", "AWS_VAULT=", "AWS_PROFILE=")
		if n := strings.Count(r.err, "is not used, because direnv sets AWS_PROFILE here\n"); n != 1 {
			t.Errorf("said %d times:\n%s", n, r.err)
		}
	})
}

func TestADirectoryThatIsGoneIsLeft(t *testing.T) {
	t.Parallel()
	inProjects(t, "switch", func(t *testing.T, s *shellScript) {
		s.trust("work/shop")
		s.at("work/shop/src")
		s.add("rm -r '"+s.w.path("work/shop")+"'", "__vault_precmd", "__vault_precmd")
		s.who()
		r := s.shows("prod", "")
		if strings.Count(r.err, "vault: left prod\n") != 1 {
			t.Error(r.err)
		}
	})
}

func TestAVariableTurnsProjectsOffInOneTerminal(t *testing.T) {
	t.Parallel()
	s := inBash(t, "switch")
	s.trust("work/shop")
	s.add("export AWS_VAULT_PROJECT=off")
	s.at("work/shop")
	s.add("cd ..", "__vault_precmd", "export AWS_VAULT_PROJECT=offer")
	s.at("work/shop")
	if r := s.shows("", ""); strings.Count(r.err, "vault use .") != 1 {
		t.Error(r.err)
	}
}
