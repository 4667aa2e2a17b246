//go:build unix

package cmd_test

// Mode server on a bad day.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/testenv"
)

func TestDoctorAndStatusSayHowItIsWithWhatTheAgentServes(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := roleWorld(t)
	r := w.bash(t, w.withLeases(t), `
say() { echo "== $1"; vault status; vault status --json | tr -d '\n'; echo; vault doctor --offline; }
vault use prod --mode server || exit
say served
vault lock 2>/dev/null
say locked; vault agent status
vault refresh 2>/dev/null; killagent
say ended`)
	var parts []string
	for part := range strings.SplitSeq(r.out, "== ") {
		parts = append(parts, part)
	}
	if len(parts) != 4 {
		t.Fatalf("%s\n%s", r.out, r.err)
	}
	for i, want := range [][]string{
		{"served   by the agent", "renews   by itself, before it expires", `"served_to"`, "the agent serves prod to the programs of this shell"},
		{"locked! vault lock has locked it; vault refresh goes on, at the same address", `"locked": true`,
			"vault lock has locked what the agent serves of prod to this shell: its programs get an error", "vault refresh goes on",
			", locked by vault lock until vault refresh there, or vault use prod anywhere\n"},
		{"served   not any more\n", "agent! the agent that served this shell has ended", `"note": "agent!"`,
			"the agent that served prod to this shell has ended: what was started before gets no credentials any more"},
	} {
		part := parts[i+1]
		for _, text := range want {
			if !strings.Contains(part, text) {
				t.Errorf("%q is not in\n%s", text, part)
			}
		}
		_, object, _ := strings.Cut(part, "\n{")
		object, _, _ = strings.Cut("{"+object, "\n")
		if !json.Valid([]byte(object)) {
			t.Errorf("%s", object)
		}
	}
}

// What goes wrong around mode server is told in one sentence, or goes on.
func TestModeServerOnABadDay(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	const serves = "\nas assumed-role/prod\n"
	for name, c := range map[string]struct {
		extra  []string
		script string // after the hook
		shown  string // in the output
		said   string // the one line that is said; "": that it is served
	}{
		"AWS_VAULT_AGENT_TTL is junk": {
			extra: []string{"AWS_VAULT_AGENT_TTL=junk"}, script: `vault use prod --mode server; echo "$? $AWS_VAULT."`,
			shown: "1 .\n", said: `vault: AWS_VAULT_AGENT_TTL is "junk"`,
		},
		"the socket's place is taken": {
			script: `mkdir -p -m 700 "$XDG_RUNTIME_DIR/vault"; : >"$XDG_RUNTIME_DIR/vault/agent.sock"; vault use prod --mode server; echo "$? $AWS_VAULT."`,
			shown:  "1 .\n", said: "agent.sock is not a socket; remove it, and there can be an agent",
		},
		"the path of the socket is too long": {
			script: `export XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR/` + strings.Repeat("so-long.", 15) + `"; mkdir "$XDG_RUNTIME_DIR"; vault use prod --mode server; echo "$? $AWS_VAULT."`,
			shown:  "1 .\n", said: "is too long for a socket",
		},
		"there is no runtime directory": {
			script: `export XDG_STATE_HOME="$XDG_RUNTIME_DIR"; unset XDG_RUNTIME_DIR; vault use prod --mode server; echo; ask; [[ -S $XDG_STATE_HOME/vault/run/agent.sock ]] && echo there; vault agent stop 2>/dev/null`,
			shown:  serves + "there\n",
		},
		"the runtime directory can be written to by others": {
			script: `mkdir "$XDG_RUNTIME_DIR/vault"; chmod 777 "$XDG_RUNTIME_DIR/vault"; export XDG_STATE_HOME="$XDG_RUNTIME_DIR/s"; vault use prod --mode server; echo; ask; ls "$XDG_RUNTIME_DIR/vault"; vault agent stop 2>/dev/null`,
			shown:  serves,
		},
		"the runtime directory is removed": {
			script: `vault use prod --mode server; rm -rf "$XDG_RUNTIME_DIR/vault"; __vault_precmd; echo "$__vault_text"; __vault_precmd; echo "$__vault_text"; ask`,
			shown:  "prod agent!\nprod" + serves,
		},
		"the disk is full": {
			script: `ulimit -f 0; trap '' XFSZ; vault use prod --mode server; echo; ask; vault lock 2>/dev/null; __vault_precmd; echo "$__vault_text"; vault refresh >/dev/null 2>&1; __vault_precmd; echo "$__vault_text"; ask`,
			shown:  serves + "prod locked!\nprod" + serves,
			said:   "the disk is full", // the session could not be kept
		},
		"vault lock, and vault use in another shell": { // a loop may hold the first one
			script: `vault use prod --mode server; url=$AWS_CONTAINER_CREDENTIALS_FULL_URI; vault lock 2>/dev/null; (vault off; vault use prod) 2>/dev/null; echo; ask; __vault_precmd; __vault_precmd; echo "$__vault_text"; [[ $url = "$AWS_CONTAINER_CREDENTIALS_FULL_URI" ]] && echo same`,
			shown:  serves + "prod\nsame\n",
		},
		"vault is run by sudo": {
			script: `SUDO_UID=1000 command vault use prod --mode server; echo "$? $AWS_VAULT."`, // it knows no functions
			shown:  "1 .\n", said: "vault: sudo runs this program without the shell, which then cannot be changed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := roleWorld(t)
			r := w.bash(t, w.withLeases(t, c.extra...), c.script)
			out := as.ReplaceAllString(r.out, "as $1")
			said := strings.Split(strings.TrimSuffix(r.err, "\n"), "\n")
			want := c.said
			if want == "" {
				want = "vault: prod, served to the programs of this shell for as long as it lives"
			}
			if !strings.Contains(out, c.shown) || !strings.Contains(said[0], want) || len(said) > 2 {
				t.Errorf("shown\n%s\nwithout\n%s\nsaid\n%s", out, c.shown, r.err)
			}
		})
	}
}

// sudo -E keeps the variables of the shell: root reads the agent's file of another user's lease, and says
// what is so.
func TestStatusInTheEnvironmentOfAnotherUsersShellIsTrue(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := roleWorld(t)
	other := w.path("other-run") // as root, or in a container, has another one
	check(os.MkdirAll(filepath.Join(other, "vault"), 0o700))
	r := w.bash(t, w.withLeases(t), `vault use prod --mode server 2>/dev/null
XDG_RUNTIME_DIR=`+other+` vault status | grep -E '^(served|note)'; XDG_RUNTIME_DIR=`+other+` vault doctor --offline | grep 'the agent serve'`)
	if strings.Contains(r.out, "note") || !strings.Contains(r.out, "the agent serves prod to the programs of this shell") {
		t.Errorf("%s%s", r.out, r.err)
	}
}
