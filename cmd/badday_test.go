//go:build unix

package cmd_test

// Bad days: what fails, how it says so, and what is as it was before.

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// roleWorld has a user whose key is stored for base, and a role for prod.
func roleWorld(t testing.TB) *world {
	w := newWorld(t, roleConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	return w
}

// oneSentence checks that a failure is told in one line, and a hint at most.
func oneSentence(t *testing.T, r result) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(r.err, "\n"), "\n")
	ok := strings.HasPrefix(lines[0], "vault: ") && (len(lines) == 1 || len(lines) == 2 && strings.HasPrefix(lines[1], "vault: hint: "))
	if !ok || r.status == 0 || r.out != "" {
		t.Errorf("status %d, printed %q, said:\n%s", r.status, r.out, r.err)
	}
}

func TestTheNetworkIsDown(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	r := w.vault(t, w.environ("AWS_ENDPOINT_URL=http://127.0.0.1:1"), "use", "prod", "--shell", "bash")
	oneSentence(t, r)
	if r.status != 1 || !strings.Contains(r.err, "AWS cannot be reached: ") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	// A name that cannot be looked up reads as such.
	r = w.vault(t, w.environ("AWS_ENDPOINT_URL=http://sts.invalid"), "use", "prod", "--shell", "bash")
	oneSentence(t, r)
	if !strings.Contains(r.err, "sts.invalid") {
		t.Error(r.err)
	}
}

func TestARefusalByAWSIsOneSentence(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	for _, c := range []struct {
		code, message, want string
	}{
		{"AccessDenied", "User is not authorized", "access denied: User is not authorized"},
		{"InvalidClientTokenId", "The security token included in the request is invalid.", "AWS does not know the access key"},
		{"SignatureDoesNotMatch", "Signature expired: 20200101 is now earlier than", "the clock of this machine"},
		{"Throttling", "Rate exceeded", "AWS asks for fewer calls"},
		{"ValidationError", "The requested DurationSeconds exceeds\nthe MaxSessionDuration", "The requested DurationSeconds exceeds the MaxSessionDuration"},
		{"Odd\x1b[31m", "nothing\x1b]0;title\x07 we know", "nothing?]0;title? we know"},
	} {
		w.aws.Heal()
		w.aws.Inject("AssumeRole", fakeaws.Fault{Status: 403, Code: c.code, Message: c.message, Times: -1})
		r := w.vault(t, w.environ(), "use", "prod", "--shell", "bash")
		oneSentence(t, r)
		if r.status != 1 || !strings.Contains(r.err, c.want) || strings.ContainsRune(r.err, '\x1b') {
			t.Errorf("%s: status %d: %q", c.code, r.status, r.err)
		}
		if strings.Contains(r.err, "operation error") || strings.Contains(r.err, "https response") {
			t.Errorf("%s: the SDK's own words: %s", c.code, r.err)
		}
	}
	r := w.vault(t, w.environ(), "--debug", "use", "prod", "--shell", "bash")
	if !strings.Contains(r.err, "vault: debug: ") {
		t.Errorf("--debug said %q", r.err)
	}
}

func TestAnAbsentKeyringSaysWhatWasTried(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	for _, backend := range []string{"secret-service", "pass"} {
		r := w.vault(t, w.environ("AWS_VAULT_BACKEND="+backend, "AWS_VAULT_PASS_CMD=/nonexistent/pass"), "use", "prod", "--shell", "bash")
		oneSentence(t, r)
		if r.status != 1 || !strings.Contains(r.err, backend) {
			t.Errorf("%s: status %d: %s", backend, r.status, r.err)
		}
	}
	r := w.vault(t, w.environ("AWS_VAULT_BACKEND=shoebox"), "list")
	oneSentence(t, r)
	if !strings.Contains(r.err, "shoebox") || !strings.Contains(r.err, "file") {
		t.Errorf("an unknown back end: %s", r.err)
	}
}

func TestALockedKeyringAsksAPersonOrEndsWithStatusThree(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	r := w.vault(t, without(w.environ(), "AWS_VAULT_FILE_PASSPHRASE"), "use", "prod", "--shell", "bash")
	oneSentence(t, r)
	if r.status != 3 || !strings.Contains(r.err, "hint") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	// Where someone can be asked, it asks.
	r, shown := w.talk(t, without(w.environ(), "AWS_VAULT_FILE_PASSPHRASE"), []exchange{{"/keys: ", passphrase + "\r"}}, "use", "prod", "--shell", "bash")
	if r.status != 0 {
		t.Errorf("status %d: %s; shown %q", r.status, r.err, shown)
	}
}

func TestAWrongPassphraseIsFoundBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	_, k := w.user("bob")
	before := snapshot(w.path("keys")) + snapshot(w.path("home"))
	wrong := w.environ("AWS_VAULT_FILE_PASSPHRASE=another", "AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	for _, args := range [][]string{
		{"add", "bob", "--env"}, {"add", "base", "--env", "--no-check"},
		{"use", "prod", "--shell", "bash"}, {"exec", "base", "--", "true"}, {"export", "prod"},
	} {
		r := w.vault(t, wrong, args...)
		r.err = strings.TrimPrefix(r.err, "vault: the key belongs to arn:aws:iam::111122223333:user/bob\n")
		oneSentence(t, r)
		if !strings.Contains(r.err, "passphrase") {
			t.Errorf("%q: %s", args, r.err)
		}
	}
	if after := snapshot(w.path("keys")) + snapshot(w.path("home")); after != before {
		t.Errorf("something was written:\n%s\nbefore:\n%s", after, before)
	}
	if n := w.aws.Calls("AssumeRole") + w.aws.Calls("GetSessionToken"); n != 0 {
		t.Errorf("AWS was asked %d times", n)
	}
}

// source is a bash that loads the hook and runs commands.
func (w *world) bash(t testing.TB, environ []string, script string) result {
	t.Helper()
	return w.run(t, environ, "bash", "--noprofile", "--norc", "-c", `eval "$(vault hook bash)"; `+script)
}

func TestADeletedRuntimeDirectoryIsMadeAgain(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := roleWorld(t)
	r := w.bash(t, w.environ(), `vault use prod; before=$AWS_ACCESS_KEY_ID; rm -rf "$XDG_RUNTIME_DIR/vault"
vault status >/dev/null && vault use prod && [[ -e $__VAULT_TOKEN && $AWS_ACCESS_KEY_ID = "$before" ]] || exit 1
rm -rf "$XDG_RUNTIME_DIR/vault"; eval "$(vault refresh --env --shell bash)"; [[ -e $__VAULT_TOKEN ]] || exit 2
rm -rf "$XDG_RUNTIME_DIR/vault"; vault refresh --if-due || exit 3
vault off`)
	if r.status != 0 || w.aws.Calls("*") != 1 {
		t.Errorf("status %d, %d calls: %s", r.status, w.aws.Calls("*"), r.err)
	}
}

// nothing is half-written: every file in the keyring can be read, or is not there.
func (w *world) intact(t *testing.T) {
	t.Helper()
	s, ctx := w.keyring(), context.Background()
	names, err := s.List(ctx, "")
	check(err)
	for _, n := range names {
		if _, err := s.Get(ctx, n); err != nil {
			t.Errorf("%s cannot be read: %v", n, err)
		}
	}
	for _, dir := range []string{"keys", "run"} {
		_ = filepath.WalkDir(w.path(dir), func(p string, d os.DirEntry, err error) error {
			if info, _ := d.Info(); err == nil && info != nil && info.Mode().IsRegular() && strings.HasPrefix(d.Name(), ".") {
				t.Errorf("%s was left behind", p)
			}
			return nil
		})
	}
}

func TestAFullDiskStillGivesASession(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := roleWorld(t)
	// No file may grow beyond its size, as on a disk that is full.
	full := func(args string) result {
		return w.run(t, w.environ(), "bash", "-c", "ulimit -f 0; trap '' XFSZ; "+args)
	}
	r := full("vault use prod --shell bash")
	if r.status != 0 || !strings.Contains(r.out, "AWS_SECRET_ACCESS_KEY=") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	if !strings.HasPrefix(r.err, "vault: ") || strings.Count(r.err, "\n") > 2 {
		t.Errorf("said %q", r.err)
	}
	w.intact(t)
	_, k := w.user("bob")
	before := snapshot(w.path("keys")) + snapshot(w.path("home"))
	r = full("AWS_ACCESS_KEY_ID=" + k.ID + " AWS_SECRET_ACCESS_KEY='" + k.Secret.Reveal() + "' vault add base --env --no-check")
	if r.status != 1 {
		t.Errorf("add: status %d: %s", r.status, r.err)
	}
	if after := snapshot(w.path("keys")) + snapshot(w.path("home")); stripTimes(after) != stripTimes(before) {
		t.Errorf("a key that could not be stored left\n%s\nbefore:\n%s", after, before)
	}
	w.intact(t)
}

// stripTimes drops directories from a snapshot: their times change with a file that
// came and went.
func stripTimes(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if !strings.Contains(line, " d") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestAReadOnlyHomeStillGivesASession(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		testenv.Missing(t, "root", "only root can run a program as another user")
	}
	w := roleWorld(t)
	// nobody may read all and write nothing.
	const nobody = 65534
	check(filepath.WalkDir(w.dir, func(p string, d os.DirEntry, err error) error {
		check(err)
		return os.Chmod(p, 0o755)
	}))
	for dir := w.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		check(os.Chmod(dir, 0o755))
	}
	check(os.Chmod(bin, 0o755))
	c := exec.Command(filepath.Join(bin, "vault"), "use", "prod", "--shell", "bash")
	c.Env, c.Dir = without(w.environ(), "XDG_RUNTIME_DIR"), "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if err != nil || !strings.Contains(out.String(), "AWS_SECRET_ACCESS_KEY=") {
		t.Errorf("%v: %s", err, errs.String())
	}
	if !strings.HasPrefix(errs.String(), "vault: ") || strings.Count(errs.String(), "\n") > 2 {
		t.Errorf("said %q", errs.String())
	}
}

func TestKilledHalfWayTheNextCallWorks(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	w.aws.Inject("AssumeRole", fakeaws.Fault{Delay: time.Minute})
	c := exec.Command(filepath.Join(bin, "vault"), "use", "prod", "--shell", "bash")
	var out bytes.Buffer
	c.Env, c.Stdout = w.environ(), &out
	check(c.Start())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	check(w.aws.WaitCalls(ctx, "AssumeRole", 1))
	check(c.Process.Kill())
	_ = c.Wait()
	if out.Len() != 0 {
		t.Errorf("code was printed: %q", out.String())
	}
	began := time.Now()
	if r := w.vault(t, w.environ(), "use", "prod", "--shell", "bash"); r.status != 0 || !strings.Contains(r.out, "AWS_SESSION_TOKEN") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("the lock of the dead was waited for, %v", d)
	}
	w.intact(t)
}

// Ctrl-C ends a command that waits for AWS in good order, with status 130. In its first moments, before a person
// could notice that it waits, the signal itself may end it; how long those are depends on the machine, so the test
// waits longer until it sees the order, which must come.
func TestCtrlCWhileAWSIsSlowPrintsNothing(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	for calls, wait := 1, 25*time.Millisecond; ; calls, wait = calls+1, 2*wait {
		w.aws.Inject("AssumeRole", fakeaws.Fault{Delay: time.Minute})
		c := exec.Command(filepath.Join(bin, "vault"), "use", "prod", "--shell", "bash")
		var out, errs bytes.Buffer
		c.Env, c.Stdout, c.Stderr = w.environ(), &out, &errs
		check(c.Start())
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		check(w.aws.WaitCalls(ctx, "AssumeRole", calls))
		time.Sleep(wait)
		check(c.Process.Signal(os.Interrupt))
		_ = c.Wait()
		if out.Len() != 0 || errs.Len() != 0 {
			t.Fatalf("%v, printed %q, said %q", c.ProcessState, out.String(), errs.String())
		}
		if c.ProcessState.ExitCode() == 130 {
			break
		}
		if c.ProcessState.String() != "signal: interrupt" || wait > patience/4 {
			t.Fatalf("%v after %v", c.ProcessState, wait)
		}
	}
	w.aws.Heal()
	if r := w.vault(t, w.environ(), "use", "prod", "--shell", "bash"); r.status != 0 {
		t.Errorf("afterwards: status %d: %s", r.status, r.err)
	}
	w.intact(t)
}

// crowd starts n processes at once and returns how they ended.
func (w *world) crowd(t *testing.T, n int, environ []string, args ...string) []result {
	t.Helper()
	results := make([]result, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { results[i] = w.vault(t, environ, args...) })
	}
	wg.Wait()
	return results
}

func TestTwentyColdShellsMakeOneCall(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	w.aws.Inject("AssumeRole", fakeaws.Fault{Delay: 200 * time.Millisecond}) // let all of them arrive
	ids := map[string]bool{}
	for _, r := range w.crowd(t, 20, w.environ(), "export", "prod") {
		if r.status != 0 {
			t.Errorf("status %d: %s", r.status, r.err)
		}
		id, _, _ := strings.Cut(r.out, "\n")
		ids[id] = true
	}
	if n := w.aws.Calls("*"); n != 1 || len(ids) != 1 {
		t.Errorf("%d calls, %d different sessions", n, len(ids))
	}
}

func TestTwentyShellsRenewWithOneCall(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := roleWorld(t)
	state := activeEnviron(w.bash(t, w.environ(), "vault use prod && env -0").out)
	check(w.age("prod", 50*time.Minute))
	w.aws.Inject("AssumeRole", fakeaws.Fault{Delay: 200 * time.Millisecond})
	for _, r := range w.crowd(t, 20, state, "refresh", "--if-due") {
		if r.status != 0 || r.out+r.err != "" {
			t.Errorf("status %d, said %q", r.status, r.out+r.err)
		}
	}
	if n := w.aws.Calls("AssumeRole"); n != 2 {
		t.Errorf("%d calls, want one and one", n)
	}
}

func activeEnviron(nul string) []string {
	return strings.Split(strings.TrimSuffix(nul, "\x00"), "\x00")
}

func TestASecondUseOfARoleMakesNoCall(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	for range 3 {
		if r := w.vault(t, w.environ(), "use", "prod", "--shell", "zsh"); r.status != 0 {
			t.Fatal(r.err)
		}
	}
	if n := w.aws.Calls("*"); n != 1 {
		t.Errorf("%d calls", n)
	}
	// An edited profile is another one.
	w.write("home/.aws/config", roleConfig+"duration_seconds = 1800\n")
	if r := w.vault(t, w.environ(), "use", "prod", "--shell", "zsh"); r.status != 0 || w.aws.Calls("*") != 2 {
		t.Errorf("%d calls: %s", w.aws.Calls("*"), r.err)
	}
}

func TestNoSessionIsNeverCached(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	before := snapshot(w.path("keys"))
	r := w.vault(t, w.environ(), "export", "base", "--no-session", "--format", "json")
	if r.status != 0 || !strings.Contains(r.out, `"AKIA`) || strings.Contains(r.out, "SessionToken") || w.aws.Calls("*") != 0 {
		t.Errorf("status %d, %d calls: %s", r.status, w.aws.Calls("*"), r.err)
	}
	if after := snapshot(w.path("keys")); after != before {
		t.Error("a copy of the key was stored")
	}
}

func TestAMissingKeySaysHowToStoreIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	r := w.vault(t, w.environ(), "use", "prod", "--shell", "bash")
	oneSentence(t, r)
	if !strings.Contains(r.err, "vault: hint: store one: vault add base") {
		t.Error(r.err)
	}
}
