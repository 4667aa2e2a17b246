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
