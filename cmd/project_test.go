//go:build unix

package cmd_test

// Project directories: a file names the profile of a directory.

import (
	"os"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/shelltest"
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
