package profiles

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAValueThatAWSWouldRefuseIsToldWithItsLine(t *testing.T) {
	role := "[profile a]\nsource_profile = b\nrole_arn = " + roleARN + "r\n"
	for setting, why := range map[string]string{
		`role_session_name = my name`:                          "2 to 64",
		`role_session_name = x`:                                "2 to 64",
		`role_session_name = "me"`:                             inQuotes,
		`role_session_name = me # home`:                        withComment,
		`role_session_name = ` + strings.Repeat("x", 65):       "2 to 64",
		`source_identity = a/b`:                                "2 to 64",
		`mfa_serial = "arn:aws:iam::111122223333:mfa/me"`:      inQuotes,
		`mfa_serial = arn:aws:iam::111122223333:mfa/me ; mine`: withComment,
	} {
		var bad *ValueError
		err := resolveError(t, role+setting+"\n[profile b]\n", "a", Overrides{})
		if !errors.As(err, &bad) || bad.Line != 4 || !strings.Contains(bad.Why, why) {
			t.Errorf("%s: %v", setting, err)
		}
	}
	var bad *ValueError
	err := resolveError(t, "[profile a]\nsource_profile = b\nrole_arn = '"+roleARN+"r'\n[profile b]\n", "a", Overrides{})
	if !errors.As(err, &bad) || bad.Line != 3 || bad.Why != inQuotes {
		t.Errorf("a quoted ARN: %v", err)
	}
	err = resolveError(t, role+"[profile b]\n", "a", Overrides{Env: map[string]string{"AWS_ROLE_SESSION_NAME": "a b"}})
	if !errors.As(err, &bad) || bad.Key != "AWS_ROLE_SESSION_NAME" {
		t.Errorf("a variable: %v", err)
	}
}

func TestARoleWithoutAnAccountIsTheServersToJudge(t *testing.T) {
	for _, arn := range []string{"arn:minio:iam:::role/idmp-x", "arn:aws:iam:::role/S3Access", "arn:xrn:iam::tenant:role/a/b"} {
		p := resolve(t, "[profile a]\nsource_profile = b\nregion = eu-west-1\nrole_arn = "+arn+"\n[profile b]\n", "a")
		if r := p.Source.Role; r == nil || r.ARN != arn || r.Region != "eu-west-1" {
			t.Errorf("%s: %+v", arn, r)
		}
		p = resolveWith(t, "[profile b]\nregion = eu-west-1\n", "b", Overrides{RoleARN: arn})
		if r := p.Source.Role; r == nil || r.ARN != arn {
			t.Errorf("--role-arn %s: %+v", arn, r)
		}
	}
}

func TestAWSVaultsDurationsWinOverTheFile(t *testing.T) {
	text := "[profile a]\nsource_profile = b\nduration_seconds = 7200\nrole_arn = " + roleARN + "r\n[profile b]\n" +
		"[profile s]\nsso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = r\nregion = us-east-1\n"
	of := func(o Overrides) time.Duration { return resolveWith(t, text, "a", o).Source.Role.Duration }
	ttl := map[string]string{"AWS_ASSUME_ROLE_TTL": "40m"}
	both := map[string]string{"AWS_ASSUME_ROLE_TTL": "40m", "AWS_VAULT_DURATION": "50m"}
	want(t, "durations", []time.Duration{of(Overrides{}), of(Overrides{Env: ttl}), of(Overrides{Env: both}), of(Overrides{Env: both, Duration: time.Hour})},
		[]time.Duration{2 * time.Hour, 40 * time.Minute, 50 * time.Minute, time.Hour})
	// What is set for every profile is not a mistake where it cannot have an effect.
	want(t, "warnings", len(resolveWith(t, text, "s", Overrides{Env: both}).Warnings), 0)
	want(t, "warnings of a flag", len(resolveWith(t, text, "s", Overrides{Duration: time.Hour}).Warnings), 1)
}
