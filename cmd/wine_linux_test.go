package cmd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

// onWindows is a home whose names have spaces and letters beyond ASCII, below Wine's drive for this system.
type onWindows struct {
	t       *testing.T
	wine    *testenv.Wine
	dir     string // on this system
	exe     string
	environ []string
}

func newOnWindows(t *testing.T) *onWindows {
	w := &onWindows{t: t, wine: testenv.NewWine(t, "cmd", os.Environ()), dir: filepath.Join(t.TempDir(), "Zoë's files")}
	check(os.MkdirAll(w.dir, 0o700))
	w.exe = filepath.Join(w.dir, "vault.exe")
	w.wine.Go("build", "-C", "..", "-o", w.exe, ".")
	session := filepath.Join(w.dir, "session ö.json")
	check(os.WriteFile(session, fmt.Appendf(nil, "{\"Version\":1,\"AccessKeyId\":\"ASIAEXAMPLEEXAMPLE00\",\"SecretAccessKey\":\"example\",\"SessionToken\":\"it's\",\"Expiration\":%q}\r\n",
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), 0o600))
	check(os.WriteFile(w.config(), []byte("[profile prod]\r\nregion = eu-west-1\r\ncredential_process = cmd /c type \""+w.wine.Path(session)+"\"\r\n"), 0o600))
	w.environ = []string{"AWS_VAULT_FILE_PASSPHRASE=example", "AWS_VAULT_AGE_PASSPHRASE=example",
		"USERPROFILE=" + w.wine.Path(w.dir), "LOCALAPPDATA=" + w.wine.Path(filepath.Join(w.dir, "local")), "AWS_CONFIG_FILE=" + w.wine.Path(w.config())}
	return w
}

func (w *onWindows) config() string { return filepath.Join(w.dir, "config") }

// says runs the program, which must succeed, and returns what it printed.
func (w *onWindows) says(environ []string, args ...string) string {
	w.t.Helper()
	out, err := w.wine.Run(append(w.environ, environ...), w.exe, args...)
	if err != nil {
		w.t.Errorf("vault %q: %v\n%s", args, err, out)
	}
	return out
}

func (w *onWindows) has(text string, wanted ...string) {
	w.t.Helper()
	for _, s := range wanted {
		if !strings.Contains(text, s) {
			w.t.Errorf("there is no %q in\n%s", s, text)
		}
	}
}

// The commands of a day, with each store that Windows has, a config file with CRLF, and paths with
// spaces, quotes and backslashes.
func TestTheProgramForWindowsUnderWine(t *testing.T) {
	testenv.OnlyLong(t, "builds the program for Windows")
	w := newOnWindows(t)
	for _, backend := range []string{"file", "age", "wincred"} {
		in := []string{"AWS_VAULT_BACKEND=" + backend}
		w.has(w.says(append(in, "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=example"), "add", "work", "--env", "--check=false"), "stored the key")
		w.has(w.says(in, "list", "--json"), `"profile":"prod"`, `"profile":"work","configured":true,"credential":true`)
		w.has(w.says(in, "export", "prod", "--format", "json"), `"ASIAEXAMPLEEXAMPLE00"`, `"it's"`)
		w.has(w.says(append(in, "__VAULT_SHELL=pwsh"), "use", "prod"), "prod until", "set AWS_VAULT cHJvZA==", "set AWS_REGION ZXUtd2VzdC0x")
		w.has(w.says(in, "exec", "prod", "--", "cmd", "/c", "echo [%AWS_VAULT%] %AWS_REGION%"), "[prod] eu-west-1")
		w.has(w.says(in, "remove", "work", "--yes"), "removed the key")
		w.says(in, "clear") // Wine keeps what the Credential Manager has
	}
	config, err := os.ReadFile(w.config())
	check(err)
	if text := string(config); strings.Count(text, "\n") != strings.Count(text, "\r\n") || !strings.Contains(text, "[profile work]\r\n") {
		t.Errorf("its ends of lines are not Windows's:\n%q", text)
	}
}
