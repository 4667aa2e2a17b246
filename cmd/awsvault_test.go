//go:build unix

package cmd_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/store"
)

// The command lines of AWS Vault's README.md and USAGE.md, those of its maintained fork, with the profile's names of this test,
// in an order in which each finds what it needs. docs/from-aws-vault.md has what differs.
func TestTheCommandLinesOfAWSVaultsDocumentsWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile work]\nregion = eu-west-1\n[profile home]\nregion = eu-west-1\n[profile admin]\nsource_profile = work\nrole_arn = arn:aws:iam::111122223333:role/admin\n"+
		"[profile bar-role2]\nsource_profile = admin\nrole_arn = arn:aws:iam::111122223333:role/two\n")
	arn := w.stored("ada", "work")
	w.role("admin", fakeaws.Trust{Principals: []string{arn}})
	w.role("two", fakeaws.Trust{Principals: []string{"arn:aws:iam::111122223333:role/admin"}})
	w.write("my-command", "#!/bin/sh\necho it ran as $AWS_VAULT\n")
	check(os.Chmod(w.path("my-command"), 0o700))
	_, home := w.user("grace")
	w.noteBrowser()
	given := []string{"AWS_ACCESS_KEY_ID=" + home.ID, "AWS_SECRET_ACCESS_KEY=" + home.Secret.Reveal()}
	check(os.Symlink(bin+"/vault", w.path("aws-vault")))
	for _, tc := range []struct {
		line  string
		words string // that it says, on either stream
		extra []string
	}{
		{"--help", "vault", nil},
		{"--help-long", "vault", nil},
		{"exec --help", "exec [PROFILE]", nil},
		{"--version", "aws-vault", nil},
		{"--completion-script-bash", "complete", nil},
		{"--completion-script-zsh", "compdef", nil},
		{"add home --env", "", given},
		{"list", "home", nil},
		{"ls --credentials", "work", nil},
		{"list --profiles", "admin", nil},
		{"exec home -- echo bucket_1", "bucket_1", nil},
		{"exec work -- env", "AWS_VAULT=work", nil},
		{"exec work --no-session -- env", "AWS_ACCESS_KEY_ID=AKIA", nil},
		{"exec --no-session work -- env", "AWS_ACCESS_KEY_ID=AKIA", nil},
		{"exec --duration=1h admin -- env", "AWS_SESSION_TOKEN=", nil},
		{"exec admin --duration=30m -- env", "AWS_CREDENTIAL_EXPIRATION=", nil},
		{"exec work --json", "SecretAccessKey", nil},
		{"exec work --json --prompt=ykman", "SecretAccessKey", nil},
		{"export --format=json work", "SecretAccessKey", nil},
		{"export --format=env work", "AWS_ACCESS_KEY_ID=", nil},
		{"export --format=export-env admin", "export AWS_SESSION_TOKEN=", nil},
		{"export --format=ini work", "[work]", nil},
		{"exec --server admin -- env", "AWS_CONTAINER_CREDENTIALS_FULL_URI=", nil},
		{"exec -s admin -- env", "AWS_CONTAINER_AUTHORIZATION_TOKEN=", nil},
		{"exec --ecs-server --lazy admin -- env", "AWS_CONTAINER_CREDENTIALS_FULL_URI=", nil},
		{"exec --region=us-west-2 work -- env", "AWS_REGION=us-west-2", nil},
		{"--debug exec work -- echo ok", "ok", nil},
		{"--backend=file exec work -- echo ok", "ok", nil},
		{"--prompt=terminal exec work -- echo ok", "ok", nil},
		{"--parallel-safe exec work -- echo ok", "ok", nil},
		{"exec --parallel-safe work -- echo ok", "ok", nil},
		{"exec work ./my-command", "it ran as work", nil},
		{"exec --prompt ykman work -- echo ok", "ok", nil},
		{"export --format=json --no-session work", "AKIA", nil},
		{"--prompt=osascript export --format=json work", "SecretAccessKey", nil},
		{"--debug exec --server --lazy admin -- echo ok", "ok", nil},
		{"exec --server work -- echo open -W -a Lens", "open -W -a Lens", nil},
		{"exec bar-role2 -- env", "AWS_SESSION_TOKEN=", nil},
		{"exec bar-role2 --no-session -- env", "AWS_SESSION_TOKEN=", nil},
		{"migrate-backend --from file --to file:" + w.path("second"), "", nil},
		{"migrate-backend --from file --to file:" + w.path("second") + " --profile work", "", nil},
		{"migrate-backend --from file --to file:" + w.path("second") + " --dry-run --overwrite", "", nil},
		{"login -a -s admin", "oauth?Action=logout", nil},
		{"login --auto-logout --stdout admin", "oauth?Action=logout", nil},
		{"login -s", "SigninToken", given},
		{"list --sessions", "", nil},
		{"login work", "opens in your browser", []string{"AWS_VAULT_BROWSER=" + w.path("browse")}},
		{"login -s admin", "SigninToken", nil},
		{"login --path lambda --stdout admin", "console.aws.amazon.com%2Flambda", nil},
		{"clear work", "", nil},
		{"remove work --sessions-only", "", nil},
		{"rotate home", "", nil},
		{"rotate --no-session work", "", nil},
		{"clear", "", nil},
		{"remove --force home", "", nil},
		{"rm -f work", "", nil},
		{"proxy --stop", "no metadata proxy", nil},
	} {
		t.Run(tc.line, func(t *testing.T) {
			r := w.run(t, w.environ(tc.extra...), w.path("aws-vault"), strings.Fields(strings.ReplaceAll(tc.line, " ./", " "+w.dir+"/"))...)
			if r.status != 0 && tc.line != "proxy --stop" || !strings.Contains(r.out+r.err, tc.words) {
				t.Errorf("status %d, without %q:\n%s%s", r.status, tc.words, r.err, r.out)
			}
		})
	}
	if names, _, err := store.KeyNames(context.Background(), w.keyring(), "work"); err != nil || len(names) > 0 {
		t.Errorf("%v is left, %v", names, err)
	}
}
