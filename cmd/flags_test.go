//go:build unix

package cmd_test

// What flags, settings and the profile ask for reaches AWS as it was meant.

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/store"
)

const readOnlyARN = "arn:aws:iam::aws:policy/ReadOnlyAccess"

func TestFlagsReachAWS(t *testing.T) {
	t.Parallel()
	config := roleConfig + `
[profile long]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/prod
duration_seconds = 7200
external_id = abc
role_session_name = from-file
`
	w := newWorld(t, config)
	alice := w.stored("alice", "base")
	prod := must(w.aws.AddRole(fakeaws.Role{Account: account, Name: "prod", MaxSession: 12 * time.Hour, Trust: fakeaws.Trust{Principals: []string{alice}}}))
	w.role("inner", fakeaws.Trust{Principals: []string{prod}})
	w.write("policy.json", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)
	last := func() fakeaws.AssumeRoleCall {
		c, _ := w.aws.LastAssumeRole()
		return c
	}
	for _, c := range []struct {
		name    string
		args    []string
		environ []string
		ok      func() bool
	}{
		{"an hour unless said", []string{"prod"}, nil, func() bool { return last().Duration == time.Hour }},
		{"a duration", []string{"prod", "--duration", "2h"}, nil, func() bool { return last().Duration == 2*time.Hour }},
		{"in seconds", []string{"prod", "-d", "5400"}, nil, func() bool { return last().Duration == 90*time.Minute }},
		{"by AWS Vault's variable", []string{"prod"}, []string{"AWS_ASSUME_ROLE_TTL=30m"}, func() bool { return last().Duration == 30*time.Minute }},
		{"the variable over the profile, as with AWS Vault", []string{"long"}, []string{"AWS_ASSUME_ROLE_TTL=40m"}, func() bool { return last().Duration == 40*time.Minute }},
		{"AWS Vault's variable for all profiles over both", []string{"long"}, []string{"AWS_ASSUME_ROLE_TTL=40m", "AWS_VAULT_DURATION=50m"}, func() bool { return last().Duration == 50*time.Minute }},
		{"the flag over the variables", []string{"long", "-d", "70m"}, []string{"AWS_ASSUME_ROLE_TTL=40m", "AWS_VAULT_DURATION=50m"}, func() bool { return last().Duration == 70*time.Minute }},
		{"the variable for one more role", []string{"long", "--role-arn", "111122223333:inner"}, []string{"AWS_ASSUME_ROLE_TTL=20m"}, func() bool { return last().Duration == 20*time.Minute }},
		{"the flag over the profile", []string{"long", "-d", "3h"}, nil, func() bool { return last().Duration == 3*time.Hour }},
		{"the profile's own settings", []string{"long", "--refresh"}, nil, func() bool { return last().ExternalID == "abc" && last().SessionName == "from-file" }},
		{"a name for the session", []string{"prod", "--refresh"}, nil, func() bool { return len(last().SessionName) >= 2 && last().SessionName != "from-file" }},
		{"read only", []string{"prod", "--read-only"}, nil, func() bool { return slices.Equal(last().PolicyARNs, []string{readOnlyARN}) }},
		{"policies by ARN", []string{"prod", "--policy-arn", readOnlyARN, "--policy-arn", readOnlyARN + "2"}, nil, func() bool { return len(last().PolicyARNs) == 2 }},
		{"a policy from a file", []string{"prod", "--policy", w.path("policy.json")}, nil, func() bool { return strings.Contains(last().Policy, `"s3:*"`) }},
		{"one more role", []string{"prod", "--role-arn", "arn:aws:iam::111122223333:role/inner"}, nil, func() bool { return strings.HasSuffix(last().RoleARN, "role/inner") }},
		{"in short", []string{"prod", "--role-arn", "111122223333:inner", "--read-only"}, nil, func() bool { return strings.HasSuffix(last().RoleARN, "role/inner") && len(last().PolicyARNs) == 1 }},
	} {
		before := w.aws.Calls("AssumeRole")
		r := w.vault(t, w.environ(c.environ...), append([]string{"export", "--format", "json"}, c.args...)...)
		if r.status != 0 || !c.ok() {
			t.Errorf("%s: status %d, AWS was asked %+v: %s", c.name, r.status, last(), r.err)
		}
		if w.aws.Calls("AssumeRole") == before {
			t.Errorf("%s: a session made for other wishes was handed out", c.name)
		}
		again := w.aws.Calls("AssumeRole")
		if !slices.Contains(c.args, "--refresh") {
			w.vault(t, w.environ(c.environ...), append([]string{"export", "--format", "json"}, c.args...)...)
			if w.aws.Calls("AssumeRole") != again {
				t.Errorf("%s: the second time AWS was asked again", c.name)
			}
		}
	}
}

func TestWhatCannotBeAskedForIsRefused(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	for name, args := range map[string][]string{
		"a policy without a role":      {"export", "base", "--read-only"},
		"a policy that is not there":   {"export", "prod", "--policy", w.path("nowhere.json")},
		"a duration AWS has not":       {"export", "prod", "--duration", "1s"},
		"a session longer than it may": {"export", "prod", "--duration", "13h"},
		"a role that is not an ARN":    {"export", "prod", "--role-arn", "admin"},
		"a profile to go back to":      {"use", "-", "--shell", "bash"},
	} {
		r := w.vault(t, w.environ(), args...)
		if r.status != 1 && r.status != 2 {
			t.Errorf("%s: status %d", name, r.status)
		}
		oneSentence(t, r)
	}
	for _, variable := range []string{"AWS_ASSUME_ROLE_TTL", "AWS_VAULT_DURATION"} {
		r := w.vault(t, w.environ(variable+"=soon"), "export", "prod")
		oneSentence(t, r)
		if !strings.Contains(r.err, variable) || !strings.Contains(r.err, "like 1h") {
			t.Error(r.err)
		}
	}
}

func TestMinTTLDecidesWhetherACachedSessionWillDo(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	export := func(calls int, environ []string, args ...string) {
		t.Helper()
		if r := w.vault(t, environ, append([]string{"export", "prod"}, args...)...); r.status != 0 || w.aws.Calls("*") != calls {
			t.Errorf("status %d, %d calls, want %d: %s", r.status, w.aws.Calls("*"), calls, r.err)
		}
	}
	export(1, w.environ())
	check(w.age("prod", 33*time.Minute))
	export(1, w.environ())
	export(1, w.environ(), "--min-ttl", "20m")
	export(2, w.environ(), "--min-ttl", "28m")
	check(w.age("prod", 33*time.Minute))
	export(2, w.environ())
	export(3, w.environ("AWS_MIN_TTL=28m"))
	check(w.age("prod", 20*time.Minute))
	export(3, w.environ("AWS_MIN_TTL=45m")) // AWS Vault's own: half of a lifetime is enough
	export(4, w.environ(), "--min-ttl", "45m")
	export(5, w.environ(), "--min-ttl", "1h") // a whole new one
}

func TestWhatCannotBeLeftOfASessionRunsNothing(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	for _, x := range []struct{ args, says string }{
		{"exec --min-ttl 2h prod -- echo it ran", "a session of prod lasts 1 hour, so that 2 hours are never left of it, as --min-ttl wants"},
		{"exec --server --min-ttl 2h prod -- echo it ran", "hint: --duration asks for a longer session, if AWS allows it"},
		{"export --min-ttl 61m prod", "a session of prod lasts 1 hour"},
		{"export --min-ttl 5h -d 4h prod", "a session of prod lasts 4 hours"},
		{"use --shell bash --min-ttl 90m --role-arn 111122223333:other prod", "hint: a role that is assumed with a session, and not with a key, never lasts longer at AWS"},
	} {
		r := w.vault(t, w.environ(), strings.Fields(x.args)...)
		want(t, r, 1, x.says)
		if r.out != "" || w.aws.Calls("*") != 0 {
			t.Errorf("%s: printed %q, %d calls", x.args, r.out, w.aws.Calls("*"))
		}
	}
	r := w.vault(t, w.environ(), "exec", "-d", "2h", "--min-ttl", "2h", "prod", "--", "echo", "it ran")
	if want(t, r, 1, "DurationSeconds exceeds the MaxSessionDuration set for this role"); r.out != "" { // as only AWS knows
		t.Errorf("printed %q", r.out)
	}
}

func TestTheRegionFlagWinsOverTheUsersRegionAndThatOverTheProfiles(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	regions := func(r result) string {
		t.Helper()
		var found []string
		for line := range strings.Lines(r.out) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.HasSuffix(name, "_REGION") {
				found = append(found, value)
			}
		}
		if r.status != 0 {
			t.Error(r.err)
		}
		return strings.Join(found, " ")
	}
	for _, c := range []struct {
		environ []string
		args    []string
		want    string
	}{
		{nil, nil, "eu-central-1 eu-central-1"},
		{nil, []string{"--region", "us-east-2"}, "us-east-2 us-east-2"},
		{[]string{"AWS_REGION=us-west-1"}, nil, "us-west-1 us-west-1"},
		{[]string{"AWS_DEFAULT_REGION=us-west-1"}, nil, "us-west-1 us-west-1"},
		{[]string{"AWS_REGION=us-west-1"}, []string{"--region", "us-east-2"}, "us-east-2 us-east-2"},
	} {
		args := append([]string{"export", "prod"}, c.args...)
		if got := regions(w.vault(t, w.environ(c.environ...), args...)); got != c.want {
			t.Errorf("export %v %v: %s, want %s", c.environ, c.args, got, c.want)
		}
		args = append(append([]string{"exec", "prod"}, c.args...), "--", "sh", "-c", "echo AWS_REGION=$AWS_REGION; echo AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION")
		if got := regions(w.vault(t, w.environ(c.environ...), args...)); got != c.want {
			t.Errorf("exec %v %v: %s, want %s", c.environ, c.args, got, c.want)
		}
	}
	if n := w.aws.Calls("*"); n != 1 {
		t.Errorf("the region is where to go, not who one is: %d calls", n)
	}
}

func TestAKeyOrADeviceSaysThePartitionWhereNoRegionDoes(t *testing.T) {
	w := must(makeWorld(worldDir(t), fakeaws.Options{Partition: "aws-us-gov"}))
	t.Cleanup(func() { _ = w.aws.Close() })
	w.write("home/.aws/config", "[profile device]\nmfa_serial = arn:aws-us-gov:iam::111122223333:mfa/phone\n[profile bare]\n")
	arn := w.stored("alice", "device")
	w.mfa(arn, "phone")
	w.stored("bob", "bare")
	_, k := w.user("carol")
	given := w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	want(t, w.vault(t, given, "add", "gov", "--env"), 0, "belongs to arn:aws-us-gov:iam::111122223333:user/carol", "us-gov-west-1, which is its region from now on")
	want(t, w.vault(t, w.environ(), "export", "gov"), 0, "AWS_REGION=us-gov-west-1")
	want(t, w.vault(t, w.environ(), "export", "device", "-t", w.code("phone")), 0, "AWS_REGION=us-gov-west-1")
	want(t, w.vault(t, w.environ(), "export", "bare"), 1, "AWS does not know the access key", "a key of China or GovCloud needs a region in the profile")
	want(t, w.vault(t, w.environ(), "export", "bare", "--region", "us-gov-east-1"), 0)
	want(t, w.vault(t, given, "add", "wrong", "--env", "--region", "eu-west-1"), 1, "AWS does not know the access key")
	want(t, w.vault(t, append(given, "AWS_ACCESS_KEY_ID=AKIANOBODY"), "add", "nobody", "--env"), 1, "nothing was stored")
	w.write("home/plain", "[plain]\naws_access_key_id = "+k.ID+"\naws_secret_access_key = "+k.Secret.Reveal()+"\n")
	want(t, w.vault(t, w.environ("AWS_SHARED_CREDENTIALS_FILE="+w.path("home/plain")), "import", "--yes"), 0, "arn:aws-us-gov:iam::111122223333:user/carol")
	want(t, w.vault(t, w.environ(), "export", "plain"), 0, "AWS_REGION=us-gov-west-1")
}

func TestTheHintForAKeyNamesTheProfileThatHasIt(t *testing.T) {
	w := newWorld(t, roleConfig)
	arn, k := w.user("alice")
	w.role("prod", fakeaws.Trust{Principals: []string{arn}})
	for hint, wrong := range map[string]creds.Key{
		"it may be inactive, deleted or mistyped; vault add base stores it again":                                    {ID: "AKIANOBODY", Secret: k.Secret},
		"vault add base stores the key again; if its secret is lost, make another key: AWS shows a secret only once": {ID: k.ID, Secret: creds.New("wrong")},
	} {
		check(store.PutKey(t.Context(), w.keyring(), "base", wrong))
		want(t, w.vault(t, w.environ(), "export", "prod"), 1, "vault: hint: "+hint+"\n")
	}
	w.write("home/.aws/credentials", "[saml]\naws_access_key_id = ASIANOBODY\naws_secret_access_key = s\naws_session_token = t\n")
	want(t, w.vault(t, w.environ(), "whoami", "saml"), 1, "vault: hint: the key came from the temporary key in "+w.path("home/.aws/credentials")+":2,")
}
