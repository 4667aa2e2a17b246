//go:build unix

package cmd_test

import (
	"os"
	"strings"
	"testing"
)

// The config files as Granted and aws-sso-cli write them; neither program is installed.
const othersProfiles = `[profile dev/Admin]
granted_sso_start_url      = START
granted_sso_region         = eu-west-1
granted_sso_account_id     = 111122223333
granted_sso_role_name      = Admin
common_fate_generated_from = aws-sso
credential_process         = /nonexistent/granted credential-process --profile dev/Admin
region                     = eu-west-1

# BEGIN_AWS_SSO_CLI
[profile 111122223333:ReadOnly]
credential_process = /nonexistent/aws-sso -u open -S "Default" process --arn arn:aws:iam::111122223333:role/ReadOnly
region = us-west-2
# END_AWS_SSO_CLI
`

const awsSSOFile = "SSOConfig:\n    Default:\n        SSORegion: eu-west-1\n        StartUrl: START\nUrlAction: open\n"

func TestTheProfilesOfGrantedAndAWSSSOWorkWithoutThosePrograms(t *testing.T) {
	t.Parallel()
	w := newSSOWorld(t, othersProfiles)
	check(os.MkdirAll(w.path("home/.config/aws-sso"), 0o700))
	w.write("home/.config/aws-sso/config.yaml", strings.ReplaceAll(awsSSOFile, "START", w.dir.StartURL()))
	want(t, w.vault(t, w.browser(), "sso", "login", "dev/Admin", "--no-device"), 0, "signed in to")
	want(t, w.vault(t, w.environ(), "exec", "dev/Admin", "--", "env"), 0, "AWS_VAULT=dev/Admin", "AWS_SESSION_TOKEN=")
	want(t, w.vault(t, w.environ(), "whoami", "111122223333:ReadOnly", "--json"), 0, "_ReadOnly_", "us-west-2")
	w.called(t, "Authorize", 1)
	w.called(t, "GetRoleCredentials", 2)
	want(t, w.vault(t, w.environ(), "sso", "list", "dev/Admin"), 0, "dev team")
	r, shown := w.talk(t, w.environ("TERM=dumb"), []exchange{{"Number, name, or a part of it: ", "dev team Admin\r"}}, "export")
	if r.status != 0 || !strings.Contains(shown, "dev/Admin: dev team, ") {
		t.Errorf("the list has not the account's name: status %d\n%s%s", r.status, r.err, shown)
	}
	want(t, w.vault(t, w.environ(), "show", "dev/Admin", "--json"), 0, "identity_center", "granted_sso_account_id")
	want(t, w.vault(t, w.environ(), "list", "--profiles", "--json"), 0, `"role":"Admin"`, `"role":"ReadOnly"`)
	want(t, w.vault(t, w.environ(), "doctor"), 0)
	want(t, w.vault(t, w.environ(), "sso", "logout", "dev/Admin"), 0, "signed out")
	want(t, w.vault(t, w.environ(), "exec", "--no-session", "111122223333:ReadOnly", "--", "true"), 0) // from the cache
	want(t, w.vault(t, w.environ(), "export", "--refresh", "111122223333:ReadOnly"), 3, "hint: vault sso login 111122223333:ReadOnly")
}
