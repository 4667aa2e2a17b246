package cmd_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// ssoWorld is a world with an Identity Center and a browser whose person agrees.
type ssoWorld struct {
	*world
	dir *fakeaws.Directory
}

func newSSOWorld(t testing.TB, config string) *ssoWorld {
	t.Helper()
	w := &ssoWorld{world: newWorld(t, "")}
	w.dir = must(w.aws.AddDirectory(fakeaws.DirectoryOptions{Name: "d-1"}))
	w.dir.SetAnswer(fakeaws.Yes)
	check(w.dir.AddAccount(account, "dev team"))
	must(w.dir.Assign(account, "Admin"))
	must(w.dir.Assign(account, "ReadOnly"))
	w.write("home/.aws/config", strings.ReplaceAll(config, "START", w.dir.StartURL()))
	return w
}

const corp = `# mine
[sso-session corp]
sso_start_url = START
sso_region = eu-west-1
vault_sso_flow = pkce

[profile dev]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Admin
region = eu-west-1
`

func (w *ssoWorld) browser(extra ...string) []string {
	return w.environ(append([]string{"BROWSER=" + os.Args[0], browsing + "=1"}, extra...)...)
}

func want(t testing.TB, r result, status int, parts ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("exit status %d, not %d\n%s%s", r.status, status, r.out, r.err)
	}
	for _, p := range parts {
		if !strings.Contains(r.out+r.err, p) {
			t.Errorf("it does not say %q:\n%s%s", p, r.out, r.err)
		}
	}
}

func (w *ssoWorld) signIn(t testing.TB) {
	t.Helper()
	want(t, w.vault(t, w.browser(), "sso", "login", "corp"), 0, "signed in to corp")
}

func (w *ssoWorld) called(t testing.TB, action string, times int) {
	t.Helper()
	if n := w.aws.Calls(action); n != times {
		t.Errorf("%s was called %d times, not %d", action, n, times)
	}
}

func TestSSOLoginOnlyEnsuresASignIn(t *testing.T) {
	w := newSSOWorld(t, corp)
	want(t, w.vault(t, w.browser(), "sso", "login"), 0, "signed in to corp until")
	for _, name := range []string{"corp", "dev"} {
		want(t, w.vault(t, w.environ(), "sso", "login", name), 0, "signed in to corp until")
	}
	w.called(t, "Authorize", 1)
	want(t, w.vault(t, w.browser(), "sso", "login", "--force"), 0)
	w.called(t, "Authorize", 2)
	want(t, w.vault(t, w.environ(), "sso", "logout"), 0, "signed out of corp")
	want(t, w.vault(t, w.environ(), "sso", "logout"), 0, "not signed in")
	w.called(t, "Logout", 1)
}

func TestWhoamiSaysWhoAWSTakesUsFor(t *testing.T) {
	w := newSSOWorld(t, corp)
	w.signIn(t)
	r := w.vault(t, w.environ(), "whoami", "dev", "--json")
	want(t, r, 0)
	var got struct {
		Profile, Account, ARN, Role, Region, Expires string
		Chain                                        []map[string]any
	}
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	if got.Account != account || !strings.Contains(got.Role, "_Admin_") || got.Region != "eu-west-1" || got.Expires == "" || len(got.Chain) != 1 || got.Chain[0]["kind"] != "identity_center" || got.Chain[0]["sso_session"] != "corp" {
		t.Errorf("%+v", got)
	}
	want(t, w.vault(t, w.environ(), "whoami", "dev"), 0, "account", account, "left")
	w.called(t, "GetRoleCredentials", 1)
}

func TestWithoutATerminalASignInIsNeededAndNamed(t *testing.T) {
	w := newSSOWorld(t, corp)
	want(t, w.vault(t, w.browser(), "export", "dev"), 3, `"dev" needs a sign-in in the browser`, "hint: vault sso login dev")
	w.called(t, "Authorize", 0)
}

func TestABrowserThatDoesNotComeBackIsStatusThree(t *testing.T) {
	w := newSSOWorld(t, corp)
	w.dir.SetAnswer(fakeaws.Ask)
	want(t, w.vault(t, w.browser(), "sso", "login", "--timeout", "1s"), 3, "it was not finished within 1 second", "hint: vault sso login corp")
	w.dir.SetAnswer(fakeaws.No)
	want(t, w.vault(t, w.browser(), "sso", "login"), 1, "declined in the browser")
}

func TestOverSSHTheCodeIsSpelledOut(t *testing.T) {
	w := newSSOWorld(t, strings.Replace(corp, "vault_sso_flow = pkce\n", "", 1))
	r := w.vault(t, w.environ("SSH_CONNECTION=x", "BROWSER="+os.Args[0], browsing+"=1"), "sso", "login", "--timeout", "2s")
	want(t, r, 3, "the page must show this code")
	code := regexp.MustCompile(`(?m)^vault:   ([A-Z]{4}-[A-Z]{4})   ([a-z]+ ){4}- ([a-z]+ ?){4}$`).FindStringSubmatch(r.err)
	if code == nil {
		t.Fatalf("no code in words:\n%s", r.err)
	}
	w.called(t, "Authorize", 0)
	w.called(t, "Device", 0)
	want(t, w.vault(t, w.browser("SSH_CONNECTION=x"), "sso", "login", "--no-device"), 0, "signed in to corp")
	w.called(t, "Authorize", 1)
}

func TestTheAddressGoesToStandardOutput(t *testing.T) {
	w := newSSOWorld(t, corp)
	c := exec.Command(filepath.Join(bin, "vault"), "sso", "login", "--stdout", "--timeout", "20s")
	c.Env, c.Dir = w.browser(), w.world.dir
	out := must(c.StdoutPipe())
	check(c.Start())
	address := make([]byte, 4096)
	n := must(out.Read(address))
	if browse(strings.TrimSpace(string(address[:n]))) != 0 {
		t.Errorf("not an address: %q", address[:n])
	}
	check(c.Wait())
	w.called(t, "Authorize", 1)
}

func TestTwoSignInsAtOnceAreOne(t *testing.T) {
	w := newSSOWorld(t, corp)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { want(t, w.vault(t, w.browser(), "sso", "login"), 0, "signed in to corp") })
	}
	wg.Wait()
	w.called(t, "Authorize", 1)
	w.called(t, "CreateToken", 1)
}

func TestASignInSharedWithTheAWSToolsWorksThere(t *testing.T) {
	w := newSSOWorld(t, corp)
	w.signIn(t)
	if found, _ := filepath.Glob(w.path("home/.aws/sso/cache/*")); len(found) != 0 {
		t.Fatalf("shared unasked: %v", found)
	}
	want(t, w.vault(t, w.environ(), "sso", "login", "--share"), 0, "the AWS CLI finds it in")
	aws := testenv.Require(t, "awscli", "aws")
	r := w.run(t, w.environ(), aws, "sts", "get-caller-identity", "--profile", "dev")
	want(t, r, 0, account)
}

func TestTheAWSCLIAndWeRenewASharedSignInInTurn(t *testing.T) {
	aws := testenv.Require(t, "awscli", "aws")
	w := newSSOWorld(t, "")
	w.dir = must(w.aws.AddDirectory(fakeaws.DirectoryOptions{Name: "d-2", TokenLife: 10 * time.Minute})) // which the CLI renews at once
	w.dir.SetAnswer(fakeaws.Yes)
	must(w.dir.Assign(account, "Admin"))
	w.write("home/.aws/config", strings.ReplaceAll(corp, "START", w.dir.StartURL()))
	want(t, w.vault(t, w.browser(), "sso", "login", "--share"), 0, "the AWS CLI finds it in")
	want(t, w.run(t, w.environ(), aws, "sts", "get-caller-identity", "--profile", "dev"), 0, account)
	w.dir.ExpireAccessTokens()
	want(t, w.vault(t, w.environ(), "whoami", "dev"), 0, account)
	w.called(t, "Authorize", 1)
	w.called(t, "CreateToken", 3) // ours, the CLI's, ours
	want(t, w.vault(t, w.environ(), "sso", "logout"), 0, "signed out of corp")
	if left, _ := filepath.Glob(w.path("home/.aws/sso/cache/*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestSSOListShowsEveryAccountAndRole(t *testing.T) {
	w := newSSOWorld(t, corp)
	w.signIn(t)
	want(t, w.vault(t, w.environ(), "sso", "list"), 0, "111122223333  dev team  Admin", "ReadOnly")
	r := w.vault(t, w.environ(), "sso", "list", "--json")
	var rows []struct {
		Account, Name string
		Roles         []string
	}
	if err := json.Unmarshal([]byte(r.out), &rows); err != nil || len(rows) != 1 || len(rows[0].Roles) != 2 {
		t.Errorf("%v %+v", err, rows)
	}
}

func TestSSOSyncWritesItsOwnBlockAndNothingElse(t *testing.T) {
	w := newSSOWorld(t, corp+"\n[profile x-dev-team-Admin]\nregion = us-east-1 ; not ours\n# the end")
	real := w.path("home/dotfiles")
	check(os.Rename(w.path("home/.aws/config"), real))
	check(os.Chmod(real, 0o640))
	if err := os.Symlink(real, w.path("home/.aws/config")); err != nil {
		testenv.Missing(t, "symlinks", err.Error())
	}
	before := string(must(os.ReadFile(real)))
	sync := []string{"sso", "sync", "--prefix", "x-", "--region", "eu-central-1"}
	w.signIn(t)
	want(t, w.vault(t, w.environ(), append(sync, "--dry-run")...), 0, "+[profile x-dev-team-ReadOnly]", "x-dev-team-Admin is a profile of your own")
	want(t, w.vault(t, w.environ(), sync...), 2, "no terminal to ask on")
	if string(must(os.ReadFile(real))) != before {
		t.Fatal("it wrote unasked")
	}
	want(t, w.vault(t, w.environ(), append(sync, "--yes")...), 0, "1 new, 0 changed, 0 removed")
	after := string(must(os.ReadFile(real)))
	if !strings.HasPrefix(after, before) || strings.Count(after, "[profile x-dev-team-Admin]") != 1 {
		t.Errorf("what was there has changed:\n%s", after)
	}
	if info := must(os.Lstat(real)); runtime.GOOS != "windows" && info.Mode() != 0o640 {
		t.Errorf("its mode is %v", info.Mode())
	}
	if info := must(os.Lstat(w.path("home/.aws/config"))); info.Mode()&os.ModeSymlink == 0 {
		t.Error("the symlink is gone")
	}
	want(t, w.vault(t, w.environ(), append(sync, "--yes")...), 0, "nothing to change")
	want(t, w.vault(t, w.environ(), "whoami", "x-dev-team-ReadOnly"), 0, account, "eu-central-1")

	must(w.dir.Assign("444455556666", "Ops"))
	want(t, w.vault(t, w.environ(), append(sync, "--name", "{id}.{role}", "--yes")...), 0, "3 new, 0 changed, 0 removed")
	want(t, w.vault(t, w.environ(), append(sync, "--name", "{id}.{role}", "--yes", "--prune")...), 0, "-[profile x-dev-team-ReadOnly]", "0 new, 0 changed, 1 removed")
	if text := string(must(os.ReadFile(real))); !strings.HasPrefix(text, before) || !strings.Contains(text, "[profile x-444455556666.Ops]") {
		t.Errorf("\n%s", text)
	}
}

func TestTheAWSToolsUseASyncedProfileThroughUs(t *testing.T) {
	w := newSSOWorld(t, corp)
	w.signIn(t)
	want(t, w.vault(t, w.environ(), "sso", "sync", "--yes"), 0)
	aws := testenv.Require(t, "awscli", "aws")
	r := w.run(t, w.environ(), aws, "sts", "get-caller-identity", "--profile", "dev-team-ReadOnly")
	want(t, r, 0, account)
}

func TestACredentialProcessDoesNotGetThePassphrase(t *testing.T) {
	if runtime.GOOS == "windows" {
		testenv.Missing(t, "unix", "the process is a shell script")
	}
	w := newWorld(t, "")
	_, k := w.user("tool")
	w.write("tool", fmt.Sprintf("#!/bin/sh\nenv >'%s'\necho 'touch the key' >&2\necho '{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\"}'\n", w.path("seen"), k.ID, k.Secret.Reveal()))
	check(os.Chmod(w.path("tool"), 0o700))
	w.write("home/.aws/config", "[profile tool]\nregion = eu-west-1\ncredential_process = '"+w.path("tool")+"'\n")
	r := w.vault(t, w.environ("AWS_ACCESS_KEY_ID=users-own"), "whoami", "tool")
	want(t, r, 0, "user/tool", "touch the key")
	seen := string(must(os.ReadFile(w.path("seen"))))
	if strings.Contains(seen, passphrase) || !strings.Contains(seen, "AWS_ACCESS_KEY_ID=users-own") {
		t.Errorf("the process found:\n%s", seen)
	}
	if n := w.sessions("tool"); n != 0 {
		t.Errorf("a key that does not expire was cached %d times", n)
	}
}

func TestACredentialProcessThatComesBackToItselfIsNamed(t *testing.T) {
	w := newWorld(t, "[profile a]\nregion = eu-west-1\ncredential_process = vault export b --format json\n"+
		"[profile b]\nregion = eu-west-1\nsource_profile = a\nrole_arn = arn:aws:iam::111122223333:role/x\n")
	began := time.Now()
	r := w.vault(t, w.environ(), "export", "a")
	want(t, r, 1, `leads back to the same profile: "a" -> "b" -> "a"`)
	if time.Since(began) > 10*time.Second {
		t.Error("they waited for each other")
	}
}

func TestAnyRoleIsUsedWithoutAProfile(t *testing.T) {
	w := newSSOWorld(t, corp)
	must(w.dir.Assign("444455556666", "Ops"))
	w.signIn(t)
	const name = "corp:444455556666:Ops"
	role := []string{"--sso", "corp", "--account", "444455556666", "--role", "Ops"}
	r := w.vault(t, w.environ(), append([]string{"use", "--shell", "bash"}, role...)...)
	want(t, r, 0, name+" until", "export AWS_REGION='eu-west-1'", "export AWS_VAULT='"+name+"'")
	inside := w.inside(t, role...)
	want(t, w.vault(t, inside, "whoami"), 0, "account  444455556666", "AWSReservedSSO_Ops_")
	want(t, w.vault(t, inside, "status"), 0, "profile  "+name, "role     Ops", "Identity Center corp")
	want(t, w.vault(t, inside, "export", "--format", "json"), 0, "AccessKeyId")
	want(t, w.vault(t, w.environ(), "exec", "--account", "444455556666", "--role", "Ops", "echo", "of the only session"), 0, "of the only session")
	want(t, w.vault(t, w.environ(), "whoami", name), 0, "444455556666")
	want(t, w.vault(t, w.environ(), "show", name), 0, "444455556666", "eu-west-1", "--role ")
	w.called(t, "GetRoleCredentials", 1)
	want(t, w.vault(t, w.environ(), "export", "--role", "Ops"), 0, "AWS_ACCESS_KEY_ID") // the account is clear
	w.called(t, "GetRoleCredentials", 1)

	for _, x := range []struct {
		args   string
		status int
		says   string
	}{
		{"export dev --sso corp --account 444455556666 --role Ops", 2, "stand for one"},
		{"export --sso corp --account 4444 --role Ops", 2, "12 digits"},
		{"export --sso corp --account 444455556666 --role a/b", 2, "cannot be the name of a role"},
		{"export --sso= --account 444455556666 --role Ops", 2, "--sso has no value"},
		{"export --sso corp --account 111122223333", 2, "there is no terminal to choose them on"},
		{"export --sso corp --role Nobody", 1, "does not give you such a role"},
		{"export --sso crop --account 444455556666 --role Ops", 1, `there is no sso-session named "crop"`},
		{"export --sso crop --account 444455556666 --role Ops", 1, `did you mean "corp"?`},
		{"export --sso other --account 444455556666 --role Ops", 1, `hint: vault sso login other --start-url URL --region REGION writes it`},
		{"use --shell bash --mode profile --sso corp --account 444455556666 --role Ops", 1, "it has no section in the config file"},
		{"export --sso corp --account 444455556666 --role Admin", 1, `"444455556666:Admin"`},
	} {
		want(t, w.vault(t, w.environ(), strings.Fields(x.args)...), x.status, x.says)
	}
	want(t, w.vault(t, w.environ(), "sso", "logout"), 0)
	want(t, w.vault(t, w.environ(), append([]string{"exec"}, append(role, "true")...)...), 0)
	want(t, w.vault(t, w.environ(), append([]string{"exec", "--min-ttl", "2h"}, append(role, "true")...)...), 3) // what is cached does not last as long
	want(t, w.vault(t, w.environ(), append([]string{"exec", "--refresh"}, append(role, "true")...)...), 3, "hint: vault sso login "+name)
	want(t, w.vault(t, w.browser(), "sso", "login", name), 0, "signed in to corp")
}

func TestAnAccountIsNamedByItsIDItsNameOrItsAlias(t *testing.T) {
	w := newSSOWorld(t, corp)
	check(w.dir.AddAccount("444455556666", "Data Lake"))
	must(w.dir.Assign("444455556666", "Ops"))
	w.aws.SetAlias(account, "acme-dev")
	w.signIn(t)
	want(t, w.vault(t, w.environ(), "export", "--sso", "corp", "--account", "data lake", "--role", "ops", "--format", "json"), 0, "AccessKeyId")
	want(t, w.vault(t, w.environ(), "whoami", "dev"), 0, account+" (dev team)")
	want(t, w.vault(t, w.environ(), "whoami", "dev"), 0, account+" (dev team)")
	w.called(t, "ListAccountAliases", 1)
	want(t, w.vault(t, w.environ(), "export", "--sso", "corp", "--account", "acme-dev", "--role", "Admin"), 0, "AWS_ACCESS_KEY_ID")
	calls := w.aws.Calls("ListAccounts")
	for args, says := range map[string]string{
		"--account=data-lake": `does not give you an account "data-lake" … did you mean "Data Lake"?`,
		"--role=Opps":         `does not give you such a role … did you mean "Ops"?`,
	} {
		r := w.vault(t, w.environ(), "export", "--sso", "corp", args)
		before, after, _ := strings.Cut(says, " … ")
		want(t, r, 1, before, after)
	}
	if n := w.aws.Calls("ListAccounts"); n != calls+2 {
		t.Errorf("a name that is not known was asked for %d times, not twice", n-calls)
	}
	for _, x := range []struct{ line, offered string }{
		{"use --sso corp --account ", "Data Lake\t444455556666, dev team\t" + account},
		{"use --account 4444", "444455556666\tData Lake"},
		{"use --sso corp --account=444455556666 --role ", "Ops"},
		{"exec --account acme-dev --role ", "Admin, ReadOnly"},
		{"exec --account nobody --role ", "words\n"},
		{"exec --account dev\u00a0team --role ", "Admin, ReadOnly"},
	} {
		words := strings.Split(x.line, " ")
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "\u00a0", " ")
		}
		list := w.vault(t, w.environ(), append([]string{"__words", "fish"}, words...)...).out
		for _, part := range strings.Split(x.offered, ", ") {
			if !strings.Contains(list, part) {
				t.Errorf("%q offers %q and not %q", x.line, list, part)
			}
		}
	}
}

func TestTheListOfAccountsOpensAtOnceAndSaysItsAge(t *testing.T) {
	w := newSSOWorld(t, corp)
	w.signIn(t)
	want(t, w.vault(t, w.environ(), "sso", "list"), 0, "dev team")
	must(w.dir.Assign(account, "New"))
	calls := w.aws.Calls("*")
	r := w.vault(t, w.environ(), "sso", "list")
	want(t, r, 0, "ReadOnly", "what corp gave just now; vault sso list corp --refresh asks again")
	if strings.Contains(r.out, "New") || strings.Contains(r.out, "just now") || w.aws.Calls("*") != calls {
		t.Errorf("%d calls, said\n%s", w.aws.Calls("*")-calls, r.out)
	}
	want(t, w.vault(t, w.environ(), "export", "--sso", "corp", "--account", "dev team", "--role", "new"), 0) // it is asked again for what is not there
	w.ageAccounts(48 * time.Hour)
	must(w.dir.Assign(account, "Newer"))
	want(t, w.vault(t, w.environ(), "sso", "list"), 0, "Newer")
	must(w.dir.Assign(account, "Newest"))
	want(t, w.vault(t, w.environ(), "sso", "list", "--refresh"), 0, "Newest")

	w.ageAccounts(73 * time.Hour)
	want(t, w.vault(t, w.environ("AWS_ENDPOINT_URL_SSO=http://127.0.0.1:1"), "sso", "list"), 0, "Newest", "AWS cannot be reached", "the list is what corp gave 3 days ago")
	want(t, w.vault(t, w.environ("AWS_ENDPOINT_URL_SSO=http://127.0.0.1:1"), "sso", "list", "--refresh"), 1)
	want(t, w.vault(t, w.environ(), "sso", "logout"), 0)
	want(t, w.vault(t, w.environ(), "sso", "list", "--json"), 0, `"Newest"`, "needs a sign-in", "3 days ago")
	config := must(os.ReadFile(w.path("home/.aws/config")))
	w.write("home/.aws/config", strings.ReplaceAll(string(config), w.dir.StartURL(), w.dir.StartURL()+"other"))
	want(t, w.vault(t, w.environ(), "sso", "list"), 3) // another directory under this name
}

// ageAccounts makes the list of accounts older.
func (w *ssoWorld) ageAccounts(by time.Duration) {
	file := w.path("home/.local/state/vault/accounts.json")
	var known map[string]map[string]any
	check(json.Unmarshal(must(os.ReadFile(file)), &known))
	for _, k := range known {
		k["asked"] = must(time.Parse(time.RFC3339, k["asked"].(string))).Add(-by)
	}
	check(os.WriteFile(file, must(json.Marshal(known)), 0o600))
}

func TestThePromptShowsTheAccountsNameWhereThatIsWanted(t *testing.T) {
	w := newSSOWorld(t, corp+"\n[profile base]\nmfa_serial = arn:aws:iam::111122223333:mfa/x\n")
	w.signIn(t)
	on := "AWS_VAULT_PROMPT_ACCOUNT=1"
	inside := append(w.inside(t, "dev"), on)
	want(t, w.vault(t, inside, "prompt"), 0, "dev 59m") // the name is not known
	want(t, w.vault(t, w.environ(), "sso", "list"), 0)
	calls := w.aws.Calls("*")
	for _, x := range []struct{ environ, label string }{{on, ">dev@dev team 59m\n"}, {"AWS_VAULT_PROMPT_ACCOUNT=0", ">dev 59m\n"}} {
		if r := w.vault(t, append(inside, x.environ), "prompt"); r.out != x.label {
			t.Errorf("%s: %q, want %q", x.environ, r.out, x.label)
		}
	}
	if n := w.aws.Calls("*"); n != calls {
		t.Errorf("a prompt made %d calls", n-calls)
	}
}

func TestWhoamiLearnsTheAliasOfAnAccountOnce(t *testing.T) {
	w := newWorld(t, "[profile work]\nregion = eu-west-1\n[profile ops]\nregion = eu-west-1\nrole_arn = arn:aws:iam::111122223333:role/ops\nsource_profile = work\n")
	arn := w.stored("alice", "work")
	w.role("ops", fakeaws.Trust{Principals: []string{arn}})
	w.aws.SetAlias(account, "acme-prod")
	want(t, w.vault(t, w.environ(), "whoami", "ops"), 0, account+" (acme-prod)")
	want(t, w.vault(t, w.environ(), "whoami", "ops", "--json"), 0, `"account_name": "acme-prod"`)
	if n := w.aws.Calls("ListAccountAliases"); n != 1 {
		t.Errorf("IAM was asked %d times", n)
	}
	check(os.Remove(w.path("home/.local/state/vault/accounts.json")))
	w.aws.Deny("arn:aws:iam::111122223333:role/ops", "iam:ListAccountAliases")
	for range 2 {
		if r := w.vault(t, w.environ(), "whoami", "ops"); r.status != 0 || strings.Contains(r.out+r.err, "acme") || r.err != "" {
			t.Errorf("%d %s%s", r.status, r.out, r.err)
		}
	}
	if n := w.aws.Calls("ListAccountAliases"); n != 2 {
		t.Errorf("after a refusal IAM was asked again: %d times", n)
	}
}

func TestASessionOfARoleWithoutAProfileIsRenewed(t *testing.T) {
	w := newSSOWorld(t, corp)
	w.signIn(t)
	const name = "corp:111122223333:ReadOnly"
	inside := w.inside(t, "--sso", "corp", "--account", account, "--role", "ReadOnly")
	check(w.age(name, 50*time.Minute))
	want(t, w.vault(t, inside, "refresh", "--if-due"), 0)
	w.called(t, "GetRoleCredentials", 2)
	want(t, w.vault(t, inside, "refresh", "--shell", "bash"), 0, name+" until")
}

// inside is the environment of a command that exec runs, with the passphrase.
func (w *ssoWorld) inside(t *testing.T, flags ...string) []string {
	t.Helper()
	r := w.vault(t, w.environ(), append(append([]string{"exec"}, flags...), "--", "env")...)
	want(t, r, 0)
	var extra []string
	for _, v := range strings.Split(r.out, "\n") {
		if strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "__VAULT") {
			extra = append(extra, v)
		}
	}
	return w.environ(extra...)
}

func TestTheFirstSignInWritesTheSSOSession(t *testing.T) {
	const section = "[sso-session d-1]\nsso_start_url = https://d-1.awsapps.com/start\nsso_region = eu-west-1\nsso_registration_scopes = sso:account:access\n"
	w := newSSOWorld(t, "")
	config := func() string { return string(must(os.ReadFile(w.path("home/.aws/config")))) }
	want(t, w.vault(t, w.browser(), "sso", "login"), 1, "there is no sso-session in the config file", "hint: vault sso login --start-url URL --region REGION")
	for _, args := range []string{"--start-url https://d-1.awsapps.com/start", "--region eu-west-1", "--start-url x y --region eu-west-1", "--start-url ftp://d-1 --region eu-west-1",
		"--start-url https://d-1.awsapps.com/start --region nowhere/x", "a/b --start-url https://d-1.awsapps.com/start --region eu-west-1"} {
		want(t, w.vault(t, w.browser(), append([]string{"sso", "login"}, strings.Fields(args)...)...), 2)
	}
	want(t, w.vault(t, w.browser(), "sso", "login", "--start-url", "https://d-other.awsapps.com/start", "--region", "eu-west-1"), 1, "hint: check the start URL and the region")
	if config() != "" {
		t.Fatalf("a sign-in that failed was written:\n%s", config())
	}
	login := []string{"sso", "login", "--no-device", "--start-url", "d-1.awsapps.com/start/#", "--region", "eu-west-1"}
	want(t, w.vault(t, w.browser(), login...), 0, "signed in to d-1 until", "added the sso-session d-1 to", "hint: vault sso sync")
	if config() != section {
		t.Errorf("\n%s", config())
	}
	want(t, w.vault(t, w.environ(), login...), 0, "signed in to d-1 until")
	want(t, w.vault(t, w.browser(), append(login, "corp")...), 0, "added the sso-session corp to") // one more name
	want(t, w.vault(t, w.environ(), "sso", "login", "corp", "--start-url", "https://d-2.awsapps.com/start", "--region", "eu-west-1"), 1, `the sso-session "corp" is https://d-1.awsapps.com/start in eu-west-1`)
	w.called(t, "Authorize", 1)
	want(t, w.vault(t, w.environ(), "whoami", "corp:111122223333:Admin"), 0, account)
}

func TestANativeSyncIsUsedByTheAWSToolsByThemselves(t *testing.T) {
	w := newSSOWorld(t, corp)
	w.signIn(t)
	want(t, w.vault(t, w.environ(), "sso", "sync", "--native", "--yes"), 0, "2 new, 0 changed, 0 removed")
	text := string(must(os.ReadFile(w.path("home/.aws/config"))))
	const section = "[profile dev-team-ReadOnly]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = ReadOnly\nregion = eu-west-1\n"
	if !strings.Contains(text, section) || strings.Contains(text, "credential_process") {
		t.Errorf("\n%s", text)
	}
	want(t, w.vault(t, w.environ(), "whoami", "dev-team-ReadOnly"), 0, account, "ReadOnly")
	want(t, w.vault(t, w.environ(), "sso", "sync", "--yes"), 0, "0 new, 2 changed, 0 removed")
	want(t, w.vault(t, w.environ(), "sso", "sync", "--native", "--yes"), 0, "0 new, 2 changed, 0 removed")
	want(t, w.vault(t, w.environ(), "sso", "login", "--share"), 0)
	aws := testenv.Require(t, "awscli", "aws")
	want(t, w.run(t, w.environ(), aws, "sts", "get-caller-identity", "--profile", "dev-team-ReadOnly"), 0, account)
}
