//go:build unix

package cmd_test

// Programs that run longer than any session, under exec --server, use --mode server and serve.

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// shortLife is how long the sessions of these tests last. A client works for lives of them.
const (
	shortLife = 4 * time.Second
	lives     = 3
)

// shortWorld has a role whose sessions may be short.
func shortWorld(t testing.TB) *world {
	t.Helper()
	w := must(makeWorld(worldDir(t), fakeaws.Options{MinDuration: time.Second}))
	t.Cleanup(func() { _ = w.aws.Close() })
	w.write("home/.aws/config", roleConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	return w
}

// ways are how a client is served; each runs it with the sessions of a world.
var ways = []struct {
	name string
	run  func(t *testing.T, w *world, extra, client []string) result
}{
	{"exec --server", func(t *testing.T, w *world, extra, client []string) result {
		return w.vault(t, w.environ(extra...), append([]string{"exec", "--server", "-d", shortLife.String(), "prod", "--"}, client...)...)
	}},
	{"use --mode server", func(t *testing.T, w *world, extra, client []string) result {
		script := `eval "$(vault hook bash)"; vault use prod --mode server -d "$1" 2>/dev/null || exit; shift; "$@"`
		return w.run(t, w.withLeases(t, extra...), testenv.Require(t, "bash"), append([]string{"--norc", "--noprofile", "-c", script, "-", shortLife.String()}, client...)...)
	}},
	{"serve", func(t *testing.T, w *world, extra, client []string) result {
		s := w.serve(t, "-d", shortLife.String(), "prod")
		extra = append(extra, "AWS_CONTAINER_CREDENTIALS_FULL_URI="+s.Profiles[0].URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="+s.TokenFile, "AWS_REGION=eu-central-1", "AWS_DEFAULT_REGION=eu-central-1")
		return w.run(t, without(w.environ(extra...), "AWS_VAULT_FILE_PASSPHRASE"), client[0], client[1:]...)
	}},
}

// inEachWay runs a test with a world of short sessions for each way. Where a client is slow to
// start, the other ways than the first one are for the long tests.
func inEachWay(t *testing.T, slow bool, test func(t *testing.T, w *world, run func(extra, client []string) result)) {
	t.Helper()
	t.Parallel()
	for i, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			if slow && i > 0 {
				testenv.OnlyLong(t, "a client in one more way")
			}
			t.Parallel()
			w := shortWorld(t)
			test(t, w, func(extra, client []string) result { return way.run(t, w, extra, client) })
		})
	}
}

// serving runs a client in each way, for three expiries, and checks that each of its calls
// succeeded and with how many keys.
func serving(t *testing.T, slow bool, extra []string, client ...string) {
	t.Helper()
	inEachWay(t, slow, func(t *testing.T, w *world, run func(extra, client []string) result) {
		began := time.Now()
		r := run(append([]string{"WORK_SECONDS=" + workSeconds()}, extra...), client)
		if r.status != 0 || r.err != "" || time.Since(began) < lives*shortLife {
			t.Fatalf("status %d after %s\n%s%s", r.status, time.Since(began), r.out, r.err)
		}
		w.outliving(t, r.out)
	})
}

func TestTheCommandLineOutlivesItsSessions(t *testing.T) {
	testenv.OnlyLong(t, "a loop of the AWS command line")
	serving(t, true, []string{"AWS=" + testenv.Require(t, "awscli", "aws")}, testenv.Require(t, "bash"), "-c",
		`while ((SECONDS < WORK_SECONDS)); do echo "? $("$AWS" sts get-caller-identity --query Arn --output text)" || exit; done`)
}

func TestBoto3OutlivesItsSessions(t *testing.T) {
	serving(t, true, nil, boto3(t), "-c", `
import boto3, os, time
s = boto3.Session()
c, sts = s.get_credentials(), s.client("sts")
assert c.method == "container-role", c.method
end = time.monotonic() + int(os.environ["WORK_SECONDS"])
while time.monotonic() < end:
    arn = sts.get_caller_identity()["Arn"]
    print(c.get_frozen_credentials().access_key, arn)
    time.sleep(0.1)`)
}

func TestTheJavaScriptSDKOutlivesItsSessions(t *testing.T) {
	node := testenv.Require(t, "js-sdk", "node")
	path := "NODE_PATH=" + os.Getenv("NODE_PATH")
	find := exec.Command(node, "-e", `require.resolve("@aws-sdk/client-sts")`)
	if find.Env = append(os.Environ(), path); find.Run() != nil {
		testenv.Missing(t, "js-sdk", "NODE_PATH has no @aws-sdk/client-sts")
	}
	serving(t, true, []string{path, "NODE_NO_WARNINGS=1", "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true"}, node, "-e", `
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
(async () => {
  const sts = new STSClient({ maxAttempts: 1 });
  for (const end = Date.now() + 1000 * process.env.WORK_SECONDS; Date.now() < end; ) {
    const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
    console.log((await sts.config.credentials()).accessKeyId, Arn);
    await new Promise(done => setTimeout(done, 100));
  }
})().catch(e => { console.error(e); process.exit(1); });`)
}

func TestTheJavaSDKOutlivesItsSessions(t *testing.T) {
	testenv.OnlyLong(t, "a Java virtual machine")
	java, path := testenv.Require(t, "java-sdk", "java"), os.Getenv("CLASSPATH")
	if path == "" {
		testenv.Missing(t, "java-sdk", "CLASSPATH has no software.amazon.awssdk:sts")
	}
	source := filepath.Join(t.TempDir(), "Client.java")
	check(os.WriteFile(source, []byte(`
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.services.sts.StsClient;

public class Client {
  public static void main(String[] args) throws Exception {
    try (var credentials = DefaultCredentialsProvider.builder().build();
        var sts = StsClient.builder().credentialsProvider(credentials)
            .overrideConfiguration(c -> c.retryStrategy(AwsRetryStrategy.doNotRetry())).build()) {
      long end = System.nanoTime() + Long.parseLong(System.getenv("WORK_SECONDS")) * 1_000_000_000L;
      while (System.nanoTime() < end) {
        String arn = sts.getCallerIdentity().arn();
        System.out.println(credentials.resolveCredentials().accessKeyId() + " " + arn);
        Thread.sleep(100);
      }
    }
  }
}`), 0o600))
	serving(t, true, []string{"CLASSPATH=" + path}, java, "-XX:TieredStopAtLevel=1", source)
}

func TestTheGoSDKOutlivesItsSessions(t *testing.T) {
	serving(t, false, []string{sdkClient + "=1"}, must(os.Executable()))
}

// A network that is down for a while is not noticed by the command.
func TestANetworkThatFailsForAWhileIsNotNoticed(t *testing.T) {
	t.Parallel()
	w := shortWorld(t)
	go func() { // once the first session is made
		if w.aws.WaitCalls(t.Context(), "AssumeRole", 1) == nil {
			w.aws.Inject("AssumeRole", fakeaws.Fault{Status: 500, Code: "InternalFailure", Message: "m", Times: 4})
		}
	}()
	r := w.vault(t, w.environ(sdkClient+"=1", "WORK_SECONDS=9"), "exec", "--server", "-d", "8s", "prod", "--", must(os.Executable()))
	if r.status != 0 || r.err != "" {
		t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
	}
	if n := w.aws.Calls("AssumeRole"); n < 6 {
		t.Errorf("%d calls: it did not fail, or was not tried again", n)
	}
}

// serveInBackground starts exec --server with a command that tells the address and waits
// for standard input to end.
func (w *world) serveInBackground(t *testing.T, environ []string, args ...string) (e *endpoint, end func() string) {
	t.Helper()
	script := `printf '%s\n%s\n' "$AWS_CONTAINER_CREDENTIALS_FULL_URI" "$AWS_CONTAINER_AUTHORIZATION_TOKEN" >"$TOLD.new"; mv "$TOLD.new" "$TOLD"; read x`
	told := filepath.Join(w.dir, "told")
	c := exec.Command(filepath.Join(bin, "vault"), append(args, "--", "sh", "-c", script)...)
	var errs bytes.Buffer
	c.Env, c.Dir, c.Stderr = append(environ, "TOLD="+told), w.dir, &errs
	stdin := must(c.StdinPipe())
	check(c.Start())
	end = func() string {
		_ = stdin.Close()
		_ = c.Wait()
		return errs.String()
	}
	t.Cleanup(func() { _ = end() })
	for limit := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(told)
		if err == nil {
			url, token, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
			return &endpoint{url, token, c.Process.Pid}, end
		}
		if time.Now().After(limit) || c.ProcessState != nil {
			t.Fatalf("the command did not begin: %s", end())
		}
	}
}

type endpoint struct {
	url, token string
	pid        int
}

// get is one request of a client's.
func (e *endpoint) get(t testing.TB) (status int, body string) {
	t.Helper()
	r := must(http.NewRequest(http.MethodGet, e.url, nil))
	r.Header.Set("Authorization", e.token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	must(b.ReadFrom(res.Body))
	return res.StatusCode, b.String()
}

// until asks until the status is the wanted one, and returns what was answered then.
func (e *endpoint) until(t testing.TB, want int) string {
	t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		status, body := e.get(t)
		if status == want {
			return body
		}
		if time.Now().After(limit) {
			t.Fatalf("%d %s, not %d", status, body, want)
		}
	}
}

func TestARenewalThatNeedsAPersonIsToldOnceAndGoesOnWhenTheyHaveRenewed(t *testing.T) {
	t.Parallel()
	w := must(makeWorld(worldDir(t), fakeaws.Options{MinDuration: time.Second}))
	t.Cleanup(func() { _ = w.aws.Close() })
	w.write("home/.aws/config", "[profile prod]\nmfa_serial = arn:aws:iam::"+account+":mfa/phone\n")
	w.mfa(w.stored("alice", "prod"), "phone")
	environ := w.environ()
	e, end := w.serveInBackground(t, environ, "exec", "--server", "-d", "4s", "-t", w.code("phone"), "prod")
	if status, body := e.get(t); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	body := e.until(t, http.StatusBadRequest)
	if want := `{"code":"SignInRequired","message":"prod: an MFA code is needed; run in another terminal: vault use prod -d 4s"}`; body != want {
		t.Errorf("the client is told %s", body)
	}
	for range 20 { // it goes on asking
		e.get(t)
	}
	want(t, w.vault(t, environ, "use", "prod", "-d", "1h", "-t", w.code("phone"), "--shell", "bash"), 0) // another session
	if status, _ := e.get(t); status != http.StatusBadRequest {
		t.Errorf("%d with a session of another length", status)
	}
	want(t, w.vault(t, environ, "use", "prod", "-d", "4s", "-t", w.code("phone"), "--shell", "bash"), 0)
	e.until(t, http.StatusOK)
	said := end()
	if strings.Count(said, "an MFA code is needed") != 1 || strings.Count(said, "vault: hint: in another terminal: vault use prod -d 4s\n") != 1 || strings.Count(said, "\n") > 4 {
		t.Errorf("it said:\n%s", said)
	}
	if n := w.aws.Calls("GetSessionToken"); n != 3 {
		t.Errorf("%d sessions were asked for", n)
	}
}

// The passphrase that was typed at the beginning renews the session; it is not asked for
// while the command has the terminal.
func TestATypedPassphraseRenewsWhatIsServed(t *testing.T) {
	t.Parallel()
	w := shortWorld(t)
	environ := without(w.environ(sdkClient+"=1", "WORK_SECONDS=9"), "AWS_VAULT_FILE_PASSPHRASE")
	r, shown := w.talk(t, environ, []exchange{{"Passphrase", passphrase + "\n"}}, "exec", "--server", "-d", "4s", "prod", "--", must(os.Executable()))
	if r.status != 0 || strings.Count(shown, "Passphrase of") != 1 {
		t.Errorf("status %d, shown %q\n%s%s", r.status, shown, r.out, r.err)
	}
	if n := w.aws.Calls("AssumeRole"); n < 3 {
		t.Errorf("%d sessions", n)
	}
}

func TestAnEndpointNeedsLittleMemoryAndNoTimeWhenIdle(t *testing.T) {
	status := func(pid int) string { return string(must(os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)))) }
	if _, err := os.Stat("/proc/self/status"); err != nil {
		testenv.Missing(t, "proc", "the system does not tell what a process uses")
	}
	w := roleWorld(t)
	e, _ := w.serveInBackground(t, w.environ(), "exec", "--server", "prod")
	for range 200 {
		if status, body := e.get(t); status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
	}
	var resident int
	for line := range strings.Lines(status(e.pid)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			resident = must(strconv.Atoi(strings.Fields(rest)[0]))
		}
	}
	if resident == 0 || resident > 25_000 {
		t.Errorf("%d kB are resident", resident)
	}
	http.DefaultClient.CloseIdleConnections()
	before := ticks(e.pid)
	time.Sleep(time.Second) // nothing happens: there is no event to wait for
	if after := ticks(e.pid); after > before+1 {
		t.Errorf("%d ticks of the processor in a second without requests", after-before)
	}
}

// ticks is how much of the processor a process has used, in hundredths of a second.
func ticks(pid int) int {
	stat := string(must(os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))))
	f := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	return must(strconv.Atoi(f[11])) + must(strconv.Atoi(f[12]))
}

// A shell's job that is stopped and continued is served as before.
func TestAStoppedJobIsServedWhenItGoesOn(t *testing.T) {
	t.Parallel()
	bash := testenv.Require(t, "bash")
	w := shortWorld(t)
	environ := w.environ(sdkClient+"=1", "WORK_SECONDS=3", "CLIENT="+must(os.Executable()), "PS1=ready> ")
	script := `vault exec --server -d 4s prod -- sh -c 'echo begun; kill -TSTP $$; "$CLIENT" >/dev/null && echo served'`
	r, shown := w.converse(t, environ, []exchange{{"ready> ", script + "\n"}, {"Stopped", ""}, {"ready> ", "sleep 6; fg\n"}, {"served", ""}, {"ready> ", "exit\n"}},
		bash, "--norc", "--noprofile", "--noediting", "-ic", `exec "$BASH" --norc --noprofile --noediting -i 1>&0 2>&0`)
	if r.status != 0 {
		t.Errorf("status %d, shown\n%s\n%s", r.status, shown, r.err)
	}
}
