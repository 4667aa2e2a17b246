//go:build unix

package cmd_test

// A person at a terminal: what is asked, what is shown, and what an answer leads to.

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/store"
)

// exchange is one question on the terminal and what is typed then.
type exchange struct{ asked, typed string }

// talk runs the program with a controlling terminal, answers its questions, and returns
// how it ended and what the terminal showed. Standard output and error are not the
// terminal, as in "$(vault use … --shell bash)".
func (w *world) talk(t *testing.T, environ []string, talk []exchange, args ...string) (r result, shown string) {
	t.Helper()
	return w.converse(t, environ, talk, filepath.Join(bin, "vault"), args...)
}

// converse is talk with any program.
func (w *world) converse(t *testing.T, environ []string, talk []exchange, name string, args ...string) (r result, shown string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	var out, errs strings.Builder
	c.Env, c.Dir, c.Stdout, c.Stderr = environ, w.dir, &out, &errs
	tty, err := pty.Start(c) // standard input alone is the terminal
	check(err)
	defer func() { _ = tty.Close() }()

	var mu sync.Mutex
	var screen strings.Builder
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			mu.Lock()
			screen.Write(buf[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	seen := 0
	for _, x := range talk {
		for {
			mu.Lock()
			at := strings.Index(screen.String()[seen:], x.asked)
			if at >= 0 {
				seen += at + len(x.asked)
			}
			mu.Unlock()
			if at >= 0 {
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("%q was never asked; shown: %q; said: %s", x.asked, screen.String(), errs.String())
			}
			time.Sleep(2 * time.Millisecond)
		}
		if w.meanwhile != nil {
			w.meanwhile()
		}
		_, err := tty.WriteString(x.typed)
		check(err)
	}
	_ = c.Wait()
	<-done
	if ctx.Err() != nil {
		t.Fatalf("%q did not end; shown: %q", args, screen.String())
	}
	if found := w.leak(errs.String() + screen.String()); found != "" {
		t.Errorf("%q: a secret on the terminal: %s", args, found)
	}
	return result{out.String(), errs.String(), c.ProcessState.ExitCode()}, screen.String()
}

// mfaWorld has a user with a device, two roles that want it, and a profile of the user's
// own.
func mfaWorld(t *testing.T) *world {
	w := newWorld(t, `
[default]
region = us-east-1
[profile base]
mfa_serial = arn:aws:iam::111122223333:mfa/phone
[profile dev]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/dev
mfa_serial = arn:aws:iam::111122223333:mfa/phone
[profile ops]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/ops
mfa_serial = arn:aws:iam::111122223333:mfa/phone
`)
	alice := w.stored("alice", "base")
	w.mfa(alice, "phone")
	for _, role := range []string{"dev", "ops"} {
		w.role(role, fakeaws.Trust{Principals: []string{alice}, MFA: true})
	}
	return w
}

func TestATypedSecretIsNotShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	arn, k := w.user("carol")
	r, shown := w.talk(t, w.environ(), []exchange{
		{"Access key id: ", k.ID + "\r"}, {"Secret access key: ", k.Secret.Reveal() + "\r"},
		{"MFA device", "\r"},
	}, "add", "carol")
	if r.status != 0 || !strings.Contains(r.err, arn) || !strings.Contains(shown, k.ID) {
		t.Fatalf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
	if got := must(store.GetKey(context.Background(), w.keyring(), "carol")); !got.Secret.Equal(k.Secret) || got.ID != k.ID {
		t.Error("another key was stored")
	}
}

func TestAddOffersTheUsersMFADeviceAndTellsAWrongOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile old]\nmfa_serial = arn:aws:iam::111122223333:mfa/lost\n")
	arn, k := w.user("carol")
	w.mfa(arn, "phone")
	const serial = "arn:aws:iam::111122223333:mfa/phone"
	typed := []exchange{{"Access key id: ", k.ID + "\r"}, {"Secret access key: ", k.Secret.Reveal() + "\r"}}
	config := func() string { return string(must(os.ReadFile(w.path("home/.aws/config")))) }

	r, _ := w.talk(t, w.environ(), append(typed, exchange{"MFA device [" + serial + "], or - for none: ", "\r"}), "add", "carol")
	if r.status != 0 || !strings.HasSuffix(config(), "[profile carol]\nmfa_serial = "+serial+"\n") || strings.Contains(r.err, "is not an MFA device") {
		t.Errorf("status %d, said %q\n%s", r.status, r.err, config())
	}
	r, _ = w.talk(t, w.environ(), append(typed, exchange{"or - for none: ", "-\r"}), "add", "none")
	if r.status != 0 || !strings.HasSuffix(config(), "[profile none]\n") {
		t.Errorf("status %d, said %q\n%s", r.status, r.err, config())
	}
	given := w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	for _, args := range [][]string{{"add", "--env", "old"}, {"add", "--env", "new", "--mfa-serial", "arn:aws:iam::111122223333:mfa/lost"}} {
		want(t, w.vault(t, given, args...), 0, "arn:aws:iam::111122223333:mfa/lost is not an MFA device of this user: "+serial)
	}
	w.aws.Deny(arn, "iam:ListMFADevices") // then AWS does not say
	if r := w.vault(t, given, "add", "--env", "old"); r.status != 0 || strings.Contains(r.err, "is not an MFA device") {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
}

func TestAWrongCodeIsAskedForOnceMore(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	r, shown := w.talk(t, w.environ(), []exchange{
		{"MFA code for phone (111122223333): ", "000000\r"}, {"MFA code for phone", w.code("phone") + "\r"},
	}, "use", "base", "--shell", "bash")
	if r.status != 0 || !strings.Contains(r.out, "AWS_SESSION_TOKEN=") {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	if want := "vault: the code was not accepted; each code works once and for half a minute\n"; !strings.HasPrefix(r.err, want) {
		t.Errorf("said %q", r.err)
	}
	if strings.Contains(shown, "000000") {
		t.Errorf("the code was shown: %q", shown)
	}
}

func TestTwoWrongCodesEndInOneLineAndStatusOne(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	before := snapshot(w.path("keys"))
	r, _ := w.talk(t, w.environ(), []exchange{{"MFA code", "000000\r"}, {"MFA code", "000001\r"}}, "use", "dev", "--shell", "bash")
	lines := strings.Split(r.err, "\n")
	if r.status != 1 || r.out != "" || len(lines) != 4 || !strings.HasPrefix(lines[1], "vault: ") ||
		!strings.Contains(lines[1], "the MFA code was not accepted") || !strings.HasPrefix(lines[2], "vault: hint: wait for the next code") {
		t.Fatalf("status %d, said %q", r.status, r.err)
	}
	if w.aws.Calls("*") != 2 {
		t.Errorf("%d calls", w.aws.Calls("*"))
	}
	if after := snapshot(w.path("keys")); after != before {
		t.Error("the keyring was written to")
	}
}

// No code helps against a wrong device, so a second one is not asked for.
func TestAWrongMFADeviceIsToldFromAWrongCode(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{"base", "dev"} {
		w := mfaWorld(t)
		w.write("home/.aws/config", strings.ReplaceAll(string(must(os.ReadFile(w.path("home/.aws/config")))), "mfa/phone", "mfa/old-phone"))
		r, _ := w.talk(t, w.environ(), []exchange{{"MFA code for old-phone", w.code("phone") + "\r"}}, "use", profile, "--shell", "bash")
		if r.status != 1 || r.out != "" || w.aws.Calls("*") != 1 || strings.Count(r.err, "\n") != 2 ||
			!strings.Contains(r.err, `the MFA device "arn:aws:iam::111122223333:mfa/old-phone" is not one of this user's: MultiFactorAuthentication failed, unable to validate`) ||
			!strings.Contains(r.err, "hint: correct mfa_serial: vault show base says where it is set") {
			t.Errorf("%s: status %d, %d calls, said %q", profile, r.status, w.aws.Calls("*"), r.err)
		}
	}
}

func TestOneCodeServesAllRolesOverAKey(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	r, _ := w.talk(t, w.environ(), []exchange{{"MFA code", w.code("phone") + "\r"}}, "use", "dev", "--shell", "bash")
	if r.status != 0 {
		t.Fatal(r.err)
	}
	// Nobody is there for the second role, and it is not needed.
	if r := w.vault(t, w.environ(), "use", "ops", "--shell", "bash"); r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	if n := w.aws.Calls("GetSessionToken"); n != 1 {
		t.Errorf("%d sessions with MFA were made", n)
	}
	if call, _ := w.aws.LastAssumeRole(); !call.MFA || call.SerialNumber != "" {
		t.Errorf("the second role was assumed with %+v", call)
	}
}

func TestCtrlDAndCtrlCAtAQuestionMeanNo(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	for _, key := range []string{"\x04", "\x03"} {
		r, _ := w.talk(t, w.environ(), []exchange{{"MFA code", key}}, "use", "dev", "--shell", "bash")
		if r.status != 130 || r.out != "" || r.err != "" || w.aws.Calls("*") != 0 {
			t.Errorf("%q: status %d, %d calls, said %q", key, r.status, w.aws.Calls("*"), r.err)
		}
	}
}

// botocore runs a credential_process so: the terminal is there, and standard error is read
// when the process has ended.
func TestACredentialProcessSaysAtOnceThatASignInIsNeeded(t *testing.T) {
	t.Parallel()
	w := newSSOWorld(t, corp)
	needs := func(args ...string) {
		t.Helper()
		began := time.Now()
		r, shown := w.talk(t, w.browser(), nil, args...)
		if r.status != 3 || r.out != "" || shown != "" || !strings.Contains(r.err, `"dev" needs a sign-in in the browser`) || !strings.Contains(r.err, "hint: vault sso login dev\n") {
			t.Errorf("%q: status %d, said %q, shown %q", args, r.status, r.err, shown)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%q took %v", args, took)
		}
	}
	needs("export", "dev", "--format", "json")
	needs("exec", "--json", "dev")
	w.called(t, "Authorize", 0)

	// Nor does it wait for the person that another terminal has sent to the browser.
	w.dir.SetAnswer(fakeaws.Ask)
	c := exec.Command(filepath.Join(bin, "vault"), "export", "dev")
	c.Env, c.Dir = w.browser(), w.world.dir
	tty := must(pty.Start(c))
	defer func() { _, _ = c.Process.Kill(), tty.Close(); _ = c.Wait() }()
	must(tty.Read(make([]byte, 1)))
	needs("export", "dev", "--format", "json")
}

func TestAPersonIsAskedWhereIdentityCenterIs(t *testing.T) {
	t.Parallel()
	w := newSSOWorld(t, "")
	r, shown := w.talk(t, w.browser(), []exchange{
		{"Start URL, like https://corp.awsapps.com/start: ", "https://d-1.awsapps.com/start\r"}, {"Region of Identity Center: ", "eu-west-1\r"},
	}, "sso", "login", "--no-device")
	if r.status != 0 || !strings.Contains(shown, "there is no sso-session in the config file: your administrator knows where Identity Center is") ||
		!strings.Contains(string(must(os.ReadFile(w.path("home/.aws/config")))), "[sso-session d-1]\nsso_start_url = https://d-1.awsapps.com/start\n") {
		t.Errorf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
	w.write("home/.aws/config", "")
	r, _ = w.talk(t, w.environ(), []exchange{
		{"Start URL, like https://corp.awsapps.com/start: ", "https://d-1.awsapps.com/start\r"}, {"Region of Identity Center: ", "eu-west-1\r"},
	}, "sso", "login", "corp")
	if r.status != 0 || !strings.Contains(r.err, "added the sso-session corp to") {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
	r, shown = w.talk(t, w.environ("AWS_REGION=eu-west-1"), []exchange{{"Region of Identity Center [eu-west-1]: ", "\r"}}, "sso", "login", "--start-url", "d-1.awsapps.com/start")
	if r.status != 0 || !strings.Contains(r.err, "signed in to corp until") {
		t.Errorf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
}

func TestTheInvitationIsShownWhereThePersonIs(t *testing.T) {
	t.Parallel()
	w := newSSOWorld(t, corp)
	r, shown := w.talk(t, w.browser(), nil, "export", "dev")
	if r.status != 0 || !strings.Contains(shown, "vault: sign in in the browser") || !strings.Contains(shown, "/authorize?") || strings.Contains(r.err, "/authorize?") {
		t.Errorf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
	w = newSSOWorld(t, corp)
	for _, line := range [][]string{{"export", "dev", "--stdout"}, {"exec", "dev", "--", "true"}} { // AWS Vault's flag, and its variable
		r, shown = w.talk(t, w.browser("AWS_VAULT_STDOUT="+strconv.FormatBool(len(line) > 3)), []exchange{{"/authorize?", "\x03"}}, line...)
		if r.status != 130 || !strings.Contains(shown, "open this address in a browser") || w.aws.Calls("Authorize") != 0 {
			t.Errorf("%q: status %d, said %q, shown %q", line, r.status, r.err, shown)
		}
	}
	w = newSSOWorld(t, strings.Replace(corp, "pkce", "device", 1))
	r, shown = w.talk(t, w.browser(), nil, "sso", "login", "--stdout", "--timeout", "1s")
	if r.status != 3 || !strings.Contains(shown, "the page must show this code") || strings.Contains(r.err, "must show") {
		t.Errorf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
}

func TestAPassphraseIsToldWhatIsWrongWithItAtOnce(t *testing.T) {
	t.Parallel()
	for _, backend := range []string{"file", "age"} {
		w := newWorld(t, "[profile work]\nregion = eu-west-1\n")
		_, k := w.user("alice")
		environ := without(w.environ("AWS_VAULT_BACKEND="+backend, "AWS_VAULT_AGE_DIR="+w.path("age")), "AWS_VAULT_FILE_PASSPHRASE")
		add := append(environ, "AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
		pairs := []exchange{
			{"New passphrase for the keys in ", "one\r"}, {"The same passphrase again: ", "two\r"},
			{"The two passphrases differ. New passphrase for the keys in ", "\r"},
		}
		never := append(pairs[:len(pairs):len(pairs)], exchange{"A passphrase must not be empty. New passphrase", "\r"})
		r, _ := w.talk(t, add, never, "add", "--env", "--no-check", "work")
		if r.status != 3 || r.err != "vault: no passphrase was set: a passphrase must not be empty\n" {
			t.Errorf("%s: status %d, said %q", backend, r.status, r.err)
		}
		right := append(pairs, exchange{"A passphrase must not be empty. New passphrase", "right\r"}, exchange{"again: ", "right\r"})
		if r, _ = w.talk(t, add, right, "add", "--env", "--no-check", "work"); r.status != 0 {
			t.Fatalf("%s: %s", backend, r.err)
		}
		r, _ = w.talk(t, environ, []exchange{
			{"Passphrase of ", "wrong\r"}, {"Wrong passphrase. Passphrase of ", "\r"}, {"Wrong passphrase: it was empty. Passphrase of ", "other\r"},
		}, "export", "--no-session", "work")
		if r.status == 0 || !strings.HasPrefix(r.err, "vault: wrong passphrase for ") || strings.Count(r.err, "\n") != 1 || strings.Contains(r.err, "work") {
			t.Errorf("%s: status %d, said %q", backend, r.status, r.err)
		}
	}
}

func TestWithoutAPersonTheStatusIsThreeAndSaysWhatToRun(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	r := w.vault(t, w.environ(), "use", "dev", "--shell", "bash")
	want := "vault: \"dev\" needs an MFA code\nvault: hint: run it in a terminal: vault refresh, or vault use dev\n"
	if r.status != 3 || r.out != "" || r.err != want && !strings.Contains(r.err, "vault use") {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
	if w.aws.Calls("*") != 0 {
		t.Error("AWS was asked")
	}
}

func TestACodeCanComeFromAFlag(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	// A wrong one is not asked for again: it was not typed.
	for _, c := range [][2]string{{"base", "000000"}, {"dev", "000000"}, {"dev", "abcdef"}} {
		r := w.vault(t, w.environ(), "export", c[0], "-t", c[1])
		if r.status != 1 || strings.Count(r.err, "not accepted") != 1 {
			t.Errorf("%s with %s: status %d, said %q", c[0], c[1], r.status, r.err)
		}
	}
	if r := w.vault(t, w.environ(), "exec", "--mfa-token", w.code("phone"), "dev", "--", "true"); r.status != 0 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
}

func TestAWrongCodeOfAFlagIsToldAndNotAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"000000", "abc"} {
		w := mfaWorld(t)
		r, _ := w.talk(t, w.environ(), nil, "use", "dev", "-t", code, "--shell", "bash")
		if r.status != 1 || r.out != "" || strings.Count(r.err, "not accepted") != 1 {
			t.Errorf("%s: status %d, said %q", code, r.status, r.err)
		}
		if r := w.vault(t, w.environ(), "export", "base", "-t", code); strings.Contains(r.err, "use the MFA code") {
			t.Errorf("%s: said %q", code, r.err)
		}
	}
}

func TestACodeCanComeFromAProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile base]\nmfa_serial = arn:aws:iam::111122223333:mfa/phone\nmfa_process = cat \"$HOME/code\" && printenv >seen\n"+
		"[profile broken]\nmfa_serial = arn:aws:iam::111122223333:mfa/phone\nmfa_process = echo no phone here >&2; exit 1\n")
	w.mfa(w.stored("alice", "base"), "phone")
	w.write("home/code", w.code("phone")+"\n")
	r := w.vault(t, w.environ("AWS_PROFILE=mine"), "export", "base")
	if r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	seen := string(must(os.ReadFile(w.path("seen"))))
	if strings.Contains(seen, passphrase) || strings.Contains(seen, "AWS_PROFILE") {
		t.Error("the process found more in its environment than it needs")
	}

	_, k := w.user("bob")
	check(store.PutKey(context.Background(), w.keyring(), "broken", k))
	r = w.vault(t, w.environ(), "export", "broken")
	if r.status != 1 || r.out != "" || !strings.Contains(r.err, "no phone here\n") || !strings.Contains(r.err, "vault: mfa_process failed") {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
}
