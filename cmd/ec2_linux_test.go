package cmd_test

// exec --ec2-server and the proxy that it needs, as root in a network namespace of the
// test's own. Nothing outside of it is touched.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

// inNamespace is set for the copy of the tests that runs in the namespace.
const inNamespace = "VAULT_TEST_NAMESPACE"

const (
	imds   = "http://169.254.169.254"
	socket = "/run/vault-proxy.sock"
)

func TestEC2Mode(t *testing.T) {
	if os.Getenv(inNamespace) == "" {
		t.Parallel()
		if os.Getuid() != 0 {
			testenv.Missing(t, "netns", "only root makes a network namespace")
		}
		testenv.Require(t, "curl")
		testenv.Require(t, "netns", "unshare", "ip", "mount")
		probe := exec.Command("unshare", "-n", "-m", "true")
		if out, err := probe.CombinedOutput(); err != nil {
			testenv.Missing(t, "netns", fmt.Sprintf("unshare: %v: %s", err, out))
		}
		c := exec.CommandContext(t.Context(), "unshare", "-n", "-m", "--propagation", "private", "sh", "-ec",
			`ip link set lo up; mount -t tmpfs -o mode=755 tmpfs /run; exec "$0" -test.run '^TestEC2Mode$' -test.count 1 -test.v`, must(os.Executable()))
		c.Env = append(os.Environ(), inNamespace+"=1")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	check(os.Chmod(bin, 0o755)) // other users run it too
	for _, c := range []struct {
		sentence string
		test     func(*testing.T)
	}{
		{"AWSToolsFindTheSessionInTheMetadata", testMetadataClients},
		{"OnlyVersion2IsAnsweredUnlessAskedFor", testMetadataVersions},
		{"WhatAnswersHasNoRightsOfRoot", testFrontHasNoRights},
		{"AUserJoinsTheProxyThatRunsForThem", testUserJoins},
		{"AnotherUserIsToldWhyNot", testAnotherUser},
		{"TheAddressIsGoneWhateverEndsTheCommand", testNothingIsLeft},
		{"WhatAKilledProxyLeftIsFoundAndRemoved", testKilledProxy},
		{"AnAddressOfAnotherProgramIsLeftAlone", testForeignAddress},
		{"AnotherMachineIsRefused", testAnotherMachine},
	} {
		if !t.Run(c.sentence, c.test) {
			_ = exec.Command("ip", "addr", "flush", "dev", "lo", "label", "lo:vault").Run()
		}
	}
}

// hasAddress reports whether the machine has the address, and how it is labelled.
func hasAddress() (bool, string) {
	out := string(must(exec.Command("ip", "-o", "addr", "show", "dev", "lo").Output()))
	at := strings.Index(out, "169.254.169.254")
	if at < 0 {
		return false, ""
	}
	line, _, _ := strings.Cut(out[at:], "\n")
	return true, line
}

func clean(t *testing.T) {
	t.Helper()
	if has, line := hasAddress(); has {
		t.Errorf("the address is still there: %s", line)
	}
	if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func testMetadataClients(t *testing.T) {
	w := roleWorld(t)
	r := w.vault(t, w.environ(), "exec", "--ec2-server", "prod", "--", boto3(t), "-c", `
import boto3, os
s = boto3.Session()
c = s.get_credentials()
print(s.client("sts").get_caller_identity()["Arn"], s.region_name, c.method, [n for n in os.environ if n.startswith("AWS_") and ("KEY" in n or "CONTAINER" in n)])`)
	if r.status != 0 || !strings.HasPrefix(r.out, roleARN) || !strings.HasSuffix(r.out, " eu-central-1 iam-role []\n") || r.err != "" {
		t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
	}
	clean(t)
}

func testMetadataVersions(t *testing.T) {
	w := roleWorld(t)
	const script = `role=` + imds + `/latest/meta-data/iam/security-credentials/
say() { curl -s -o /dev/null -w '%{http_code} ' "$@"; }
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' ` + imds + `/latest/api/token)
say $role; say -H "X-aws-ec2-metadata-token: $token" $role
say -H "X-aws-ec2-metadata-token: $token" -H 'Host: evil.example' $role
say -H "X-aws-ec2-metadata-token: $token" -H 'X-Forwarded-For: 1.2.3.4' $role
curl -s -H "X-aws-ec2-metadata-token: $token" $role; echo
curl -s -H "X-aws-ec2-metadata-token: $token" ` + imds + `/latest/meta-data/placement/region; echo`
	for flag, want := range map[string]string{"--no-imds-v1": "401 200 403 403 prod\neu-central-1\n", "--imds-v1": "200 200 403 403 prod\neu-central-1\n"} {
		if r := w.vault(t, w.environ(), "exec", "--ec2-server", flag, "prod", "--", "sh", "-c", script); r.status != 0 || r.out != want {
			t.Errorf("%s: status %d, %q\n%s", flag, r.status, r.out, r.err)
		}
	}
}

// background starts the program, and ends it with the test if it has not ended by then.
func (w *world) background(t *testing.T, environ []string, user int, args ...string) (c *exec.Cmd, said *bytes.Buffer) {
	t.Helper()
	c, said = exec.Command(filepath.Join(bin, "vault"), args...), &bytes.Buffer{}
	c.Env, c.Dir, c.Stderr = environ, w.dir, said
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
	check(c.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
	})
	return c, said
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come true that %s", what)
		}
	}
}

// answers reports whether a front is at work, and not just its address there.
func answers() bool {
	client := http.Client{Timeout: time.Second}
	res, err := client.Get(imds)
	if err == nil {
		_ = res.Body.Close()
	}
	return err == nil
}

func testFrontHasNoRights(t *testing.T) {
	w := roleWorld(t)
	w.background(t, w.environ(), 0, "proxy")
	eventually(t, "the proxy answers", answers)
	fronts := 0
	for _, dir := range must(filepath.Glob("/proc/[0-9]*")) {
		line, _ := os.ReadFile(dir + "/cmdline")
		if !bytes.Contains(line, []byte("--front")) {
			continue
		}
		fronts++
		status := string(must(os.ReadFile(dir + "/status")))
		for _, want := range []string{"Uid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534\t65534", "Groups:\t \n", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000"} {
			if !strings.Contains(status, want) {
				t.Errorf("no %q in\n%s", want, status)
			}
		}
	}
	if fronts != 1 {
		t.Errorf("%d fronts", fronts)
	}
	res := must(http.Get(imds + "/latest/meta-data/"))
	_ = res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("%d where no program has joined", res.StatusCode)
	}
	want(t, w.vault(t, w.environ(), "proxy", "--stop"), 0)
	clean(t)
	oneSentence(t, w.vault(t, w.environ(), "proxy", "--stop"))
}

const owner, otherUser = 10001, 10002

// give hands a world to a user.
func (w *world) give(t *testing.T, user int) {
	t.Helper()
	for dir := w.dir; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		check(os.Chmod(dir, 0o755))
	}
	check(filepath.WalkDir(w.dir, func(p string, _ fs.DirEntry, err error) error { return errors.Join(err, os.Lchown(p, user, user)) }))
}

// as runs the program as a user, to its end.
func (w *world) as(t *testing.T, user int, environ []string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, filepath.Join(bin, "vault"), args...)
	c.Env, c.Dir, c.Stdout, c.Stderr = environ, w.dir, &out, &errs
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
	_ = c.Run()
	if ctx.Err() != nil {
		t.Fatalf("%q does not end\n%s", args, errs.String())
	}
	return result{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

func testUserJoins(t *testing.T) {
	w := roleWorld(t)
	w.give(t, owner)
	sudo := w.environ("SUDO_UID="+strconv.Itoa(owner), "SUDO_GID="+strconv.Itoa(owner))
	w.background(t, sudo, 0, "proxy")
	eventually(t, "the proxy answers", answers)
	ask := []string{"exec", "--ec2-server", "--imds-v1", "prod", "--", "curl", "-s", imds + "/latest/meta-data/iam/security-credentials/prod"}
	if r := w.as(t, owner, w.environ(), ask...); r.status != 0 || !strings.Contains(r.out, `"Code":"Success"`) {
		t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
	}
	// While one command is served, another is told so; when it has ended, the next is served.
	first, _ := w.background(t, w.environ(), owner, "exec", "--ec2-server", "prod", "--", "sleep", "100")
	eventually(t, "the first command is served", func() bool {
		res, err := http.Get(imds + "/latest/meta-data/instance-id")
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusUnauthorized
	})
	r := w.as(t, owner, w.environ(), ask...)
	oneSentence(t, r)
	if !strings.Contains(r.err, "serves another command already") {
		t.Error(r.err)
	}
	_ = first.Process.Kill()
	eventually(t, "the next command is served", func() bool { return w.as(t, owner, w.environ(), ask...).status == 0 })

	r = w.as(t, otherUser, w.environ("HOME=/nonexistent", "AWS_CONFIG_FILE=/dev/null"), "exec", "--ec2-server", "prod", "--", "true")
	oneSentence(t, r)
	if r = w.as(t, otherUser, w.environ(), "proxy", "--stop"); r.status == 0 {
		t.Error("another user has stopped it")
	}
	if r = w.as(t, owner, w.environ(), "proxy", "--stop"); r.status != 0 {
		t.Errorf("its user cannot stop it: %s", r.err)
	}
	clean(t)
}

func testAnotherUser(t *testing.T) {
	w := roleWorld(t)
	w.give(t, owner)
	for _, args := range [][]string{{"exec", "--ec2-server", "prod", "--", "true"}, {"proxy"}} {
		r := w.as(t, owner, w.environ(), args...)
		oneSentence(t, r)
		if !strings.HasPrefix(r.err, "vault: only root can give this machine the address 169.254.169.254") || !strings.Contains(r.err, "exec --server") {
			t.Errorf("%q says %s", args, r.err)
		}
	}
	if n := w.aws.Calls("AssumeRole"); n != 0 {
		t.Errorf("%d calls were made for nothing", n)
	}
	clean(t)
}

func testNothingIsLeft(t *testing.T) {
	w := roleWorld(t)
	if r := w.vault(t, w.environ(), "exec", "--ec2-server", "prod", "--", "sh", "-c", "exit 42"); r.status != 42 {
		t.Errorf("status %d\n%s", r.status, r.err)
	}
	clean(t)
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		c, _ := w.background(t, w.environ(), 0, "exec", "--ec2-server", "prod", "--", "sleep", "100")
		eventually(t, "the address is there", func() bool { has, _ := hasAddress(); return has })
		_ = c.Process.Signal(s)
		_ = c.Wait()
		eventually(t, "the address is gone after "+s.String(), func() bool { has, _ := hasAddress(); return !has })
		eventually(t, "the socket is gone", func() bool { _, err := os.Lstat(socket); return err != nil })
	}
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		c, _ := w.background(t, w.environ(), 0, "proxy")
		eventually(t, "the proxy answers", answers)
		_ = c.Process.Signal(s)
		_ = c.Wait()
		clean(t)
	}
}

func testKilledProxy(t *testing.T) {
	w := roleWorld(t)
	kill := func() {
		c, _ := w.background(t, w.environ(), 0, "proxy")
		eventually(t, "the proxy answers", answers)
		_ = c.Process.Kill()
		_ = c.Wait()
		if has, line := hasAddress(); !has || !strings.Contains(line, "lo:vault") {
			t.Errorf("what is left: %v %s", has, line)
		}
		eventually(t, "the front has ended too", func() bool { return !answers() })
	}
	kill()
	want(t, w.vault(t, w.environ(), "proxy", "--stop"), 0)
	eventually(t, "the address is gone", func() bool { has, _ := hasAddress(); return !has })

	kill()
	r := w.vault(t, w.environ(), "exec", "--ec2-server", "prod", "--", "true")
	if r.status != 0 || !strings.Contains(r.err, "took over the address") {
		t.Errorf("status %d\n%s", r.status, r.err)
	}
	clean(t)

	// A front that dies takes the proxy with it.
	c, _ := w.background(t, w.environ(), 0, "proxy")
	eventually(t, "the proxy answers", answers)
	check(exec.Command("pkill", "-KILL", "-P", strconv.Itoa(c.Process.Pid)).Run())
	_ = c.Wait()
	clean(t)
}

func testForeignAddress(t *testing.T) {
	w := roleWorld(t)
	check(exec.Command("ip", "addr", "add", "169.254.169.254/32", "dev", "lo").Run())
	defer func() { check(exec.Command("ip", "addr", "del", "169.254.169.254/32", "dev", "lo").Run()) }()
	for _, args := range [][]string{{"proxy"}, {"exec", "--ec2-server", "prod", "--", "true"}} {
		if r := w.vault(t, w.environ(), args...); r.status == 0 || !strings.Contains(r.err, "already, from something else") {
			t.Errorf("%q: status %d\n%s", args, r.status, r.err)
		}
	}
	if has, _ := hasAddress(); !has {
		t.Error("it was removed")
	}
}

// A neighbour on the network, in a namespace of its own, reaches the address and nothing
// behind it.
func testAnotherMachine(t *testing.T) {
	w := roleWorld(t)
	const hold = `ip netns add neighbour; ip link add v0 type veth peer name v1 netns neighbour
ip addr add 192.0.2.1/24 dev v0; ip link set v0 up
ip -n neighbour addr add 192.0.2.2/24 dev v1; ip -n neighbour link set v1 up; ip -n neighbour link set lo up
ip -n neighbour route add 169.254.169.254/32 via 192.0.2.1`
	if out, err := exec.Command("sh", "-ec", hold).CombinedOutput(); err != nil {
		testenv.Missing(t, "second-namespace", fmt.Sprintf("%v: %s", err, out))
	}
	defer func() { _ = exec.Command("sh", "-c", "ip link del v0; ip netns del neighbour").Run() }()
	r := w.vault(t, w.environ(), "exec", "--ec2-server", "--imds-v1", "prod", "--", "sh", "-c",
		`ask() { curl -sm 5 -o /dev/null -w '%{http_code}\n' "$@" `+imds+`/latest/meta-data/iam/security-credentials/; }
ask; ip netns exec neighbour sh -c "$(printf '%s' 'curl -sm 5 -w "%{http_code}\n" `+imds+`/latest/meta-data/iam/security-credentials/prod')"`)
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if len(lines) != 2 || lines[0] != "200" || !strings.HasSuffix(lines[1], "403") || strings.Contains(r.out, "SecretAccessKey") {
		t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
	}
}
