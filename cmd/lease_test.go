//go:build unix

package cmd_test

// Mode server: the agent serves a session to the programs of a shell.

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

// withLeases is an environment in which there may be an agent, and a variable has the
// passphrase. On its PATH are ask, which shows who the endpoint says one is, has, which
// says what a program finds, and killagent, which returns when the shell can notice.
func (w *world) withLeases(t *testing.T, extra ...string) []string {
	t.Helper()
	check(os.MkdirAll(w.path("tools"), 0o700))
	for name, text := range map[string]string{
		"ask":       sdkClient + "=1 WORK_SECONDS=9 '" + must(os.Executable()) + "' 2>&1 | sed '/WARNING: reading executable/d' | head -n 1", // which the race detector says without /proc
		"has":       `echo "has ${AWS_ACCESS_KEY_ID:+keys} ${AWS_CONTAINER_CREDENTIALS_FULL_URI:+an address} of $AWS_VAULT"`,
		"killagent": `kill -9 "$(vault agent status --json | sed -n 's/.*"pid": \([0-9]*\).*/\1/p' | head -n 1)"; while [ -e "$__VAULT_TOKEN" ]; do :; done`,
	} {
		check(os.WriteFile(w.path("tools/"+name), []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	}
	environ := w.withAgent(t, append([]string{"PATH=" + w.path("tools") + ":" + bin + ":" + os.Getenv("PATH")}, extra...)...)
	return append(environ, "AWS_VAULT_FILE_PASSPHRASE="+passphrase)
}

// leases are those of the running agent.
func (w *world) leases(t *testing.T, environ []string) (list []struct {
	Profile string
	PID     int
}) {
	t.Helper()
	var s struct{ Leases json.RawMessage }
	check(json.Unmarshal([]byte(w.vault(t, environ, "agent", "status", "--json").out), &s))
	if s.Leases != nil {
		check(json.Unmarshal(s.Leases, &list))
	}
	return list
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+/\S+`)

func TestModeServerInEveryShell(t *testing.T) {
	t.Parallel()
	shelltest.Each(t, shelltest.All(t), func(t *testing.T, sh *shelltest.Shell) {
		w := roleWorld(t)
		s := &shellScript{t: t, w: w, sh: sh, lines: []string{must(sh.RCLine("vault"))}, environ: w.withLeases(t, "AWS_PROFILE=mine")}
		show := func(what string) { s.add("echo "+what, "__vault_precmd", `echo "$__vault_text"`) }
		url := "AWS_CONTAINER_CREDENTIALS_FULL_URI"
		s.add("vault use prod --mode server")
		s.print("AWS_VAULT", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_REGION", url)
		show("used")
		s.add("ask", "vault use prod --mode server") // the same again
		s.print(url)
		s.add("killagent")
		show("killed")
		s.print(url)
		show("again")
		s.add("ask", "vault lock", "ask")
		show("locked")
		s.add("vault status", "vault refresh")
		show("refreshed")
		s.print(url)
		s.add("ask", "vault lock", "vault use prod --mode server", "ask", "vault use base --mode server", "ask", "vault use -", "ask", "vault exec base -- has", "vault use base")
		s.print(url, "AWS_VAULT")
		s.add("vault off")
		s.print(url, "AWS_VAULT", "AWS_PROFILE")
		r := s.w.run(t, s.environ, sh.Name, append(append([]string{}, sh.Script...), s.file())...)
		checkModeServer(t, r)
		if list := w.leases(t, s.environ); len(list) > 0 {
			t.Errorf("leases are left: %v", list)
		}
	})
}

// Where no file of the system ends with the agent, as on macOS, the prompt learns of its end all
// the same, and of the new address.
func TestWithoutProcAKilledAgentShowsAtTheNextPromptToo(t *testing.T) {
	t.Parallel()
	bwrap := testenv.Require(t, "bubblewrap", "bwrap")
	w := roleWorld(t)
	environ := w.withLeases(t)
	for _, name := range []string{"bash", "zsh", "fish"} {
		s := &shellScript{t: t, w: w, sh: shelltest.For(t, name), environ: environ}
		s.lines = []string{must(s.sh.RCLine("vault"))}
		show := func(what string) { s.add("echo "+what, "__vault_precmd", `echo "$__vault_text"`) }
		s.add("vault use prod --mode server")
		show("used")
		s.add("killagent")
		show("killed")
		show("again")
		s.add("ask", "vault off")
		inside := []string{"--unshare-user", "--bind", "/", "/", "--dev", "/dev", "--tmpfs", "/proc", name}
		r := w.run(t, environ, bwrap, append(append(inside, s.sh.Script...), s.file())...)
		got := as.ReplaceAllString(r.out, "as $1")
		if want := "used\nprod\nkilled\nprod agent!\nagain\nprod\nas assumed-role/prod\n"; got != want {
			t.Errorf("%s: status %d, shown\n%s\nnot\n%s\n%s", name, r.status, got, want, r.err)
		}
	}
	if list := w.leases(t, environ); len(list) > 0 {
		t.Errorf("leases are left: %v", list)
	}
}

// checkModeServer checks what the script of TestModeServerInEveryShell showed.
func checkModeServer(t *testing.T, r result) {
	t.Helper()
	urls := address.FindAllString(r.out, -1)
	if len(urls) != 4 || urls[0] != urls[1] || urls[1] == urls[2] || urls[2] != urls[3] {
		t.Errorf("addresses %q", urls)
	}
	shown := regexp.MustCompile(`(?s)profile +prod\n.*?\nserved +by the agent, as long as the shell with process \d+ lives\nnote +locked! vault lock has locked it; vault refresh goes on, at the same address\nagent [^\n]*serves 1 shell\n`)
	out := shown.ReplaceAllString(r.out, "STATUS\n")
	out = regexp.MustCompile(`(?m)^.*\bLocked\b\W+prod: `).ReplaceAllString(out, "LOCKED: prod: ")
	out = as.ReplaceAllString(address.ReplaceAllString(out, "URL"), "as $1")
	want := "AWS_VAULT=prod\nAWS_ACCESS_KEY_ID=\nAWS_PROFILE=\nAWS_REGION=eu-central-1\nAWS_CONTAINER_CREDENTIALS_FULL_URI=URL\n" +
		"used\nprod\nas assumed-role/prod\nAWS_CONTAINER_CREDENTIALS_FULL_URI=URL\nkilled\nprod agent!\nAWS_CONTAINER_CREDENTIALS_FULL_URI=URL\n" +
		"again\nprod\nas assumed-role/prod\nLOCKED: prod: locked by vault lock; run vault refresh in its shell, or in another terminal: vault use prod\n" +
		"locked\nprod locked!\nSTATUS\nrefreshed\nprod\nAWS_CONTAINER_CREDENTIALS_FULL_URI=URL\nas assumed-role/prod\nas assumed-role/prod\nas user\nas assumed-role/prod\n" +
		"has keys  of base\nAWS_CONTAINER_CREDENTIALS_FULL_URI=\nAWS_VAULT=base\nAWS_CONTAINER_CREDENTIALS_FULL_URI=\nAWS_VAULT=\nAWS_PROFILE=mine\n"
	if out != want {
		t.Errorf("status %d, shown\n%s\nnot\n%s\n%s", r.status, out, want, r.err)
	}
	for _, said := range []string{"vault: prod, served to the programs of this shell for as long as it lives\n", "get no credentials of prod until you run vault refresh there, or vault use prod anywhere"} {
		if !strings.Contains(r.err, said) {
			t.Errorf("it said\n%s", r.err)
		}
	}
}

// as is who a client says it is.
var as = regexp.MustCompile(`ASIA\w+ \S+:(assumed-role/prod|user)/\S+`)

// file writes the script.
func (s *shellScript) file() string {
	file := s.w.path("script." + s.sh.Extension)
	check(os.WriteFile(file, []byte(strings.Join(s.lines, "\n")+"\n"), 0o600))
	return file
}

// A lease belongs to the shell that asked for it, also when another shell takes its place, or to the
// sub-shell; those that are started in it have the same one.
func TestALeaseBelongsToTheShellAndItsNestedShellsShareIt(t *testing.T) {
	t.Parallel()
	bash, zsh := testenv.Require(t, "bash"), testenv.Require(t, "zsh")
	w := roleWorld(t)
	environ := w.withLeases(t, "ZSH="+zsh, "BASH_ENV=", "PS1=$ ")
	w.write("inner.bash", `eval "$(vault hook bash)"; echo "inner $AWS_VAULT"; __vault_precmd; echo "$__vault_text"; vault off; echo "off $AWS_VAULT"`)
	w.write("after.zsh", `eval "$(vault hook zsh)"; __vault_precmd; echo "zsh $__vault_text"; ask`)
	w.write("sub.zsh", `eval "$(vault hook zsh)"; (vault use base --mode server; ask)`)
	w.write("narrowed.bash", `eval "$(vault hook bash)"; vault refresh; vault status --json | grep -q ReadOnlyAccess && echo narrowed`)
	w.write("tmux.bash", `eval "$(vault hook bash)"; while kill -0 "$1" 2>/dev/null; do :; done; while [ -e "$__VAULT_TOKEN" ]; do :; done
		__vault_precmd; __vault_precmd; echo "orphan $__vault_text"; ask; vault agent status --json`)
	w.write("outer.bash", `eval "$(vault hook bash)"
vault use prod --mode server || exit
"$BASH" inner.bash
ask
CLAUDECODE=1 AWS_VAULT_AGENTS=read-only "$BASH" narrowed.bash
[[ -e $__VAULT_TOKEN ]] && echo kept
ask
(vault use base --mode server; ask; vault off)
ask
served() { until [[ $(vault agent status | grep -c serves) == "$1" ]]; do :; done; echo "served $1"; }
(vault use base --mode server; vault use prod --mode server; served 2; vault off; served 1)
vault use base --mode server | cat
served 1
"$ZSH" -f sub.zsh
served 1
ask
"$BASH" tmux.bash $$ >orphan 2>&1 &
exec "$ZSH" -f after.zsh`)
	r := w.run(t, environ, bash, "--norc", "--noprofile", "outer.bash")
	got := as.ReplaceAllString(r.out, "as $1")
	if want := "inner prod\nprod\noff \nas assumed-role/prod\nnarrowed\nkept\nas assumed-role/prod\nas user\nas assumed-role/prod\nserved 2\nserved 1\nserved 1\nas user\nserved 1\nas assumed-role/prod\nzsh prod\nas assumed-role/prod\n"; got != want {
		t.Errorf("status %d, shown\n%s\nnot\n%s\n%s", r.status, got, want, r.err)
	}
	var text string
	await(t, func() bool {
		text = string(must(os.ReadFile(w.path("orphan"))))
		return strings.Contains(text, "leases")
	})
	if !strings.HasPrefix(text, "orphan prod\nASIA") {
		t.Errorf("a shell whose outer shell has ended says\n%s", text)
	}
	await(t, func() bool { return len(w.leases(t, environ)) == 0 })
}

func TestModeServerIsRefusedWithOneSentence(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	w.write("home/.aws/config", roleConfig+"vault_mode = server\n[profile odd]\nsource_profile = base\nrole_arn = arn:aws:iam::111122223333:role/prod\nvault_mode = serve\n[profile lapses]\nsource_profile = base\nrole_arn = arn:aws:iam::111122223333:role/prod\nvault_auto_renew = false\n")
	environ := w.withLeases(t)
	hooked := append(environ, "__VAULT_SHELL=zsh")
	for _, c := range []struct {
		environ []string
		args    string
		status  int
		says    string
	}{
		{environ, "use prod --mode server --shell bash", 1, "mode server needs the hook"},
		{environ, "use prod --shell bash", 1, "mode server needs the hook"}, // as the profile says
		{environ, "use prod --mode env --shell bash", 0, ""},
		{environ, "use prod --mode serve --shell bash", 2, `--mode is env, profile or server, not "serve"`},
		{environ, "use odd --shell bash", 1, w.path("home/.aws/config") + ":12: vault_mode is \"serve\": it is env, profile or server"},
		{append(environ, "AWS_VAULT_AGENT=off"), "use prod --shell bash", 1, "mode server needs the agent, and AWS_VAULT_AGENT or AWS_VAULT_AGENT_TTL says that there is none"},
		{append(environ, "AWS_VAULT_AGENT_TTL=0"), "use prod --shell bash", 1, "mode server needs the agent"},
		{environ, "use lapses --mode server --shell bash", 1, "mode server renews by itself, which profile \"lapses\" does not allow: vault_auto_renew = false"},
		{environ, "use base --no-session --mode server --shell bash", 1, "--no-session does not go with it"},
		{append(hooked, "__VAULT_PID=junk"), "use prod", 1, "the hook"},
		{append(hooked, "__VAULT_PID=-1"), "use prod", 1, "the hook"},
	} {
		r := w.vault(t, c.environ, strings.Fields(c.args)...)
		if r.status != c.status || c.status > 0 && (r.out != "" || !strings.Contains(r.err, c.says)) {
			t.Errorf("%s: status %d, said %q", c.args, r.status, r.err)
		}
	}
	file := w.path("home/.aws/credentials")
	for _, text := range []string{"aws_access_key_id = AKIAX\naws_secret_access_key = x\n", "credential_process = mine\n", "source_profile = base\nrole_arn = arn:aws:iam::111122223333:role/prod\n"} {
		w.write("home/.aws/credentials", "[default]\n"+text)
		r := w.bash(t, environ, "vault use prod; echo $?")
		if r.out != "1\n" || !strings.Contains(r.err, "[default] in "+file+" has") || !strings.Contains(r.err, "use --mode env") {
			t.Errorf("%s %s", r.out, r.err)
		}
	}
}

func TestARenewalOfALeaseThatNeedsAPersonIsShownAndRefreshMendsIt(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := must(makeWorld(t.TempDir(), fakeaws.Options{}))
	t.Cleanup(func() { _ = w.aws.Close() })
	w.write("home/.aws/config", "[profile prod]\nmfa_serial = arn:aws:iam::"+account+":mfa/phone\n")
	w.mfa(w.stored("alice", "prod"), "phone")
	environ := w.withLeases(t, "CODE="+w.code("phone"))
	r := w.bash(t, environ, `
vault use prod --mode server -d 15m -t "$CODE" || exit
vault status | grep -E '^(mode|renews)'
killagent; vault clear prod >/dev/null 2>&1
__vault_precmd; __vault_precmd; echo "$__vault_text"
ask; vault status | grep -E '^note'; echo "status ${PIPESTATUS[0]}"`)
	for _, want := range []string{"mode     server\n", "asks for an MFA code\n", "\nprod mfa!\n", "SignInRequired", "vault use prod -d 15m0s", "mfa! an MFA code is needed; vault refresh asks for it\nstatus 3\n"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is not in\n%s\n%s", want, r.out, r.err)
		}
	}
}

// await waits until something is so.
func await(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come")
		}
	}
}
