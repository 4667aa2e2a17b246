package profiles

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/testenv"
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestAProfileIsAddedAtTheEndAndNothingElseChanges(t *testing.T) {
	for _, c := range []struct{ old, added string }{
		{"", "[profile p]\nregion = eu-west-1\nmfa_serial = m\n"},
		{"[default]\nregion=x\n", "\n[profile p]\nregion = eu-west-1\nmfa_serial = m\n"},
		{"[default]\nregion=x", "\n\n[profile p]\nregion = eu-west-1\nmfa_serial = m\n"},
		{"# only a comment\n\n", "[profile p]\nregion = eu-west-1\nmfa_serial = m\n"},
		{"[default]\r\nregion=x\r\n", "\r\n[profile p]\r\nregion = eu-west-1\r\nmfa_serial = m\r\n"},
		{"[default]\r\ns3 =\r\n  a = b", "\r\n\r\n[profile p]\r\nregion = eu-west-1\r\nmfa_serial = m\r\n"},
		{"\ufeff[default]\n  \tjunk\n", "\n[profile p]\nregion = eu-west-1\nmfa_serial = m\n"},
		{"[DEFAULT]\nregion = lent\n", "\n[profile p]\nregion = eu-west-1\nmfa_serial = m\n"},
	} {
		path := filepath.Join(t.TempDir(), "config")
		write(t, path, c.old, 0o640)
		if err := AppendProfile(path, "p", []Setting{{Key: "region", Value: "eu-west-1"}, {Key: "mfa_serial", Value: "m"}}); err != nil {
			t.Errorf("%q: %v", c.old, err)
			continue
		}
		want(t, "text", read(t, path), c.old+c.added)
		if runtime.GOOS != "windows" {
			want(t, "mode", mode(t, path), 0o640)
		}
	}
}

func TestANewConfigFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "home", ".aws", "config")
	if err := AppendProfile(path, "default", nil); err != nil {
		t.Fatal(err)
	}
	want(t, "text", read(t, path), "[default]\n")
	if runtime.GOOS != "windows" {
		want(t, "mode", mode(t, path), 0o600)
		want(t, "mode of the directory", mode(t, filepath.Dir(path)), os.ModeDir|0o700)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestALinkStaysALink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "dotfiles"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{"", "[default]\n"} {
		target, link := filepath.Join(dir, "dotfiles", "config"), filepath.Join(dir, "config")
		os.Remove(target)
		os.Remove(link)
		if err := os.Symlink(filepath.Join("dotfiles", "config"), link); err != nil {
			testenv.Missing(t, "symlinks", err.Error())
		}
		if old != "" {
			write(t, target, old, 0o600)
		}
		if err := AppendProfile(link, "p", nil); err != nil {
			t.Fatal(err)
		}
		if mode(t, link)&os.ModeSymlink == 0 {
			t.Error("the link was replaced")
		}
		if s, err := Load(link); err != nil || !s.Has("p") {
			t.Errorf("the profile is not there: %v", err)
		}
		want(t, "text", strings.HasPrefix(read(t, target), old), true)
	}
}

func TestALoopOfLinksIsAnError(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if os.Symlink(a, b) != nil || os.Symlink(b, a) != nil {
		testenv.Missing(t, "symlinks", "none can be made here")
	}
	if err := AppendProfile(a, "p", nil); err == nil {
		t.Error("no error")
	}
}

func TestAwkwardNamesComeBackAsTheyWere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	names := []string{
		"a b", "it's", `say "hi"`, `both ' and "`, `back\slash`, `all ' " \`, " lead", "trail ", "#x", "a;b",
		"$(id)", "`id`", "a:b/c", "é ü", "a\u00a0b", "[x", "%", "\u202egpj", strings.Repeat("long", 75),
		"profile", "default ", "-", "=", "~",
	}
	for _, name := range names {
		if err := AppendProfile(path, name, []Setting{{Key: "region", Value: "eu-west-1"}}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "names", s.Names(), names)
	want(t, "scanned names", ScanNames([]byte(read(t, path))), names)
	for _, name := range names {
		if p, err := s.Resolve(name, Overrides{}); err != nil || p.Region != "eu-west-1" || p.Source.Stored.Profile != name {
			t.Errorf("%q: %+v, %v", name, p, err)
		}
	}
}

func TestWhatNoSectionCanHoldIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, "[profile old]\n", 0o600)
	for _, c := range []struct{ name, key, value string }{
		{"a\nb", "region", "x"}, {"a]\n[default", "region", "x"}, {"a]", "region", "x"}, {"", "region", "x"},
		{"a\rb", "region", "x"}, {"a\x00", "region", "x"}, {"a\u2028b", "region", "x"}, {"\xff", "region", "x"}, {"\x1b[0m", "region", "x"},
		{"new", "region", "a\nb"}, {"new", "region", "a\r"}, {"new", "region", " a"}, {"new", "region", "a\t"}, {"new", "region", "\xff"},
		{"new", "", "x"}, {"new", "a b", "x"}, {"new", "Region", "x"}, {"new", "#x", "x"}, {"new", "a=b", "x"}, {"new", "[a]", "x"},
	} {
		var bad *ValueError
		if err := AppendProfile(path, c.name, []Setting{{Key: c.key, Value: c.value}}); !errors.As(err, &bad) {
			t.Errorf("%q %q = %q: %v", c.name, c.key, c.value, err)
		}
	}
	if err := AppendProfile(path, "new", []Setting{{Key: "region", Value: "a"}, {Key: "region", Value: "b"}}); err == nil {
		t.Error("the same key twice was written")
	}
	var there *ExistsError
	if err := AppendProfile(path, "old", nil); !errors.As(err, &there) || there.Line != 1 {
		t.Errorf("a profile that is there: %v", err)
	}
	want(t, "text", read(t, path), "[profile old]\n")
	write(t, path, "\xff\xfe[\x00", 0o600)
	if err := AppendProfile(path, "new", nil); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("UTF-16: %v", err)
	}
}

func TestAMissingFileIsAnEmptySet(t *testing.T) {
	dir := t.TempDir()
	s, err := Load(filepath.Join(dir, "none"))
	if err != nil || len(s.Names()) != 0 {
		t.Errorf("got %v, %v", s, err)
	}
	if _, err := Load(dir); err == nil {
		t.Error("a directory was read as a config file")
	}
}

func TestAReplacementClearsUpWhatAKilledRunLeftAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	const left = ".vault-tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for name, age := range map[string]time.Duration{left: time.Hour, ".config1234567890123456": time.Hour, ".config20261127150405123": time.Hour, ".config20240101": time.Hour} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := AppendProfile(filepath.Join(dir, "config"), "x", nil); err != nil {
		t.Fatal(err)
	}
	for name, stays := range map[string]bool{left: false, ".config1234567890123456": true, ".config20261127150405123": true, ".config20240101": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAConfigFileThatNeverEndsIsAnError(t *testing.T) {
	const endless = "/dev/zero"
	if _, err := os.Stat(endless); err != nil {
		testenv.Missing(t, "unix", err.Error())
	}
	var size *atomicfile.SizeError
	_, loadErr := Load(endless)
	_, keysErr := LoadCredentials(endless)
	_, syncErr := PlanSync(endless, "corp", nil, false)
	for what, err := range map[string]error{"load": loadErr, "keys": keysErr, "sync": syncErr, "add": AppendProfile(endless, "prod", nil)} {
		if !errors.As(err, &size) || !strings.Contains(err.Error(), endless) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
