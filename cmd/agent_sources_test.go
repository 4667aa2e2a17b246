//go:build unix

package cmd_test

// What the agent needs of the command that asks it: the output of programs, sign-ins,
// proxies; and what a command does where there can be no agent.

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

// usesTwice runs a command that a person answers, and again without a person.
func (w *world) usesTwice(t *testing.T, environ []string, talk []exchange, args ...string) {
	t.Helper()
	r, shown := w.talk(t, environ, append([]exchange{w.askedPassphrase()}, talk...), args...)
	if r.status != 0 {
		t.Fatalf("%q: status %d, said %q, shown %q", args, r.status, r.err, shown)
	}
	if !w.agentStatus(t, environ).Running {
		t.Fatal("no agent is running")
	}
	if r := w.vault(t, environ, args...); r.status != 0 {
		t.Errorf("%q again: status %d, said %q", args, r.status, r.err)
	}
}

// The command of a profile runs in the process that was asked for, in its environment, and
// the session is kept by the agent.
func TestTheAgentKeepsWhatACommandOfTheProfileGave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `
[profile tool]
credential_process = /bin/sh -c "echo run >>$MARKS; cat \"$HOME/answer\""
region = eu-west-1
[profile over]
source_profile = tool
role_arn = arn:aws:iam::111122223333:role/over
region = eu-west-1
`)
	_, k := w.user("bob")
	w.stored("alice", "base")
	w.role("over", fakeaws.Trust{Principals: []string{account}})
	w.write("home/answer", fmt.Sprintf(`{"Version":1,"AccessKeyId":%q,"SecretAccessKey":%q,"SessionToken":"","Expiration":%q}`,
		k.ID, k.Secret.Reveal(), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
	environ := w.withAgent(t, "MARKS="+w.path("marks"))
	w.usesTwice(t, environ, nil, "use", "tool", "--shell", "bash")
	if n := strings.Count(string(must(os.ReadFile(w.path("marks")))), "run"); n != 1 {
		t.Errorf("the command ran %d times", n)
	}
	if r := w.vault(t, environ, "export", "over"); r.status != 0 || w.aws.Calls("AssumeRole") != 1 {
		t.Errorf("a role over it: status %d, said %q", r.status, r.err)
	}
}

func TestTheAgentTakesACodeOfAnMFAProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile base]\nregion = eu-west-1\nmfa_serial = arn:aws:iam::111122223333:mfa/phone\nmfa_process = cat \"$HOME/code\"\n")
	w.mfa(w.stored("alice", "base"), "phone")
	w.write("home/code", w.code("phone")+"\n")
	environ := w.withAgent(t)
	w.usesTwice(t, environ, nil, "export", "base")
	w.write("home/code", w.code("phone")+"\n")
	if r := w.vault(t, environ, "exec", "--refresh", "base", "--", "true"); r.status != 0 || w.aws.Calls("GetSessionToken") != 2 {
		t.Errorf("status %d, said %q, %d sessions", r.status, r.err, w.aws.Calls("GetSessionToken"))
	}
}

func TestASignInAtABrowserIsKeptByTheAgent(t *testing.T) {
	t.Parallel()
	w := newSSOWorld(t, corp+"[profile read]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = ReadOnly\nregion = eu-west-1\n")
	w.stored("alice", "base")
	environ := w.withAgent(t, "BROWSER="+os.Args[0], browsing+"=1")
	w.usesTwice(t, environ, nil, "use", "dev", "--shell", "bash")
	if r := w.vault(t, environ, "export", "read"); r.status != 0 {
		t.Errorf("another role: status %d, said %q", r.status, r.err)
	}
	w.called(t, "Authorize", 1)
}

// What a person signs in to is kept by the agent, which is given the sign-in and asked for no key.
func TestSSOAsksForNoPassphraseWhileTheAgentHoldsTheStore(t *testing.T) {
	t.Parallel()
	w := newSSOWorld(t, corp)
	w.stored("alice", "base")
	environ := w.withAgent(t, "BROWSER="+os.Args[0], browsing+"=1")
	for i, c := range []struct {
		args  string
		talk  []exchange
		times int
	}{{"sso login corp", []exchange{w.askedPassphrase()}, 1}, {"sso login dev", nil, 1}, {"sso login --force", nil, 2}} {
		if r, shown := w.talk(t, environ, c.talk, strings.Fields(c.args)...); r.status != 0 || !strings.Contains(r.err, "signed in to corp until") {
			t.Fatalf("%q: status %d, said %q, shown %q", c.args, r.status, r.err, shown)
		}
		w.called(t, "Authorize", c.times)
		if i == 0 && len(w.agentStatus(t, environ).Stores) != 1 {
			t.Error("the agent holds no store")
		}
	}
	for _, c := range []struct{ args, says string }{
		{"export dev", "AWS_ACCESS_KEY_ID"},
		{"sso list corp --refresh --json", `"account": "111122223333"`},
		{"sso sync corp --dry-run", "[profile"},
		{"sso login --share", "the AWS CLI finds it in"},
		{"sso logout", "signed out of corp"},
		{"sso logout", "you were not signed in to corp"},
	} {
		if r := w.vault(t, environ, strings.Fields(c.args)...); r.status != 0 || !strings.Contains(r.out+r.err, c.says) {
			t.Errorf("%s: status %d, said %q, printed %q", c.args, r.status, r.err, r.out)
		}
	}
}

// A console for a key is a session of GetFederationToken, which the agent makes like any other.
func TestTheConsoleOfAServedCommandAsksForNoPassphrase(t *testing.T) {
	t.Parallel()
	w, environ := agentWorld(t)
	r, shown := w.talk(t, environ, []exchange{w.askedPassphrase(), {"MFA code", w.code("phone") + "\r"}},
		"exec", "--server", "dev", "--", "/bin/sh", "-c", "vault login --stdout && vault login base --stdout")
	if r.status != 0 || strings.Count(r.out, "/federation?") != 2 || strings.Count(shown, "Passphrase of") != 1 {
		t.Errorf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
}

// What a container offers is asked with the address and the token that the person has set in the
// shell: not with those of the agent, and not with those that mode server has put there.
func TestALeaseOverAContainerAsksWithTheAddressAndTokenOfTheUser(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := shortWorld(t)
	w.write("home/.aws/config", "[profile ecs]\ncredential_source = EcsContainer\nrole_arn = arn:aws:iam::111122223333:role/task\nregion = eu-central-1\n")
	_, k := w.user("task")
	w.role("task", fakeaws.Trust{Principals: []string{account}})
	var mu sync.Mutex
	var tokens []string
	container := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		tokens = append(tokens, r.Header.Get("Authorization"))
		_, _ = fmt.Fprintf(out, `{"AccessKeyId":%q,"SecretAccessKey":%q,"Token":"","Expiration":%q}`, k.ID, k.Secret.Reveal(), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	defer container.Close()
	r := w.bash(t, w.withLeases(t, "LIFE="+shortLife.String(), "MINE="+container.URL+"/mine"), `
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/agent AWS_CONTAINER_AUTHORIZATION_TOKEN=agent vault agent start >/dev/null
export AWS_CONTAINER_CREDENTIALS_FULL_URI=$MINE AWS_CONTAINER_AUTHORIZATION_TOKEN=mine
vault use ecs --mode server -d "$LIFE" || exit
vault use ecs --mode server -d "$LIFE" || exit
for i in 1 2; do was=$(ask); until now=$(ask); [[ $now == ASIA* && $now != "$was" ]]; do :; done; done
__vault_precmd; echo "$__vault_text"
vault off; echo "$AWS_CONTAINER_AUTHORIZATION_TOKEN"`)
	if r.out != "ecs\nmine\n" {
		t.Errorf("status %d, %q, said %q", r.status, r.out, r.err)
	}
	if mu.Lock(); len(tokens) < 3 || slices.ContainsFunc(tokens, func(s string) bool { return s != "mine" }) {
		t.Errorf("it was asked with the tokens %q", tokens)
	}
	mu.Unlock()
}

// The age back end, with an identity whose passphrase costs little to try.
func TestTheAgentHoldsAnAgeStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	check(storetest.CheapIdentity(w.path("age"), passphrase))
	arn, k := w.user("alice")
	w.role("prod", fakeaws.Trust{Principals: []string{arn}})
	given := creds.New(passphrase)
	items := must(store.Open(t.Context(), store.Options{Backend: "age", AgeDir: w.path("age"), AgePassphrase: &given}))
	check(store.PutKey(t.Context(), items, "base", k))
	environ := w.withAgent(t, "AWS_VAULT_BACKEND=age", "AWS_VAULT_AGE_DIR="+w.path("age"))
	r, shown := w.talk(t, environ, []exchange{{"Passphrase of " + w.path("age"), passphrase + "\r"}}, "use", "prod", "--shell", "bash")
	if r.status != 0 {
		t.Fatalf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
	if r := w.vault(t, environ, "export", "prod"); r.status != 0 || w.aws.Calls("AssumeRole") != 1 {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
}

// What is served to a command is renewed through the agent, until it is locked.
func TestLockEndsTheRenewalOfWhatIsServed(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "curl")
	w := shortWorld(t)
	environ := w.withAgent(t)
	r, _ := w.talk(t, environ, []exchange{w.askedPassphrase()}, "exec", "--server", "-d", "4s", "prod", "--", "/bin/sh", "-c", `
		ask() { curl -s -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" "$AWS_CONTAINER_CREDENTIALS_FULL_URI"; }
		first=$(ask); while [ "$(ask)" = "$first" ]; do sleep 0.1; done; echo renewed
		vault lock; until ask | grep -q 'KeyringLocked.*; run in another terminal: vault use prod'; do sleep 0.1; done; echo locked`)
	if r.status != 0 || !strings.Contains(r.out, "renewed\nlocked\n") {
		t.Errorf("status %d, %q, said %q", r.status, r.out, r.err)
	}
}

// Where no agent can be, one sentence says why, and the command goes on as if there were none.
func TestWithoutAPlaceForASocketEachCommandAsks(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(w *world, run string){
		"too long for a socket": func(_ *world, run string) { check(os.Mkdir(filepath.Join(run, strings.Repeat("so-long.", 15)), 0o700)) },
		"is not a socket": func(_ *world, run string) {
			check(os.Mkdir(filepath.Join(run, "vault"), 0o700))
			check(os.WriteFile(filepath.Join(run, "vault", "agent.sock"), nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, roleConfig)
			w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
			environ := w.withAgent(t)
			run := value(environ, "XDG_RUNTIME_DIR")
			place(w, run)
			if long := filepath.Join(run, strings.Repeat("so-long.", 15)); name == "too long for a socket" {
				environ = append(without(environ, "XDG_RUNTIME_DIR"), "XDG_RUNTIME_DIR="+long)
			}
			for range 2 {
				r, _ := w.talk(t, environ, []exchange{w.askedPassphrase()}, "use", "prod", "--shell", "bash")
				if r.status != 0 || !strings.Contains(r.err, "there is no agent, so each command asks for the passphrase: ") || !strings.Contains(r.err, name) {
					t.Errorf("status %d, said %q", r.status, r.err)
				}
			}
		})
	}
}

// A container may have no /run/user.
func TestWithoutARuntimeDirectoryTheAgentIsInTheStateDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	environ := w.withAgent(t)
	state := value(environ, "XDG_RUNTIME_DIR")
	environ = append(without(environ, "XDG_RUNTIME_DIR", "XDG_STATE_HOME"), "XDG_STATE_HOME="+state)
	t.Cleanup(func() { w.vault(t, environ, "agent", "stop") })
	w.usesTwice(t, environ, nil, "use", "prod", "--shell", "bash")
	if _, err := os.Lstat(filepath.Join(state, "vault", "run", "agent.sock")); err != nil {
		t.Error(err)
	}
}

func TestFiftyFirstUsersStartOneAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	environ := w.withAgent(t)
	pids := make(chan string, 50)
	var all sync.WaitGroup
	for range cap(pids) {
		all.Go(func() {
			c := exec.Command(filepath.Join(bin, "vault"), "agent", "start")
			c.Env = environ
			out, err := c.Output()
			first, _, _ := strings.Cut(string(out), "\n")
			pids <- fmt.Sprint(first, err)
		})
	}
	all.Wait()
	first := <-pids
	for len(pids) > 0 {
		if next := <-pids; next != first {
			t.Errorf("%q and %q", first, next)
		}
	}
}

// With a socket that systemd passes on, the agent starts at the first connection.
func TestTheAgentTakesASocketThatIsPassedOn(t *testing.T) {
	t.Parallel()
	w, environ := agentWorld(t)
	dir := filepath.Join(value(environ, "XDG_RUNTIME_DIR"), "vault")
	check(os.Mkdir(dir, 0o700))
	fd := must(syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0))
	check(syscall.Bind(fd, &syscall.SockaddrUnix{Name: filepath.Join(dir, "agent.sock")}))
	check(syscall.Listen(fd, 16))
	socket := os.NewFile(uintptr(fd), "socket")
	defer func() { _ = socket.Close() }()
	c := exec.Command("/bin/sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec vault agent start --foreground`)
	c.Env, c.ExtraFiles = environ, []*os.File{socket}
	check(c.Start())
	defer func() { _ = c.Wait() }()
	if s := w.agentStatus(t, environ); s.PID != c.Process.Pid {
		t.Errorf("%+v, not %d", s, c.Process.Pid)
	}
	w.usesTwice(t, environ, []exchange{{"MFA code", w.code("phone") + "\r"}}, "use", "dev", "--shell", "bash")
	if r := w.vault(t, environ, "agent", "stop"); r.status != 0 {
		t.Error(r.err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "agent.sock")); err != nil {
		t.Errorf("systemd's socket was removed: %v", err)
	}
	_ = c.Wait()
	check(os.RemoveAll(dir)) // a client would wait for systemd to start it again
}

// In each shell: the passphrase is typed in one terminal; a second one, without a person,
// is switched, renewed and restored.
func TestEveryShellGoesOnAfterOnePassphrase(t *testing.T) {
	inEachShell(t, testenv.Sample(shelltest.All(t), 2), func(t *testing.T, s *shellScript) {
		s.environ = s.w.withAgent(t)
		s.add("vault use prod")
		s.print("AWS_VAULT")
		file := s.w.path("first." + s.sh.Extension)
		check(os.WriteFile(file, []byte(strings.Join(s.lines, "\n")+"\n"), 0o600))
		r, shown := s.w.converse(t, s.environ, []exchange{s.w.askedPassphrase()}, s.sh.Name, append(slices.Clone(s.sh.Script), file)...)
		if r.status != 0 || !strings.Contains(r.out, "AWS_VAULT=prod") {
			t.Fatalf("status %d, %q, said %q, shown %q", r.status, r.out, r.err, shown)
		}
		before := s.w.aws.Calls("AssumeRole")
		s.add("vault refresh", "vault off")
		s.print("AWS_VAULT")
		if r := s.run(); r.status != 0 || !strings.Contains(r.out, "AWS_VAULT=prod") || !strings.HasSuffix(strings.TrimSpace(r.out), "AWS_VAULT=") {
			t.Errorf("status %d, %q, said %q", r.status, r.out, r.err)
		}
		if n := s.w.aws.Calls("AssumeRole"); n != before+1 {
			t.Errorf("%d sessions were made by the renewal", n-before)
		}
	})
}

// A renewal in the background finds the store open.
func TestAPromptRenewsThroughTheAgent(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	environ := w.withAgent(t)
	r, _ := w.talk(t, environ, []exchange{w.askedPassphrase()}, "exec", "prod", "--", "env")
	if r.status != 0 {
		t.Fatal(r.err)
	}
	var shell []string
	for line := range strings.Lines(r.out) {
		shell = append(shell, strings.TrimSuffix(line, "\n"))
	}
	check(w.age("prod", 55*time.Minute))
	shell = append(without(shell, "AWS_CREDENTIAL_EXPIRATION"), "AWS_CREDENTIAL_EXPIRATION="+time.Now().Add(5*time.Minute).UTC().Format(time.RFC3339))
	if r := w.vault(t, shell, "refresh", "--if-due"); r.status != 0 || w.aws.Calls("AssumeRole") != 2 {
		t.Errorf("status %d, said %q, %d sessions", r.status, r.err, w.aws.Calls("AssumeRole"))
	}
}

// Of many terminals at a password store one runs pass for the session, and the agent answers
// the others.
func TestManyTerminalsWithPassReadTheSessionOnce(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	for _, program := range []string{"pass", "gpg", "gpgconf"} {
		testenv.Require(t, program)
	}
	key := must(store.GetKey(t.Context(), w.keyring(), "base"))
	gpg := w.gnupg(t)
	environ := w.withAgent(t, "AWS_VAULT_BACKEND=pass", "GNUPGHOME="+value(gpg, "GNUPGHOME"), "PASSWORD_STORE_DIR="+w.path("passwords"))
	add := append(environ, "AWS_VAULT_AGENT=off", "AWS_ACCESS_KEY_ID="+key.ID, "AWS_SECRET_ACCESS_KEY="+key.Secret.Reveal())
	if r := w.vault(t, add, "add", "base", "--env", "--no-check"); r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	code := w.code("phone")
	var all sync.WaitGroup
	asked := make(chan int, 10)
	for range cap(asked) {
		all.Go(func() {
			_, codes := w.answer(t, environ, code, "exec", "dev", "--", "true")
			asked <- codes
		})
	}
	all.Wait()
	total := 0
	for len(asked) > 0 {
		total += <-asked
	}
	if total != 1 || w.aws.Calls("GetSessionToken") != 1 || w.aws.Calls("AssumeRole") != 1 {
		t.Errorf("asked for %d codes; %d and %d calls", total, w.aws.Calls("GetSessionToken"), w.aws.Calls("AssumeRole"))
	}
	if s := w.agentStatus(t, environ); len(s.Stores) != 1 || !strings.HasPrefix(s.Stores[0].Store, "pass:") {
		t.Errorf("%+v", s)
	}
}
