package env

import (
	"maps"
	"slices"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
)

// local is a session of a profile with settings of its own.
func local() creds.Session {
	s := session("local", "us-east-1")
	s.Settings = map[string]string{
		"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ENDPOINT_URL_S3": "http://s3.localhost", "AWS_CA_BUNDLE": "/corp.pem",
		"AWS_USE_FIPS_ENDPOINT": "true", "PATH": "/evil",
	}
	return s
}

func settingsOf(m map[string]string) map[string]string {
	only := map[string]string{}
	for _, n := range settingsIn(m) {
		only[n] = m[n]
	}
	return only
}

func TestAProfilesNetworkReachesTheToolsAndLeavesWithIt(t *testing.T) {
	all := maps.Clone(local().Settings)
	delete(all, "PATH")
	for name, c := range map[string]struct{ start, want map[string]string }{
		"nothing of the user's": {nil, all},
		"a bundle of the user's": {
			map[string]string{"AWS_CA_BUNDLE": "/mine.pem"},
			map[string]string{"AWS_CA_BUNDLE": "/mine.pem", "AWS_ENDPOINT_URL": all["AWS_ENDPOINT_URL"], "AWS_ENDPOINT_URL_S3": all["AWS_ENDPOINT_URL_S3"], "AWS_USE_FIPS_ENDPOINT": "true"},
		},
		"the user's endpoint is for all services": {
			map[string]string{"AWS_ENDPOINT_URL": "http://mine"},
			map[string]string{"AWS_ENDPOINT_URL": "http://mine", "AWS_CA_BUNDLE": "/corp.pem", "AWS_USE_FIPS_ENDPOINT": "true"},
		},
		"an empty one is one": {
			map[string]string{"AWS_ENDPOINT_URL_S3": "", "AWS_ENDPOINT_URL_SQS": "http://sqs"},
			map[string]string{"AWS_ENDPOINT_URL_S3": "", "AWS_ENDPOINT_URL_SQS": "http://sqs", "AWS_ENDPOINT_URL": all["AWS_ENDPOINT_URL"], "AWS_CA_BUNDLE": "/corp.pem", "AWS_USE_FIPS_ENDPOINT": "true"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			start := map[string]string{"PATH": "/bin"}
			maps.Copy(start, c.start)
			m, stash := maps.Clone(start), map[string]string{}
			activate := func(s creds.Session) { do(m, stash, Activate(m, Request{Profile: s.Profile}, s, "/g")) }
			activate(local())
			if got := settingsOf(m); !maps.Equal(got, c.want) || m["PATH"] != "/bin" {
				t.Errorf("use: %v, not %v", got, c.want)
			}
			if user := User(m); !maps.Equal(user, start) {
				t.Errorf("the profile's are taken for the user's: %v", user)
			}
			for where, child := range map[string]map[string]string{
				"exec":           Parse(Child(list(start), Request{Profile: "local"}, local(), "/g")),
				"exec, in a use": Parse(Child(list(m), Request{Profile: "local"}, local(), "/g")),
				"exec --server":  Parse(ChildServed(list(start), Request{Profile: "local", Mode: ModeServer}, endpoint, local(), "/g")),
			} {
				if got := settingsOf(child); !maps.Equal(got, c.want) {
					t.Errorf("%s: %v, not %v", where, got, c.want)
				}
			}
			if got := settingsOf(Parse(Child(list(m), Request{Profile: "prod"}, session("prod", ""), "/g"))); !maps.Equal(got, settingsOf(start)) {
				t.Errorf("exec of another profile inside: %v", got)
			}
			if got := settingsOf(Parse(For(Source, list(m)))); !maps.Equal(got, settingsOf(start)) {
				t.Errorf("a credential_process: %v", got)
			}
			activate(local()) // a renewal
			activate(session("prod", "eu-west-1"))
			if got := settingsOf(m); !maps.Equal(got, settingsOf(start)) {
				t.Errorf("use of another profile: %v", got)
			}
			activate(local())
			do(m, stash, Deactivate(m))
			if !maps.Equal(m, start) {
				t.Errorf("off: %v, not %v", m, start)
			}
		})
	}
}

func TestASettingThatTheUserChangesAfterwardsIsTheUsers(t *testing.T) {
	m, stash := map[string]string{}, map[string]string{}
	do(m, stash, Activate(m, Request{Profile: "local"}, local(), "/g"))
	m["AWS_ENDPOINT_URL"] = "http://mine"
	do(m, stash, Activate(m, Request{Profile: "local"}, local(), "/g"))
	if m["AWS_ENDPOINT_URL"] != "http://mine" || m["AWS_ENDPOINT_URL_S3"] != "" {
		t.Errorf("%v", settingsOf(m))
	}
	do(m, stash, Deactivate(m))
	if want := map[string]string{"AWS_ENDPOINT_URL": "http://mine"}; !maps.Equal(m, want) {
		t.Errorf("off: %v", m)
	}
}

func TestToolsThatReadTheProfileGetItsNameAlone(t *testing.T) {
	m := map[string]string{}
	do(m, map[string]string{}, Activate(m, Request{Profile: "local", Mode: ModeProfile}, local(), "/g"))
	if got := settingsIn(m); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

func TestCodeThatIsExportedTakesTheActiveProfilesNetworkAway(t *testing.T) {
	m := map[string]string{"AWS_CA_BUNDLE": "/mine.pem"}
	do(m, map[string]string{}, Activate(m, Request{Profile: "local"}, local(), "/g"))
	for _, c := range Alone(m, []Change{set(keyID, "A")}) {
		if c.Unset {
			delete(m, c.Name)
		}
	}
	if got := settingsIn(m); !slices.Equal(got, []string{"AWS_CA_BUNDLE"}) {
		t.Errorf("%v", got)
	}
}

func TestLeavingADirectoryDoesNotBringAProfilesNetworkBack(t *testing.T) {
	m, stash := map[string]string{}, map[string]string{}
	do(m, stash, Activate(m, Request{Profile: "local"}, local(), "/g"))
	note, _ := encodeDirenv(project{Old: map[string]string{"AWS_ENDPOINT_URL": m["AWS_ENDPOINT_URL"]}, New: map[string]string{"AWS_ENDPOINT_URL": "http://dir"}})
	m["DIRENV_DIFF"], m["AWS_ENDPOINT_URL"] = note, "http://dir"
	do(m, stash, Deactivate(m))
	p, ok := decodeDirenv(m["DIRENV_DIFF"])
	if _, back := p.Old["AWS_ENDPOINT_URL"]; !ok || back || m["AWS_ENDPOINT_URL"] != "http://dir" {
		t.Errorf("%v, %v", p, m)
	}
}
