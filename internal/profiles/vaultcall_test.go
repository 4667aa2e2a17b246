package profiles

import (
	"errors"
	"testing"
)

func TestACommandOfVaultOrAWSVaultIsRecognized(t *testing.T) {
	for command, want := range map[string]vaultCall{
		"vault export prod --format json":                  {"prod", true},
		"vault export --format=json prod":                  {"prod", true},
		"/opt/bin/vault export --format json prod":         {"prod", true},
		`"/Program Files/vault" export prod --format json`: {"prod", true},
		"aws-vault exec prod --json":                       {"prod", true},
		"aws-vault exec -j prod":                           {"prod", true},
		"aws-vault --prompt ykman exec --json prod":        {"prod", true},
		"aws-vault export --format=json 'my prod'":         {"my prod", true},
		"vault export prod --format json -d 1h":            {"prod", false},
		"vault export --no-session prod --format json":     {"prod", false},
		"aws-vault --backend file exec --json prod":        {"prod", false},
	} {
		if got, ok := vaultCommand(command, false); !ok || got != want {
			t.Errorf("%s: %+v, %v", command, got, ok)
		}
	}
	if got, ok := vaultCommand(`"C:\My Tools\Vault.exe" export prod --format json`, true); !ok || got.profile != "prod" {
		t.Errorf("Windows: %+v, %v", got, ok)
	}
	for _, command := range []string{
		"", "vault", "vault export", "vault export prod", "vault export --format json", "vault read secret/aws", "vault exec prod -- get --json",
		"vault use prod --json", "get export prod --format json", "sh -c 'vault export prod --format json'", "vault export a b --format json",
	} {
		if got, ok := vaultCommand(command, false); ok {
			t.Errorf("%s: %+v", command, got)
		}
	}
}

func TestAProfileWhoseProcessIsVaultForItselfIsWhatItMeansWithoutThat(t *testing.T) {
	text := "[profile iam]\nmfa_serial = m\ncredential_process = aws-vault export --format=json iam\n" +
		"[profile admin]\nrole_arn = " + roleARN + "r\nsource_profile = iam\n" +
		"[profile dev]\nsource_profile = admin\ncredential_process = vault export -d 1h dev --format json\n"
	want(t, "a key", resolve(t, text, "iam").Source, Source{Stored: &Stored{Profile: "iam", MFASerial: "m", ForItself: true}})
	want(t, "a role over it", resolve(t, text, "admin").Source.Origin().Stored.Profile, "iam")
	want(t, "another name", resolve(t, text, "dev").Source.Role.ARN, roleARN+"r")
}

func TestAProfileWhoseProcessIsVaultForAnotherIsThatProfile(t *testing.T) {
	text := "[profile iam]\n[profile role]\nrole_arn = " + roleARN + "r\nsource_profile = iam\nmfa_serial = m\n" +
		"[profile cli]\nregion = eu-west-1\ncredential_process = vault export role --format json\n" +
		"[profile long]\ncredential_process = vault export role --format json -d 2h\n"
	p := resolve(t, text, "cli")
	want(t, "role", p.Source.Role.ARN, roleARN+"r")
	want(t, "region", p.Region, "eu-west-1")
	want(t, "with a flag that changes something", resolve(t, text, "long").Source.Process.Profile, "long")
}

func TestProcessesThatAskVaultForEachOtherAreALoop(t *testing.T) {
	text := "[profile a]\ncredential_process = vault export b --format json\n[profile b]\ncredential_process = vault export a --format json\n"
	var loop *LoopError
	if err := resolveError(t, text, "a", Overrides{}); !errors.As(err, &loop) || loop.Kind != "credential_process" {
		t.Error(err)
	}
	p := resolveWith(t, text, "a", Overrides{HasOwnKey: func(name string) bool { return name == "b" }})
	want(t, "with a key of one of them", p.Source, Source{Stored: &Stored{Profile: "b"}})
}
