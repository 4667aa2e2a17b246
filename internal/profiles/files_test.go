package profiles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// both reads a config file and a credentials file.
func both(t *testing.T, config, credentials string) *Set {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"config": config, "credentials": credentials} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := LoadFiles(filepath.Join(dir, "config"), filepath.Join(dir, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	longKey = "aws_access_key_id = AKIAFAKE\naws_secret_access_key = fake\n"
	tempKey = "aws_access_key_id = ASIAFAKE\naws_secret_access_key = fake\naws_session_token = token\n"
)

func TestASettingInTheCredentialsFileGoesBeforeTheConfigFile(t *testing.T) {
	s := both(t,
		"[profile a]\nregion = eu-west-1\noutput = json\nmfa_serial = m\n[profile b]\nregion = eu-west-3\n",
		"[a]\nregion = eu-west-2\nmfa_serial =\n[only]\nrole_arn = "+roleARN+"r\nsource_profile = a\n")
	a, err := s.Resolve("a", Overrides{})
	want(t, "error", err, nil)
	want(t, "region", a.Region, "eu-west-2")
	want(t, "an empty setting", a.Source.Stored.MFASerial, "")
	only, err := s.Resolve("only", Overrides{})
	want(t, "error", err, nil)
	want(t, "role", only.Source.Role.ARN, roleARN+"r")
	want(t, "its key", only.Source.Role.Source.Stored.Profile, "a")
	want(t, "names", strings.Join(s.Names(), " "), "a b only")
	want(t, "in the config file", s.Configured("only"), false)
}

func TestARegionOfDefaultInTheCredentialsFileCounts(t *testing.T) {
	p, err := both(t, "[default]\nregion = eu-west-1\n[profile a]\n", "[default]\nregion = eu-west-2\n").Resolve("a", Overrides{})
	want(t, "error", err, nil)
	want(t, "region", p.Region, "eu-west-2")
}

func TestADamagedCredentialsFileHarmsItsOwnProfilesOnly(t *testing.T) {
	s := both(t, "[profile a]\nregion = eu-west-1\n[profile b]\n", "[b]\njunk\n")
	if _, err := s.Resolve("a", Overrides{}); err != nil {
		t.Error(err)
	}
	_, err := s.Resolve("b", Overrides{})
	if err == nil || !strings.Contains(err.Error(), "credentials:2") {
		t.Errorf("b: %v", err)
	}
	want(t, "problems", len(s.Problems()), 1)
}

func TestATemporaryKeyInAFileIsASource(t *testing.T) {
	for _, c := range []struct {
		what, config, credentials string
		expires                   string
		line                      int
	}{
		{"saml2aws's", "", "[a]\n" + tempKey + "aws_security_token = token\nx_security_token_expires = 2030-01-02T03:04:05+01:00\n", "2030-01-02T02:04:05Z", 2},
		{"aws-mfa's", "", "[a]\nassumed_role = False\n" + tempKey + "expiration = 2030-01-02 03:04:05\n", "2030-01-02T03:04:05Z", 3},
		{"awsume's, in the time of this machine", "", "[a]\nmanager = awsume\n" + tempKey + "expiration = 2030-01-02 03:04:05\n",
			time.Date(2030, 1, 2, 3, 4, 5, 0, time.Local).UTC().Format(time.RFC3339), 3},
		{"autoawsume's", "", "[a]\nautoawsume = true\n" + tempKey + "expiration = 2030-01-02 03:04:05\nsource_expiration = 2030-01-02 09:04:05\n",
			time.Date(2030, 1, 2, 3, 4, 5, 0, time.Local).UTC().Format(time.RFC3339), 3},
		{"aws-azure-login's", "", "[a]\n" + tempKey + "aws_expiration = 2030-01-02T03:04:05.000Z\n", "2030-01-02T03:04:05Z", 2},
		{"okta-awscli's", "", "[a]\n" + tempKey + "aws_session_expiration = 2030-01-02 03:04:05+00:00\n", "2030-01-02T03:04:05Z", 2},
		{"aws-google-auth's", "", "[a]\n" + tempKey + "aws_session_expiration = 2030-01-02T03:04:05+0000\n", "2030-01-02T03:04:05Z", 2},
		{"gimme-aws-creds's", "", "[a]\n" + tempKey + "aws_security_token = token\nx_security_token_expires = 2030-01-02T03:04:05+00:00\n", "2030-01-02T03:04:05Z", 2},
		{"one without an expiry", "", "[a]\n" + tempKey, "", 2},
		{"one in the config file", "[profile a]\n" + tempKey, "", "", 2},
		{"with a region of the config file", "[profile a]\nregion = eu-west-1\n", "[a]\n" + tempKey, "", 2},
		{"before a process", "[profile a]\ncredential_process = get\n", "[a]\n" + tempKey, "", 2},
		{"before a sign-in", "[profile a]\nlogin_session = me\n", "[a]\n" + tempKey, "", 2},
		{"before a source", "[profile a]\nsource_profile = b\n[profile b]\n", "[a]\n" + tempKey, "", 2},
	} {
		p, err := both(t, c.config, c.credentials).Resolve("a", Overrides{})
		if err != nil || p.Source.Temporary == nil {
			t.Errorf("%s: %+v, %v", c.what, p.Source, err)
			continue
		}
		k := p.Source.Temporary
		expires := ""
		if !k.Session.Expires.IsZero() {
			expires = k.Session.Expires.Format(time.RFC3339)
		}
		want(t, c.what, []any{k.Profile, k.At.Line, k.Session.AccessKeyID, expires}, []any{"a", c.line, "ASIAFAKE", c.expires})
	}
}

func TestOtherSourcesGoBeforeAKeyInAFileAsInBotocore(t *testing.T) {
	for _, c := range []struct {
		what, config, credentials string
		is                        func(Source) bool
	}{
		{"a web identity", "[profile a]\nweb_identity_token_file = f\nrole_arn = " + roleARN + "w\n", "[a]\n" + tempKey, func(s Source) bool { return s.WebIdentity != nil }},
		{"Identity Center", corp + "[profile a]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Reader\n", "[a]\n" + tempKey, func(s Source) bool { return s.SSO != nil }},
		{"a process, of a key in the config file", "[profile a]\ncredential_process = get\n" + tempKey, "", func(s Source) bool { return s.Process != nil }},
		{"a role", "[profile a]\nrole_arn = " + roleARN + "r\nsource_profile = b\n[profile b]\n", "[a]\n" + tempKey, func(s Source) bool { return s.Role != nil && s.Role.Source.Stored != nil }},
	} {
		p, err := both(t, c.config, c.credentials).Resolve("a", Overrides{})
		if err != nil || !c.is(p.Source) {
			t.Errorf("%s: %+v, %v", c.what, p.Source, err)
		}
	}
}

func TestALongLivedKeyInAFileIsAStoredKeyWithThePlaceWhereItIs(t *testing.T) {
	s := both(t, "[profile admin]\nrole_arn = "+roleARN+"r\nsource_profile = iam\n[profile p]\ncredential_process = get\n[profile c]\n"+longKey,
		"[iam]\n"+longKey+"[p]\n"+longKey)
	for name, at := range map[string]string{"iam": "credentials:2", "admin": "credentials:2", "p": "credentials:5", "c": "config:7"} {
		p, err := s.Resolve(name, Overrides{})
		if k := p.Source.Origin().Stored; err != nil || k == nil || filepath.Base(k.InFile.String()) != at {
			t.Errorf("%s: %+v, %v", name, k, err)
		}
	}
}

func TestAKeyWithoutOneOfItsPartsIsRefusedAtItsLine(t *testing.T) {
	s := both(t, "", "[a]\naws_access_key_id = ASIAFAKE\naws_secret_access_key = fake\n[b]\naws_access_key_id = AKIAFAKE\n[c]\naws_secret_access_key = fake\n"+
		"[d]\nrole_arn = "+roleARN+"r\nsource_profile = b\n")
	for name, part := range map[string]string{"a": "credentials:2 aws_session_token", "b": "credentials:5 aws_secret_access_key", "c": "credentials:7 aws_access_key_id", "d": "credentials:5 aws_secret_access_key"} {
		at, missing, _ := strings.Cut(part, " ")
		_, err := s.Resolve(name, Overrides{})
		if err == nil || !strings.Contains(err.Error(), at+":") || !strings.Contains(err.Error(), missing+" is missing") || strings.Contains(err.Error(), "FAKE") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err := s.Resolve("b", Overrides{HasOwnKey: func(string) bool { return true }}); err != nil || p.Source.Stored == nil {
		t.Errorf("%+v, %v", p.Source, err)
	}
	if list := s.PlainKeys(); len(list) != 0 {
		t.Error(list)
	}
}

func TestAStoredKeyGoesBeforeTheSourcesThatAKeyInAFileGoesBefore(t *testing.T) {
	stored := func(name string) bool { return name == "a" }
	for _, text := range []string{"credential_process = get\n", "login_session = me\n", "source_profile = b\n", tempKey} {
		s := both(t, "[profile b]\n[profile over]\nrole_arn = "+roleARN+"r\nsource_profile = a\n[profile a]\nmfa_serial = m\n"+text, "")
		for _, name := range []string{"a", "over"} {
			p, err := s.Resolve(name, Overrides{HasOwnKey: stored})
			if k := p.Source.Origin().Stored; err != nil || k == nil || k.Profile != "a" || k.MFASerial != "m" {
				t.Errorf("%s with %q: %+v, %v", name, text, p.Source, err)
			}
		}
	}
	sso := corp + "[profile a]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Reader\n"
	p, err := both(t, sso, "").Resolve("a", Overrides{HasOwnKey: stored})
	if err != nil || p.Source.SSO == nil {
		t.Errorf("Identity Center: %+v, %v", p.Source, err)
	}
}

// The first key in a file that did not exist makes no other profile: what is served to a shell goes on at its address.
func TestAProfileStaysTheSameWhenItsFirstKeyIsWritten(t *testing.T) {
	dir := t.TempDir()
	config, credentials := filepath.Join(dir, "config"), filepath.Join(dir, "credentials")
	if err := os.WriteFile(config, []byte("[profile a]\nvault_renew_command = saml2aws\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	resolve := func() Profile {
		set, err := LoadFiles(config, credentials)
		if err != nil {
			t.Fatal(err)
		}
		p, err := set.Resolve("a", Overrides{})
		if err != nil || p.Source.Temporary == nil {
			t.Fatalf("%+v, %v", p.Source, err)
		}
		return p
	}
	without := resolve()
	for _, text := range []string{"", "[a]\n" + tempKey} {
		if err := os.WriteFile(credentials, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if with := resolve(); with.CacheKey() != without.CacheKey() {
			t.Errorf("%q: %+v is another profile than %+v", text, with.Source.Temporary, without.Source.Temporary)
		}
	}
}
