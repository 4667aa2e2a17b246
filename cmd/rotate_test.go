//go:build unix

package cmd_test

// Rotations of the real program against an AWS that verifies: what is left at AWS, in
// the keyring and on the disk, and what is said. Interruptions at every single operation
// are the tests of package rotation.

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

// storedKey is the key in the keyring, whose secret is looked for from here on.
func (w *world) storedKey(t *testing.T, profile string) creds.Key {
	t.Helper()
	k, err := store.GetKey(context.Background(), w.keyring(), profile)
	check(err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, k.Secret.Reveal())
	return k
}

// keysAt is what AWS lists for a user, asked by the user.
func (w *world) keysAt(t *testing.T, user, profile string) []sessions.AccessKey {
	t.Helper()
	k := w.storedKey(t, profile)
	c := sessions.IAM{
		Endpoint: sessions.Endpoint{Region: "eu-west-1", URL: w.aws.URL()}, User: user,
		Session: creds.Session{AccessKeyID: k.ID, SecretKey: k.Secret},
	}
	return must(c.ListAccessKeys(context.Background()))
}

// rotated checks the end of a rotation: one key at AWS, which is the one that is stored,
// another than before, and nothing left over.
func (w *world) rotated(t *testing.T, user, profile string, old creds.Key) {
	t.Helper()
	w.unfinishedBusiness(t, profile, false)
	now := w.storedKey(t, profile)
	list := w.keysAt(t, user, profile)
	if now.ID == old.ID || len(list) != 1 || list[0].ID != now.ID || !list[0].Active {
		t.Errorf("stored …%s, before …%s, AWS has %+v", now.ID[16:], old.ID[16:], list)
	}
}

// unfinishedBusiness checks whether there is a journal or a key beside the stored one,
// and that no file outside of the keyring has a secret.
func (w *world) unfinishedBusiness(t *testing.T, profile string, want bool) {
	t.Helper()
	journals, _ := filepath.Glob(w.path("home/.local/state/vault/rotate/*"))
	_, err := w.keyring().Get(context.Background(), store.StagedName(profile))
	if (len(journals) > 0) != want || err == nil && !want {
		t.Errorf("journals %q, beside: %v; want %v", journals, err, want)
	}
	for _, file := range journals {
		if found := w.leak(string(must(os.ReadFile(file)))); found != "" {
			t.Errorf("a secret in %s: %s", file, found)
		}
	}
}

// says checks that lines with these beginnings are on standard error, in this order.
func says(t *testing.T, r result, lines ...string) {
	t.Helper()
	rest := r.err
	for _, line := range lines {
		_, after, ok := strings.Cut("\n"+rest, "\nvault: "+line)
		if !ok {
			t.Fatalf("status %d: %q is missing, or not in its place:\n%s", r.status, line, r.err)
		}
		rest = after
	}
}

func newRotateWorld(t *testing.T, o fakeaws.Options, config string) *world {
	t.Helper()
	w := must(makeWorld(worldDir(t), o))
	t.Cleanup(func() { _ = w.aws.Close() })
	w.write("home/.aws/config", config)
	return w
}

func TestRotateReplacesTheKeyAndForgetsWhatWasMadeWithTheOldOne(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := newWorld(t, roleConfig+`
[profile ops]
source_profile = prod
role_arn = arn:aws:iam::111122223333:role/ops
[profile apart]
`)
	alice := w.stored("alice", "base")
	w.stored("bob", "apart")
	prod := must(w.aws.AddRole(fakeaws.Role{Account: account, Name: "prod", MaxSession: 4 * time.Hour, Trust: fakeaws.Trust{Principals: []string{alice}}}))
	w.role("ops", fakeaws.Trust{Principals: []string{prod}})
	old := w.storedKey(t, "base")
	live := map[string]string{} // generation files of shells
	for name, args := range map[string]string{"base": "base", "prod": "prod", "long": "prod -d 2h", "ops": "ops"} {
		r := w.bash(t, w.environ(), "vault use "+args+" >/dev/null && printf %s \"$__VAULT_TOKEN\"")
		live[name] = r.out
		if _, err := os.Stat(r.out); err != nil {
			t.Fatalf("%s: %v: %s", name, err, r.err)
		}
	}
	if r := w.vault(t, w.environ(), "exec", "apart", "--", "true"); r.status != 0 {
		t.Fatal(r.err)
	}
	before := w.sessions("base") + w.sessions("prod") + w.sessions("ops")

	r := w.vault(t, w.environ(), "rotate", "base", "--json")
	if r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	w.rotated(t, "alice", "base", old)
	now := w.storedKey(t, "base")
	says(t, r, "rotating the key …"+old.ID[16:]+" of user alice in account 111122223333, stored for base\n", "made the key …"+now.ID[16:],
		"the key …"+now.ID[16:]+" works\n", "the key …"+now.ID[16:]+" is now the one stored for base\n",
		"deactivated the old key …"+old.ID[16:], "deleted the old key …"+old.ID[16:], "done: base has the key …"+now.ID[16:])
	var told struct {
		Profile, User string
		Old           string `json:"old_key"`
		New           string `json:"new_key"`
		OldNow        string `json:"old_key_is"`
	}
	check(json.Unmarshal([]byte(r.out), &told))
	if told.Profile != "base" || told.User != alice || told.Old != old.ID || told.New != now.ID || told.OldNow != "deleted" {
		t.Errorf("told %+v", told)
	}
	if n := w.sessions("base") + w.sessions("prod") + w.sessions("ops"); before != 4 || n != 0 || w.sessions("apart") != 1 {
		t.Errorf("%d of %d sessions are left, %d of another key", n, before, w.sessions("apart"))
	}
	for name, file := range live {
		if _, err := os.Stat(file); err == nil {
			t.Errorf("the shell with %s does not hear of it", name)
		}
	}
	if r := w.vault(t, w.environ(), "exec", "ops", "--", "true"); r.status != 0 {
		t.Errorf("with the new key: status %d: %s", r.status, r.err)
	}
	// AWS Vault signed with the key itself for this; so can we.
	if r := w.vault(t, w.environ(), "rotate", "-n", "ops"); r.status != 0 {
		t.Errorf("--no-session: status %d: %s", r.status, r.err)
	}
	w.rotated(t, "alice", "base", now)
}

// chainConfig: a key with MFA, a role over it, a role over that, and one of another
// account.
const chainConfig = `
[default]
region = eu-west-1
[profile base]
mfa_serial = arn:aws:iam::111122223333:mfa/phone
[profile admin]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/admin
mfa_serial = arn:aws:iam::111122223333:mfa/phone
[profile top]
source_profile = admin
role_arn = arn:aws:iam::111122223333:role/top
[profile far]
source_profile = base
role_arn = arn:aws:iam::444455556666:role/far
mfa_serial = arn:aws:iam::111122223333:mfa/phone
`

func chainWorld(t *testing.T, o fakeaws.Options, config string) (w *world, alice string) {
	w = newRotateWorld(t, o, config)
	alice = w.stored("alice", "base")
	w.mfa(alice, "phone")
	admin := must(w.aws.AddRole(fakeaws.Role{Account: account, Name: "admin", Trust: fakeaws.Trust{Principals: []string{alice}, MFA: true}}))
	w.role("top", fakeaws.Trust{Principals: []string{admin}})
	must(w.aws.AddRole(fakeaws.Role{Account: "444455556666", Name: "far", Trust: fakeaws.Trust{Principals: []string{alice}, MFA: true}}))
	return w, alice
}

func TestOneCodeIsEnoughThroughAnyNumberOfRoles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ profile, mayNot string }{{"base", ""}, {"admin", "user"}, {"top", "user"}, {"top", "admin"}} {
		w, alice := chainWorld(t, fakeaws.Options{}, chainConfig)
		all := []string{"iam:CreateAccessKey", "iam:ListAccessKeys", "iam:UpdateAccessKey", "iam:DeleteAccessKey"}
		switch c.mayNot {
		case "user":
			w.aws.Deny(alice, all...)
		case "admin":
			w.aws.Deny("arn:aws:iam::111122223333:role/admin", all...)
		}
		old := w.storedKey(t, "base")
		r := w.vault(t, w.environ(), "rotate", c.profile, "--mfa-token", w.code("phone"))
		if r.status != 0 {
			t.Errorf("%s: status %d: %s", c.profile, r.status, r.err)
			continue
		}
		if n := w.aws.Calls("GetSessionToken"); n != 1 {
			t.Errorf("%s: %d sessions with MFA were made", c.profile, n)
		}
		if c.mayNot != "" {
			w.aws.Deny(alice) // asking below is the user's
			if now := w.storedKey(t, "base"); now.ID == old.ID {
				t.Errorf("%s: the key was not replaced", c.profile)
			}
			w.unfinishedBusiness(t, "base", false)
			continue
		}
		w.rotated(t, "alice", "base", old)
	}
}

func TestARoleOfAnotherAccountLeavesItToTheKeysOwnSession(t *testing.T) {
	t.Parallel()
	w, _ := chainWorld(t, fakeaws.Options{}, chainConfig)
	old := w.storedKey(t, "base")
	r := w.vault(t, w.environ(), "rotate", "far", "-t", w.code("phone"))
	says(t, r, "far is a role of account 444455556666, which does not know the key's user: continuing with the key's own credentials\n", "done: base has the key")
	w.rotated(t, "alice", "base", old)
	if w.aws.Calls("AssumeRole") != 0 {
		t.Error("the role was assumed")
	}

	// A device that only the role's profile names is the user's all the same.
	w, _ = chainWorld(t, fakeaws.Options{}, strings.Replace(chainConfig, "[profile base]\nmfa_serial = arn:aws:iam::111122223333:mfa/phone\n", "[profile base]\n", 1))
	old = w.storedKey(t, "base")
	if r := w.vault(t, w.environ(), "rotate", "far"); r.status != 3 || !strings.Contains(r.err, "vault: hint: run it in a terminal: vault rotate far\n") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	if r := w.vault(t, w.environ(), "rotate", "far", "-t", w.code("phone")); r.status != 0 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	w.rotated(t, "alice", "base", old)
}

func TestASessionThatIsCachedIsUsedWithoutAQuestion(t *testing.T) {
	t.Parallel()
	w, _ := chainWorld(t, fakeaws.Options{}, chainConfig)
	if r := w.vault(t, w.environ(), "exec", "top", "-t", w.code("phone"), "--", "true"); r.status != 0 {
		t.Fatal(r.err)
	}
	old := w.storedKey(t, "base")
	if r := w.vault(t, w.environ(), "rotate", "top"); r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	w.rotated(t, "alice", "base", old)
}

// Policies may want an MFA that is not hours old, or may allow no user at all.
func TestACachedSessionThatIsDeniedIsReplacedOnce(t *testing.T) {
	t.Parallel()
	w, alice := chainWorld(t, fakeaws.Options{}, chainConfig)
	if r := w.vault(t, w.environ(), "exec", "base", "-t", w.code("phone"), "--", "true"); r.status != 0 {
		t.Fatal(r.err)
	}
	w.aws.Inject("ListAccessKeys", fakeaws.Fault{Status: 403, Code: "AccessDenied", Message: "too old"})
	old := w.storedKey(t, "base")
	if r := w.vault(t, w.environ(), "rotate", "base", "-t", w.code("phone")); r.status != 0 || strings.Contains(r.err, "not allowed") {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	w.rotated(t, "alice", "base", old)
	if n := w.aws.Calls("GetSessionToken"); n != 2 {
		t.Errorf("%d sessions with MFA were made", n)
	}
	w.aws.Deny(alice, "iam:CreateAccessKey")
	before := w.aws.Calls("CreateAccessKey")
	if r := w.vault(t, w.environ(), "rotate", "base", "-t", w.code("phone")); r.status != 1 || w.aws.Calls("CreateAccessKey") != before+1 {
		t.Errorf("status %d after %d calls: %s", r.status, w.aws.Calls("CreateAccessKey")-before, r.err)
	}
}

func TestAWrongCodeChangesNothing(t *testing.T) {
	t.Parallel()
	w, _ := chainWorld(t, fakeaws.Options{}, chainConfig)
	old := w.storedKey(t, "base")
	r := w.vault(t, w.environ(), "rotate", "base", "-t", "000000")
	if r.status != 1 || !strings.Contains(r.err, "the MFA code was not accepted") || w.storedKey(t, "base").ID != old.ID || w.aws.Calls("CreateAccessKey") != 0 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	w.unfinishedBusiness(t, "base", false)
	// On a terminal it is asked for once more, at once.
	r, _ = w.talk(t, w.environ(), []exchange{{"MFA code for phone", "000000\r"}, {"MFA code for phone", w.code("phone") + "\r"}}, "rotate", "base")
	if r.status != 0 || strings.Contains(r.err, "waiting") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	w.rotated(t, "alice", "base", old)
}

// showCodes keeps a file up to date with what the device shows, as an app does.
func (w *world) showCodes(t *testing.T, device, file string) {
	show := func() {
		check(os.WriteFile(file+".new", []byte(must(totp.GenerateCode(w.devices[device].Seed.Reveal(), time.Now()))), 0o600))
		check(os.Rename(file+".new", file))
	}
	show()
	tick := time.NewTicker(100 * time.Millisecond)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range tick.C {
			select {
			case <-t.Context().Done():
				return
			default:
				show()
			}
		}
	}()
	t.Cleanup(func() { tick.Reset(time.Millisecond); <-done; tick.Stop() })
}

// Where sessions end with their key, a second code is needed once the old key is
// inactive. The device shows the first one still, and AWS takes no code twice.
func TestTheNextCodeIsWaitedForWhereOneIsNotEnough(t *testing.T) {
	testenv.OnlyLong(t, "it waits up to half a minute for the next MFA code")
	t.Parallel()
	w, _ := chainWorld(t, fakeaws.Options{SessionsEndWithKeys: true, KeysSettle: 1}, strings.Replace(chainConfig,
		"[profile base]\n", "[profile base]\nmfa_process = cat \"$HOME/code\"\n", 1))
	w.showCodes(t, "phone", w.path("home/code"))
	old := w.storedKey(t, "base")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, filepath.Join(bin, "vault"), "rotate", "top")
	var errs bytes.Buffer
	c.Env, c.Dir, c.Stderr = w.environ(), w.dir, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	r := result{err: errs.String()}
	says(t, r, "made the key", "waiting until all of AWS knows the key", "deactivated the old key", "waiting ", "deleted the old key", "done: base")
	w.rotated(t, "alice", "base", old)
	if n := w.aws.Calls("GetSessionToken"); n != 2 {
		t.Errorf("%d sessions with MFA were made", n)
	}
}

// The same without a person to give the second code: the state is one to go on from.
func TestASecondCodeThatIsNotGivenIsStatusThreeAndResumed(t *testing.T) {
	t.Parallel()
	w, _ := chainWorld(t, fakeaws.Options{SessionsEndWithKeys: true}, chainConfig)
	old := w.storedKey(t, "base")
	r := w.vault(t, w.environ(), "rotate", "base", "-t", w.code("phone"))
	if r.status != 3 || !strings.HasSuffix(r.err, "vault: \"base\" needs an MFA code\nvault: hint: a key that works is stored for base; in a terminal vault rotate --resume base continues\n") {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	w.unfinishedBusiness(t, "base", true)
	// Meanwhile all else works, with the new key.
	if r := w.vault(t, w.environ(), "exec", "admin", "-t", w.code("phone"), "--", "true"); r.status != 0 {
		t.Errorf("exec: status %d: %s", r.status, r.err)
	}
	r = w.vault(t, w.environ(), "rotate", "--resume", "base", "-t", w.code("phone"))
	if r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	says(t, r, "continuing the rotation of base that was begun just now\n", "deleted the old key")
	w.rotated(t, "alice", "base", old)
}

// room makes the second key of a user, and uses it.
func (w *world) room(t *testing.T, arn string, used bool) creds.Key {
	k := must(w.aws.AddKey(arn))
	if used {
		_, err := sessions.WhoAmI(context.Background(), sessions.Endpoint{Region: "eu-west-1", URL: w.aws.URL()}, creds.Session{AccessKeyID: k.ID, SecretKey: k.Secret})
		check(err)
	}
	return k
}

func TestOfTwoKeysOneIsShownAndOfferedForDeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	alice := w.stored("alice", "base")
	other := w.room(t, alice, false)
	old := w.storedKey(t, "base")
	// Nobody is there to be asked.
	r := w.vault(t, w.environ(), "rotate", "base")
	if r.status != 3 || !strings.Contains(r.err, "…"+other.ID[16:]+"  not stored here  active  made just now  never used\n") ||
		!strings.Contains(r.err, "…"+old.ID[16:]+"  stored for base  active  made just now  last used just now for iam in us-east-1\n") ||
		!strings.HasSuffix(r.err, "vault: hint: vault rotate --delete-other --yes base deletes that key first\n") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	// A no.
	r, _ = w.talk(t, w.environ(), []exchange{{"delete the key …" + other.ID[16:] + ", never used? [y/N] ", "n\r"}}, "rotate", "base")
	if r.status != 1 || !strings.Contains(r.err, "no key was made: there is no room for one") || w.aws.Calls("UpdateAccessKey") != 0 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	// The wrong name, and then a yes.
	r = w.vault(t, w.environ(), "rotate", "base", "--delete-other="+old.ID[16:], "--yes")
	if r.status != 2 || len(w.keysAt(t, "alice", "base")) != 2 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	w.unfinishedBusiness(t, "base", false)
	r, _ = w.talk(t, w.environ(), []exchange{{"[y/N] ", "y\r"}}, "rotate", "base")
	says(t, r, "deleted the other key …"+other.ID[16:], "made the key", "done: base")
	w.rotated(t, "alice", "base", old)

	// By flag, as a script would.
	other, old = w.room(t, alice, false), w.storedKey(t, "base")
	if r := w.vault(t, w.environ(), "rotate", "base", "--delete-other", "--yes"); r.status != 0 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	w.rotated(t, "alice", "base", old)
}

func TestAKeyThatWasUsedTodayNeedsMoreThanAYes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	alice := w.stored("alice", "base")
	other := w.room(t, alice, true)
	old := w.storedKey(t, "base")
	r := w.vault(t, w.environ(), "rotate", "base", "--delete-other", "--yes")
	if r.status != 3 || !strings.Contains(r.err, "--delete-other="+other.ID[16:]+" --yes base") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	asked := "the key …" + other.ID[16:] + " was last used just now for sts in eu-west-1. To delete it nevertheless, type its last four characters: "
	r, _ = w.talk(t, w.environ(), []exchange{{asked, "y\r"}}, "rotate", "base")
	if r.status != 1 || len(w.keysAt(t, "alice", "base")) != 2 {
		t.Errorf("a yes: status %d: %s", r.status, r.err)
	}
	r, _ = w.talk(t, w.environ(), []exchange{{asked, other.ID[16:] + "\r"}}, "rotate", "base")
	if r.status != 0 {
		t.Errorf("named: status %d: %s", r.status, r.err)
	}
	w.rotated(t, "alice", "base", old)
	other, old = w.room(t, alice, true), w.storedKey(t, "base")
	if r := w.vault(t, w.environ(), "rotate", "base", "--delete-other="+other.ID, "-y"); r.status != 0 {
		t.Errorf("by flag: status %d: %s", r.status, r.err)
	}
	w.rotated(t, "alice", "base", old)
}

func TestAKeyThatAnotherProfileHasStoredIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig+"[profile twin]\n")
	other := w.room(t, w.stored("alice", "base"), false)
	check(store.PutKey(context.Background(), w.keyring(), "twin", other))
	r := w.vault(t, w.environ(), "rotate", "base", "--delete-other", "--yes")
	if r.status != 1 || !strings.Contains(r.err, "stored for twin") || !strings.Contains(r.err, "both keys of the user are stored here") || len(w.keysAt(t, "alice", "base")) != 2 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
}

func TestACopyOfTheKeyUnderAnotherNameIsReplacedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig+"[profile twin]\n[profile apart]\n")
	w.stored("alice", "base")
	w.stored("bob", "apart")
	old, bobs := w.storedKey(t, "base"), w.storedKey(t, "apart")
	check(store.PutKey(context.Background(), w.keyring(), "twin", old))
	if r := w.vault(t, w.environ(), "exec", "twin", "--", "true"); r.status != 0 {
		t.Fatal(r.err)
	}
	// Killed before the old key ends, both have a key that works.
	c, _ := w.ongoing(t, "UpdateAccessKey", fakeaws.Fault{Delay: time.Minute})
	check(c.Process.Kill())
	_ = c.Wait()
	if w.storedKey(t, "twin").ID != w.storedKey(t, "base").ID || w.sessions("twin") != 0 {
		t.Error("the copy was left behind")
	}
	check(store.PutKey(context.Background(), w.keyring(), "twin", old)) // as if killed earlier
	r := w.vault(t, w.environ(), "rotate", "--resume", "base")
	says(t, r, "twin had the same key, and has the new one now\n", "deleted the old key")
	w.rotated(t, "alice", "base", old)
	if w.storedKey(t, "twin").ID != w.storedKey(t, "base").ID || w.storedKey(t, "apart").ID != bobs.ID {
		t.Error("not every copy was replaced, or too many")
	}
}

func TestDeniedActionsAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	alice := w.stored("alice", "base")
	old := w.storedKey(t, "base")
	w.aws.Inject("CreateAccessKey", fakeaws.Fault{Status: 403, Code: "AccessDenied", Message: "no"})
	r := w.vault(t, w.environ(), "rotate", "base")
	if r.status != 1 || !strings.Contains(r.err, `vault: iam:CreateAccessKey on user "alice" for "base": access denied`) || !strings.Contains(r.err, "hint: a policy has to allow iam:CreateAccessKey") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	w.unfinishedBusiness(t, "base", false)

	w.aws.Inject("DeleteAccessKey", fakeaws.Fault{Status: 403, Code: "AccessDenied", Message: "no", Times: 2})
	for range 2 { // a plain rotate goes on with it too
		r = w.vault(t, w.environ(), "rotate", "base")
		if r.status != 1 || !strings.Contains(r.err, "iam:DeleteAccessKey") || !strings.Contains(r.err, "the old one is inactive. vault rotate --resume base tries again; with --keep-old it leaves it so\n") {
			t.Errorf("status %d: %s", r.status, r.err)
		}
		w.unfinishedBusiness(t, "base", true)
	}
	if n := w.aws.Calls("CreateAccessKey"); n != 2 {
		t.Errorf("%d keys were asked for", n)
	}
	r = w.vault(t, w.environ(), "rotate", "--list")
	if r.status != 0 || r.out != "base: begun just now, stopped at: retire the old key; vault rotate --resume base\n" {
		t.Errorf("listed %q: %s", r.out, r.err)
	}
	r = w.vault(t, w.environ(), "rotate", "--list", "--json")
	var list []map[string]any
	if err := json.Unmarshal([]byte(r.out), &list); err != nil || len(list) != 1 || list[0]["stored_as"] != "base" || list[0]["user"] != alice || list[0]["old_key"] != old.ID {
		t.Errorf("listed %q: %s", r.out, r.err)
	}
	if r := w.vault(t, w.environ(), "rotate", "--resume", "base"); r.status != 0 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	w.rotated(t, "alice", "base", old)

	old = w.storedKey(t, "base")
	w.aws.Deny(alice, "iam:DeleteAccessKey", "iam:UpdateAccessKey")
	if r := w.vault(t, w.environ(), "rotate", "base"); r.status != 1 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	r = w.vault(t, w.environ(), "rotate", "--resume", "--keep-old", "base")
	if r.status != 0 || !strings.Contains(r.err, "is active\n") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	w.unfinishedBusiness(t, "base", false)
}

// ongoing starts a rotation and returns when AWS has got a call of it, which is not
// answered for a while.
func (w *world) ongoing(t *testing.T, action string, f fakeaws.Fault) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	before := w.aws.Calls(action)
	w.aws.Inject(action, f)
	c := exec.Command(filepath.Join(bin, "vault"), "rotate", "base")
	var errs bytes.Buffer
	c.Env, c.Dir, c.Stderr = w.environ(), w.dir, &errs
	check(c.Start())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	check(w.aws.WaitCalls(ctx, action, before+1))
	return c, &errs
}

func TestCtrlCLeavesAStateToGoOnFromAndSaysHow(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"ListAccessKeys", "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"} {
		w := newWorld(t, roleConfig)
		w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
		old := w.storedKey(t, "base")
		c, errs := w.ongoing(t, action, fakeaws.Fault{Delay: time.Second})
		check(c.Process.Signal(os.Interrupt))
		_ = c.Wait()
		if c.ProcessState.ExitCode() != 130 {
			t.Errorf("%s: status %d: %s", action, c.ProcessState.ExitCode(), errs.String())
		}
		if begun := action != "ListAccessKeys"; begun {
			says(t, result{err: errs.String()}, "stopped; a key that works is stored for base\n", "hint: vault rotate --resume base continues\n")
			w.unfinishedBusiness(t, "base", true)
		}
		if r := w.vault(t, w.environ(), "exec", "prod", "--", "true"); r.status != 0 {
			t.Errorf("%s: exec: %s", action, r.err)
		}
		if r := w.vault(t, w.environ(), "rotate", "base"); r.status != 0 {
			t.Errorf("%s: status %d: %s", action, r.status, r.err)
		}
		w.rotated(t, "alice", "base", old)
	}
}

func TestKilledAtAnyCallItIsFinishedByTheSameCommand(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"GetCallerIdentity", "ListAccessKeys", "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"} {
		for _, resume := range []string{"rotate base", "rotate --resume base"} {
			w := newWorld(t, roleConfig)
			w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
			old := w.storedKey(t, "base")
			c, _ := w.ongoing(t, action, fakeaws.Fault{Delay: time.Minute})
			check(c.Process.Kill())
			_ = c.Wait()
			if r := w.vault(t, w.environ(), "exec", "prod", "--", "true"); r.status != 0 {
				t.Errorf("%s: exec: %s", action, r.err)
			}
			if r := w.vault(t, w.environ(), strings.Fields(resume)...); r.status != 0 {
				t.Errorf("%s: status %d: %s", action, r.status, r.err)
			}
			if begun := !slices.Contains([]string{"GetCallerIdentity", "ListAccessKeys"}, action); begun || resume == "rotate base" {
				w.rotated(t, "alice", "base", old)
			} else {
				w.unfinishedBusiness(t, "base", false)
			}
		}
	}
}

func TestALostAnswerLosesNoKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	w.stored("alice", "base")
	old := w.storedKey(t, "base")
	w.aws.Inject("CreateAccessKey", fakeaws.Fault{Lose: true})
	r := w.vault(t, w.environ(), "rotate", "base")
	if r.status != 1 || !strings.Contains(r.err, "which was made for this, was deleted again, and nothing has changed\n") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	w.unfinishedBusiness(t, "base", false)
	if r := w.vault(t, w.environ(), "rotate", "base"); r.status != 0 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	w.rotated(t, "alice", "base", old)
}

func TestAKeyThatTheKeyringWillNotTakeIsDeletedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	w.stored("alice", "base")
	old := w.storedKey(t, "base")
	c, errs := w.ongoing(t, "CreateAccessKey", fakeaws.Fault{Delay: time.Second})
	check(os.Mkdir(w.path("keys/"+store.StagedName("base")), 0o700)) // no file can take this name now
	_ = c.Wait()
	if c.ProcessState.ExitCode() != 1 || !strings.Contains(errs.String(), "was deleted again, and nothing has changed\n") {
		t.Errorf("status %d: %s", c.ProcessState.ExitCode(), errs.String())
	}
	if list := w.keysAt(t, "alice", "base"); len(list) != 1 || list[0].ID != old.ID {
		t.Errorf("AWS has %+v", list)
	}
	w.unfinishedBusiness(t, "base", false)
}

func TestOneRotationOfAKeyAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	old := w.storedKey(t, "base")
	c, errs := w.ongoing(t, "CreateAccessKey", fakeaws.Fault{Delay: 4 * time.Second})
	r := w.vault(t, w.environ(), "rotate", "prod") // uses the same key
	if oneSentence(t, r); r.status != 1 || !strings.Contains(r.err, "another terminal is rotating this key") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%v: %s", err, errs.String())
	}
	w.rotated(t, "alice", "base", old)
}

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	alice := w.stored("alice", "base")
	w.room(t, alice, false)
	before := snapshot(w.path("keys")) + snapshot(w.path("home"))
	r := w.vault(t, w.environ(), "rotate", "base", "--dry-run")
	says(t, r, "the key …", "the user has two keys", "would make a new key, store it, wait until it works, deactivate …")
	if r.status != 0 || r.out != "" || w.aws.Calls("CreateAccessKey")+w.aws.Calls("UpdateAccessKey")+w.aws.Calls("DeleteAccessKey") != 0 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	if after := snapshot(w.path("keys")) + snapshot(w.path("home")); after != before {
		t.Errorf("something was written:\n%s\nbefore:\n%s", after, before)
	}
}

func TestWhatCannotBeRotatedSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig+"[profile sso]\nsso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = R\n")
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"rotate", 2, "no profile was named, and there is no terminal to choose one on"},
		{"rotate --list base", 2, `vault rotate takes no argument, but was given "base"`},
		{"rotate prdo", 1, `no profile named "prdo"`},
		{"rotate sso", 1, `"sso" does not use a stored key that could be rotated: role R of account 111122223333`},
		{"rotate base", 1, `no key is stored for "base"`},
		{"rotate --resume base", 0, "no rotation of base is unfinished"},
		{"rotate --list", 0, "no rotation is unfinished"},
	} {
		r := w.vault(t, w.environ(), strings.Fields(c.args)...)
		if r.status != c.status || !strings.Contains(r.err, c.want) || r.out != "" {
			t.Errorf("%s: status %d: %s", c.args, r.status, r.err)
		}
	}
	if w.aws.Calls("*") != 0 {
		t.Error("AWS was asked")
	}
}

func TestAKeyReplacedByHandEndsARotationOnlyIfAgreed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	alice := w.stored("alice", "base")
	first := w.storedKey(t, "base")
	c, _ := w.ongoing(t, "UpdateAccessKey", fakeaws.Fault{Delay: time.Minute})
	check(c.Process.Kill())
	_ = c.Wait()
	made := w.storedKey(t, "base")
	// The old one is deleted in the console, another made and added.
	by := sessions.IAM{Endpoint: sessions.Endpoint{URL: w.aws.URL()}, User: "alice", Session: creds.Session{AccessKeyID: made.ID, SecretKey: made.Secret}}
	check(by.DeleteAccessKey(context.Background(), first.ID))
	mine := must(w.aws.AddKey(alice))
	check(store.PutKey(context.Background(), w.keyring(), "base", mine))

	r := w.vault(t, w.environ(), "rotate", "--resume", "base")
	if r.status != 1 || !strings.Contains(r.err, "is not the one that the unfinished rotation began with") || !strings.Contains(r.err, "hint: vault rotate --yes base gives that rotation up") ||
		len(w.keysAt(t, "alice", "base")) != 2 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	r, _ = w.talk(t, w.environ(), []exchange{{"give up that rotation and delete the key it made? [y/N] ", "y\r"}}, "rotate", "base")
	if r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	w.rotated(t, "alice", "base", mine)
}

func TestHostileNamesAndAFullDiskAreHarmless(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := newWorld(t, "")
	for i, name := range []string{"$(touch x)", "../../..", "a\x1b[31mb", strings.Repeat("n-", 100)} {
		arn, k := w.user([]string{"a", "b", "c", "d"}[i])
		_ = arn
		check(store.PutKey(context.Background(), w.keyring(), name, k))
		r := w.vault(t, w.environ(), "rotate", name)
		if r.status != 0 || strings.ContainsRune(r.err, '\x1b') {
			t.Errorf("%q: status %d: %q", name, r.status, r.err)
		}
		w.unfinishedBusiness(t, name, false)
	}
	if _, err := os.Stat(w.path("x")); err == nil {
		t.Error("a name was evaluated")
	}
	w.stored("alice", "base")
	old := w.storedKey(t, "base")
	r := w.run(t, w.environ(), "bash", "-c", "ulimit -f 0; trap '' XFSZ; vault rotate base")
	if r.status != 1 || w.aws.Calls("CreateAccessKey") != 4 || w.storedKey(t, "base").ID != old.ID {
		t.Errorf("a disk that is full: status %d: %s", r.status, r.err)
	}
	w.unfinishedBusiness(t, "base", false)
}

// The key that a rotation is replacing is neither deleted nor overwritten by another
// command in the meantime.
func TestAKeyThatIsBeingRotatedIsNotMovedAwayNorReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	old := w.storedKey(t, "base")
	c, errs := w.ongoing(t, "CreateAccessKey", fakeaws.Fault{Delay: 6 * time.Second})
	r := w.vault(t, w.environ(), "migrate", "--from", "file", "--to", "file:"+w.path("other"), "--delete-source")
	if r.status != 1 || !strings.Contains(r.err, "base: it was not deleted from the old store: another terminal is rotating this key") {
		t.Errorf("migrate: status %d: %s", r.status, r.err)
	}
	if !w.storedKey(t, "base").Equal(old) {
		t.Error("the key was changed meanwhile")
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%v: %s", err, errs.String())
	}
	w.rotated(t, "alice", "base", old)
}

func TestAnInterruptedRotationIsNotMovedAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	for _, action := range []string{"CreateAccessKey", "DeleteAccessKey"} {
		c, _ := w.ongoing(t, action, fakeaws.Fault{Delay: time.Minute})
		check(c.Process.Kill())
		_ = c.Wait()
		before := w.storedKey(t, "base")
		r := w.vault(t, w.environ(), "migrate", "--from", "file", "--to", "file:"+w.path("other"+action), "--delete-source")
		if r.status != 1 || !strings.Contains(r.err, "vault rotate --resume base") || !w.storedKey(t, "base").Equal(before) {
			t.Errorf("%s: status %d: %s", action, r.status, r.err)
		}
		if r := w.vault(t, w.environ(), "rotate", "--resume", "base"); r.status != 0 {
			t.Fatalf("%s: status %d: %s", action, r.status, r.err)
		}
	}
}

// Two commands that store a key for the same name go one after the other.
func TestAddWaitsForARotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	_, k := w.user("bob")
	c, errs := w.ongoing(t, "CreateAccessKey", fakeaws.Fault{Delay: 3 * time.Second})
	r := w.vault(t, w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal()), "add", "base", "--env", "--no-check")
	if r.status != 0 || !strings.Contains(r.err, "another terminal is changing the key of base, waiting for it") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%v: %s", err, errs.String())
	}
	if now := w.storedKey(t, "base"); now.ID != k.ID {
		t.Errorf("the key is %s", now.ID)
	}
}
