package cmd_test

// Mode server as a person has it, who types in real shells on terminals.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

// leasePrompts are start-file code for a prompt that has the number of the line before it.
var leasePrompts = map[string]string{
	"bash": "M=0; PS1='<$M>R> '\n",
	"zsh":  "M=0; setopt prompt_subst; PROMPT='<$M>R> '\n",
	"fish": "set -g M 0\nfunction fish_prompt; builtin echo -n \"<$M>R> \"; end\n",
	"pwsh": "$global:M = 0\nfunction prompt { \"<$global:M>R> \" }\n",
}

// typist is a person at one shell, who types one line after the other.
type typist struct {
	t    *testing.T
	sh   *shelltest.Shell
	x    *shelltest.Terminal
	line int
}

// types types a line, waits for the prompt after it, and returns that.
func (p *typist) types(line string) string {
	p.t.Helper()
	p.line++
	check(p.x.Send(fmt.Sprintf(shelltest.In(p.t, p.sh.Name, numbering), p.line) + line + "\r"))
	return p.prompt(p.line)
}

// prompt waits for a prompt and returns its segment, which fish draws at the right.
func (p *typist) prompt(n int) (segment string) {
	p.t.Helper()
	prompt := regexp.MustCompile(fmt.Sprintf(`^(\[.*\] )?<%d>R>( +\[.*\])?$`, n))
	if !p.x.Await(patience, func() bool { segment = p.x.Row(); return prompt.MatchString(segment) }) {
		p.t.Fatalf("%s: there is no prompt:\n%s", p.sh.Name, p.x.Text())
	}
	found := prompt.FindStringSubmatch(segment)
	return strings.TrimSpace(found[1] + found[2])
}

// wants types a line after which the segment of the prompt is the wanted one.
func (p *typist) wants(line, segment string) {
	p.t.Helper()
	if got := p.types(line); got != segment {
		p.t.Errorf("%s: after %q the prompt has %q and not %q:\n%s", p.sh.Name, line, got, segment, p.x.Text())
	}
}

func TestModeServerAsItIsTyped(t *testing.T) {
	t.Parallel()
	shelltest.Each(t, testenv.Sample(shelltest.All(t), 2), func(t *testing.T, sh *shelltest.Shell) {
		w := roleWorld(t)
		environ := with(w.withLeases(t), "TERM=xterm", "fish_features=qmark-noglob,no-query-term", "HISTFILE=")
		home := w.path("typing")
		check(os.Mkdir(home, 0o700))
		zsh := shelltest.For(t, "zsh") // which takes the place of bash
		check(os.WriteFile(filepath.Join(home, ".zshrc"), []byte(leasePrompts["zsh"]+must(zsh.RCLine("vault"))+"\n"), 0o600))
		cmd := sh.Start(home, sh.Prompt+shelltest.In(t, sh.Name, leasePrompts)+must(sh.RCLine("vault"))+"\n")
		cmd.Env = with(environ, "ZDOTDIR="+home)
		p := &typist{t: t, sh: sh, x: shelltest.Open(t, cmd, 200, 50)}
		p.prompt(0)
		leases := func(n int) {
			t.Helper()
			if list := w.leases(t, environ); len(list) != n {
				t.Errorf("%s: there are the leases %v, and not %d", sh.Name, list, n)
			}
		}

		p.wants("vault use prod --mode server", "[prod]")
		p.wants("ask", "[prod]")
		p.wants("killagent", "[prod agent!]")
		p.wants("ask", "[prod]") // served again, from the prompt before
		if got := strings.Count(as.ReplaceAllString(p.x.Text(), "as $1"), "as assumed-role/prod"); got != 2 {
			t.Errorf("%s: %d of two commands were served:\n%s", sh.Name, got, p.x.Text())
		}
		p.wants("vault lock", "[prod locked!]")
		p.wants("vault refresh", "[prod]")
		leases(1)
		if _, err := exec.LookPath("zsh"); sh.Name == "bash" && err == nil {
			p.sh = zsh
			check(p.x.Send("exec zsh\r"))
			p.prompt(0)
			p.line = 0
			p.wants("ask", "[prod]")
			leases(1)
		}
		p.wants("vault off", "")
		leases(0)
		p.wants("vault use prod --mode server", "[prod]")
		leases(1)
		p.x.HangUp(patience)
		await(t, func() bool { return len(w.leases(t, environ)) == 0 })
	})
}
