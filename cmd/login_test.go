//go:build unix

package cmd_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

const consoleConfig = `
[profile base]
region = eu-west-1
[profile direct]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/prod
region = eu-central-1
vault_browser = BROWSE {url}
[profile mfa]
region = eu-west-1
mfa_serial = arn:aws:iam::111122223333:mfa/phone
[profile chained]
source_profile = mfa
mfa_serial = arn:aws:iam::111122223333:mfa/phone
role_arn = arn:aws:iam::111122223333:role/prod
[profile twice]
source_profile = direct
role_arn = arn:aws:iam::111122223333:role/other
[profile held]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/prod
vault_protected = true
vault_max_duration = 30m
[profile reader]
source_profile = base
vault_read_only = true
`

// consoleWorld has a role that a key assumes, one over a session with MFA, and two users.
func consoleWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "")
	w.write("home/.aws/config", strings.ReplaceAll(consoleConfig, "BROWSE", w.path("browse")))
	ada := w.stored("ada", "base")
	grace := w.stored("grace", "mfa")
	w.mfa(grace, "phone")
	w.role("prod", fakeaws.Trust{Principals: []string{ada, grace}})
	w.role("other", fakeaws.Trust{Principals: []string{"arn:aws:iam::111122223333:role/prod"}})
	return w
}

// signedIn follows an address as a browser does and returns the page it ends at.
func signedIn(t *testing.T, address string) string {
	t.Helper()
	jar := must(cookiejar.New(nil))
	res, err := (&http.Client{Jar: jar, Timeout: patience}).Get(strings.TrimSpace(address))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text := make([]byte, 4096)
	n, _ := res.Body.Read(text)
	return string(text[:n])
}

func TestTheConsoleOpensForEverySource(t *testing.T) {
	t.Parallel()
	w := consoleWorld(t)
	for _, tc := range []struct {
		name     string
		args     []string
		status   int
		words    string // on standard error
		page     string
		duration time.Duration
	}{
		{"a role", []string{"direct"}, 0, "", "assumed-role/prod/", time.Hour},
		{"a role for longer", []string{"direct", "--duration", "12h"}, 0, "", "assumed-role/prod/", 12 * time.Hour},
		{"too long", []string{"direct", "--duration", "13h"}, 2, "from 15 minutes to 12 hours", "", 0},
		{"too short", []string{"direct", "-d", "60"}, 2, "from 15 minutes to 12 hours", "", 0},
		{"a user", []string{"base"}, 0, "", "federated-user/", 0},
		{"a user for longer", []string{"base", "--federation-token-ttl", "20h"}, 0, "", "federated-user/", 0},
		{"a user with MFA", []string{"mfa"}, 0, "will not count as signed in with MFA", "federated-user/", 0},
		{"a role over MFA", []string{"chained", "-t", "CODE"}, 0, "", "assumed-role/prod/", 0},
		{"the same for longer", []string{"chained", "-d", "4h", "-t", "CODE"}, 0, "", "assumed-role/prod/", 4 * time.Hour},
		{"a role over a role", []string{"twice"}, 0, "", "assumed-role/other/", 0},
		{"the same for longer", []string{"twice", "-d", "2h"}, 2, "to 1 hour for a role", "", 0},
		{"a narrowed user", []string{"base", "--read-only"}, 0, "", "federated-user/", 0},
		{"a protected profile", []string{"held"}, 3, "--yes-really=held", "", 0},
		{"the same, confirmed", []string{"held", "--yes-really=held", "-d", "2h"}, 0, "the console lasts 30 minutes", "assumed-role/prod/", 30 * time.Minute},
		{"a profile for reading", []string{"reader"}, 0, "", "federated-user/", 0},
		{"a page", []string{"direct", "--service", "logs", "--region", "us-west-2"}, 0, "", "https://us-west-2.console.aws.amazon.com/cloudwatch/home?region=us-west-2#logsV2:log-groups", time.Hour},
		{"a short name of a region", []string{"direct", "--service", "cfn", "--region", "ue1"}, 0, "", "https://us-east-1.console.aws.amazon.com/cloudformation/home?region=us-east-1", time.Hour},
		{"a path", []string{"direct", "--path", "/lambda/home#/functions"}, 0, "", "https://eu-central-1.console.aws.amazon.com/lambda/home?region=eu-central-1#/functions", time.Hour},
		{"a colleague's page", []string{"direct", "--path", "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1#Instances:"}, 0, "", "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1#Instances:", time.Hour},
		{"another page", []string{"direct", "--path", "https://console.aws.amazon.com.example.com/"}, 1, "not an address at console.aws.amazon.com", "", 0},
		{"a mistyped service", []string{"direct", "--service", "lamda"}, 2, "--service lambda", "", 0},
		{"a service that is not in the table", []string{"direct", "--service", "deepracer"}, 0, "", "console.aws.amazon.com/deepracer/home", time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := append([]string{"login", "--stdout"}, tc.args...)
			for i := range args {
				if args[i] == "CODE" {
					args[i] = w.code("phone")
				}
			}
			r := w.vault(t, w.environ(), args...)
			want(t, result{err: r.err, status: r.status}, tc.status, tc.words)
			if tc.status != 0 {
				if r.out != "" {
					t.Errorf("it printed %q", r.out)
				}
				return
			}
			if page := signedIn(t, r.out); !strings.Contains(page, strings.ReplaceAll(tc.page, "&", "&amp;")) {
				t.Errorf("the browser ends at\n%s", page)
			}
			if page := signedIn(t, r.out); !strings.Contains(page, "Invalid token") {
				t.Errorf("the address works twice: %s", page)
			}
			if call := w.aws.LastSigninToken(); call.Method != http.MethodPost || call.Duration != tc.duration {
				t.Errorf("AWS was asked by %s for %s, not by POST for %s", call.Method, call.Duration, tc.duration)
			}
		})
	}
}

func TestTheConsoleOpensForIdentityCenterAndForAWebIdentity(t *testing.T) {
	t.Parallel()
	w := newSSOWorld(t, corp)
	issuer := must(w.aws.AddIssuer(account))
	w.write("token", must(issuer.Mint(map[string]any{"sub": "pod"})).Reveal())
	w.role("pod", fakeaws.Trust{Web: &fakeaws.WebIdentity{Issuer: issuer.URL, Subject: "pod"}})
	config := string(must(os.ReadFile(w.path("home/.aws/config"))))
	w.write("home/.aws/config", config+"[profile pod]\nregion = us-west-2\nrole_arn = arn:aws:iam::111122223333:role/pod\nweb_identity_token_file = "+w.path("token")+"\n"+
		"[profile careful]\nvault_protected = true\ninclude_profile = dev\n")
	w.signIn(t)
	for _, tc := range []struct {
		args     []string
		page     string
		duration time.Duration
	}{
		{[]string{"dev"}, "_Admin_", time.Hour},
		{[]string{"dev", "--duration", "8h"}, "_Admin_", 8 * time.Hour},
		{[]string{"pod"}, "assumed-role/pod/", time.Hour},
		{[]string{"--sso", "corp", "--account", account, "--role", "ReadOnly"}, "_ReadOnly_", time.Hour},
		{[]string{"careful", "--yes-really=careful"}, "_Admin_", time.Hour},
	} {
		r := w.vault(t, w.environ(), append([]string{"login", "--stdout"}, tc.args...)...)
		want(t, result{err: r.err, status: r.status}, 0)
		if page := signedIn(t, r.out); !strings.Contains(page, tc.page) || w.aws.LastSigninToken().Duration != tc.duration {
			t.Errorf("%v: the console for %s is\n%s", tc.args, w.aws.LastSigninToken().Duration, page)
		}
	}
	want(t, w.vault(t, w.environ(), "login", "careful"), 3, "--yes-really=careful")
	want(t, w.vault(t, w.environ("CLAUDECODE=1", "AWS_VAULT_AGENTS=deny"), "login", "-s", "dev"), 1, "is not given to coding agents")
	want(t, w.vault(t, w.environ("CLAUDECODE=1", "AWS_VAULT_AGENTS=deny"), "login", "dev"), 1, "is not given to coding agents")
}

func TestTheConsoleOpensForAProfileThatIsChosen(t *testing.T) {
	t.Parallel()
	w := consoleWorld(t)
	r, shown := w.talk(t, w.environ("TERM=dumb"), []exchange{{"Number, name, or a part of it: ", "direct\r"}}, "login", "--stdout")
	if r.status != 0 || !strings.Contains(signedIn(t, r.out), "assumed-role/prod/") {
		t.Errorf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
}

func TestCredentialsThatAWSKeepsOutOfTheConsoleAreToldSo(t *testing.T) {
	t.Parallel()
	w := consoleWorld(t)
	session := w.vault(t, w.environ(), "export", "base", "--format", "env")
	want(t, session, 0)
	var keys []string
	for line := range strings.Lines(session.out) {
		keys = append(keys, strings.TrimSpace(line))
	}
	want(t, w.vault(t, w.environ(keys...), "login", "-s"), 1, "AWS does not accept these credentials for the console", "not for a session of GetSessionToken")
	_, k := w.user("linus")
	given := w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	r := w.vault(t, given, "login", "-s")
	want(t, result{err: r.err, status: r.status}, 0)
	if page := signedIn(t, r.out); !strings.Contains(page, "federated-user/") {
		t.Errorf("the key of the environment leads to %s", page)
	}
}

// A browser that notes its command line and then goes where it is sent.
func (w *world) noteBrowser() {
	w.write("browse", "#!/bin/sh\nprintf '%s\\n' \"$@\" >>"+w.path("argv")+"\n"+browsing+"=1 exec "+os.Args[0]+" \"$1\"\n")
	check(os.Chmod(w.path("browse"), 0o700))
}

func TestTheAddressOfTheConsoleIsInNoCommandLineAndNoMessage(t *testing.T) {
	t.Parallel()
	w := consoleWorld(t)
	w.noteBrowser()
	r := w.vault(t, w.environ(), "login", "direct")
	want(t, r, 0, "the console of direct (111122223333) opens in your browser, until")
	w.wantCalls(t, "console", 1)
	argv := string(must(os.ReadFile(w.path("argv"))))
	if u, err := url.Parse(strings.TrimSpace(argv)); err != nil || u.Hostname() != "127.0.0.1" || u.RawQuery != "" || strings.Contains(r.err+r.out+argv, "SigninToken") {
		t.Errorf("the browser was started with %q, and the program said\n%s%s", argv, r.out, r.err)
	}
	w.aws.Inject("getSigninToken", fakeaws.Fault{Status: 503, Times: -1})
	r = w.vault(t, w.environ(), "login", "direct")
	want(t, r, 1, `sign in to the console for "direct"`)
	if strings.Contains(r.err, "federation") || strings.Contains(r.err, "http") {
		t.Errorf("the error has an address: %s", r.err)
	}
}

func TestACommandThatOpensTheConsoleGetsWhatItsTemplateNames(t *testing.T) {
	t.Parallel()
	w := consoleWorld(t)
	w.write("open it", "#!/bin/sh\nprintf '%s\\n' \"$@\" >>"+w.path("argv")+"\nfor last; do :; done\n"+browsing+"=1 exec "+os.Args[0]+" \"$last\"\n")
	check(os.Chmod(w.path("open it"), 0o700))
	for i, template := range []string{
		`'OPEN' --container={account} '--name={profile} {role}' {region} {url}`,
		`"OPEN" --container={account} "--name={profile} {role}" {region} %s`,
	} {
		command := strings.ReplaceAll(template, "OPEN", w.path("open it"))
		want(t, w.vault(t, w.environ("AWS_VAULT_BROWSER="+command), "login", "direct", "--browser", command), 0, "opens in your browser")
		w.wantCalls(t, "console", i+1)
		list := strings.Split(strings.TrimSpace(string(must(os.ReadFile(w.path("argv"))))), "\n")
		got := strings.Join(list[max(0, len(list)-4):], "|")
		if !strings.HasPrefix(got, "--container=111122223333|--name=direct prod|eu-central-1|http://127.0.0.1:") {
			t.Errorf("%s: started with %q", template, got)
		}
	}
	want(t, w.vault(t, w.environ(), "login", "direct", "--browser", "'unfinished {url}"), 1, "no browser was opened: 'unfinished")
}

func TestWhereNoBrowserCanOpenTheConsoleItIsSaidHowElse(t *testing.T) {
	t.Parallel()
	w := consoleWorld(t)
	want(t, w.vault(t, w.environ("SSH_CONNECTION=1"), "login", "twice"), 1, "this is an SSH session", "--copy", "--stdout")
	want(t, w.vault(t, w.environ(), "login", "twice", "--browser", "/nonexistent/browser"), 1, "no browser was opened: browser:", "--copy")
	want(t, w.vault(t, w.environ("SSH_CONNECTION=1"), "login", "twice", "--copy"), 1, "no clipboard", "--stdout")
	want(t, w.vault(t, w.environ(), "login", "twice", "--copy", "--stdout"), 2, "choose one")
	want(t, w.vault(t, w.environ(), "login"), 2, "no profile was named")
	want(t, w.vault(t, w.environ(), "login", "prdo"), 1, "no profile named")
}

// wantCalls waits until an action was called as often.
func (w *world) wantCalls(t *testing.T, action string, n int) {
	t.Helper()
	for end := time.Now().Add(patience); w.aws.Calls(action) < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s was called %d times, not %d", action, w.aws.Calls(action), n)
		}
	}
}

// chromium is a real browser as the profile's own, which leaves the page that it ends at.
func (w *world) chromium(t *testing.T, page string) string {
	chromium := testenv.Require(t, "chromium")
	w.write("chromium", "#!/bin/sh\n"+chromium+" --headless --no-sandbox --disable-gpu --disable-quic"+
		" --disable-background-networking --disable-component-update --disable-sync"+
		" --dump-dom \"$@\" >"+page+".part 2>"+w.path("browse.log")+" && mv "+page+".part "+page+"\n")
	check(os.Chmod(w.path("chromium"), 0o700))
	return w.path("chromium")
}

// It runs alone: a Chromium that starts beside many other programs may never show a page.
func TestARealBrowserIsSignedInToTheConsole(t *testing.T) {
	w := consoleWorld(t)
	page := w.path("page.html")
	browser := w.chromium(t, page)
	login := func(dir string, args ...string) string {
		_ = os.Remove(page)
		all := append([]string{"login", "--browser", browser + " {url}", "--browser-profile", w.path(dir)}, args...)
		want(t, w.vault(t, w.environ(), all...), 0, "opens in your browser")
		for end := time.Now().Add(patience); gone(page) && time.Now().Before(end); {
			time.Sleep(20 * time.Millisecond)
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatalf("no page in %s after %v: %.300s", dir, args, must(os.ReadFile(w.path("browse.log"))))
		}
		return string(text)
	}
	for _, step := range []struct {
		dir, page string
		args      []string
	}{
		{"one-{account}", "assumed-role/prod/", []string{"direct"}},
		{"one-{account}", "You must first log out", []string{"twice"}},
		{"one-{account}", "assumed-role/other/", []string{"twice", "--auto-logout"}},
	} {
		if got := login(step.dir, step.args...); !strings.Contains(got, step.page) {
			t.Errorf("%v in %s leads to\n%s\n%s", step.args, step.dir, got, must(os.ReadFile(w.path("browse.log"))))
		}
	}
	if gone(w.path("one-" + account)) {
		t.Error("the account has no browser profile of its own")
	}
	w.wantNoProcess(t)
}
