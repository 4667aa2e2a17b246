package env

import (
	"maps"
	"slices"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
)

var endpoint = Endpoint{URL: "http://127.0.0.1:4711/x", Token: creds.New("token-of-the-endpoint")}

func served(environ ...string) map[string]string {
	r := Request{Profile: "prod", Mode: ModeServer}
	return Parse(ChildServed(environ, r, endpoint, session("prod", "eu-west-1"), "/run/g/prod"))
}

func TestAServedChildHasAnAddressAndNoKey(t *testing.T) {
	m := served("PATH=/bin", "AWS_PROFILE=mine", "AWS_ACCESS_KEY_ID=AKIAMINE", "AWS_SECRET_ACCESS_KEY=mine", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/mine")
	want := []string{endpointToken, endpointURL, defaultRegion, region, ActiveProfile, "PATH", Inside, StateVar, GenerationFile}
	if got := slices.Sorted(maps.Keys(m)); !slices.Equal(got, want) || m[endpointURL] != endpoint.URL || m[endpointToken] != "token-of-the-endpoint" {
		t.Errorf("%v", m)
	}
}

func TestAServedShellCanSwitchAndSwitchOff(t *testing.T) {
	m, stash := served("HOME=/h"), map[string]string{}
	if st, active := StateOf(m); !active || !st.Request.Served() || len(st.Changed(m)) > 0 {
		t.Errorf("%+v", st)
	}
	if user := User(m); user[endpointURL] != "" || user[endpointToken] != "" {
		t.Errorf("the endpoint is taken for a setting of the user's: %v", user)
	}
	off := maps.Clone(m)
	do(off, stash, Deactivate(off))
	if !maps.Equal(off, map[string]string{"HOME": "/h", Inside: ";"}) {
		t.Errorf("after off: %v", off)
	}
	use(m, stash, "dev", "us-east-1")
	if m[endpointURL] != "" || m[endpointToken] != "" || m[keyID] != "ASIADEV" || len(stash) > 0 {
		t.Errorf("after a switch: %v, stashed %v", m, stash)
	}
}

func TestAnEndpointThatAnotherProgramSetStays(t *testing.T) {
	m := served()
	m[endpointURL], m[endpointToken] = "http://127.0.0.1:1/theirs", "theirs"
	if st, _ := StateOf(m); !slices.Equal(st.Changed(m), []string{endpointToken, endpointURL}) {
		t.Errorf("changed: %v", st.Changed(m))
	}
	do(m, map[string]string{}, Deactivate(m))
	if m[endpointToken] != "theirs" {
		t.Errorf("%v", m)
	}
}

func TestTheMetadataServiceIsAskedEvenByWhoHadSwitchedItOff(t *testing.T) {
	environ := []string{"AWS_EC2_METADATA_DISABLED=true", "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://elsewhere"}
	m := Parse(ChildServed(environ, Request{Profile: "prod", Mode: ModeEC2}, Endpoint{}, session("prod", ""), "/run/g/prod"))
	if want := []string{ActiveProfile, Inside, StateVar, GenerationFile}; !slices.Equal(slices.Sorted(maps.Keys(m)), want) {
		t.Errorf("%v", m)
	}
}

func TestAShellKnowsWhichPassphrasesItWasNotGiven(t *testing.T) {
	withheld := func(m map[string]string) []string {
		st, _ := StateOf(m)
		return st.Withheld
	}
	m := served("AWS_VAULT_FILE_PASSPHRASE=p", "A=b")
	if got := withheld(m); !slices.Equal(got, []string{"AWS_VAULT_FILE_PASSPHRASE"}) || m["AWS_VAULT_FILE_PASSPHRASE"] != "" {
		t.Errorf("%v", got)
	}
	inner := append(list(m), "AWS_VAULT_AGE_PASSPHRASE=q")
	m = Parse(Child(inner, Request{Profile: "dev"}, session("dev", ""), "/g"))
	if got := withheld(m); !slices.Equal(got, []string{"AWS_VAULT_FILE_PASSPHRASE", "AWS_VAULT_AGE_PASSPHRASE"}) {
		t.Errorf("nested: %v", got)
	}
	use(m, map[string]string{}, "other", "")
	if got := withheld(m); len(got) != 2 {
		t.Errorf("after use: %v", got)
	}
	if got := PassphrasesIn(inner); !slices.Equal(got, []string{"AWS_VAULT_AGE_PASSPHRASE=q"}) {
		t.Errorf("%q", got)
	}
}

var lease = Lease{ID: "l1", PID: 4711, Started: 99}

func useServed(m, stash map[string]string, profile string, e Endpoint, l Lease) {
	do(m, stash, ActivateServed(m, Request{Profile: profile, Mode: ModeServer}, e, l, session(profile, "eu-west-1"), "/run/g/"+profile))
}

func TestAShellInModeServerHasAnAddressAndNoKeyAndGetsEverythingBack(t *testing.T) {
	before := map[string]string{"HOME": "/h", awsProfile: "mine", keyID: "AKIAMINE", secretKey: "mine", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/mine", "AWS_REGION": "us-east-1"}
	m, stash := maps.Clone(before), map[string]string{}
	useServed(m, stash, "prod", endpoint, lease)
	st, active := StateOf(m)
	if !active || st.Lease == nil || *st.Lease != lease || !st.Request.Served() || len(st.Changed(m)) > 0 {
		t.Errorf("%+v", st)
	}
	want := []string{endpointToken, endpointURL, defaultRegion, region, ActiveProfile, "HOME", StateVar, GenerationFile}
	if got := slices.Sorted(maps.Keys(m)); !slices.Equal(got, want) || ServedBy(m).URL != endpoint.URL || !ServedBy(m).Token.Equal(endpoint.Token) || m[region] != "us-east-1" {
		t.Errorf("%v", m)
	}
	useServed(m, stash, "dev", Endpoint{"http://127.0.0.1:1/y", creds.New("second")}, Lease{ID: "l2", PID: 4711})
	if st, _ := StateOf(m); st.Lease.ID != "l2" || st.Previous.Mode != ModeServer {
		t.Errorf("%+v", st)
	}
	use(m, stash, "dev", "us-east-1")
	if st, _ := StateOf(m); st.Lease != nil || m[endpointURL] != "" || m[endpointToken] != "" || m[keyID] != "ASIADEV" {
		t.Errorf("mode env after mode server: %v", m)
	}
	do(m, stash, Deactivate(m))
	if !maps.Equal(m, before) {
		t.Errorf("after off: %v", m)
	}
}

func TestACommandInAServedShellHasKeysOfItsOwn(t *testing.T) {
	m := map[string]string{"PATH": "/bin"}
	useServed(m, map[string]string{}, "prod", endpoint, lease)
	child := Parse(Child(list(m), Request{Profile: "dev"}, session("dev", ""), "/g"))
	st, _ := StateOf(child)
	if child[endpointURL] != "" || child[endpointToken] != "" || child[keyID] != "ASIADEV" || st.Lease != nil || !slices.Equal(Outer(child), []string{"prod"}) {
		t.Errorf("%v", child)
	}
}

func TestOneGoesBackToTheModeOfTheShellAndNotOfACommand(t *testing.T) {
	m := served()
	use(m, map[string]string{}, "dev", "")
	if st, _ := StateOf(m); st.Previous == nil || st.Previous.Mode != "" {
		t.Errorf("%+v", st.Previous)
	}
}

func TestAReadOnlyVariableOfAnEndpointPreventsModeServer(t *testing.T) {
	for name, prevented := range map[string]bool{endpointURL: true, endpointToken: true, StateVar: true, keyID: false, "HOME": false} {
		got := Prevents(map[string]string{ReadOnly: name}, Request{Profile: "prod", Mode: ModeServer})
		if (len(got) > 0) != prevented {
			t.Errorf("%s: %v", name, got)
		}
	}
}
