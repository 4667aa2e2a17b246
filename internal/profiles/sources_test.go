package profiles

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const corp = "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start#/\nsso_region = eu-central-1\nsso_registration_scopes = sso:account:access, x\n"

var corpRole = SSO{
	Session: "corp", StartURL: "https://corp.awsapps.com/start#/", Region: "eu-central-1", Account: "111122223333",
	Role: "Reader", Scopes: []string{"sso:account:access", "x"},
}

func TestEverySourceIsReadFromItsOwnSettings(t *testing.T) {
	session := "arn:aws-cn:iam::111122223333:user/me"
	for _, c := range []struct {
		text string
		want Source
	}{
		{"sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Reader\n" + corp, Source{SSO: &corpRole}},
		{
			"sso_start_url = https://old.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = Reader\n",
			Source{SSO: &SSO{StartURL: "https://old.awsapps.com/start", Region: "us-east-1", Account: "111122223333", Role: "Reader"}},
		},
		{"credential_process = /opt/get --for 'me too'\n", Source{Process: &Process{Profile: "a", Command: "/opt/get --for 'me too'"}}},
		{
			"web_identity_token_file = /run/token\nrole_arn = " + roleARN + "w\nrole_session_name = nn\nduration_seconds = 900\n",
			Source{WebIdentity: &WebIdentity{Profile: "a", ARN: roleARN + "w", SessionName: "nn", TokenFile: "/run/token", TokenFileAt: "web_identity_token_file in config:2", Duration: 15 * time.Minute, Region: "us-east-1"}},
		},
		{
			"web_identity_token_process = get token\nrole_arn = " + roleARN + "w\n",
			Source{WebIdentity: &WebIdentity{Profile: "a", ARN: roleARN + "w", Process: "get token", Region: "us-east-1"}},
		},
		{"login_session = " + session + "\n", Source{Login: &Login{Session: session, Region: "cn-northwest-1"}}},
		{"login_session = " + session + "\nregion = cn-north-1\n", Source{Login: &Login{Session: session, Region: "cn-north-1"}}},
		{"", Source{Stored: &Stored{Profile: "a"}}},
	} {
		want(t, c.text, resolve(t, "[profile a]\n"+c.text, "a").Source, c.want)
	}
}

func TestARoleCanHaveAnySource(t *testing.T) {
	role := "role_arn = " + roleARN + "r\n"
	ends := map[string]Source{
		"sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Reader\n": {SSO: &corpRole},
		"credential_process = get\n": {Process: &Process{Profile: "base", Command: "get"}},
		"web_identity_token_file = f\nrole_arn = " + roleARN + "w\n": {
			WebIdentity: &WebIdentity{Profile: "base", ARN: roleARN + "w", TokenFile: "f", TokenFileAt: "web_identity_token_file in config:6", Region: "us-east-1"},
		},
		"login_session = me\n": {Login: &Login{Session: "me", Region: "us-east-1"}},
		"credential_source = EcsContainer\nrole_arn = " + roleARN + "c\n": {Role: &Role{
			Profile: "base", ARN: roleARN + "c", Region: "us-east-1", Source: Source{Host: &Host{Kind: HostContainer}},
		}},
	}
	for text, end := range ends {
		text = corp + "[profile base]\n" + text + "[profile mid]\nsource_profile = base\n" + role + "[profile a]\nsource_profile = mid\n" + role
		want(t, text, resolve(t, text, "mid").Source.Role.Source, end)
		want(t, text, resolve(t, text, "a").Source.Role.Source.Role.Source, end)
		p := resolveWith(t, text, "a", Overrides{RoleARN: "999988887777:top"})
		want(t, text, p.Source.Role.Source.Role.Source.Role.Source, end)
	}
	// botocore refuses a role that names no source; here it is assumed with what its
	// profile has.
	p := resolve(t, "[profile base]\ncredential_process = get\n"+role, "base")
	want(t, "role and process of one profile", p.Source.Role.Source.Process, &Process{Profile: "base", Command: "get"})
	p = resolve(t, corp+"[profile base]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Reader\n"+role, "base")
	want(t, "role and Identity Center of one profile", p.Source.Role.Source.SSO, &corpRole)
}

func TestOfSeveralSourcesBotocoresFirstOneCounts(t *testing.T) {
	lines := []struct{ text, kind string }{
		{"web_identity_token_file = f\nrole_arn = " + roleARN + "w\n", "web identity"},
		{"sso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = r\n", "sso"},
		{"login_session = me\n", "login"},
		{"credential_process = get\n", "process"},
	}
	for i, first := range lines {
		text := "[profile a]\n"
		for _, l := range lines[i:] {
			text += l.text
		}
		s := resolve(t, text, "a").Source
		got := map[bool]string{s.WebIdentity != nil: "web identity", s.SSO != nil: "sso", s.Login != nil: "login", s.Process != nil: "process"}[true]
		want(t, text, got, first.kind)
	}
	base := "[profile base]\n"
	p := resolve(t, base+"[profile a]\nsource_profile = base\nweb_identity_token_file = f\nrole_arn = "+roleARN+"w\n", "a")
	want(t, "a web identity before a source_profile", p.Source.WebIdentity.TokenFile, "f")
	p = resolve(t, base+"[profile a]\nsource_profile = base\ncredential_process = x\nrole_arn = "+roleARN+"w\n", "a")
	want(t, "a source_profile before a process", p.Source.Role.Source.Stored, &Stored{Profile: "base"})
	p = resolve(t, "[profile a]\nweb_identity_token_file = f\nweb_identity_token_process = p\nrole_arn = "+roleARN+"w\n", "a")
	want(t, "a file before a command", []string{p.Source.WebIdentity.TokenFile, p.Source.WebIdentity.Process}, []string{"f", ""})
	p = resolve(t, "[profile a]\nsso_start_url = https://half.awsapps.com/start\ncredential_process = get\n", "a")
	want(t, "a start URL alone is not a source", p.Source.Process, &Process{Profile: "a", Command: "get"})
}

func TestASessionSectionWinsOverTheProfilesOwnSettings(t *testing.T) {
	text := corp + "[profile a]\nsso_session = corp\nsso_start_url = https://old.awsapps.com/start\nsso_region = eu-central-1\nsso_account_id = 111122223333\nsso_role_name = Reader\nregion = eu-west-1\n"
	p := resolve(t, text, "a")
	want(t, "sso", p.Source.SSO, &corpRole)
	if len(p.Warnings) != 1 || p.Warnings[0].Key != "sso_start_url" || p.Warnings[0].Line != 7 {
		t.Errorf("warnings %v", p.Warnings)
	}
}

func TestWhatASourceLacksIsNamedWithItsLine(t *testing.T) {
	full := "sso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = r\n"
	for _, c := range []struct {
		text, key string
		line      int
		why       string
	}{
		{"region = us-east-1\nsso_session = corp\nsso_account_id = 111122223333\n" + corp, "sso_session", 3, "sso_role_name is missing"},
		{"sso_session = corp\n" + corp, "sso_session", 2, "sso_account_id and sso_role_name are missing"},
		{"sso_session = crop\nsso_account_id = 111122223333\nsso_role_name = r\n" + corp, "sso_session", 2, `there is no sso-session section of that name, but there is "corp"`},
		{"sso_account_id = 111122223333\n", "sso_account_id", 2, "sso_start_url, sso_region and sso_role_name are missing"},
		{"sso_start_url = https://x.awsapps.com/start\n", "sso_start_url", 2, "sso_region, sso_account_id and sso_role_name are missing"},
		{strings.Replace(full, "us-east-1", "a/b", 1), "sso_region", 3, notRegion},
		{strings.Replace(full, "https://x", "x", 1), "sso_start_url", 2, notURL},
		{strings.Replace(full, "/start", "/start # home", 1), "sso_start_url", 2, notURL},
		{strings.Replace(full, "111122223333", "11112222333", 1), "sso_account_id", 4, "an account id has 12 digits"},
		{"web_identity_token_file = f\n", "web_identity_token_file", 2, "role_arn is missing"},
		{"web_identity_token_file = f\nrole_arn = admin\n", "role_arn", 3, wantRole},
		{"credential_source = Environment\n", "credential_source", 2, "role_arn is missing"},
		{"role_arn = " + roleARN + "x\ncredential_source = environment\n", "credential_source", 3, "it must be one of Environment, EcsContainer, Ec2InstanceMetadata"},
		{"credential_process = a\n  b\n", "credential_process", 2, "it must be one line, but the lines below it are indented, and so belong to it"},
	} {
		var bad *ValueError
		if err := resolveError(t, "[profile a]\n"+c.text, "a", Overrides{}); !errors.As(err, &bad) {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		want(t, c.text, []string{bad.Key, bad.Why, bad.File, itoa(bad.Line)}, []string{c.key, c.why, "config", itoa(c.line)})
	}
	var syntax *SyntaxError
	text := "[profile a]\nsso_session = bad\nsso_account_id = 111122223333\nsso_role_name = r\n[sso-session bad]\njunk\n"
	if err := resolveError(t, text, "a", Overrides{}); !errors.As(err, &syntax) || syntax.Line != 6 {
		t.Errorf("a damaged sso-session: %v", err)
	}
}

func TestDefaultLendsNoSource(t *testing.T) {
	p := resolve(t, "[default]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = r\ncredential_process = x\n[profile a]\n"+corp, "a")
	want(t, "source", p.Source, Source{Stored: &Stored{Profile: "a"}})
}

func TestDEFAULTLendsEverythingToEverySection(t *testing.T) {
	text := "[DEFAULT]\nregion = eu-west-2\nsso_region = eu-west-1\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\n" +
		"[profile a]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = r\n"
	p := resolve(t, text, "a")
	want(t, "regions", []string{p.Region, p.Source.SSO.Region}, []string{"eu-west-2", "eu-west-1"})
}

func TestVariablesReachAsFarAsAWSVaultsDo(t *testing.T) {
	text := "[profile base]\nmfa_serial = a\nrole_session_name = bb\n[profile mid]\nsource_profile = base\nrole_arn = " + roleARN + "mid\n" +
		"[profile top]\nsource_profile = mid\nrole_arn = " + roleARN + "top\nregion = us-east-1\n"
	p := resolveWith(t, text, "top", Overrides{Env: map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2", "AWS_MFA_SERIAL": "mine", "AWS_ROLE_ARN": roleARN + "other",
		"AWS_ROLE_SESSION_NAME": "me", "AWS_SESSION_TAGS": "k=v, l=w=x", "AWS_TRANSITIVE_TAGS": "k", "AWS_SOURCE_IDENTITY": "who", "AWS_PROFILE": "base",
	}})
	key := Source{Stored: &Stored{Profile: "base", MFASerial: "mine"}}
	mid := Source{Role: &Role{Profile: "mid", ARN: roleARN + "mid", MFASerial: "mine", Region: "eu-west-1", Source: key}}
	want(t, "top", *p.Source.Role, Role{
		Profile: "top", ARN: roleARN + "other", SessionName: "me", MFASerial: "mine", Tags: []Tag{{"k", "v"}, {"l", "w=x"}},
		TransitiveTagKeys: []string{"k"}, SourceIdentity: "who", Region: "eu-west-1", Source: mid,
	})
	p = resolveWith(t, text, "base", Overrides{Env: map[string]string{"AWS_ROLE_ARN": roleARN + "other", "AWS_DEFAULT_REGION": "eu-west-2"}})
	want(t, "a role from nothing but a variable", []string{p.Source.Role.ARN, p.Region}, []string{roleARN + "other", "eu-west-2"})
	p = resolveWith(t, text, "mid", Overrides{RoleARN: "111122223333:more", Env: map[string]string{"AWS_ROLE_SESSION_NAME": "me", "AWS_SOURCE_IDENTITY": ""}})
	want(t, "names in CloudTrail", []string{p.Source.Role.SessionName, p.Source.Role.Source.Role.SessionName}, []string{"me", "me"})
}

func TestAPodsOwnRoleIsNotPutOnAProfile(t *testing.T) {
	env := map[string]string{"AWS_ROLE_ARN": roleARN + "pod", "AWS_ROLE_SESSION_NAME": "pod", "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/token"}
	p := resolveWith(t, "[profile a]\n", "a", Overrides{Env: env})
	want(t, "source", p.Source, Source{Stored: &Stored{Profile: "a"}})
}

func TestAVariableThatCannotBeReadIsNamed(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_SESSION_TAGS": "a,b", "AWS_ROLE_ARN": "admin", "AWS_REGION": "../x", "AWS_USE_FIPS_ENDPOINT": "yes", "AWS_MAX_ATTEMPTS": "many",
		"AWS_RETRY_MODE": "never", "AWS_STS_REGIONAL_ENDPOINTS": "here", "AWS_ENDPOINT_URL": "localhost:4566", "AWS_ENDPOINT_URL_SIGNIN": "https://a b",
		"AWS_ENDPOINT_URL_STS": "http://[::1", "AWS_ENDPOINT_URL_IAM": "https://:443x", "AWS_ENDPOINT_URL_SSO": "http:///path",
	} {
		var bad *ValueError
		err := resolveError(t, "[profile a]\nrole_arn = "+roleARN+"x\n", "a", Overrides{Env: map[string]string{name: value}})
		if !errors.As(err, &bad) || bad.Key != name || bad.File != "" || !strings.HasPrefix(err.Error(), name+` "`+value+`" of profile "a": `) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAVariableOfTwoLinesIsNotToldAsIndented(t *testing.T) {
	err := resolveError(t, "[profile a]\n", "a", Overrides{Env: map[string]string{"AWS_REGION": "eu\nwest"}})
	want(t, "error", err.Error(), `AWS_REGION "eu" of profile "a": it must be one line`)
}

func TestOnlyARoleCanBeNarrowed(t *testing.T) {
	web := "[profile a]\nweb_identity_token_file = f\nrole_arn = " + roleARN + "w\n"
	p := resolveWith(t, web, "a", Overrides{Policy: "{}", PolicyARNs: []string{"arn:p"}, Duration: time.Hour})
	w := p.Source.WebIdentity
	want(t, "web identity", []any{w.Policy, w.PolicyARNs[0], w.Duration}, []any{"{}", "arn:p", time.Hour})
	var e *NoRoleError
	if err := resolveError(t, "[profile a]\ncredential_process = x\n", "a", Overrides{Policy: "{}"}); !errors.As(err, &e) {
		t.Errorf("got %v", err)
	}
	p = resolveWith(t, "[profile a]\nregion = us-east-1\ncredential_process = x\n", "a", Overrides{Duration: time.Hour})
	if len(p.Warnings) != 1 || !strings.HasPrefix(p.Warnings[0].String(), `duration of profile "a": it has no effect`) {
		t.Errorf("got %v", p.Warnings)
	}
}

func TestAProfileWithoutARegionGetsItsPartitionsWithANote(t *testing.T) {
	for text, region := range map[string]string{
		"": "us-east-1",
		"role_arn = arn:aws-us-gov:iam::111122223333:role/x\n":                                                               "us-gov-west-1",
		"role_arn = arn:aws-eusc:iam::111122223333:role/x\n":                                                                 "eusc-de-east-1",
		"role_arn = arn:aws-iso-b:iam::111122223333:role/x\n":                                                                "us-isob-east-1",
		"role_arn = arn:aws-cn:iam::111122223333:role/x\nweb_identity_token_file = f\n":                                      "cn-northwest-1",
		"login_session = arn:aws-cn:iam::111122223333:user/x\n":                                                              "cn-northwest-1",
		"sso_start_url = https://x/start\nsso_region = us-gov-east-1\nsso_account_id = 111122223333\nsso_role_name = Read\n": "us-gov-west-1",
	} {
		p := resolve(t, "[profile a]\n"+text, "a")
		want(t, text, p.Region, region)
		if len(p.Warnings) != 1 || p.Warnings[0].String() != `region of profile "a": none is set anywhere, `+region+` is used` {
			t.Errorf("%q: %v", text, p.Warnings)
		}
	}
	if p := resolve(t, "[default]\nregion = eu-west-1\n[profile a]\n", "a"); len(p.Warnings) != 0 {
		t.Errorf("got %v", p.Warnings)
	}
}

func TestACommandIsInNoMessage(t *testing.T) {
	text := "[profile a]\ncredential_process = get --password not-a-real-one\n  more\n"
	if err := resolveError(t, text, "a", Overrides{}); strings.Contains(err.Error(), "not-a-real-one") || !strings.Contains(err.Error(), "config:2: credential_process") {
		t.Errorf("got %v", err)
	}
}
