package profiles

import (
	"strings"
	"testing"
)

func TestAnExplanationSaysWhereEachSettingComesFrom(t *testing.T) {
	text := `[default]
region = eu-west-2
[profile work]
mfa_serial = m
[profile prod]
include_profile = team
source_profile = work
role_arn = ` + roleARN + `admin
external_id =
[profile team]
external_id = 42
services = local
duration_seconds = 900
[services local]
sts =
  endpoint_url = http://localhost
`
	x, err := parse(t, text).Explain("prod", Overrides{Env: map[string]string{"AWS_MFA_SERIAL": "n"}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "profile", x.Profile, resolveWith(t, text, "prod", Overrides{Env: map[string]string{"AWS_MFA_SERIAL": "n"}}))
	at := func(key, value, section string, line int) Origin {
		return Origin{Key: key, Value: value, File: "config", Line: line, Section: section}
	}
	want(t, "steps", len(x.Steps), 2)
	want(t, "prod", x.Steps[0].Origins, []Origin{
		at("include_profile", "team", "profile prod", 6),
		at("source_profile", "work", "profile prod", 7),
		at("role_arn", roleARN+"admin", "profile prod", 8),
		at("external_id", "42", "profile team", 11),
		{Key: "mfa_serial", Value: "n", Variable: "AWS_MFA_SERIAL"},
		at("duration_seconds", "900", "profile team", 13),
		at("region", "eu-west-2", "default", 2),
		at("services", "local", "profile team", 12),
		at("endpoint_url of sts", "http://localhost", "services local", 15),
	})
	want(t, "work", *x.Steps[1], Step{Profile: "work", Origins: []Origin{{Key: "mfa_serial", Value: "n", Variable: "AWS_MFA_SERIAL"}}})
}

func TestAnExplanationNamesFlagsAndDefaults(t *testing.T) {
	x, err := parse(t, "[DEFAULT]\nmfa_serial = m\n[profile a]\n").Explain("a", Overrides{RoleARN: roleARN + "x", Duration: 1e9})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "origins", x.Steps[0].Origins, []Origin{
		{Key: "mfa_serial", Value: "m", File: "config", Line: 2, Section: "DEFAULT"},
		{Key: "role_arn", Value: roleARN + "x"},
		{Key: "duration", Value: "1s"},
		{Key: "region", Value: "us-east-1", Default: true},
	})
}

func TestAProfileThatCannotBeResolvedIsExplainedUpToThere(t *testing.T) {
	x, err := parse(t, "[profile a]\nsource_profile = b\n[profile b]\nsource_profile = a\n").Explain("a", Overrides{})
	if err == nil || len(x.Steps) < 2 || x.Steps[1].Origins[0].Line != 4 {
		t.Errorf("%v, %+v", err, x.Steps)
	}
}

func TestWhatMayBeASecretIsNotShown(t *testing.T) {
	const hush = "not-a-real-one"
	for _, c := range []struct{ key, value, seen string }{
		{"aws_secret_access_key", hush, ""},
		{"AWS_Secret_Access_Key", hush, ""},
		{"aws_session_token", hush, ""},
		{"aws_access_key_id", hush, ""},
		{"x_password", hush, ""},
		{"my_api_key", hush, ""},
		{"credential_process", "/opt/a\\b.exe --token " + hush, `/opt/a\b.exe`},
		{"mfa_process", "TOKEN=" + hush + " get", ""},
		{"web_identity_token_process", `"` + hush + `" x`, ""},
		{"credential_process", "op://" + hush + "?x", ""},
		{"endpoint_url", "https://me:" + hush + "@localhost", ""},
		{"region", "x\n  aws_secret_access_key = " + hush, ""},
		{"s3", "\npassword = " + hush, ""},
		{"s3", "\nx_command: " + hush, ""},
		{"sts", "\nendpoint_url = http://a:" + hush + "@x", ""},
	} {
		text, whole := Show(c.key, c.value)
		if whole || text != c.seen || strings.Contains(text, hush) {
			t.Errorf("%s = %q is shown as %q", c.key, c.value, text)
		}
	}
	for key, value := range map[string]string{
		"region": "eu-west-1", "web_identity_token_file": "/run/token", "credential_process": "get-key", "s3": "\nendpoint_url = http://x",
		"role_arn": roleARN + "x", "sso_start_url": "https://x/start#/", "session_tags": "a=b", "É": "= x\ny",
	} {
		if text, whole := Show(key, value); !whole || text != value {
			t.Errorf("%s = %q is shown as %q", key, value, text)
		}
	}
}
