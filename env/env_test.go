package env

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

var soon = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

func session(profile, region string) creds.Session {
	return creds.Session{
		Profile: profile, Region: region, AccessKeyID: "ASIA" + strings.ToUpper(profile),
		SecretKey: creds.New("secret-of-" + profile), Token: creds.New("token-of-" + profile), Expires: soon,
	}
}

// do applies an activation to an environment as the hook would.
func do(m map[string]string, stash map[string]string, a Activation) {
	if len(a.Stash) > 0 {
		clear(stash)
		for _, n := range a.Stash {
			if v, ok := m[n]; ok {
				stash[n] = v
			}
		}
	}
	for _, c := range a.Changes {
		if c.Unset {
			delete(m, c.Name)
		} else {
			m[c.Name] = c.Value.Reveal()
		}
	}
	if a.Ends {
		if len(a.Unstash) == 0 {
			clear(stash)
		}
		prompt(m, stash)
	}
}

// prompt gives back what was put aside, when nothing is in its place, as the hook does at a
// prompt without a session.
func prompt(m, stash map[string]string) {
	for n := range stash {
		if _, is := m[n]; is {
			return
		}
	}
	maps.Copy(m, stash)
	clear(stash)
}

// chosenRegion is the region that the user's own environment asks for, "" for none.
func chosenRegion(m map[string]string) string {
	user := User(m)
	return cmp.Or(user[region], user[defaultRegion])
}

func use(m, stash map[string]string, profile, region string) {
	do(m, stash, Activate(m, Request{Profile: profile}, session(profile, region), "/run/g/"+profile))
}

// On Windows the case of letters makes no difference to a variable's name: its own is Path, and aws_profile is
// what the AWS CLI reads.
func TestTheNamesThatAreReadAreSpelledInOneWay(t *testing.T) {
	in := []string{"Path=C:\\bin", "aws_profile=dev", "AWS_Profile=other", "ComSpec=cmd", "MyVar=1", "http_proxy=x", "=C:=C:\\x", "=D:=D:\\y", "AWS_REGION=a=b", "aws_empty="}
	want := []string{"PATH=C:\\bin", "AWS_PROFILE=dev", "COMSPEC=cmd", "MyVar=1", "http_proxy=x", "=C:=C:\\x", "=D:=D:\\y", "AWS_REGION=a=b", "AWS_EMPTY="}
	if got := Spelled(in); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestOffGivesBackWhateverWasThere(t *testing.T) {
	starts := map[string]map[string]string{
		"nothing":          {"HOME": "/h"},
		"a pinned region":  {"AWS_REGION": "eu-west-1"},
		"both regions":     {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-2"},
		"a profile":        {"AWS_PROFILE": "work", "AWS_DEFAULT_PROFILE": "old"},
		"keys":             {"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "users", "AWS_SECURITY_TOKEN": "tok"},
		"another vault":    {"AWS_VAULT": "theirs", "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"},
		"an empty profile": {"AWS_PROFILE": ""},
		"web identity":     {"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": "arn:x"},
		"an endpoint":      {endpointURL: "http://127.0.0.1:1/theirs", endpointToken: "theirs"},
	}
	for name, start := range starts {
		for _, path := range [][]string{{"a"}, {"a", "b"}, {"a", "a"}, {"a", "b", "a"}} {
			m, stash := maps.Clone(start), map[string]string{}
			for _, p := range path {
				use(m, stash, p, "ap-southeast-"+p)
			}
			do(m, stash, Deactivate(m))
			if !maps.Equal(m, start) {
				t.Errorf("%s, then %v, then off: got %v, want %v", name, path, m, start)
			}
		}
	}
}

func TestASwitchLeavesNothingOfTheLastIdentity(t *testing.T) {
	m := map[string]string{"AWS_PROFILE": "x", "AWS_SECURITY_TOKEN": "old", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}
	use(m, map[string]string{}, "prod", "us-east-1")
	want := []string{
		"AWS_ACCESS_KEY_ID", "AWS_CREDENTIAL_EXPIRATION", "AWS_DEFAULT_REGION", "AWS_REGION",
		"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_VAULT", StateVar, GenerationFile,
	}
	if got := slices.Sorted(maps.Keys(m)); !slices.Equal(got, want) {
		t.Errorf("after a switch: %v, want %v", got, want)
	}
	if m["AWS_CREDENTIAL_EXPIRATION"] != "2026-01-02T15:04:05Z" {
		t.Errorf("expiry is %q", m["AWS_CREDENTIAL_EXPIRATION"])
	}
}

func TestProfileModeExportsNoKeys(t *testing.T) {
	m, stash := map[string]string{"AWS_ACCESS_KEY_ID": "AKIAUSER"}, map[string]string{}
	do(m, stash, Activate(m, Request{Profile: "prod", Mode: ModeProfile}, session("prod", "us-east-1"), "/g"))
	if m["AWS_PROFILE"] != "prod" || m["AWS_ACCESS_KEY_ID"] != "" || m["AWS_SECRET_ACCESS_KEY"] != "" {
		t.Errorf("profile mode: %v", m)
	}
}

func TestTheRegionThatWasExportedIsNotTheUsersChoice(t *testing.T) {
	m, stash := map[string]string{}, map[string]string{}
	use(m, stash, "a", "eu-west-1")
	if got := chosenRegion(m); got != "" {
		t.Errorf("after use a, the user seems to have asked for %q", got)
	}
	use(m, stash, "b", "us-west-2")
	if m["AWS_REGION"] != "us-west-2" || m["AWS_DEFAULT_REGION"] != "us-west-2" {
		t.Errorf("use b kept the region of a: %v", m)
	}
}

func TestAPinnedRegionStaysTheUsers(t *testing.T) {
	m, stash := map[string]string{"AWS_REGION": "eu-west-1"}, map[string]string{}
	use(m, stash, "a", chosenRegion(m))
	if m["AWS_REGION"] != "eu-west-1" || m["AWS_DEFAULT_REGION"] != "eu-west-1" {
		t.Errorf("pinned region: %v", m)
	}
	m["AWS_REGION"] = "us-west-2" // set again while the session is active
	use(m, stash, "a", chosenRegion(m))
	if m["AWS_REGION"] != "us-west-2" || m["AWS_DEFAULT_REGION"] != "us-west-2" {
		t.Errorf("a renewal fought the user's region: %v", m)
	}
	do(m, stash, Deactivate(m))
	if !maps.Equal(m, map[string]string{"AWS_REGION": "us-west-2"}) {
		t.Errorf("off took the region the user pinned meanwhile: %v", m)
	}
}

func TestARegionAskedForByFlagGivesWayAtTheNextSwitch(t *testing.T) {
	m, stash := map[string]string{"AWS_REGION": "eu-west-1"}, map[string]string{}
	do(m, stash, Activate(m, Request{Profile: "a", Region: "ap-south-1"}, session("a", "ap-south-1"), "/g"))
	if m["AWS_REGION"] != "ap-south-1" {
		t.Fatalf("--region: %v", m)
	}
	use(m, stash, "b", chosenRegion(m))
	if m["AWS_REGION"] != "eu-west-1" || m["AWS_DEFAULT_REGION"] != "eu-west-1" {
		t.Errorf("the pinned region did not come back: %v", m)
	}
}

func TestWhatAnotherProgramChangedStays(t *testing.T) {
	m, stash := map[string]string{}, map[string]string{}
	use(m, stash, "a", "eu-west-1")
	m["AWS_ACCESS_KEY_ID"], m["AWS_SECRET_ACCESS_KEY"] = "AKIADIRENV", "theirs"
	st, _ := StateOf(m)
	if got := st.Changed(m); !slices.Equal(got, []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
		t.Errorf("changed: %v", got)
	}
	do(m, stash, Deactivate(m))
	if m["AWS_ACCESS_KEY_ID"] != "AKIADIRENV" || m["AWS_SECRET_ACCESS_KEY"] != "theirs" {
		t.Errorf("off removed the keys of another program: %v", m)
	}
}

func TestTheStateHoldsNoSecret(t *testing.T) {
	m := map[string]string{"AWS_SECRET_ACCESS_KEY": "users-own", "AWS_SESSION_TOKEN": "users-token"}
	a := Activate(m, Request{Profile: "prod"}, session("prod", "us-east-1"), "/g")
	if want := []string{"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}; !slices.Equal(a.Stash, want) {
		t.Error("the user's secrets were not put aside")
	}
	do(m, map[string]string{}, a)
	st, ok := StateOf(m)
	if !ok {
		t.Fatal("no state")
	}
	for _, v := range st.Prior {
		if strings.Contains(v, "users") {
			t.Errorf("state keeps %q", v)
		}
	}
	other := Activate(map[string]string{}, Request{Profile: "prod"}, session("prod", "us-east-1"), "/another")
	st2, _ := StateOf(map[string]string{StateVar: changeOf(other, StateVar)})
	for _, n := range []string{"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		if f := st.Exported[n]; len(f) != 12 || f == st2.Exported[n] {
			t.Errorf("the fingerprint of %s is %q in one shell and %q in another", n, f, st2.Exported[n])
		}
	}
}

func changeOf(a Activation, name string) string {
	for _, c := range a.Changes {
		if c.Name == name {
			return c.Value.Reveal()
		}
	}
	return ""
}

func TestUseDashKnowsTheSessionBefore(t *testing.T) {
	m, stash := map[string]string{}, map[string]string{}
	use(m, stash, "a", "r")
	use(m, stash, "b", "r")
	use(m, stash, "b", "r")
	st, _ := StateOf(m)
	if st.Previous == nil || st.Previous.Profile != "a" {
		t.Errorf("previous is %+v", st.Previous)
	}
}

func TestAChildSeesOneIdentityAndWhoIsAroundIt(t *testing.T) {
	m, stash := map[string]string{"PATH": "/bin", "AWS_VAULT_FILE_PASSPHRASE": "p", "AWS_REGION": "eu-west-1"}, map[string]string{}
	use(m, stash, "outer", "eu-west-1")
	c := Parse(Child(list(m), Request{Profile: "inner"}, session("inner", "eu-west-1"), "/g/inner"))
	if c["AWS_VAULT"] != "inner" || c["AWS_ACCESS_KEY_ID"] != "ASIAINNER" || c["PATH"] != "/bin" {
		t.Errorf("child: %v", c)
	}
	if _, leaked := c["AWS_VAULT_FILE_PASSPHRASE"]; leaked {
		t.Error("the passphrase reached a child")
	}
	if !slices.Equal(around(c), []string{"outer"}) {
		t.Errorf("around it: %v", around(c))
	}
	do(c, stash, Deactivate(c))
	if !maps.Equal(c, map[string]string{"PATH": "/bin", "AWS_REGION": "eu-west-1", Inside: "outer;"}) {
		t.Errorf("off inside the child leaves %v", c)
	}
}

func TestAShellKnowsHowDeepItIsAlsoAfterOffAndAnotherUse(t *testing.T) {
	m, stash := map[string]string{"PATH": "/bin"}, map[string]string{}
	first := Parse(Child(list(m), Request{Profile: "a; b"}, session("first", ""), "/g/1")) // from a shell without a session
	second := Parse(Child(list(first), Request{Profile: "inner"}, session("second", ""), "/g/2"))
	do(second, stash, Deactivate(second))
	use(second, stash, "other", "")
	third := Parse(Child(list(second), Request{Profile: "last"}, session("third", ""), "/g/3"))
	for _, x := range []struct {
		current map[string]string
		around  []string
	}{{m, nil}, {first, []string{""}}, {second, []string{"", "a; b"}}, {third, []string{"", "a; b", "other"}}} {
		if got := around(x.current); !slices.Equal(got, x.around) || Depth(x.current) != len(x.around) {
			t.Errorf("around is %q at depth %d, want %q", got, Depth(x.current), x.around)
		}
	}
	if got := Outer(third); !slices.Equal(got, []string{"a; b", "other"}) {
		t.Errorf("named around it: %q", got)
	}
}

func TestASessionOfAWSVaultIsKnownAndComesBackWithOff(t *testing.T) {
	until := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, variable := range []string{"AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION"} {
		m, stash := map[string]string{
			"AWS_VAULT": "work", "AWS_ACCESS_KEY_ID": "ASIAWORK", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t", variable: until.Format(time.RFC3339),
		}, map[string]string{}
		before := maps.Clone(m)
		want := func(when string) {
			t.Helper()
			if f, is := ForeignIn(m); !is || f.Profile != "work" || !f.Expires.Equal(until) {
				t.Errorf("%s, %s: the session of aws-vault is %+v, %v", variable, when, f, is)
			}
		}
		want("by itself")
		use(m, stash, "prod", "")
		want("under a session of ours")
		c := Parse(Child(list(m), Request{Profile: "inner"}, session("inner", ""), "/g/inner"))
		if f, is := ForeignIn(c); is || !slices.Equal(around(c), []string{"prod"}) {
			t.Errorf("in a child: %+v, around it %q", f, around(c))
		}
		do(m, stash, Deactivate(m))
		want("after off")
		if !maps.Equal(m, before) {
			t.Errorf("off leaves %v", m)
		}
		c = Parse(Child(list(m), Request{Profile: "inner"}, session("inner", ""), "/g/inner"))
		if !slices.Equal(around(c), []string{"work (aws-vault)"}) {
			t.Errorf("around a child of it: %q", around(c))
		}
	}
	if f, is := ForeignIn(map[string]string{}); is {
		t.Errorf("in an empty environment: %+v", f)
	}
}

func TestOffWithoutASessionChangesNothing(t *testing.T) {
	for _, state := range []string{"", "junk", "e30"} {
		if a := Deactivate(map[string]string{"AWS_PROFILE": "x", StateVar: state}); len(a.Changes) != 0 || a.Ends {
			t.Errorf("state %q: %+v", state, a)
		}
	}
}
