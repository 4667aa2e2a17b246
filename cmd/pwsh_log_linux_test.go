package cmd_test

import (
	"encoding/base64"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

// everythingLogged is the policy of a company that logs all that PowerShell does.
const everythingLogged = `{"LogLevel": "Verbose", "LogChannels": "Operational,Analytic",
"LogKeywords": "Runspace,Pipeline,Protocol,Transport,Host,Cmdlets,Serializer,Session,ManagedPlugin",
"PowerShellPolicies": {
  "ScriptBlockLogging": {"EnableScriptBlockLogging": true, "EnableScriptBlockInvocationLogging": true},
  "ModuleLogging": {"EnableModuleLogging": true, "ModuleNames": ["*"]},
  "Transcription": {"EnableTranscripting": true, "EnableInvocationHeader": true, "OutputDirectory": "TRANSCRIPTS"}}}`

// ownLog gives a command a /dev/log of its own: $1 is a directory with log.sock.
const ownLog = `set -e; d=$1; shift; mkdir "$d/dev"; mount --rbind /dev "$d/dev"; mount -t tmpfs none /dev
for n in null zero full random urandom tty; do : >"/dev/$n"; mount --bind "$d/dev/$n" "/dev/$n"; done
ln -s /proc/self/fd /dev/fd; ln -s "$d/log.sock" /dev/log; exec "$@"`

func TestPowerShellLogsNoSecret(t *testing.T) {
	t.Parallel()
	pwsh := testenv.Require(t, "pwsh")
	if err := exec.Command("unshare", "-Urm", "true").Run(); err != nil {
		testenv.Missing(t, "unshare", "no namespace for a log of its own: "+err.Error())
	}
	w, sh := roleWorld(t), shelltest.For(t, "pwsh")
	dir := must(os.MkdirTemp("", "vl")) // the path of a socket has room for 107 bytes
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	engine := copyOfEngine(t, pwsh, dir)
	logged := listen(t, filepath.Join(dir, "log.sock"))

	show := "[Console]::Out.WriteLine($env:AWS_SECRET_ACCESS_KEY); [Console]::Out.WriteLine($env:AWS_SESSION_TOKEN)"
	script := strings.Join([]string{must(sh.RCLine("vault")), ". ([ScriptBlock]::Create('$null = ''compiled by the test'''))",
		"vault use prod", show, "vault use base", show, "vault refresh", show,
		"[IO.Directory]::Delete(\"$env:XDG_RUNTIME_DIR/vault\", $true)", "__vault_precmd", show, "vault off", show}, "\n")
	w.write("script.ps1", script+"\n")
	environ := w.environ("AWS_ACCESS_KEY_ID=AKIAOFTHEUSER0000000", "AWS_SECRET_ACCESS_KEY=the-secret-of-the-user", "AWS_SESSION_TOKEN=the-token-of-the-user")
	r := w.run(t, environ, "unshare", "-Urm", "sh", "-c", ownLog, "sh", dir, engine, "-NoProfile", "-NonInteractive", "-File", w.path("script.ps1"))
	secrets := strings.Fields(r.out)
	if r.status != 0 || len(secrets) != 10 || secrets[8] != "the-secret-of-the-user" {
		t.Fatalf("status %d: %q\n%s", r.status, secrets, r.err)
	}
	log := logged() + transcripts(dir)
	for _, sign := range []string{"compiled by the test", "function global:__vault_do", "PowerShell transcript start", "vault use base"} {
		if !strings.Contains(log, sign) {
			t.Errorf("%q is not logged: the policy is not on", sign)
		}
	}
	for _, s := range secrets {
		if strings.Contains(log, s) || strings.Contains(log, base64.StdEncoding.EncodeToString([]byte(s))) {
			t.Errorf("a secret is in the log: %s", s)
		}
	}
}

// copyOfEngine copies PowerShell with the policy on, and returns its program.
func copyOfEngine(t *testing.T, pwsh, dir string) string {
	t.Helper()
	home := strings.TrimSpace(string(must(exec.Command(pwsh, "-NoProfile", "-Command", "$PSHOME").Output())))
	to := filepath.Join(dir, "engine")
	check(os.CopyFS(to, os.DirFS(home)))
	policy := strings.ReplaceAll(everythingLogged, "TRANSCRIPTS", filepath.Join(dir, "transcripts"))
	check(os.WriteFile(filepath.Join(to, "powershell.config.json"), []byte(policy), 0o600))
	for _, name := range []string{"pwsh", "pwsh-engine"} {
		program := filepath.Join(to, name)
		if _, err := os.Stat(program); err == nil {
			check(os.Chmod(program, 0o700))
			return program
		}
	}
	t.Fatalf("%s has no program", home)
	return ""
}

// listen takes what comes to a log's socket, and returns a function that returns it once
// nothing more comes.
func listen(t *testing.T, path string) func() string {
	t.Helper()
	c := must(net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"}))
	check(c.SetReadBuffer(8 << 20))
	t.Cleanup(func() { _ = c.Close() })
	text, done := strings.Builder{}, make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 1<<20); ; {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			text.Write(b[:n])
			text.WriteByte('\n')
		}
	}()
	return func() string {
		check(c.SetReadDeadline(time.Now().Add(time.Second))) // the sender has ended: what it sent is here
		<-done
		return text.String()
	}
}

func transcripts(dir string) string {
	var b strings.Builder
	for _, file := range must(filepath.Glob(filepath.Join(dir, "transcripts", "*", "*"))) {
		b.Write(must(os.ReadFile(file)))
	}
	return b.String()
}
