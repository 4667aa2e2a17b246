package env

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/identity-variables.md again")

// others are identities that a shell may have from somewhere else, one variable each.
func others() map[string]string {
	m := map[string]string{bearerPrefix + "BEDROCK": "foreign", bearerPrefix + "SOME_LATER_SERVICE": "foreign"}
	for _, v := range family {
		m[v.Name] = "foreign"
	}
	return m
}

func TestNoVariableOfTheFamilySurvivesASwitch(t *testing.T) {
	for _, mode := range []string{"", ModeProfile} {
		start := others()
		m, stash := maps.Clone(start), map[string]string{}
		do(m, stash, Activate(m, Request{Profile: "prod", Mode: mode}, session("prod", "us-east-1"), "/g"))
		for n, v := range m {
			if v == "foreign" {
				t.Errorf("mode %q: %s is as it was", mode, n)
			}
		}
		do(m, stash, Deactivate(m))
		if !maps.Equal(m, start) {
			t.Errorf("mode %q: after off: %v", mode, m)
		}
	}
}

func TestNoVariableOfTheFamilyReachesAChild(t *testing.T) {
	start := others()
	var environ []string
	for n, v := range start {
		environ = append(environ, n+"="+v)
	}
	for _, mode := range []string{"", ModeProfile} {
		for n, v := range Parse(Child(environ, Request{Profile: "prod", Mode: mode}, session("prod", "us-east-1"), "/g")) {
			if v == "foreign" {
				t.Errorf("mode %q: a child gets %s", mode, n)
			}
		}
	}
}

func TestCodeThatIsExportedRemovesTheRestOfTheFamily(t *testing.T) {
	start := others()
	changes := Alone(start, []Change{set(keyID, "A"), set(secretKey, "B")})
	for _, c := range changes {
		if c.Unset {
			delete(start, c.Name)
		} else {
			start[c.Name] = c.Value.Reveal()
		}
	}
	if !maps.Equal(start, map[string]string{keyID: "A", secretKey: "B"}) {
		t.Errorf("%v", start)
	}
}

func TestABearerTokenIsASecretThatTheHookKeeps(t *testing.T) {
	m := map[string]string{bearerPrefix + "BEDROCK": "foreign"}
	a := Activate(m, Request{Profile: "prod"}, session("prod", "us-east-1"), "/g")
	if !slices.Equal(a.Stash, []string{bearerPrefix + "BEDROCK"}) {
		t.Errorf("%v", a.Stash)
	}
}

const page = "../docs/identity-variables.md"

func TestThePageOfIdentityVariablesIsTheTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("# The variables that say who one is\n\n" +
		"`vault use`, `vault exec` and the code that `vault export` prints remove all of these before they set a\n" +
		"session, so that two identities never mix. `vault off` brings back what was there. The last column says\n" +
		"which tools read a variable, from their sources; numbers are major versions of the AWS SDKs, botocore is\n" +
		"also boto3, and \"all\" includes the AWS provider of Terraform, which uses the SDK for Go 2.\n\n" +
		"| variable | what it is | who reads it |\n| --- | --- | --- |\n")
	for _, v := range family {
		b.WriteString("| `" + v.Name + "` | " + v.What + " | " + v.Readers + " |\n")
	}
	b.WriteString("| `" + bearerPrefix + "…` | a token that is sent instead of a signature; the rest of the name is a service, as in `" + bearerPrefix +
		"BEDROCK` | AWS CLI, botocore, JavaScript 3; for Bedrock also Go 2 and Ruby |\n\n" +
		"Not removed: where files and endpoints are (`AWS_CONFIG_FILE`, `AWS_SHARED_CREDENTIALS_FILE`, `AWS_ENDPOINT_URL` and\n" +
		"their like), which you set on purpose; `BOTO_CONFIG`, which other programs read too; and `SECRET_ACCESS_KEY`, which the\n" +
		"SDK for Rust reads only where a key's id has no secret beside it.\n\n" +
		"What a profile itself says about its endpoints and certificates (`endpoint_url`, `services`, `ca_bundle`,\n" +
		"`use_fips_endpoint`, `use_dualstack_endpoint`, `sts_regional_endpoints`) is set with the session, in `AWS_ENDPOINT_URL`,\n" +
		"`AWS_ENDPOINT_URL_…`, `AWS_CA_BUNDLE` and their like, where you have set none yourself, and removed with it.\n\n" +
		"This page is written by `go test ./env -update`.\n")
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ReplaceAll(string(text), "\r\n", "\n"); got != b.String() {
		t.Error("docs/identity-variables.md is not what the table says: go test ./env -update")
	}
}
