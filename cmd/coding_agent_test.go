//go:build unix

package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/fakeaws"
)

const agentsConfig = `[profile base]
region = eu-west-1
[profile plain]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = base
[profile deny]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = base
vault_agents = deny
[profile look]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = base
role_session_name = a-name-that-is-as-long-as-aws-takes-one-and-not-one-letter-more0
vault_agents = read-only
[profile ask]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = base
vault_agents = ask
[profile free]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = base
vault_agents = allow
[profile guarded]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = base
vault_protected = true
`

func agentsWorld(t *testing.T) *world {
	w := newWorld(t, agentsConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	return w
}

func TestACodingAgentIsGivenWhatTheRuleSays(t *testing.T) {
	t.Parallel()
	w := agentsWorld(t)
	agent := func(extra ...string) []string { return w.environ(append(extra, "CLAUDECODE=1")...) }

	want(t, w.vault(t, agent(), "export", "plain"), 0) // off unless set
	for _, args := range []string{"use --shell bash deny", "exec deny -- true", "exec -s deny -- true", "export deny", "export --format json deny", "serve deny"} {
		r := w.vault(t, agent(), strings.Fields(args)...)
		want(t, r, 1, "deny is not given to coding agents, as vault_agents in ", "config:9 says, and claude-code has started this shell")
		if r.out != "" {
			t.Errorf("%s printed %q", args, r.out)
		}
	}
	want(t, w.vault(t, agent("AWS_VAULT_AGENTS=deny"), "export", "plain"), 1, "as AWS_VAULT_AGENTS says")
	want(t, w.vault(t, agent("AWS_VAULT_AGENTS=deny"), "export", "free"), 0)
	want(t, w.vault(t, w.environ("AWS_VAULT_AGENTS=deny"), "export", "deny"), 0) // a person
	want(t, w.vault(t, w.environ("AWS_VAULT_AGENTS=denied"), "export", "plain"), 1, `AWS_VAULT_AGENTS is "denied", and not one of read-only, deny, ask, allow`)

	r := w.vault(t, agent(), "exec", "look", "--", filepath.Join(bin, "vault"), "status")
	want(t, r, 0, "to what it shares with arn:aws:iam::aws:policy/ReadOnlyAccess", "claude-code: read-only, as vault_agents in ")
	want(t, w.vault(t, agent(), "exec", "plain", "--", filepath.Join(bin, "vault"), "status"), 0, "which is not held back")
	for _, args := range []string{"export --policy-arn arn:aws:iam::aws:policy/AdministratorAccess look", "export --no-session look"} {
		want(t, w.vault(t, agent(), strings.Fields(args)...), 1, "gives coding agents only sessions that can read, with no other policy")
	}
	w.write("home/.aws/config", agentsConfig+"[profile tools]\nrole_arn = arn:aws:iam::111122223333:role/prod\ncredential_source = Environment\n")
	own := agent("AWS_VAULT_AGENTS=read-only", "AWS_ACCESS_KEY_ID=AKIAFAKE", "AWS_SECRET_ACCESS_KEY=fake")
	want(t, w.vault(t, own, "exec", "--profile-env", "tools", "--", "echo", "it ran"), 1, "gives coding agents only sessions that can read, which needs mode env")
	want(t, w.vault(t, agent("AWS_VAULT_AGENTS=read-only"), "export", "base"), 1, "a session policy can be given only to a role", "gives coding agents only sessions that can read")
}

func TestTheNameOfASessionSaysThatACodingAgentHasIt(t *testing.T) {
	t.Parallel()
	w := agentsWorld(t)
	name := func(environ []string, profile string) string {
		r := w.vault(t, environ, "exec", profile, "--", filepath.Join(bin, "vault"), "whoami", "--json")
		want(t, r, 0)
		_, rest, _ := strings.Cut(r.out, "assumed-role/prod/")
		got, _, _ := strings.Cut(rest, `"`)
		return got
	}
	mine, agents := name(w.environ(), "free"), name(w.environ("GEMINI_CLI=1"), "free")
	if agents != mine+"+gemini-cli" {
		t.Errorf("%q and %q", mine, agents)
	}
	if got := name(w.environ("AI_AGENT=own tool"), "look"); got != "a-name-that-is-as-long-as-aws-takes-one-and-not-one-let+own-tool" || len(got) != 64 {
		t.Errorf("%q", got)
	}
	if got := name(w.environ("GEMINI_CLI=1"), "plain"); got != mine {
		t.Errorf("without a rule it is %q", got)
	}
	if n := w.aws.Calls("AssumeRole"); n != 4 {
		t.Errorf("%d calls, so a person and an agent had the same session", n)
	}
}

func TestAPersonAllowsACodingAgentInADialogAndNeverOnTheTerminal(t *testing.T) {
	t.Parallel()
	w := agentsWorld(t)
	agent := func(extra ...string) []string {
		return append(w.stubbed("DISPLAY=:77", "CURSOR_AGENT=1"), extra...)
	}
	w.stub("zenity", "exit 5")
	w.stub("kdialog", "exit 5")
	// a terminal is there, and is not used
	for _, profile := range []string{"ask", "guarded"} {
		r, shown := w.talk(t, agent(), nil, "export", profile)
		want(t, r, 3, "a person has to allow cursor a session of "+profile+" in a dialog, and none can be shown here", "in a terminal that no agent has started")
		if shown != "" || r.out != "" {
			t.Errorf("%s: the terminal showed %q, printed %q", profile, shown, r.out)
		}
	}
	want(t, w.vault(t, agent(), "export", "--yes-really=ask", "ask"), 3)
	w.stub("zenity", "echo no")
	want(t, w.vault(t, agent(), "export", "ask"), 1, "the person did not allow cursor a session of ask")
	w.stub("zenity", "exit 10")
	want(t, w.vault(t, agent(), "export", "ask"), 1, "did not allow")
	if n := w.aws.Calls("AssumeRole"); n != 0 {
		t.Fatalf("%d calls", n)
	}
	check(os.Remove(w.path("zenity.args")))
	w.stub("zenity", "echo ask")
	want(t, w.vault(t, agent(), "export", "ask"), 0)
	text := "--entry|--title=vault|--text=cursor wants a session of ask (arn:aws:iam::111122223333:role/prod). Type the name of the profile to allow it: "
	if got := strings.Join(w.given("zenity"), "|"); got != text {
		t.Errorf("it was run with %s", got)
	}
	w.stub("zenity", "exit 5") // once for a session
	want(t, w.vault(t, agent(), "export", "--format", "json", "ask"), 0)
	want(t, w.vault(t, agent(), "exec", "ask", "--", "true"), 0)
	want(t, w.vault(t, w.environ(), "export", "ask"), 0) // a person is not asked
	want(t, w.vault(t, agent(), "export", "guarded"), 3)
	want(t, w.vault(t, agent(), "export", "--yes-really=guarded", "guarded"), 0)
}
