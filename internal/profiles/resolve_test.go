package profiles

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const roleARN = "arn:aws:iam::111122223333:role/"

func parse(t *testing.T, text string) *Set {
	t.Helper()
	return Parse("config", []byte(text))
}

func resolve(t *testing.T, text, name string) Profile {
	t.Helper()
	return resolveWith(t, text, name, Overrides{})
}

func resolveWith(t *testing.T, text, name string, o Overrides) Profile {
	t.Helper()
	p, err := parse(t, text).Resolve(name, o)
	if err != nil {
		t.Fatalf("resolve %q: %v", name, err)
	}
	return p
}

func resolveError(t *testing.T, text, name string, o Overrides) error {
	t.Helper()
	p, err := parse(t, text).Resolve(name, o)
	if err == nil {
		t.Fatalf("resolve %q gave %+v, an error was expected", name, p)
	}
	return err
}

func want[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s is %+v, want %+v", what, got, want)
	}
}

func TestAProfileWithoutASourceIsAKeyStoredUnderItsName(t *testing.T) {
	p := resolve(t, "[profile dev]\nregion = eu-west-1\nmfa_serial = m\nmfa_process = p\n", "dev")
	want(t, "profile", p, Profile{
		Name: "dev", Region: "eu-west-1",
		Source: Source{Stored: &Stored{Profile: "dev", MFASerial: "m", MFAProcess: "p"}},
	})
}

func TestARoleIsAssumedWithItsSourceProfile(t *testing.T) {
	p := resolve(t, `
[profile base]
mfa_serial = base-mfa
mfa_process = ask
external_id = not inherited
region = us-east-2
[profile prod]
source_profile = base
role_arn = `+roleARN+`admin
external_id = x
duration_seconds = 3600
role_session_name = me
session_tags = a=1, b = 2=3
transitive_session_tags = a, b
source_identity = who
region = eu-west-1
`, "prod")
	want(t, "source", *p.Source.Role, Role{
		Profile: "prod", ARN: roleARN + "admin", ExternalID: "x", SessionName: "me",
		MFAProcess: "ask", Duration: time.Hour, Tags: []Tag{{"a", "1"}, {"b", "2=3"}},
		TransitiveTagKeys: []string{"a", "b"}, SourceIdentity: "who", Region: "eu-west-1",
		Source: Source{Stored: &Stored{Profile: "base", MFASerial: "base-mfa", MFAProcess: "ask"}},
	})
}

func TestARoleWithoutASourceUsesTheKeyUnderItsOwnName(t *testing.T) {
	for _, source := range []string{"", "source_profile = prod\n"} {
		p := resolve(t, "[profile prod]\nmfa_serial = m\nrole_arn = "+roleARN+"r\n"+source, "prod")
		want(t, "role", p.Source.Role.MFASerial, "m")
		want(t, "key", p.Source.Role.Source.Stored, &Stored{Profile: "prod", MFASerial: "m"})
	}
}

func TestAChainEndsAtItsLastProfile(t *testing.T) {
	p := resolve(t, `
[profile a]
source_profile = b
role_arn = `+roleARN+`a
[profile b]
source_profile = c
role_arn = `+roleARN+`b
[profile c]
source_profile = c
`, "a")
	inner := p.Source.Role.Source.Role
	want(t, "inner role", inner.ARN, roleARN+"b")
	want(t, "end", inner.Source.Stored.Profile, "c")
	want(t, "region of the role", inner.Region, "us-east-1")
	want(t, "region of the profile", p.Region, "us-east-1")
}

func TestAProfileWithoutARoleIsItsSourceUnderAnotherName(t *testing.T) {
	text := "[profile a]\nsource_profile = b\nmfa_serial = mine\n[profile b]\nmfa_serial = theirs\n"
	want(t, "key", resolve(t, text, "a").Source.Stored, &Stored{Profile: "b", MFASerial: "mine"})
	want(t, "key", resolve(t, text, "b").Source.Stored, &Stored{Profile: "b", MFASerial: "theirs"})
}

func TestALoopIsNamed(t *testing.T) {
	for _, c := range []struct {
		kind, text string
		path       []string
	}{
		{"source_profile", "[profile x]\nsource_profile=a\n[profile a]\nsource_profile=b\n[profile b]\nsource_profile=c\n[profile c]\nsource_profile=a\n", []string{"a", "b", "c", "a"}},
		{"source_profile", "[profile x]\nrole_arn=" + roleARN + "x\nsource_profile=a\n[profile a]\nrole_arn=" + roleARN + "a\nsource_profile=x\n", []string{"x", "a", "x"}},
		{"include_profile", "[profile x]\ninclude_profile=x\n", []string{"x", "x"}},
		{"include_profile", "[profile x]\ninclude_profile=a\n[profile a]\ninclude_profile=b\n[profile b]\ninclude_profile=a\n", []string{"a", "b", "a"}},
	} {
		var loop *LoopError
		if err := resolveError(t, c.text, "x", Overrides{}); !errors.As(err, &loop) {
			t.Errorf("%q: %v is not a loop", c.text, err)
			continue
		}
		want(t, "kind", loop.Kind, c.kind)
		want(t, "path", loop.Path, c.path)
		if text := loop.Error(); !strings.Contains(text, `"`+strings.Join(c.path, `" -> "`)+`"`) {
			t.Errorf("%q does not name the loop", text)
		}
	}
}

func TestALongChainIsFollowedToItsEnd(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		b.WriteString("[profile p" + itoa(i) + "]\nsource_profile = p" + itoa(i+1) + "\n")
	}
	b.WriteString("[profile p5000]\n")
	want(t, "end", resolve(t, b.String(), "p0").Source.Stored.Profile, "p5000")
}

func TestDefaultLendsItsRegionAndNothingElse(t *testing.T) {
	p := resolve(t, `
[default]
region = ap-south-1
role_arn = `+roleARN+`default
source_profile = x
mfa_serial = m
mfa_process = p
endpoint_url = https://example.com
credential_process = /bin/false
vault_mode = server
[profile dev]
output = json
`, "dev")
	want(t, "profile", p, Profile{Name: "dev", Region: "ap-south-1", Source: Source{Stored: &Stored{Profile: "dev"}}})
}

func TestIncludedSettingsFillWhatIsUnset(t *testing.T) {
	p := resolve(t, `
[default]
region = us-east-1
[profile team]
region = eu-north-1
mfa_serial = team
vault_color = red
vault_mode = env
include_profile = org
[profile org]
external_id = org
role_session_name = org
vault_mode = server
[profile prod]
include_profile = team
role_arn = `+roleARN+`prod
role_session_name = prod
mfa_serial =
`, "prod")
	r := p.Source.Role
	want(t, "settings", []string{p.Region, r.ExternalID, r.SessionName, r.MFASerial}, []string{"eu-north-1", "org", "prod", "team"})
	want(t, "extra", p.Extra, map[string]string{"vault_color": "red", "vault_mode": "env"})
}

func TestOverridesWin(t *testing.T) {
	text := "[profile base]\nmfa_serial = a\n[profile prod]\nregion = eu-west-1\nsource_profile = base\nrole_arn = " + roleARN + "prod\nduration_seconds = 900\nrole_session_name = xx\n"
	p := resolveWith(t, text, "prod", Overrides{
		Region: "us-west-2", Duration: 2 * time.Hour, NoSession: true, Policy: "{}", PolicyARNs: []string{"arn:p"},
		Env: map[string]string{"AWS_REGION": "no region, and the flag wins"},
	})
	want(t, "profile", p, Profile{
		Name: "prod", Region: "us-west-2",
		Source: Source{Role: &Role{
			Profile: "prod", ARN: roleARN + "prod", SessionName: "xx", Duration: 2 * time.Hour,
			Policy: "{}", PolicyARNs: []string{"arn:p"}, Region: "us-west-2",
			Source: Source{Stored: &Stored{Profile: "base", MFASerial: "a", NoSession: true}},
		}},
	})
	p = resolveWith(t, text, "base", Overrides{Duration: time.Hour})
	want(t, "duration of the key's session", p.Source.Stored.Duration, time.Hour)
}

func TestOneMoreRoleGoesOnTop(t *testing.T) {
	text := "[profile key]\nregion = cn-north-1\nmfa_serial = m\n[profile gov]\nrole_arn = arn:aws-us-gov:iam::111122223333:role/gov\n"
	for _, c := range []struct{ profile, role, arn, region string }{
		{"key", "999988887777:team/admin", "arn:aws-cn:iam::999988887777:role/team/admin", "cn-north-1"},
		{"key", "999988887777:role/admin", "arn:aws-cn:iam::999988887777:role/admin", "cn-north-1"},
		{"gov", "999988887777:admin", "arn:aws-us-gov:iam::999988887777:role/admin", "us-gov-west-1"},
		{"key", roleARN + "other", roleARN + "other", "us-east-1"},
	} {
		p := resolveWith(t, text, c.profile, Overrides{RoleARN: c.role, Duration: time.Hour})
		want(t, "role", p.Source.Role.ARN, c.arn)
		want(t, "its region", p.Source.Role.Region, c.region)
		want(t, "its duration", p.Source.Role.Duration, time.Hour)
		want(t, "what is below", p.Source.Role.Source, resolve(t, text, c.profile).Source)
	}
	for _, role := range []string{"admin", "123:admin", "999988887777:", "999988887777:a b", "arn:aws:iam::1:user/x", "999988887777:a:b"} {
		var bad *ValueError
		if err := resolveError(t, text, "key", Overrides{RoleARN: role}); !errors.As(err, &bad) || bad.Value != role {
			t.Errorf("%q: %v", role, err)
		}
	}
}

func TestAPolicyNeedsARole(t *testing.T) {
	for _, o := range []Overrides{{Policy: "{}"}, {PolicyARNs: []string{"arn:p"}}} {
		var e *NoRoleError
		if err := resolveError(t, "[profile a]\n", "a", o); !errors.As(err, &e) {
			t.Errorf("got %v", err)
		}
		o.RoleARN = roleARN + "x"
		want(t, "policy", resolveWith(t, "[profile a]\n", "a", o).Source.Role.Policy, o.Policy)
	}
}

func TestAValueThatCannotBeUsedIsNamedWithItsLine(t *testing.T) {
	for _, c := range []struct{ setting, key string }{
		{"duration_seconds = 1h", "duration_seconds"},
		{"duration_seconds = 899", "duration_seconds"},
		{"duration_seconds = 43201", "duration_seconds"},
		{"session_tags = a", "session_tags"},
		{"session_tags = a=1,=2", "session_tags"},
		{"session_tags = a=1,a=2", "session_tags"},
		{"region = us-east-1/../x", "region"},
		{"region = -", "region"},
		{"external_id =\n   a = b", "external_id"},
		{"external_id = a\n   b", "external_id"},
		{"services = nowhere", "services"},
		{"source_profile = other\ncredential_source = Environment", "credential_source"},
		{"include_profile = a\n  b", "include_profile"},
	} {
		text := "[profile other]\n[profile a]\nrole_arn = " + roleARN + "x\n" + c.setting + "\n"
		var bad *ValueError
		if err := resolveError(t, text, "a", Overrides{}); !errors.As(err, &bad) {
			t.Errorf("%q: %v", c.setting, err)
			continue
		}
		line := 4 + strings.Count(strings.SplitAfter(c.setting, c.key)[0], "\n")
		if bad.Line != line || bad.Key != c.key || bad.Profile != "a" || !strings.HasPrefix(bad.Error(), "config:"+itoa(line)+": ") {
			t.Errorf("%q: %v, want line %d", c.setting, bad, line)
		}
	}
	var bad *ValueError
	if err := resolveError(t, "[profile a]\nrole_arn = "+roleARN+"x # prod\n", "a", Overrides{}); !errors.As(err, &bad) || bad.Line != 2 {
		t.Errorf("a comment after an ARN: %v", err)
	}
	if err := resolveError(t, "[profile a]\n", "a", Overrides{Region: "a.b"}); !errors.As(err, &bad) || bad.File != "" {
		t.Errorf("a region of the caller's: %v", err)
	}
}

func TestAMessageDoesNotQuoteWhatMayBeAKey(t *testing.T) {
	for _, text := range []string{
		"[profile a]\naws_secret_access_key not-a-real-one\n",
		"[profile a]\ns3 =\n  not-a-real-one\n",
		"[profile a]\nregion = x\n  aws_secret_access_key = not-a-real-one\n",
		"[profile a]\nregion =\n  aws_secret_access_key = not-a-real-one\n",
		"[profile a]\naws_secret_access_key = not-a-real-one\naws_secret_access_key = not-a-real-one\n",
	} {
		if err := resolveError(t, text, "a", Overrides{}); strings.Contains(err.Error(), "not-a-real-one") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestATypoIsAnErrorWithNearMatches(t *testing.T) {
	text := "[default]\n[profile staging]\n[profile prod]\n[profile prod-admin]\n[profile Prd]\n"
	for _, c := range []struct {
		name string
		near []string
	}{
		{"prdo", []string{"prod", "Prd"}},
		{"PROD", []string{"prod", "Prd", "prod-admin"}},
		{"pro", []string{"prod", "Prd", "prod-admin"}},
		{"stagign", []string{"staging"}},
		{"admin", []string{"prod-admin"}},
		{"zzzzzz", nil},
		{"", nil},
		{strings.Repeat("prod", 100), nil},
	} {
		var e *NotFoundError
		if err := resolveError(t, text, c.name, Overrides{}); !errors.As(err, &e) {
			t.Fatalf("%q: %v", c.name, err)
		}
		want(t, "near "+c.name, e.Nearest, c.near)
	}
}

func TestAMissingSourceSaysWhoNamedIt(t *testing.T) {
	for _, key := range []string{"source_profile", "include_profile"} {
		var e *NotFoundError
		if err := resolveError(t, "[profile bases]\n[profile a]\n"+key+" = base\n", "a", Overrides{}); !errors.As(err, &e) {
			t.Fatal(err)
		}
		want(t, "error", e, &NotFoundError{Name: "base", Nearest: []string{"bases"}, Profile: "a", Key: key})
	}
}

func TestAStoredKeyWithoutASectionIsAProfile(t *testing.T) {
	asked := []string{}
	o := Overrides{HasKey: func(name string) bool { asked = append(asked, name); return name == "base" }}
	text := "[default]\nregion = us-west-1\n[profile a]\nrole_arn = " + roleARN + "a\nsource_profile = base\n"
	want(t, "key", resolveWith(t, text, "a", o).Source.Role.Source.Stored.Profile, "base")
	want(t, "profile", resolveWith(t, text, "base", o), Profile{Name: "base", Region: "us-west-1", Source: Source{Stored: &Stored{Profile: "base"}}})
	want(t, "asked", asked, []string{"base", "base"})
	resolveError(t, text, "bas", o)
}

func TestParentProfileIsWarnedAbout(t *testing.T) {
	p := resolve(t, "[profile b]\n[profile a]\nparent_profile = b\nregion = eu-west-1\n", "a")
	if len(p.Warnings) != 1 || p.Warnings[0].Line != 3 || !strings.HasPrefix(p.Warnings[0].String(), `config:3: parent_profile of profile "a"`) {
		t.Errorf("got %v", p.Warnings)
	}
}

func TestOnlyProfilesThatDependOnADamagedSectionFail(t *testing.T) {
	text := `
[default]
region = us-east-1
[profile good]
region = us-east-2
[profile lent]
[profile bad]
junk
[profile over]
region = us-east-2
source_profile = bad
[profile inc]
region = us-east-2
include_profile = bad
[profile twice]
region = us-east-2
[profile twice]
[profile keys]
region = a
Region = b
[profile endpoint]
region = us-east-2
services = broken
[services broken]
sts =
  # a comment
  oops
`
	s := parse(t, text)
	lines := map[string]int{"bad": 8, "over": 8, "inc": 8, "twice": 17, "keys": 20, "endpoint": 27}
	for _, name := range s.Names() {
		_, err := s.Resolve(name, Overrides{})
		var syntax *SyntaxError
		switch line := lines[name]; {
		case line == 0 && err != nil:
			t.Errorf("%s: %v", name, err)
		case line != 0 && (!errors.As(err, &syntax) || syntax.Line != line || syntax.File != "config"):
			t.Errorf("%s: %v, want line %d", name, err, line)
		}
	}
	var found []int
	for _, p := range s.Problems() {
		found = append(found, p.Line)
	}
	want(t, "lines", found, []int{8, 17, 20, 27})

	broken := parse(t, "[default]\noops\nregion = us-east-1\n[profile a]\n[profile b]\nregion = us-east-1\n")
	if _, err := broken.Resolve("a", Overrides{}); err == nil {
		t.Error("a region was taken from a damaged section")
	}
	if _, err := broken.Resolve("b", Overrides{}); err != nil {
		t.Errorf("b needs nothing of [default]: %v", err)
	}
}

func TestNamesAreListedInFileOrderEachOnce(t *testing.T) {
	text := "[profile b]\n[profile \"a b\"]\n[default]\n[profile 'b']\n[sso-session s]\n[other]\n[ profile c ]\n[profile d] ; note\n"
	names := []string{"b", "a b", "default", "d"}
	want(t, "names", parse(t, text).Names(), names)
	want(t, "scanned names", ScanNames([]byte(text)), names)
	want(t, "has", []bool{parse(t, text).Has("a b"), parse(t, text).Has("c")}, []bool{true, false})
}

func TestAnotherEncodingIsSaidOnce(t *testing.T) {
	s := Parse("config", []byte("\xff\xfe[\x00d\x00]\x00\n\x00a\x00\n\x00"))
	if len(s.Problems()) != 1 || !strings.Contains(s.Problems()[0].Error(), "UTF-16") {
		t.Errorf("got %v", s.Problems())
	}
	s = Parse("config", []byte("[profile a]\n# caf\xe9\nregion = x\n[profile b]\nrole_session_name = caf\xe9\n"))
	if _, err := s.Resolve("a", Overrides{}); err != nil {
		t.Errorf("a comment in Latin-1 damaged its section: %v", err)
	}
	var e *SyntaxError
	if _, err := s.Resolve("b", Overrides{}); !errors.As(err, &e) || e.Line != 5 {
		t.Errorf("a value in Latin-1: %v", err)
	}
	want(t, "problems", len(s.Problems()), 2)
}

func TestSummariesSayWhereCredentialsComeFrom(t *testing.T) {
	text := `
[default]
[profile role]
role_arn = ` + roleARN + `team/admin
source_profile = default
[profile odd]
role_arn = x
[profile sso]
SSO_Account_Id = 111122223333
sso_role_name = ReadOnly
sso_session = corp
[sso-session corp]
sso_start_url = https://example.com
[profile proc]
credential_process = x
[profile alias]
source_profile = role
`
	want(t, "summaries", ScanSummaries([]byte(text)), []Summary{
		{"default", "settings of all profiles"}, {"role", "111122223333/team/admin"}, {"odd", "x"},
		{"sso", "111122223333/ReadOnly"}, {"proc", "credential process"}, {"alias", "as role"},
	})
}

func TestEveryRegionIsInItsPartition(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Regions() {
		if r.Description == "" || seen[r.Name] {
			t.Errorf("%+v", r)
		}
		seen[r.Name] = true
		want(t, "partition of "+r.Name, Partition(r.Name), r.Partition)
		want(t, "partition of its default", Partition(DefaultRegion(r.Partition)), r.Partition)
		if !slices.ContainsFunc(Regions(), func(x Region) bool { return x.Name == DefaultRegion(r.Partition) }) {
			t.Errorf("the default of %s is not a region", r.Partition)
		}
	}
	want(t, "unknown", []string{Partition(""), Partition("xx-new-1"), DefaultRegion("aws-x")}, []string{"aws", "aws", "us-east-1"})
}

func itoa(n int) string { return strconv.Itoa(n) }
