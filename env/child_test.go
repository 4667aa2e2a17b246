package env

import (
	"slices"
	"strings"
	"testing"
)

// full is an environment in which every variable of the family is set, and another's.
func full() []string {
	environ := []string{"PATH=/bin", "HOME=/h", "AWS_REGION=eu-west-1", "AWS_CONFIG_FILE=/c", "AWS_VAULT_BACKEND=file", "=C:=C:\\"}
	for _, names := range [][]string{Secrets, Identity, Passphrases, {GenerationFile, StateVar, Shell, Detached, "AWS_BEARER_TOKEN_BEDROCK", "AWS_VAULT_NEXT_PASSPHRASE"}} {
		for _, n := range names {
			environ = append(environ, n+"=secret of "+n)
		}
	}
	return append(environ, "Aws_Secret_Access_Key=secret of Windows", "AWS_SECRET_ACCESS_KEY=a second one")
}

func TestNoOtherProgramGetsASecret(t *testing.T) {
	for _, k := range kinds() {
		got := For(k, full())
		for _, want := range []string{"PATH=/bin", "HOME=/h", "AWS_REGION=eu-west-1", "AWS_CONFIG_FILE=/c", "AWS_VAULT_BACKEND=file"} {
			if !slices.Contains(got, want) {
				t.Errorf("kind %d lacks %s", k, want)
			}
		}
		if k == Own {
			if !slices.Equal(got, full()) {
				t.Errorf("this program itself lacks something")
			}
			continue
		}
		for _, entry := range got {
			name, _, _ := strings.Cut(entry, "=")
			if isSecret(strings.ToUpper(name)) || isPassphrase(name) || isState(name) || name == keyID {
				t.Errorf("kind %d gets %s", k, name)
			}
		}
		if has := slices.Contains(got, "AWS_PROFILE=secret of AWS_PROFILE"); has == (k == Tool) {
			t.Errorf("kind %d: it is %v that it gets the user's profile", k, has)
		}
	}
}

func TestAKeyIDAloneIsTheUsersSetting(t *testing.T) {
	for k, want := range map[Kind]bool{Source: true, Keeper: true, Tool: false, Own: true} {
		if got := slices.Contains(For(k, []string{"AWS_ACCESS_KEY_ID=AKIAUSER"}), "AWS_ACCESS_KEY_ID=AKIAUSER"); got != want {
			t.Errorf("kind %d: %v", k, got)
		}
	}
}

func TestASourceFindsTheUsersOwnSettingsAndNotOurs(t *testing.T) {
	m, stash := map[string]string{"AWS_PROFILE": "mine", "AWS_REGION": "eu-west-1", "A": "b"}, map[string]string{}
	do(m, stash, Activate(m, Request{Profile: "prod", Region: "us-east-1"}, session("prod", "us-east-1"), "/run/g/prod"))
	got := For(Source, list(m))
	if want := []string{"A=b", "AWS_PROFILE=mine", "AWS_REGION=eu-west-1"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	m[keyID] = "AKIAPASTED" // over the session's, whose secret then seems to be the user's
	for _, entry := range For(Source, list(m)) {
		if strings.Contains(entry, "secret-of-prod") || strings.Contains(entry, "token-of-prod") {
			t.Errorf("a source gets %s", entry)
		}
	}
}
