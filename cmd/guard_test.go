//go:build unix

package cmd_test

import (
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
)

const guardConfig = `[profile base]
region = eu-west-1
[profile prod]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = base
vault_protected = true
[profile other]
source_profile = prod
[profile over]
role_arn = arn:aws:iam::111122223333:role/over
source_profile = prod
[profile brief]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = base
vault_max_duration = 30m
[profile once]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = base
vault_auto_renew = false
[profile reader]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = base
vault_read_only = true
[profile key]
source_profile = base
vault_read_only = true
`

func guardWorld(t *testing.T) *world {
	w := newWorld(t, guardConfig)
	alice := w.stored("alice", "base")
	w.role("prod", fakeaws.Trust{Principals: []string{alice}})
	w.role("over", fakeaws.Trust{Principals: []string{"arn:aws:iam::111122223333:role/prod"}})
	return w
}

func TestAProtectedProfileIsConfirmedByItsNameAndRefusedElsewhere(t *testing.T) {
	t.Parallel()
	w := guardWorld(t)
	for _, args := range []string{
		"use --shell bash prod", "use --shell bash other", "use --shell bash --role-arn 111122223333:over prod", "exec prod -- echo it ran", "exec prod",
		"exec --server prod -- echo it ran", "exec --server --lazy prod -- echo it ran", "exec -j prod", "export prod", "export --no-session prod",
		"export --format json prod", "serve prod", "serve --lazy base prod",
	} {
		r := w.away(t, w.environ(), nil, strings.Fields(args)...)
		want(t, r, 3, "is protected: its name has to be typed on a terminal", "--yes-really=")
		if r.out != "" || w.aws.Calls("AssumeRole") != 0 {
			t.Fatalf("%s: %d calls, printed %q", args, w.aws.Calls("AssumeRole"), r.out)
		}
	}
	want(t, w.away(t, w.environ(), nil, "export", "--yes-really=base", "prod"), 2, `--yes-really names "base", and the protected profile is "prod"`)
	want(t, w.away(t, w.environ(), nil, "export", "--yes-really=", "prod"), 2)
	want(t, w.away(t, w.environ(), nil, "whoami", "prod"), 0) // gives nothing out
	want(t, w.away(t, w.environ(), nil, "export", "over"), 0)

	question := "prod is protected (arn:aws:iam::111122223333:role/prod). Type its name to go on: "
	r, shown := w.talk(t, w.environ(), []exchange{{question, "yes\r"}}, "exec", "prod", "--", "echo", "it ran")
	if want(t, r, 1, `that is not "prod": nothing was changed and nothing was run`); r.out != "" {
		t.Errorf("it ran: %s", shown)
	}
	r, _ = w.talk(t, w.environ(), []exchange{{question, "prod\r"}}, "exec", "prod", "--", "env")
	if want(t, r, 0, "AWS_VAULT=prod"); r.status != 0 {
		return
	}
	inside := append(without(w.environ(), "AWS_VAULT"), strings.Split(strings.TrimSpace(r.out), "\n")...)
	for _, args := range []string{"export", "exec -- true", "use --shell bash prod", "refresh --shell bash", "export prod"} { // this shell has it
		want(t, w.away(t, inside, nil, strings.Fields(args)...), 0)
	}
	want(t, w.away(t, inside, nil, "use", "--shell", "bash", "--role-arn", "111122223333:over", "prod"), 3) // and not this
	want(t, w.away(t, w.environ(), nil, "exec", "--yes-really=prod", "prod", "--", "true"), 0)
}

func TestASessionIsNoLongerThanTheProfilesMaximum(t *testing.T) {
	t.Parallel()
	w := guardWorld(t)
	r := w.vault(t, w.environ(), "export", "-d", "1h", "--min-ttl", "25m", "brief")
	want(t, r, 0, `vault_max_duration of profile "brief": this session lasts 30 minutes, and not 1 hour`)
	_, rest, _ := strings.Cut(r.out, "AWS_CREDENTIAL_EXPIRATION=")
	until := must(time.Parse(time.RFC3339, strings.Fields(rest)[0]))
	if left := time.Until(until); left > 31*time.Minute {
		t.Errorf("%s are left", left)
	}
	want(t, w.vault(t, w.environ(), "export", "--min-ttl", "45m", "brief"), 1, "a session of brief lasts 30 minutes")
	want(t, w.vault(t, w.environ(), "use", "--shell", "bash", "--mode", "profile", "brief"), 1, "they do not know vault_max_duration (30 minutes)")
	want(t, w.vault(t, w.environ(), "show", "brief"), 0, "held by", "vault_max_duration (30 minutes)")
}

func TestASessionThatIsNotRenewedLapsesEverywhere(t *testing.T) {
	t.Parallel()
	w := guardWorld(t)
	json := []string{"export", "--format", "json", "once"}
	want(t, w.vault(t, w.environ(), json...), 3, `there is no session of "once" that a person has begun`, "hint: vault use once")
	r := w.vault(t, w.environ(), "exec", "once", "--", "env")
	want(t, r, 0, "AWS_VAULT=once")
	inside := append(without(w.environ(), "AWS_VAULT"), strings.Split(strings.TrimSpace(r.out), "\n")...)
	want(t, w.vault(t, inside, "status"), 0, "held by", "never: vault refresh makes another, because of vault_auto_renew = false")
	want(t, w.vault(t, w.environ(), json...), 0)
	check(w.age("once", 58*time.Minute)) // it is due
	want(t, w.vault(t, inside, "refresh", "--if-due"), 0)
	want(t, w.vault(t, w.environ(), json...), 0)
	want(t, w.vault(t, inside, "refresh", "--if-due", "--env", "--shell", "bash"), 0)
	check(w.age("once", 5*time.Minute)) // it has ended
	want(t, w.vault(t, w.environ(), json...), 3)
	if n := w.aws.Calls("AssumeRole"); n != 1 {
		t.Errorf("%d calls", n)
	}
	want(t, w.vault(t, inside, "refresh", "--shell", "bash"), 0) // by a person
	if n := w.aws.Calls("AssumeRole"); n != 2 {
		t.Errorf("%d calls", n)
	}
	if r := w.vault(t, inside, "refresh", "--env", "--shell", "bash"); strings.Contains(r.out, "AWS_SECRET_ACCESS_KEY") {
		t.Error("a shell was given the session that a person has begun in another one")
	}
	want(t, w.vault(t, w.environ(), "export", "--no-session", "once"), 1, "the key itself does not expire")
}

func TestAReadOnlyProfileIsAlwaysNarrowed(t *testing.T) {
	t.Parallel()
	w := guardWorld(t)
	for _, args := range []string{"use --shell bash reader", "export reader", "exec reader -- true", "export --read-only reader"} {
		want(t, w.vault(t, w.environ(), strings.Fields(args)...), 0)
	}
	r := w.vault(t, w.environ(), "exec", "reader", "--", "env")
	inside := append(without(w.environ(), "AWS_VAULT"), strings.Split(strings.TrimSpace(r.out), "\n")...)
	want(t, w.vault(t, inside, "status"), 0, "to what it shares with arn:aws:iam::aws:policy/ReadOnlyAccess", "held by", "vault_read_only")
	if n := w.aws.Calls("AssumeRole"); n != 1 {
		t.Errorf("%d calls, so the session was not the same one", n)
	}
	admin := "arn:aws:iam::aws:policy/AdministratorAccess"
	want(t, w.vault(t, w.environ(), "export", "--policy-arn", admin, "reader"), 1, "AWS would add another policy to that")
	want(t, w.vault(t, w.environ(), "export", "--read-only", "--policy-arn", admin, "brief"), 2, "AWS adds policies up")
	want(t, w.vault(t, w.environ(), "export", "key"), 1, "a session policy, as vault_read_only demands, can be given only to a role")
	want(t, w.vault(t, w.environ(), "use", "--shell", "bash", "--mode", "profile", "reader"), 1, "they do not know vault_read_only")
	want(t, w.vault(t, w.environ(), "list"), 0, "Held by\n", "=======\n", "vault_read_only")
	want(t, w.vault(t, w.environ(), "list", "--json"), 0, `"guard":{"protected":true}`)
	want(t, w.vault(t, w.environ(), "show", "--json", "reader"), 0, `"read_only": true`)
}
