//go:build unix

package cmd_test

// Programs such as saml2aws, which write a temporary key into the credentials file, run again by
// vault_renew_command.

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

// writesKeys puts a stand-in for such a program on the PATH: it does what script says, then writes
// a key into the section [saml] that lasts for so long, and whose id counts how often it was run.
func (w *world) writesKeys(script string, lasts time.Duration) {
	w.stub("saml2aws", script+`
n=$(cat "$HOME/runs" 2>/dev/null || echo 0); n=$((n+1)); echo $n >"$HOME/runs"
cat >"$HOME/.aws/credentials" <<END
[saml]
aws_access_key_id = ASIANOBODY$n
aws_secret_access_key = s
aws_session_token = t
aws_security_token = t
x_security_token_expires = `+time.Now().Add(lasts).UTC().Format(time.RFC3339)+`
END`)
}

// samlKey writes a key that ends after so long.
func (w *world) samlKey(lasts time.Duration) {
	w.write("home/.aws/credentials", "[saml]\naws_access_key_id = ASIAOLD\naws_secret_access_key = s\naws_session_token = t\naws_expiration = "+
		time.Now().Add(lasts).UTC().Format(time.RFC3339)+"\n")
}

func (w *world) runs() string {
	text, _ := os.ReadFile(w.path("home/runs"))
	return strings.TrimSpace(string(text))
}

const samlProfile = "[profile saml]\nregion = eu-west-1\nvault_renew_command = saml2aws login -a work --password=hunter2\n"

func TestTheProgramThatWritesAKeyAsksOnTheTerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, samlProfile)
	w.writesKeys(`printf 'Okta password: '; read -r p; [ "$p" = open ] || exit 5; echo "said on stderr" >&2`, time.Hour)
	use := []string{"use", "saml", "--shell", "bash"}
	asked := []exchange{{"Okta password: ", "open\r"}}
	for i, c := range []struct {
		what string
		key  time.Duration // of the file; 0: none
		talk []exchange
		args []string
		id   string
	}{
		{"no key yet", 0, asked, use, "ASIANOBODY1"},
		{"a good one", 0, nil, use, "ASIANOBODY1"},
		{"one that is wanted new", 0, asked, append(use, "--refresh"), "ASIANOBODY2"},
		{"one of use to no command", 4 * time.Minute, asked, use, "ASIANOBODY3"},
		{"one that has ended", -time.Hour, asked, []string{"export", "saml", "--format", "env"}, "ASIANOBODY4"},
		{"one that is good for a while", 20 * time.Minute, nil, use, "ASIAOLD"},
	} {
		if c.key != 0 {
			w.samlKey(c.key)
		}
		r, shown := w.talk(t, w.stubbed(), c.talk, c.args...)
		if r.status != 0 || !strings.Contains(r.out, c.id) {
			t.Errorf("%d, %s: status %d: %s; shown %q", i, c.what, r.status, r.err, shown)
		}
		if ran := strings.Contains(r.err, "running saml2aws, which renews the key of \"saml\""); ran != (len(c.talk) > 0) || strings.Contains(r.err, "hunter2") {
			t.Errorf("%s: said %q", c.what, r.err)
		}
		if c.args[0] == "use" && c.id != "ASIAOLD" && !strings.Contains(r.err, "(then vault refresh runs saml2aws)") {
			t.Errorf("%s: it does not say what comes then: %s", c.what, r.err)
		}
		if strings.Contains(r.out, "Okta") {
			t.Errorf("%s: what the program printed is in the answer: %q", c.what, r.out)
		}
	}
	w.samlKey(time.Hour)
	r, _ := w.talk(t, w.stubbed(), []exchange{{"Okta password: ", "wrong\r"}}, append(use, "--refresh")...)
	if r.status != 1 || r.out != "" || !strings.Contains(r.err, `the vault_renew_command of "saml" failed: saml2aws: exit status 5`) {
		t.Errorf("a wrong password: status %d: %s%s", r.status, r.out, r.err)
	}
}

func TestWhereNobodyIsTheProgramThatWritesAKeyIsNotRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, samlProfile+"[profile shut]\nvault_renew_command = saml2aws\nvault_renew_silently = true\nvault_agents = deny\n"+
		"[profile prod]\nvault_renew_command = saml2aws\nvault_renew_silently = true\nvault_protected = true\n"+
		"[profile plain]\nregion = eu-west-1\n[profile circle]\nvault_renew_silently = true\nvault_renew_command = vault export circle\n")
	w.writesKeys("", time.Hour)
	for _, c := range []struct {
		environ []string
		profile string
		status  int
		says    string
	}{
		{w.stubbed(), "saml", 3, `there is no temporary key for "saml" yet` + "\nvault: hint: run it in a terminal: vault refresh, or vault use saml, which runs saml2aws\n"},
		{w.stubbed("CLAUDECODE=1"), "shut", 1, "vault_agents"},
		{w.stubbed(), "prod", 3, "protected"},
		{w.stubbed(), "circle", 1, "vault_renew_command"},
	} {
		r := w.away(t, c.environ, nil, "use", c.profile, "--shell", "bash")
		if r.status != c.status || !strings.Contains(r.err, c.says) || r.out != "" {
			t.Errorf("%s: status %d: %s%s", c.profile, r.status, r.out, r.err)
		}
	}
	w.samlKey(-time.Hour)
	r := w.away(t, w.stubbed(), nil, "use", "saml", "--shell", "bash")
	if r.status != 3 || !strings.Contains(r.err, "expired 1 hour ago") || !strings.Contains(r.err, "runs saml2aws\n") {
		t.Errorf("one that has ended: status %d: %s", r.status, r.err)
	}
	if w.runs() != "" {
		t.Errorf("it was run %s times", w.runs())
	}
}

// The words of a command are its own; nothing in them is for a shell.
func TestTheProgramThatWritesAKeyIsRunWithoutAShell(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile saml]\nvault_renew_silently = true\nvault_renew_command = saml2aws login '$(touch x)' \"a b\" ;touch x `touch x` %PATH% é\n"+
		"[profile left]\nvault_renew_silently = true\nvault_renew_command = true\n[profile none]\nvault_renew_silently = true\nvault_renew_command = no-such-program x\n"+
		"[profile broken]\nvault_renew_command = saml2aws 'x\n")
	w.writesKeys("", time.Hour)
	r := w.away(t, w.stubbed("AWS_VAULT_FILE_PASSPHRASE="+passphrase), nil, "export", "saml", "--format", "env")
	if r.status != 0 || !strings.Contains(r.out, "ASIANOBODY1") {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	if got, want := fmt.Sprintf("%q", w.given("saml2aws")), `["login" "$(touch x)" "a b" ";touch" "x" "`+"`touch\" \"x`"+`" "%PATH%" "é"]`; got != want {
		t.Errorf("it was given %s, not %s", got, want)
	}
	if text := string(must(os.ReadFile(w.path("saml2aws.env")))); strings.Contains(text, passphrase) {
		t.Error("it was given the passphrase")
	}
	for profile, says := range map[string]string{
		"left":   `the vault_renew_command of "left" ended well, and no file has a temporary key for that profile`,
		"none":   "there is no such program on the PATH",
		"broken": `vault_renew_command "saml2aws" of profile "broken": a quotation mark in it is not closed`,
	} {
		r := w.away(t, w.stubbed(), nil, "export", profile)
		if r.status == 0 || !strings.Contains(r.err, says) {
			t.Errorf("%s: status %d: %s", profile, r.status, r.err)
		}
	}
}

func TestTwentyTerminalsRunTheProgramThatWritesAKeyOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, samlProfile+"vault_renew_silently = true\n[profile other]\nsource_profile = saml\n")
	w.writesKeys("sleep 0.2", time.Hour)
	w.samlKey(-time.Minute)
	for i, r := range w.crowd(t, 8, w.stubbed(), "export", "saml", "--format", "env") {
		if r.status != 0 || !strings.Contains(r.out, "ASIANOBODY1") {
			t.Errorf("%d: status %d: %s", i, r.status, r.err)
		}
	}
	if w.runs() != "1" {
		t.Errorf("it was run %s times", w.runs())
	}
}

// A prompt says that a key has ended. Renewal in the background runs the program only where its
// profile says that it asks nothing.
func TestAPromptRenewsAKeyOfAnotherProgramOnlyInSilence(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	for _, c := range []struct{ settings, label, runs, status string }{
		{"vault_renew_silently = true\n", "saml ", "1", "expires"},
		{"", " newkey!", "", "newkey! the program that wrote the key into the file has to be run again; vault refresh runs it"},
		{"vault_renew_silently = true\nvault_auto_renew = false\n", "saml ", "", "never"},
	} {
		w := newWorld(t, samlProfile+c.settings)
		w.writesKeys("", time.Hour)
		w.samlKey(20 * time.Minute)
		r := w.bash(t, w.stubbed("NOW="), `vault use saml >/dev/null 2>&1; sed -i 's/^aws_expiration.*/aws_expiration = 2020-01-01T00:00:00Z/; s/ASIAOLD/ASIAOLDER/' ~/.aws/credentials
vault refresh --if-due; __vault_precmd; printf '%s\n' "$__vault_text"; vault status`)
		text, status, _ := strings.Cut(r.out, "\n")
		if !strings.Contains(text, c.label) || w.runs() != c.runs || !strings.Contains(status, c.status) {
			t.Errorf("%q: label %q, %s runs\n%s%s", c.settings, text, w.runs(), status, r.err)
		}
	}
}
