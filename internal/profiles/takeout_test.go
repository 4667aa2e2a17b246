package profiles

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

const (
	fakeID     = "AKIAFAKEFAKEFAKE"
	fakeSecret = "fake/secret+value"
)

// pairOf is a key, as a file has it.
const pairOf = "aws_access_key_id = " + fakeID + "\naws_secret_access_key = " + fakeSecret + "\n"

func credentialsFile(t *testing.T, text string) *KeyFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	write(t, path, text, 0o600)
	f, err := LoadCredentials(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// usable are the keys that can be taken.
func usable(f *KeyFile) []Plain {
	return slices.DeleteFunc(f.Keys(), func(p Plain) bool { return p.Err != nil })
}

func TestKeysAreTakenOutAndNothingElse(t *testing.T) {
	for _, c := range []struct{ what, old, now string }{
		{"the only section", "[default]\n" + pairOf, ""},
		{"an empty line goes with its section", "[a]\n" + pairOf + "\n[b]\n" + pairOf + "\n[c]\nregion = x\n", "[c]\nregion = x\n"},
		{"another setting keeps the section", "[a]\naws_access_key_id=" + fakeID + "\nregion=x\naws_secret_access_key=" + fakeSecret + "\n", "[a]\nregion=x\n"},
		{"a comment keeps the section", "[a]\n# mine\n" + pairOf, "[a]\n# mine\n"},
		{"a comment above keeps its header", "# mine\n[a]\n" + pairOf, "# mine\n[a]\n"},
		{"a comment of the next section stays with it", "[a]\n" + pairOf + "\n# theirs\n[b]\nregion = x\n", "# theirs\n[b]\nregion = x\n"},
		{"a note on the header keeps it", "[a] # mine\n" + pairOf, "[a] # mine\n"},
		{"an empty token stays", "[a]\n" + pairOf + "aws_session_token =\n", "[a]\naws_session_token =\n"},
		{"no last line end", "[x]\nregion = y\n[a]\n" + strings.TrimSuffix(pairOf, "\n"), "[x]\nregion = y\n"},
		{"the last line has no end and stays", "[a]\n" + pairOf + "region = y", "[a]\nregion = y"},
		{"line ends of Windows", strings.ReplaceAll("[a]\n"+pairOf+"region = y\n\n[b]\n"+pairOf+"; end\n", "\n", "\r\n"), "[a]\r\nregion = y\r\n\r\n[b]\r\n; end\r\n"},
		{"line ends of an old Mac", strings.ReplaceAll("[a]\n"+pairOf+"region = y\n", "\n", "\r"), "[a]\rregion = y\r"},
		{"odd case and spacing", "[a]\n  AWS_Access_Key_ID :" + fakeID + "  \n  aws_SECRET_access_key=" + fakeSecret + "\n  region = x\n", "[a]\n  region = x\n"},
		{"a byte order mark", "\ufeff[a]\n" + pairOf + "[b]\nregion = x\n", "\ufeff[b]\nregion = x\n"},
		{"nested settings", "[a]\n" + pairOf + "s3 =\n  aws_access_key_id = no\n  max = 1\n", "[a]\ns3 =\n  aws_access_key_id = no\n  max = 1\n"},
		{"a header that holds an indented one apart", "[x]\nregion = y\n[a]\n    aws_access_key_id = " + fakeID + "\n    aws_secret_access_key = " + fakeSecret + "\n  [b]\n  region = z\n", "[x]\nregion = y\n[a]\n  [b]\n  region = z\n"},
		{"a name with brackets and spaces", "[a [b c]\n" + pairOf + "region = x\n", "[a [b c]\nregion = x\n"},
	} {
		f := credentialsFile(t, c.old)
		e := f.Edit()
		if err := e.Remove(usable(f)); err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if err := e.Write(); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		want(t, c.what, read(t, f.Path), c.now)
		if strings.Contains(e.Diff(), fakeSecret) || strings.Contains(e.Diff(), fakeID) {
			t.Errorf("%s: the diff tells the key: %s", c.what, e.Diff())
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(f.Path), "*")); len(left) != 1 {
			t.Errorf("%s: left behind %v", c.what, left)
		}
	}
}

func TestADiffShowsWhatGoesAndNoSecret(t *testing.T) {
	f := credentialsFile(t, "[default]\n"+pairOf+"\n[b]\nregion = x\n"+pairOf)
	e := f.Edit()
	if err := e.Remove(usable(f)); err != nil {
		t.Fatal(err)
	}
	key := "-aws_access_key_id = …FAKE\n-aws_secret_access_key = [redacted]\n"
	want(t, "diff", e.Diff(), "-[default]\n"+key+key)
}

func TestAKeyThatCannotBeUsedIsNamedWithItsReason(t *testing.T) {
	for _, c := range []struct{ what, text, why string }{
		{"half a pair", "[a]\naws_access_key_id = " + fakeID + "\n", "empty"},
		{"a session", "[a]\n" + pairOf + "aws_session_token = t\n", "temporary"},
		{"an old session", "[a]\n" + pairOf + "AWS_Security_Token = t\n", "temporary"},
		{"a temporary key", "[a]\naws_access_key_id = ASIAFAKE\naws_secret_access_key = x\n", "temporary"},
		{"a comment behind it", "[a]\naws_access_key_id = " + fakeID + " # mine\naws_secret_access_key = x\n", "more in it"},
		{"the same section twice", "[a]\n" + pairOf + "[a]\nregion = x\n", "same section"},
		{"the same key twice", "[a]\n" + pairOf + "aws_access_key_id = x\n", "same key"},
		{"a line that cannot be read", "[a]\n" + pairOf + "junk\n", "line 4 cannot be read"},
		{"more than one line", "[a]\naws_access_key_id = x\naws_secret_access_key = a\n  b\n", "more in it"},
		{"a block", "[a]\naws_access_key_id = x\naws_secret_access_key =\n  a=b\n", "more in it"},
		{"the config file's way to call it", "[profile a]\n" + pairOf, "look for a section [a]"},
		{"a name no section of a config file can have", "[a]b]\n" + pairOf, "cannot contain a ]"},
		{"what all sections share", "[DEFAULT]\n" + pairOf, "it is in [DEFAULT]"},
	} {
		f := credentialsFile(t, c.text)
		keys := f.Keys()
		if len(keys) == 0 || keys[0].Err == nil || !strings.Contains(keys[0].Err.Error(), c.why) || !keys[0].Key.Secret.IsZero() {
			t.Errorf("%s: %+v", c.what, keys)
		}
	}
	f := credentialsFile(t, "[DEFAULT]\naws_access_key_id = x\n[a]\n"+pairOf)
	if keys := f.Keys(); len(keys) != 2 || keys[1].Err == nil {
		t.Errorf("a key that would be replaced by the shared one: %+v", keys)
	}
}

func TestASettingThatMayBeSecretIsNotCarriedAlong(t *testing.T) {
	f := credentialsFile(t, "[a]\n"+pairOf+"region = x\npassword = y\ns3 =\n  a = b\nsome_process = z --secret q\n")
	want(t, "settings", f.Keys()[0].Settings, []Setting{{Key: "region", Value: "x", Line: 4}})
}

func TestKeysInAConfigFileLeaveTheProfileThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, "[default]\n"+pairOf+"\n[profile \"a b\"]\n"+pairOf+"region = x\n[sso-session s]\naws_access_key_id = no\n", 0o640)
	f, err := LoadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	e := f.Edit()
	if err := e.Remove(usable(f)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"c", "d e"} {
		if err := e.Append(name, []Setting{{Key: "region", Value: "y"}}); err != nil {
			t.Fatal(err)
		}
	}
	var there *ExistsError
	if err := e.Append("a b", nil); !errors.As(err, &there) {
		t.Errorf("a profile that is there: %v", err)
	}
	if err := e.Write(); err != nil {
		t.Fatal(err)
	}
	want(t, "text", read(t, path), "[default]\n\n[profile \"a b\"]\nregion = x\n[sso-session s]\naws_access_key_id = no\n\n[profile c]\nregion = y\n\n[profile \"d e\"]\nregion = y\n")
	if runtime.GOOS != "windows" {
		want(t, "mode", mode(t, path), 0o640)
	}
}

func TestAFileThatWasChangedMeanwhileIsLeftAlone(t *testing.T) {
	f := credentialsFile(t, "[a]\n"+pairOf)
	e := f.Edit()
	if err := e.Remove(usable(f)); err != nil {
		t.Fatal(err)
	}
	write(t, f.Path, "[a]\n"+pairOf+"[new]\n", 0o600)
	var changed *ChangedError
	if err := e.Write(); !errors.As(err, &changed) {
		t.Errorf("written: %v", err)
	}
	want(t, "text", read(t, f.Path), "[a]\n"+pairOf+"[new]\n")
}

func TestALinkToTheFileStaysALink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	write(t, target, "[a]\n"+pairOf+"region = x\n", 0o400)
	if err := os.Symlink("real", link); err != nil {
		testenv.Missing(t, "symlinks", err.Error())
	}
	f, err := LoadCredentials(link)
	if err != nil {
		t.Fatal(err)
	}
	e := f.Edit()
	if err := errors.Join(e.Remove(usable(f)), e.Write()); err != nil {
		t.Fatal(err)
	}
	want(t, "text", read(t, target), "[a]\nregion = x\n")
	if mode(t, link)&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if runtime.GOOS != "windows" {
		want(t, "mode", mode(t, target), 0o400)
	}
}

func TestWipingLeavesNoKeyAndKeepsTheRest(t *testing.T) {
	f := credentialsFile(t, "[work]\n"+pairOf+"region = x\n")
	p := f.Keys()[0]
	f.Wipe()
	if p.Key.Secret.Equal(creds.New(fakeSecret)) {
		t.Error("the secret is still there")
	}
	if p.Profile != "work" || p.Key.ID != fakeID || p.Settings[0].Value != "x" {
		t.Errorf("more is gone than the secret: %+v", p)
	}
}

// withKeys makes a credentials file from a seed: a config file with other headers and,
// here and there, a key between its lines.
func withKeys(seed uint64) string {
	g := &generator{rand.New(rand.NewPCG(seed, 21)), false}
	var b strings.Builder
	number, room := 0, false
	for line := range strings.Lines(generate(seed)) {
		b.WriteString(strings.Replace(line, "[profile ", "[", 1))
		room = room || strings.HasPrefix(trimSpace(line), "[")
		if !room || !g.one(2) || !strings.HasSuffix(line, "\n") {
			continue
		}
		room = g.one(20) // a second one in the same section is an error
		number++
		end := line[len(strings.TrimRight(line, "\r\n")):]
		for _, key := range []string{settingID, settingSecret} {
			if g.one(20) {
				continue
			}
			value := fmt.Sprintf("%sX%dX%d", strings.TrimPrefix(key, "aws_"), seed, number)
			b.WriteString(g.indent() + g.pick(key, key, strings.ToUpper(key)) + g.space() + g.pick("=", ":") + g.space() + value + g.pick("", "", " ") + end)
			if g.one(6) {
				b.WriteString(strings.ReplaceAll(g.filler(), "\n", end))
			}
		}
	}
	return b.String()
}

// Python reads the files before and after: what it says of every setting but the keys
// that were taken must be the same, and the bytes that are left must be those lines.
func TestBotocoreReadsTheSameOnceKeysAreTakenOut(t *testing.T) {
	count := configs(700, 20_000)
	var before, after []string
	var taken [][]Plain
	for seed := range uint64(count) {
		f := &KeyFile{Path: "credentials", credentials: true, data: []byte(withKeys(seed))}
		f.set = f.parse(f.data)
		keys := usable(f)
		e := f.Edit()
		if err := e.Remove(keys); err != nil {
			t.Errorf("file %d: %v\n%q", seed, err, f.data)
			continue
		}
		checkLines(t, seed, string(f.data), string(e.text), keys)
		before, after, taken = append(before, string(f.data)), append(after, string(e.text)), append(taken, keys)
	}
	was, is := askKeys(t, before), askKeys(t, after)
	read, removed := 0, 0
	for i, then := range was {
		if strings.HasPrefix(before[i], "\ufeff") {
			continue // botocore reads none of these, with keys or without
		}
		if then == nil {
			if is[i] != nil && len(taken[i]) == 0 {
				t.Errorf("file %d: readable by doing nothing", i)
			}
			continue
		}
		read++
		for _, p := range taken[i] {
			removed++
			section, ok := then[p.Profile]
			if !ok || section[settingID] != p.Key.ID || section[settingSecret] != p.Key.Secret.Reveal() {
				t.Errorf("file %d: botocore sees another key for %q\n%q", i, p.Profile, before[i])
			}
			delete(section, settingID)
			delete(section, settingSecret)
			if _, kept := is[i][p.Profile]; !kept && len(section) == 0 {
				delete(then, p.Profile)
			}
		}
		if !reflect.DeepEqual(then, is[i]) {
			t.Errorf("file %d: was %v\nis %v\n%q\n%q", i, then, is[i], before[i], after[i])
		}
	}
	t.Logf("%d files, %d read by botocore, %d keys taken out of those", count, read, removed)
	if read < count/4 || removed < count/8 {
		t.Error("too few to prove anything")
	}
}

// checkLines: what is left are lines of the old text in their order, and what went are
// keys, empty lines and headers.
func checkLines(t *testing.T, seed uint64, old, text string, keys []Plain) {
	t.Helper()
	rest := strings.TrimPrefix(text, "\ufeff")
	old = strings.TrimPrefix(old, "\ufeff")
	goneKeys := 0
	for old != "" {
		line := physicalLine(old)
		old = old[len(line):]
		if strings.HasPrefix(rest, line) && (line != "" && !isKeyLine(line, keys)) {
			rest = rest[len(line):]
			continue
		}
		switch shown := trimSpace(line); {
		case isKeyLine(line, keys):
			goneKeys++
			if strings.HasPrefix(rest, line) {
				t.Errorf("file %d: %q is still there", seed, line)
			}
		case shown == "", strings.HasPrefix(shown, "[") && strings.HasSuffix(shown, "]"):
		default:
			t.Errorf("file %d: %q is gone", seed, line)
			return
		}
	}
	if rest != "" || len(keys) == 0 && goneKeys > 0 {
		t.Errorf("file %d: left over %q", seed, rest)
	}
}

// isKeyLine reports a line with half of a key that was taken.
func isKeyLine(line string, keys []Plain) bool {
	return slices.ContainsFunc(keys, func(p Plain) bool {
		_, value, _ := strings.Cut(strings.Replace(line, ":", "=", 1), "=")
		value = trimSpace(value)
		return value == p.Key.ID || value == p.Key.Secret.Reveal()
	})
}

// askKeys has botocore read credentials files; nil is one it refuses.
func askKeys(t *testing.T, files []string) []map[string]map[string]any {
	t.Helper()
	return askPython[map[string]map[string]any](t, "credentials.py", files, encoded)
}

// What [DEFAULT] lends to every section would take the place of the keys, so they stay, and nothing else changes.
func TestKeysOverThoseOfADefaultSectionStayWhereTheyAre(t *testing.T) {
	const text = "[a]\nregion = eu-west-1\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n[DEFAULT]\nAWS_ACCESS_KEY_ID =\n"
	file := &KeyFile{Path: "f", credentials: true, data: []byte(text)}
	file.set = file.parse(file.data)
	e := file.Edit()
	err := e.Remove(usable(file))
	if len(usable(file)) != 1 || err == nil || !strings.Contains(err.Error(), "another meaning") || string(e.text) != text || !e.Empty() {
		t.Errorf("%d keys, %v: %q", len(usable(file)), err, e.text)
	}
}

// lent reports whether [DEFAULT] has half of a key.
func lent(f *KeyFile) bool {
	return slices.ContainsFunc(f.set.defaults.settings, func(x Setting) bool { return x.Key == settingID || x.Key == settingSecret })
}

// FuzzTakeOut: whatever the bytes, keys go, the rest says what it said, and a second
// time there is nothing to do.
func FuzzTakeOut(f *testing.F) {
	for seed := range uint64(40) {
		f.Add([]byte(withKeys(seed)), seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, data []byte, credentials bool) {
		file := &KeyFile{Path: "f", credentials: credentials, data: data}
		file.set = file.parse(data)
		keys := usable(file)
		e := file.Edit()
		if err := e.Remove(keys); err != nil && lent(file) {
			return
		} else if err != nil {
			t.Fatalf("%v\n%q", err, data)
		}
		again := &KeyFile{Path: "f", credentials: credentials, data: e.text}
		again.set = again.parse(e.text)
		if left := usable(again); len(left) > 0 {
			t.Errorf("still there: %v", left)
		}
		for _, p := range keys {
			if strings.Contains(e.Diff(), p.Key.Secret.Reveal()) && len(p.Key.Secret.Reveal()) > 20 {
				t.Errorf("the diff tells a secret")
			}
		}
	})
}

func TestGeneratedCredentialsFilesHaveKeys(t *testing.T) {
	count := map[bool]int{}
	for seed := range uint64(300) {
		f := &KeyFile{credentials: true, data: []byte(withKeys(seed))}
		f.set = f.parse(f.data)
		for _, p := range f.Keys() {
			count[p.Err == nil]++
		}
	}
	if count[true] < 100 || count[false] < 30 {
		t.Errorf("too few of a kind: %v", maps.Collect(maps.All(count)))
	}
}
