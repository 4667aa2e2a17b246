package profiles

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestWhatTheAWSToolsIgnoreIsToldInTheErrorForThatName(t *testing.T) {
	for _, c := range []struct{ header, name, write string }{
		{"prod", "prod", "[profile prod]"},
		{"Profile prod", "prod", "[profile prod]"},
		{"PROFILE prod", "prod", "[profile prod]"},
		{"profil prod", "prod", "[profile prod]"},
		{"profile-prod", "prod", "[profile prod]"},
		{"Profile.prod", "prod", "[profile prod]"},
		{"profile my project", "my project", `[profile "my project"]`},
		{`Profile "my project"`, "my project", `[profile "my project"]`},
		{`profile "open`, "open", "[profile open]"},
		{"my project", "my project", `[profile "my project"]`},
		{"Default", "default", "[default]"},
	} {
		s := both(t, "[profile other]\nsource_profile = "+c.name+"\nrole_arn = "+roleARN+"r\n["+c.header+"]\nregion = eu-west-1\n", "")
		for _, name := range []string{c.name, "other"} {
			_, err := s.Resolve(name, Overrides{})
			var missing *NotFoundError
			if !errors.As(err, &missing) || !strings.Contains(err.Error(), "config:4: the AWS tools ignore ["+c.header+"]") || missing.Ignored[0].Write != c.write {
				t.Errorf("[%s], %s: %v, %+v", c.header, name, err, missing)
			}
		}
		want(t, c.header, len(s.Ignored()), 1)
	}
	s := both(t, "", "[profile prod]\nregion = eu-west-1\n")
	if _, err := s.Resolve("prod", Overrides{}); err == nil || !strings.Contains(err.Error(), "credentials:1: the AWS tools ignore [profile prod]") {
		t.Error(err)
	}
	want(t, "names", strings.Join(both(t, "", "[say \"hi\"]\n['a' b]\n['quoted']\n[plugins]\n[x profile]\n").Names(), "|"), `say "hi"|'a' b|'quoted'|plugins|x profile`)
	for _, text := range []string{"[plugins]\na = b\n[preview]\n[default]\n[profile x]\n[profile \"a b\"]\n[sso-session corp]\n[services x]\n[DEFAULT]\n", "[profiles x]\n"} {
		want(t, text, len(parse(t, text).Ignored()), 0)
	}
}

func TestAnIgnoredSectionOfAProfileThatCanBeUsedIsAWarning(t *testing.T) {
	s := both(t, "[prod]\nregion = eu-west-1\n", "[prod]\n"+tempKey)
	p, err := s.Resolve("prod", Overrides{})
	if err != nil || len(p.Warnings) == 0 || !strings.Contains(p.Warnings[0].String(), "config:1: the AWS tools ignore [prod]; write [profile prod]") {
		t.Errorf("%v, %v", p.Warnings, err)
	}
	p, err = s.Resolve("prod", Overrides{})
	want(t, "region", p.Region, "us-east-1")
	want(t, "error", err, nil)
}

func TestAnIgnoredSSOSessionOrServicesIsToldWhereItIsMissed(t *testing.T) {
	for _, c := range []struct{ header, setting, write string }{
		{"sso_session corp", "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = r", "[sso-session corp]"},
		{"SSO-Session corp", "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = r", "[sso-session corp]"},
		{"sso-sesion corp", "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = r", "[sso-session corp]"},
		{"Services corp", "services = corp", "[services corp]"},
		{"sevices corp", "services = corp", "[services corp]"},
		{"service corp", "services = corp", "[services corp]"},
	} {
		err := resolveError(t, "["+c.header+"]\n[profile a]\n"+c.setting+"\n", "a", Overrides{})
		if text := err.Error(); !strings.Contains(text, "config:1: the AWS tools ignore ["+c.header+"]; write "+c.write) {
			t.Errorf("[%s]: %s", c.header, text)
		}
	}
	_, _, err := parse(t, "[sso_session corp]\n").SSOSession("corp")
	if err == nil || !strings.Contains(err.Error(), "config:1") {
		t.Error(err)
	}
}

func TestAKeyThatNearlyIsASettingIsTold(t *testing.T) {
	for key, meant := range map[string]string{
		"credentials_source": "credential_source", "source-profile": "source_profile", "sourceprofile": "source_profile", "roleArn": "role_arn",
		"role-arn": "role_arn", "sso-session": "sso_session", "sso_start_uri": "sso_start_url", "credentials_process": "credential_process",
		"credential_proces": "credential_process", "mfa-serial": "mfa_serial", "mfa_seriall": "mfa_serial", "duration": "duration_seconds",
		"duration_second": "duration_seconds", "aws_secret_key": "aws_secret_access_key", "web_identity_token": "", "region": "", "regoin": "region",
		"s3": "", "dynamodb": "", "color": "", "note": "", "sso_account_name": "", "x_principal_arn": "", "vault_mod": "vault_mode", "role": "role_arn",
		"source_profiles": "source_profile", "include_profiles": "include_profile", "ca-bundle": "ca_bundle", "profile_source": "",
	} {
		p := resolve(t, "[default]\nregion = us-east-1\n[profile a]\n"+key+" = x\n", "a")
		told := ""
		for _, w := range p.Warnings {
			told += w.String()
		}
		text := fmt.Sprintf("config:4: %s of profile \"a\": the AWS tools ignore it, because there is no such setting; write %s", strings.ToLower(key), meant)
		if meant == "" && told != "" && key != "region" || meant != "" && told != text {
			t.Errorf("%s: %q", key, told)
		}
	}
	// There is no warning for a setting that is there as well: other programs have keys of their own.
	want(t, "both", len(resolve(t, "[profile a]\nregion = eu-west-1\nregions = all\n", "a").Warnings), 0)
}

func TestAnIgnoredKeyIsToldInTheErrorThatItLeadsTo(t *testing.T) {
	for text, where := range map[string]string{
		"[profile a]\ncredential_source = Environment\nrole-arn = " + roleARN + "r\n":                                                          "config:3: role-arn",
		"[profile a]\nsso_session = c\nsso_account_id = 111122223333\nsso_role_name = r\n[sso-session c]\nsso_region = x\nsso-start-url = y\n": "config:7: sso-start-url",
	} {
		if err := resolveError(t, text, "a", Overrides{}); !strings.Contains(err.Error(), where) {
			t.Errorf("%s: %v", where, err)
		}
	}
}

func TestAllUnreadableLinesOfAFileAreInTheError(t *testing.T) {
	text := "[profile a]\njunk\n[profile b]\nregion = x\nregion = y\n[profile c]\n= z\n"
	err := resolveError(t, text, "b", Overrides{})
	var one *SyntaxError
	if !errors.As(err, &one) || one.Line != 5 {
		t.Errorf("%v", err)
	}
	for _, line := range []string{"config:5: ", "config:2: ", "config:7: "} {
		if strings.Count(err.Error(), line) != 1 {
			t.Errorf("%s: %v", line, err)
		}
	}
	if slices.Contains(strings.Fields(err.Error()), "junk") {
		t.Error("the line itself is shown")
	}
}

func TestALineThatCannotBeReadIsToldWhereAProfileIsMissed(t *testing.T) {
	err := resolveError(t, "[profile a]\n[profile b\nregion = x\n", "b", Overrides{})
	if !strings.Contains(err.Error(), `no profile named "b"`) || !strings.Contains(err.Error(), "config:2: ") {
		t.Error(err)
	}
	err = resolveError(t, "[proifle b]\nregion = x\n", "b", Overrides{})
	if !strings.Contains(err.Error(), `config:1: the AWS tools ignore [proifle b]`) {
		t.Error(err)
	}
}

func TestWhatWasMeantIsFoundByTheEndOfItsHeader(t *testing.T) {
	for _, x := range [...]struct{ header, name string }{
		{"Profile prod", "prod"}, {"profile my Prod", "my prod"}, {"PROD", "prod"}, {"prod-", "prod-"}, {"sso_session 'corp'", "corp"},
		{"profile:dev.", "dev"}, {"profil d", "d"}, {"profile \u212aey k\u017f", "\u212aey ks"}, {"Profile prod\u00a0", "prod"}, {"proifle A1", "a1"},
	} {
		s := Parse("config", []byte("["+x.header+"]\n"))
		var want []Ignored
		for _, all := range s.Ignored() {
			if strings.EqualFold(all.Name, x.name) {
				want = append(want, all)
			}
		}
		if len(want) != 1 || !slices.Equal(s.ignoredFor(want[0].Kind, x.name), want) {
			t.Errorf("[%s] is not found as %q among %v", x.header, x.name, s.Ignored())
		}
	}
}
