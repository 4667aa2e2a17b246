//go:build unix

package cmd_test

// Programs that vault has not started ask vault serve: in a container, and through ssh.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// served is a running vault serve.
type served struct {
	c         *exec.Cmd
	TokenFile string `json:"token_file"`
	Profiles  []struct{ Profile, URL string }
}

func (s *served) token() string { return string(must(os.ReadFile(s.TokenFile))) }

func (s *served) port() string {
	_, rest, _ := strings.Cut(s.Profiles[0].URL, "127.0.0.1:")
	port, _, _ := strings.Cut(rest, "/")
	return port
}

// end ends it as Ctrl-C does, and returns its exit status.
func (s *served) end() int {
	_ = s.c.Process.Signal(syscall.SIGINT)
	_ = s.c.Wait()
	return s.c.ProcessState.ExitCode()
}

func (w *world) serve(t *testing.T, args ...string) *served {
	t.Helper()
	s := &served{c: exec.Command(filepath.Join(bin, "vault"), append([]string{"serve", "--json"}, args...)...)}
	var errs bytes.Buffer
	s.c.Env, s.c.Dir, s.c.Stderr = w.environ(), w.dir, &errs
	out := must(s.c.StdoutPipe())
	check(s.c.Start())
	t.Cleanup(func() { _ = s.end() })
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(s); err != nil {
		t.Fatalf("%v: status %d\n%s", err, s.end(), errs.String())
	}
	return s
}

// ask makes one request, with another Host header unless host is "".
func ask(t *testing.T, url, host, token string) (status int, body struct{ AccessKeyID, RoleArn string }) {
	t.Helper()
	q := must(http.NewRequest(http.MethodGet, url, nil))
	q.Host = host
	q.Header.Set("Authorization", token)
	res := must(http.DefaultClient.Do(q))
	defer res.Body.Close()
	_ = json.NewDecoder(res.Body).Decode(&body)
	return res.StatusCode, body
}

func TestServeHasAPathForEachProfileAndATokenForItsUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	s := w.serve(t, "base", "prod")
	if info := must(os.Stat(s.TokenFile)); info.Mode().Perm() != 0o600 || len(s.Profiles) != 2 {
		t.Errorf("%v %v", info.Mode(), s.Profiles)
	}
	token, keys := s.token(), map[string]bool{}
	for _, p := range s.Profiles {
		status, body := ask(t, p.URL, "", token)
		if status != 200 || !strings.HasPrefix(body.AccessKeyID, "ASIA") {
			t.Errorf("%s: %d %v", p.Profile, status, body.RoleArn)
		}
		keys[body.AccessKeyID] = true
		for _, tc := range []struct {
			host, token string
			want        int
		}{
			{"", "", 403}, {"", token + "x", 403}, {"rebound.example:" + s.port(), token, 403}, {"192.0.2.1:" + s.port(), token, 403},
			{"127.0.0.1:1", token, 200}, {"localhost", token, 403}, // the first through a tunnel
		} {
			if status, _ := ask(t, p.URL, tc.host, tc.token); status != tc.want {
				t.Errorf("%s, Host %q: %d, want %d", p.Profile, tc.host, status, tc.want)
			}
		}
	}
	if len(keys) != 2 {
		t.Error("both profiles have one session")
	}
	if status := s.end(); status != 0 {
		t.Errorf("status %d", status)
	}
	if _, err := os.Stat(s.TokenFile); !os.IsNotExist(err) {
		t.Errorf("the token is left: %v", err)
	}
}

func TestAKilledServeLeavesNothingToTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	w.stored("alice", "base")
	first := w.serve(t, "base")
	_ = first.c.Process.Kill()
	_ = first.c.Wait()
	second := w.serve(t, "base")
	if _, err := os.Stat(first.TokenFile); first.TokenFile != second.TokenFile && !os.IsNotExist(err) {
		t.Errorf("the token of the killed one: %v", err)
	}
	r := w.vault(t, w.environ(), "serve", "--port", second.port(), "base")
	if r.status == 0 || !strings.Contains(r.err, "listen on port") || !strings.Contains(r.err, "choose another --port") {
		t.Errorf("a port that is taken: %d %s", r.status, r.err)
	}
}

func TestServeReplacesNoFileButItsToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	w.stored("alice", "base")
	mine := w.path("mine")
	check(os.WriteFile(mine, []byte("text"), 0o600))
	if r := w.vault(t, w.environ(), "serve", "--token-file", mine, "base"); r.status == 0 || !strings.Contains(r.err, "is not replaced") {
		t.Errorf("%d %s", r.status, r.err)
	}
	if string(must(os.ReadFile(mine))) != "text" {
		t.Error("it was replaced")
	}
	old := w.path("old")
	check(os.WriteFile(old, []byte(strings.Repeat("A", 43)), 0o644))
	s := w.serve(t, "--token-file", old, "base")
	if info := must(os.Stat(old)); s.TokenFile != old || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("%s has mode %v", s.TokenFile, info.Mode())
	}
}

// outliving checks what a client printed that worked for lives of its sessions.
func (w *world) outliving(t *testing.T, out string) {
	t.Helper()
	keys := map[string]bool{}
	for line := range strings.Lines(out) {
		key, arn, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(arn, roleARN) {
			t.Errorf("it said %q", line)
		}
		keys[key] = true
	}
	made := w.aws.Calls("AssumeRole")
	if len(keys) <= lives && !keys["?"] || made <= lives || made > 4*lives { // ?: the client does not tell its key
		t.Errorf("%d keys of %d sessions", len(keys), made)
	}
}

func workSeconds() string { return strconv.Itoa(int(lives*shortLife/time.Second) + 1) }

func TestAContainerOutlivesItsSessionsUnderServe(t *testing.T) {
	testenv.OnlyLong(t, "a client in a container")
	bwrap := testenv.Require(t, "bubblewrap", "bwrap")
	t.Parallel()
	w := shortWorld(t)
	s := w.serve(t, "-d", shortLife.String(), "--port", freePort(), "prod")
	client := must(os.Executable())
	r := w.run(t, []string{"PATH=" + os.Getenv("PATH")}, bwrap, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--share-net",
		"--ro-bind", client, "/client", "--ro-bind", s.TokenFile, "/token", "--proc", "/proc", "--dev", "/dev", "--ro-bind", "/usr", "/usr",
		"--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--clearenv",
		"--setenv", sdkClient, "1", "--setenv", "WORK_SECONDS", workSeconds(), "--setenv", "AWS_ENDPOINT_URL", w.aws.URL(), "--setenv", "AWS_REGION", "us-east-1",
		"--setenv", "AWS_CONTAINER_CREDENTIALS_FULL_URI", s.Profiles[0].URL, "--setenv", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token", "/client")
	if r.status != 0 {
		t.Fatalf("status %d\n%s%s", r.status, r.out, r.err)
	}
	w.outliving(t, r.out)
}

// A container with a network of its own reaches serve through a socket that is mounted into
// it; the forwarder inside makes loopback of it, where AWS's SDKs look without TLS.
func TestAContainerWithItsOwnNetworkReachesServe(t *testing.T) {
	testenv.OnlyLong(t, "a network namespace")
	socat, unshare, ip := testenv.Require(t, "socat"), testenv.Require(t, "unshare"), testenv.Require(t, "iproute2", "ip")
	python := boto3(t)
	t.Parallel()
	w := newWorld(t, roleConfig)
	w.stored("alice", "base")
	s := w.serve(t, "base")
	socket := filepath.Join(must(os.MkdirTemp("", "serve")), "s")
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(socket)) })
	outside := exec.Command(socat, "UNIX-LISTEN:"+socket+",mode=600,fork", "TCP:127.0.0.1:"+s.port())
	check(outside.Start())
	t.Cleanup(func() { _ = outside.Process.Kill(); _ = outside.Wait() })
	environ := w.environ("SOCKET="+socket, "SOCAT="+socat, "PYTHON="+python, "IP="+ip,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:9911/base", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="+s.TokenFile)
	r := w.run(t, environ, unshare, "--user", "--map-root-user", "--net", "sh", "-c", `
"$IP" link set lo up
"$SOCAT" TCP-LISTEN:9911,bind=127.0.0.1,fork,reuseaddr UNIX-CONNECT:"$SOCKET" & inside=$!
while ! "$SOCAT" -u OPEN:/dev/null TCP:127.0.0.1:9911 2>/dev/null; do sleep 0.05; done
"$PYTHON" -c 'import boto3; c = boto3.Session().get_credentials(); print(c.method, c.get_frozen_credentials().access_key[:4])'
status=$?; kill $inside; exit $status`)
	if r.status != 0 || r.out != "container-role ASIA\n" {
		t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
	}
}

func freePort() string {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// sshServer starts sshd for this user on loopback, and returns the words that connect to it.
func (w *world) sshServer(t *testing.T) []string {
	t.Helper()
	sshd, ssh, keygen := filepath.Join("/usr/sbin", "sshd"), testenv.Require(t, "ssh"), testenv.Require(t, "ssh-keygen")
	if _, err := os.Stat(sshd); err != nil {
		testenv.Missing(t, "sshd", "it is not installed")
	}
	for _, name := range []string{"host", "own"} {
		check(exec.Command(keygen, "-q", "-t", "ed25519", "-N", "", "-f", w.path(name)).Run())
	}
	port := freePort()
	w.write("sshd.conf", fmt.Sprintf("ListenAddress 127.0.0.1:%s\nHostKey %s\nPidFile none\nAuthorizedKeysFile %s\nStrictModes no\nPasswordAuthentication no\nUsePAM no\n",
		port, w.path("host"), w.path("own.pub")))
	var log bytes.Buffer
	server := exec.Command(sshd, "-D", "-e", "-f", w.path("sshd.conf"))
	server.Stderr = &log
	check(server.Start())
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(limit) {
			_ = server.Process.Kill()
			_ = server.Wait()
			t.Fatalf("sshd does not listen: %s", log.String())
		}
	}
	return []string{
		ssh, "-F", "none", "-p", port, "-i", w.path("own"), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=" + os.DevNull, "-o", "LogLevel=ERROR", "-o", "ExitOnForwardFailure=yes", must(osuser.Current()).Username + "@127.0.0.1",
	}
}

func TestARemoteMachineOutlivesItsSessionsThroughSSH(t *testing.T) {
	testenv.OnlyLong(t, "a client behind sshd")
	w := shortWorld(t)
	ssh := w.sshServer(t)
	t.Parallel()
	s := w.serve(t, "-d", shortLife.String(), "--token-file", w.path("token"), "prod")
	remote := w.path("remote-token") // the other machine's
	send := exec.Command(ssh[0], append(ssh[1:len(ssh):len(ssh)], "umask 077; cat >"+remote)...)
	send.Stdin = strings.NewReader(s.token())
	if out, err := send.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	port := freePort() // there it is another one
	command := []string{
		"env", sdkClient + "=1", "WORK_SECONDS=" + workSeconds(), "AWS_ENDPOINT_URL=" + w.aws.URL(), "AWS_REGION=us-east-1",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:" + port + "/prod", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=" + remote, must(os.Executable()),
	}
	args := append([]string{"-R", "127.0.0.1:" + port + ":127.0.0.1:" + s.port()}, ssh[1:]...)
	r := w.run(t, w.environ(), ssh[0], append(args, strings.Join(command, " "))...)
	if r.status != 0 {
		t.Fatalf("status %d\n%s%s", r.status, r.out, r.err)
	}
	w.outliving(t, r.out)
}
