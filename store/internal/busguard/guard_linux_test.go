package busguard

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bus listens at dir/bus and answers the first line of each caller with the text.
func bus(t *testing.T, answer string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 64))
			_, _ = conn.Write([]byte(answer))
			_ = conn.Close()
		}
	}()
	return dir
}

func env(kv map[string]string) func(string) string {
	return func(name string) string { return kv[name] }
}

func TestABusThatAnswersIsUsed(t *testing.T) {
	dir := bus(t, "REJECTED EXTERNAL\r\n")
	want := "unix:path=" + dir + "/bus"
	for what, kv := range map[string]map[string]string{
		"named":                 {addressVar: want},
		"in the runtime folder": {"XDG_RUNTIME_DIR": dir},
		"not to be launched":    {"XDG_RUNTIME_DIR": dir, addressVar: "autolaunch:"},
	} {
		if addr, why := choose([]string{"vault", "use"}, env(kv)); addr != want || why != "" {
			t.Errorf("%s: %q, %q", what, addr, why)
		}
	}
	second := "tcp:host=127.0.0.1;unix:path=/nonexistent;" + want + ",guid=0123"
	if addr, why := choose(nil, env(map[string]string{addressVar: second})); addr != second || why != "" {
		t.Errorf("second of two addresses: %q, %q", addr, why)
	}
}

func TestABusThatDoesNotAnswerIsNotUsed(t *testing.T) {
	noSocket := t.TempDir()
	if err := os.WriteFile(filepath.Join(noSocket, "bus"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for words, kv := range map[string]map[string]string{
		"no such file":         {addressVar: "unix:path=/nonexistent"},
		"not an address":       {addressVar: "unix:tmpdir=/tmp"},
		"does not speak D-Bus": {addressVar: "unix:path=" + bus(t, "220 welcome\r\n") + "/bus"},
		"EOF":                  {addressVar: "unix:path=" + bus(t, "") + "/bus"},
	} {
		if _, why := choose(nil, env(kv)); !strings.Contains(why, words) {
			t.Errorf("want %q, got %q", words, why)
		}
	}
	if addr := socket(noSocket); strings.Contains(addr, noSocket) {
		t.Errorf("took the file %s for a socket", addr)
	}
}

func TestCommandsWithoutAKeyringDialNoBus(t *testing.T) {
	kv := map[string]string{addressVar: "unix:path=" + bus(t, "REJECTED\r\n") + "/bus"}
	file := map[string]string{addressVar: kv[addressVar], "AWS_VAULT_BACKEND": "file"}
	for line, dials := range map[string]bool{"hook zsh": false, "__words zsh use p": false, "version": false, "use hook": true, "exec p -- version": true, "": true} {
		args := append([]string{"vault"}, strings.Fields(line)...)
		if _, why := choose(args, env(kv)); (why == "") != dials {
			t.Errorf("%q: %q", line, why)
		}
	}
	for line, dials := range map[string]bool{"use p": false, "use p --backend=secret-service": true, "migrate --from file --to kwallet": true} {
		if _, why := choose(append([]string{"vault"}, strings.Fields(line)...), env(file)); (why == "") != dials {
			t.Errorf("%q with the file back end: %q", line, why)
		}
	}
}

func TestRestorePutsBackWhatWasThere(t *testing.T) {
	t.Setenv("GUARD_TEST_SET", "before")
	override("GUARD_TEST_SET", "during")
	override("GUARD_TEST_UNSET", "during")
	Restore()
	if v := os.Getenv("GUARD_TEST_SET"); v != "before" {
		t.Errorf("set to %q", v)
	}
	if v, ok := os.LookupEnv("GUARD_TEST_UNSET"); ok {
		t.Errorf("left at %q", v)
	}
}
