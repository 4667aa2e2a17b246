//go:build unix

package cmd_test

// Every kind of program that vault starts is started for real, by a vault whose environment
// has a secret under every name that can hold one.

import (
	"os"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/fakeaws"
)

// secretNames are the variables that may hold a secret.
func secretNames() []string {
	return append(append([]string{"AWS_BEARER_TOKEN_BEDROCK", "AWS_VAULT_OTHER_PASSPHRASE"}, env.Secrets...), env.Passphrases...)
}

// secretive is an environment with the stubs first, and a secret under every name. extra
// wins.
func (w *world) secretive(extra ...string) []string {
	environ := w.stubbed("AWS_PROFILE=of-the-user", env.GenerationFile+"=/nowhere")
	for _, n := range secretNames() {
		if n != "AWS_VAULT_FILE_PASSPHRASE" { // the file store's own, which is a secret as well
			environ = append(without(environ, n), n+"=hush-"+n)
		}
	}
	for _, e := range extra {
		name, _, _ := strings.Cut(e, "=")
		environ = append(without(environ, name), e)
	}
	return environ
}

const childrenConfig = `
[profile gives]
region = eu-west-1
credential_process = gives
[profile base]
region = eu-west-1
mfa_serial = arn:aws:iam::111122223333:mfa/phone
[profile codes]
region = eu-west-1
mfa_serial = arn:aws:iam::111122223333:mfa/phone
mfa_process = codes
[profile pod]
region = eu-west-1
role_arn = arn:aws:iam::111122223333:role/pod
web_identity_token_process = mints
`

func TestNoProgramThatIsStartedGetsASecret(t *testing.T) {
	t.Parallel()
	id := must(age.GenerateX25519Identity())
	identity := plugin.EncodeIdentity("stub", []byte(id.String()))
	recipient := plugin.EncodeRecipient("stub", []byte(id.Recipient().String()))
	for stub, c := range map[string]struct {
		args  string
		extra []string
		hangs bool // it has to be interrupted
		user  bool // it gets the user's AWS_PROFILE
	}{
		"gives":                  {args: "export gives", user: true},
		"codes":                  {args: "export codes"},
		"mints":                  {args: "export pod"},
		"ykman":                  {args: "export base --prompt ykman"},
		"zenity":                 {args: "export base --prompt zenity", extra: []string{"DISPLAY=:77"}},
		"kdialog":                {args: "export base --prompt kdialog", extra: []string{"DISPLAY=:77"}},
		"browser":                {args: "sso login corp", extra: []string{"BROWSER=browser"}, hangs: true},
		"docker-credential-stub": {args: "list --credentials", extra: []string{"AWS_VAULT_BACKEND=helper", "AWS_VAULT_HELPER=stub"}, user: true},
		"otherpass":              {args: "export base", extra: []string{"AWS_VAULT_BACKEND=pass", "AWS_VAULT_PASS_CMD=otherpass", "AWS_VAULT_PASS_PASSWORD_STORE_DIR=store"}, user: true},
		"age-plugin-stub":        {args: "store age create --identity identity --recipient " + recipient, extra: []string{"AWS_VAULT_AGE_DIR=agestore"}, user: true},
		"bash":                   {args: "doctor --offline", extra: []string{"SHELL=bash"}},
		"command":                {args: "exec plain -- command"},
	} {
		t.Run(stub, func(t *testing.T) {
			t.Parallel()
			w := newSSOWorld(t, corp)
			w.dir.SetAnswer(fakeaws.Yes)
			w.write("home/.aws/config", string(must(os.ReadFile(w.path("home/.aws/config"))))+childrenConfig)
			for _, profile := range []string{"base", "codes"} {
				w.mfa(w.stored(profile, profile), "phone-of-"+profile)
			}
			w.stored("plain", "plain")
			check(os.MkdirAll(w.path("store"), 0o700))
			w.write("store/base.gpg", "")
			w.write("identity", identity+"\n")
			w.stub(stub, "exit 1")
			var interrupt func(*os.Process)
			if c.hangs {
				interrupt = func(p *os.Process) {
					w.awaitFile(t, stub+".pid")
					_ = p.Signal(os.Interrupt)
				}
			}
			r := w.away(t, w.secretive(c.extra...), interrupt, strings.Fields(c.args)...)
			seen, err := os.ReadFile(w.path(stub + ".env"))
			if err != nil {
				t.Fatalf("it was not started: status %d, %s", r.status, r.err)
			}
			for line := range strings.Lines(string(seen)) {
				for _, secret := range []string{"hush-", passphrase, "/nowhere"} {
					if strings.Contains(line, secret) {
						t.Errorf("it was given %s", line)
					}
				}
			}
			if got := strings.Contains(string(seen), "AWS_PROFILE=of-the-user"); got != c.user {
				t.Errorf("it is %v that it got the user's profile:\n%s", got, seen)
			}
		})
	}
}
