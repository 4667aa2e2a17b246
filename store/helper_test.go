//go:build !windows

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

// passHelper is Docker's own helper for pass, on a password store of the test's own.
func passHelper(t *testing.T, passphrase string) Options {
	t.Helper()
	testenv.Require(t, "helper", helperPrefix+"pass")
	passwordStore(t, passphrase)
	return Options{Backend: "helper", Helper: "pass"}
}

// slowHelper is why a helper is tried in full only among the long tests.
const slowHelper = "a hundred calls, each of which starts programs"

func init() {
	stages["helper"] = func(t *testing.T) {
		testenv.OnlyLong(t, slowHelper)
		conforms(t, open(t, passHelper(t, "")), 0, 1, 100, 40_000)
	}
}

// Whoever opens the password manager should know what they see.
func TestHelperItemsCanBeReadByAPerson(t *testing.T) {
	o := passHelper(t, "")
	if err := PutKey(soon(t), open(t, o), "prod", creds.Key{ID: "AKIAIOSFODNN7EXAMPLE", Secret: creds.New("fake/secret+key")}); err != nil {
		t.Fatal(err)
	}
	list, err := helperSays(t, "pass", "list", "")
	if err != nil || strings.TrimSpace(list) != `{"https://aws-vault/prod":"aws-vault"}` {
		t.Errorf("%s, %v", list, err)
	}
	answer, err := helperSays(t, "pass", "get", "https://aws-vault/prod")
	var item helperItem
	if err != nil || json.Unmarshal([]byte(answer), &item) != nil || !strings.HasPrefix(item.Secret, `{"AccessKeyID":"AKIAIOSFODNN7EXAMPLE",`) {
		t.Errorf("%s, %v", answer, err)
	}
}

func helperSays(t *testing.T, name, word, stdin string) (string, error) {
	t.Helper()
	out, _, err := tool{path: helperPrefix + name, args: []string{word}, stdin: []byte(stdin), most: 1 << 20}.run(soon(t))
	return string(out), err
}

func TestHelperIsLockedQuietlyWhenGPGNeedsAPassphrase(t *testing.T) {
	o := passHelper(t, "fake passphrase")
	put(t, open(t, o), "k", "v") // encrypting needs none
	command(t, "gpgconf", "--kill", "gpg-agent")
	o.Quiet = true
	if err := getErr(t, open(t, o), "k"); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "docker-credential-pass: ") {
		t.Error(err)
	}
	if names, err := open(t, o).List(soon(t), ""); err != nil || len(names) != 1 {
		t.Errorf("List: %q, %v", names, err)
	}
}

func TestHelperForPassWithoutAStoreSaysSo(t *testing.T) {
	testenv.Require(t, "helper", helperPrefix+"pass", "pass")
	t.Setenv("PASSWORD_STORE_DIR", t.TempDir())
	err := open(t, Options{Helper: "pass"}).Put(soon(t), "k", creds.New("v"))
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "docker-credential-pass: ") || !strings.Contains(err.Error(), "pass init") {
		t.Error(err)
	}
}

// mustNotAsk is a person who can be asked and must not be.
func mustNotAsk(context.Context, string) (creds.Secret, error) {
	return creds.Secret{}, errors.New("a question was asked")
}

// standIn makes docker-credential-fake of a shell script, and opens it.
func standIn(t *testing.T, script string, o Options) Store {
	t.Helper()
	bin := t.TempDir()
	program(t, bin, helperPrefix+"fake", script)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	o.Helper = "fake"
	return open(t, o)
}

// What goes wrong is told by the helper's name and in its own words, on one line, and
// never with the secret it was sent.
func TestHelperThatFailsIsNamedWithItsOwnWords(t *testing.T) {
	const secret = "fake-secret-of-some-length"
	for script, want := range map[string]string{
		`echo "the cat ate it"; exit 1`:                  "docker-credential-fake: the cat ate it",
		`echo "the cat ate it" >&2; exit 1`:              "docker-credential-fake: the cat ate it",
		`echo "the cat ate it"; exit 7`:                  "docker-credential-fake: exit status 7: the cat ate it",
		`exit 1`:                                         "docker-credential-fake: exit status 1",
		`kill -SEGV $$`:                                  "docker-credential-fake: signal: segmentation fault",
		`printf 'one\n\ttwo\033[31mred\007'; exit 1`:     "docker-credential-fake: one two[31mred",
		`sed 's/^/cannot store /'; exit 1`:               "docker-credential-fake: cannot store {\"ServerURL\":\"https://aws-vault/k\",\"Username\":\"aws-vault\",\"Secret\":[redacted]",
		`sed 's/.*\(fake-.*length\).*/ERR[\1]/'; exit 1`: "docker-credential-fake: ERR[[redacted]]",
		`cut -c 60-90; exit 1`:                           "docker-credential-fake: ",
		`printf '%0300d' 7; exit 1`:                      "docker-credential-fake: " + strings.Repeat("0", 199) + "…",
		`yes flood`:                                      "docker-credential-fake: it printed more than an answer has",
		`yes flood >&2`:                                  "docker-credential-fake: it printed more than an answer has",
		`trap '' PIPE; yes flood; exec sleep 600`:        "docker-credential-fake: it printed more than an answer has",
	} {
		err := standIn(t, script, Options{}).Put(soon(t), "k", creds.New(secret))
		seen := standIn(t, script, Options{Ask: mustNotAsk}).Put(soon(t), "k", creds.New(secret))
		if fmt.Sprint(seen) != fmt.Sprint(err) {
			t.Errorf("%s: with a person there it is %v", script, seen)
		}
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(fmt.Sprint(err)+"$", want) {
			t.Errorf("%s\n gave %v\n want %s", script, err, want)
		}
		if text := fmt.Sprint(err); strings.Contains(text, secret[:10]) || strings.ContainsAny(text, "\n\033\007") || len([]rune(text)) > 300 {
			t.Errorf("%s: %q", script, text)
		}
	}
}

func TestHelperThatAnswersJunkIsNamed(t *testing.T) {
	for script, want := range map[string]string{
		`:`:                       "it answered nothing",
		`echo`:                    "it answered nothing",
		`echo fake-secret`:        "not the JSON of an item",
		`echo '["fake-secret"]'`:  "not the JSON of an item",
		`echo '{"Secret":17}'`:    "not the JSON of an item",
		`echo '{"Secret":"x"'`:    "not the JSON of an item",
		`echo '{"Username":"u"}'`: "it answered without a secret",
		`echo '{"ServerURL":"https://aws-vault/other","Username":"aws-vault","Secret":"fake-secret"}'`:  "another item than https://aws-vault/k",
		`echo '{"ServerURL":"https://some.example/aws-vault/k","Username":"u","Secret":"fake-secret"}'`: "another item than https://aws-vault/k",
		`echo '{"Username":"u","Secret":"vault.base64:!"}'`:                                             "the item is damaged",
		`echo '{"Username":"u","Secret":"fake-secret"}'; exit 1`:                                        "exit status 1",
	} {
		err := getErr(t, standIn(t, script, Options{}), "k")
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "docker-credential-fake: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n gave %v\n want %s", script, err, want)
		}
		if strings.Contains(err.Error(), "fake-secret") {
			t.Errorf("%s: %v", script, err)
		}
	}
	for script, want := range map[string]string{
		`echo no such thing`: "its list is not JSON: no such thing",
		`:`:                  "its list is not JSON",
		`echo '{"a":["b"]}'`: "its list is not JSON",
	} {
		_, err := standIn(t, script, Options{}).List(soon(t), "")
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "docker-credential-fake: "+want) {
			t.Errorf("%s\n gave %v\n want %s", script, err, want)
		}
	}
}

func TestHelperSaysInItsWayThatThereIsNoItem(t *testing.T) {
	for _, script := range []string{
		`echo "credentials not found in native keychain"; exit 1`,
		`echo '{"ServerURL":"https://aws-vault/k","Username":"","Secret":""}'`,
	} {
		if err := getErr(t, standIn(t, script, Options{}), "k"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", script, err)
		}
	}
	if err := standIn(t, `echo '{}'`, Options{}).Delete(soon(t), "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of a list without it: %v", err)
	}
}

// A list may have what others put there, and what a helper made of our URLs.
func TestHelperListsOurItemsAlone(t *testing.T) {
	s := standIn(t, `cat <<'END'
{"https://aws-vault/prod":"aws-vault", "https://aws-vault/a%2Fb":"aws-vault", "https://aws-vault/c/d":"aws-vault", "aws-vault/bare":"aws-vault",
 "Registry credentials for https://aws-vault/new":"aws-vault", "https://long.aws-vault/x":"%41long%2fname", "https://long.aws-vault/y":"a%6Cong",
 "https://other.example/v1/":"someone", "https://some.example/aws-vault/no":"someone", "https://my-aws-vault/no":"someone", "https://aws-vault/":"x"}
END`, Options{})
	got, err := s.List(soon(t), "")
	if want := "Along/name a/b bare c/d new prod"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("%q, %v; want %s", got, err, want)
	}
}

func TestHelperNamesComeBackFromTheURLs(t *testing.T) {
	h := &helper{name: helperPrefix + "fake"}
	for _, name := range append([]string{"Prod", "a~b", "~", "%", strings.Repeat("L", 83)}, awkward...) {
		address, user, err := h.addressOf(name)
		if err != nil || len(address) > longestURL || len(user) > longestUser || strings.ToLower(address+user) != address+user {
			t.Errorf("place(%.60q) = %s, %s, %v", name, address, user, err)
		}
		if got, ours := nameOf(address, user); !ours || got != name {
			t.Errorf("nameOf(%s, %s) = %q, %v", address, user, got, ours)
		}
	}
	if _, _, err := h.addressOf(strings.Repeat("$", 300)); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Error(err)
	}
}

// The stand-in hangs together with a process of its own; both have to be gone.
func TestHelperThatHangsIsEndedAtTheDeadlineAndNamed(t *testing.T) {
	dir := t.TempDir()
	pids := filepath.Join(dir, "pids")
	t.Setenv("AWS_VAULT_FILE_PASSPHRASE", "not for children")
	s := standIn(t, `echo "$AWS_VAULT_FILE_PASSPHRASE" >'`+dir+`/seen'; /bin/sleep 600 & echo $! $$ >'`+pids+`'; wait`,
		Options{Quiet: true, Deadline: 300 * time.Millisecond})
	start := time.Now()
	err := getErr(t, s, "k")
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "docker-credential-fake get: ") || time.Since(start) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	if seen, err := os.ReadFile(filepath.Join(dir, "seen")); err != nil || string(seen) != "\n" {
		t.Errorf("the helper was given %q, %v", seen, err)
	}
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range strings.Fields(string(text)) {
		gone(t, pid)
	}
}

// In a prompt's hook a helper finds nothing it could ask on.
func TestHelperThatIsQuietHasNoTerminalAndNoDisplay(t *testing.T) {
	for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY", "GPG_TTY", "SSH_ASKPASS"} {
		t.Setenv(name, "/dev/somewhere")
	}
	t.Setenv("PASSWORD_STORE_GPG_OPTS", "--some-option")
	script := `[ "$DISPLAY$WAYLAND_DISPLAY$GPG_TTY$SSH_ASKPASS" = "" ] || { echo "it sees a display"; exit 1; }
(: </dev/tty) 2>/dev/null && { echo "it has a terminal"; exit 1; }
[ "$(ps -o sid= -p $$ | tr -d ' ')" = $$ ] || { echo "not a session of its own"; exit 1; }
echo "$PASSWORD_STORE_GPG_OPTS, $#"; exit 1`
	testenv.Require(t, "helper", "ps")
	_, err := standIn(t, script, Options{Quiet: true}).List(soon(t), "")
	if err == nil || !strings.HasSuffix(err.Error(), "docker-credential-fake: --some-option --pinentry-mode error, 1") {
		t.Error(err)
	}
}

func TestHelperIsNamedByAPlainNameOfAProgramThatIsThere(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	program(t, bin, helperPrefix+"there", "exit 0")
	for name, want := range map[string]string{
		"": "no helper is named", "../there": "not the name of a helper", `a\b`: "not the name of a helper", "-x": "not the name of a helper",
		"a\nb": "not the name of a helper", "gone": `the program "docker-credential-gone" is not on the PATH`, "there": "", "docker-credential-there": "",
	} {
		_, err := Open(soon(t), Options{Backend: "helper", Helper: name})
		if (err == nil) != (want == "") || err != nil && (!errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", name, err)
		}
	}
	s := open(t, Options{Helper: "there"})
	if fmt.Sprint(s) != "helper" {
		t.Errorf("a helper without a back end opened %v", s)
	}
	for _, f := range Probe(soon(t), Options{FileDir: t.TempDir(), Helper: "there"}) {
		if f.Chosen != (f.Backend == "helper") {
			t.Errorf("%+v", f)
		}
	}
}

func TestHelperThatDockerUsesIsRemarkedOn(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin)
	t.Setenv("DOCKER_CONFIG", dir)
	program(t, bin, helperPrefix+"there", "exit 0")
	for config, remarked := range map[string]bool{
		"": false, "junk": false, `{"credsStore":"other"}`: false, `{"credsStore":"there"}`: true, `{"credHelpers":{"registry.example":"there"}}`: false,
	} {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		f := finding(t, Probe(soon(t), Options{Helper: "there", FileDir: t.TempDir()}), "helper")
		if f.Err != nil || strings.Contains(f.Remark, "Docker") != remarked {
			t.Errorf("%s: %+v", config, f)
		}
	}
}
