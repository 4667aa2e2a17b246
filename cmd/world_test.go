package cmd_test

// The program is tested as it ships: built once, then run as a process of its own in a
// home, a keyring and an AWS made for the test.

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

const (
	account    = "111122223333"
	passphrase = "open sesame, says the test"
	patience   = time.Minute
)

// bin is the directory with the program, to be put on PATH.
var bin string

func TestMain(m *testing.M) {
	if os.Getenv(sdkClient) != "" && os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "" {
		os.Exit(useSDK())
	}
	if os.Getenv(browsing) != "" {
		os.Exit(browse(os.Args[len(os.Args)-1]))
	}
	if os.Getenv(traced) != "" {
		os.Exit(trace())
	}
	testenv.ReceiveInterrupts()
	os.Exit(buildAndRun(m))
}

// browsing is set for the copy of the test program that acts as a browser.
const browsing = "VAULT_TEST_BROWSING"

// browse fetches an address and follows its redirects, as a browser does.
func browse(address string) int {
	res, err := http.Get(address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_ = res.Body.Close()
	return 0
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "vault-bin-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		bin = dir
		_, err = testenv.Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the program:", err)
		return 1
	}
	return m.Run()
}

// world is what one test has for itself.
type world struct {
	dir string
	aws *fakeaws.Server

	mu      sync.Mutex
	secrets []string // every secret of this world, which no output may have
	devices map[string]*fakeaws.MFA

	meanwhile func() // is called before talk types an answer; may be nil
}

// makeWorld makes a world in dir. The caller closes its AWS at the end.
func makeWorld(dir string, o fakeaws.Options) (*world, error) {
	for _, d := range []string{"home/.aws", "run", "keys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(d)), 0o700); err != nil {
			return nil, err
		}
	}
	aws, err := fakeaws.Start(o)
	return &world{dir: dir, aws: aws, secrets: []string{passphrase}, devices: map[string]*fakeaws.MFA{}}, err
}

// worldDir is a directory for a world. Where there is an agent in it, its path is short enough
// for a socket's address, and the agent ends before the directory is removed.
func worldDir(t testing.TB) string {
	t.Helper()
	if withAgents() == "off" {
		return t.TempDir()
	}
	dir := must(os.MkdirTemp("", "vw"))
	t.Cleanup(func() {
		_ = os.RemoveAll(filepath.Join(dir, "run"))
		check(os.RemoveAll(dir))
	})
	return dir
}

// newWorld is a world with the given config file.
func newWorld(t testing.TB, config string) *world {
	t.Helper()
	w := must(makeWorld(worldDir(t), fakeaws.Options{}))
	t.Cleanup(func() { _ = w.aws.Close() })
	w.write("home/.aws/config", config)
	return w
}

func (w *world) path(rel string) string { return filepath.Join(w.dir, filepath.FromSlash(rel)) }

func (w *world) write(rel, text string) {
	check(os.WriteFile(w.path(rel), []byte(text), 0o600))
}

// environ returns the program's whole environment, with extra replacing variables of the same name.
func (w *world) environ(extra ...string) []string {
	list := []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"),
		"HOME=" + w.path("home"), "USERPROFILE=" + w.path("home"), "ZDOTDIR=" + w.path("home"),
		"TMPDIR=" + w.path("tmp"), "LANG=C.UTF-8", "TERM=dumb", "TZ=UTC", "NO_COLOR=1",
		"XDG_RUNTIME_DIR=" + w.path("run"), "XDG_CONFIG_HOME=" + w.path("home/.config"),
		"XDG_DATA_HOME=" + w.path("home/.local/share"), "XDG_STATE_HOME=" + w.path("home/.local/state"),
		"XDG_CACHE_HOME=" + w.path("home/.cache"), "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent",
		"AWS_CONFIG_FILE=" + w.path("home/.aws/config"), "AWS_SHARED_CREDENTIALS_FILE=" + w.path("home/.aws/credentials"),
		"AWS_ENDPOINT_URL=" + w.aws.URL(), "AWS_EC2_METADATA_DISABLED=true",
		"AWS_VAULT_AGENT=" + withAgents(), // a test of the agent turns it on, and ends it
		"AWS_VAULT_BACKEND=file", "AWS_VAULT_FILE_DIR=" + w.path("keys"), "AWS_VAULT_FILE_PASSPHRASE=" + passphrase,
	}
	for _, e := range extra {
		name, _, _ := strings.Cut(e, "=")
		list = slices.DeleteFunc(list, func(x string) bool { return strings.HasPrefix(x, name+"=") })
		list = append(list, e)
	}
	return list
}

// withAgents says whether every program of the tests may have an agent. AWS_VAULT_TEST_AGENT=on
// runs the same tests with one; an agent ends with the runtime directory of its world.
func withAgents() string { return cmp.Or(os.Getenv("AWS_VAULT_TEST_AGENT"), "off") }

// without is environ with some names not set at all.
func without(environ []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return slices.Contains(names, name)
	})
}

// keyring opens the keyring of this world.
func (w *world) keyring() store.Store {
	pass := creds.New(passphrase)
	return must(store.Open(context.Background(), store.Options{Backend: "file", FileDir: w.path("keys"), FilePassphrase: &pass}))
}

// user makes an IAM user and a key for it.
func (w *world) user(name string) (arn string, k creds.Key) {
	arn = must(w.aws.AddUser(account, name))
	k = must(w.aws.AddKey(arn))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, k.Secret.Reveal())
	return arn, k
}

// stored makes a user whose key is in the keyring under the profile's name.
func (w *world) stored(name, profile string) (arn string) {
	arn, k := w.user(name)
	check(store.PutKey(context.Background(), w.keyring(), profile, k))
	return arn
}

func (w *world) role(name string, trust fakeaws.Trust) {
	must(w.aws.AddRole(fakeaws.Role{Account: account, Name: name, Trust: trust}))
}

func (w *world) mfa(userARN, name string) {
	w.devices[name] = must(w.aws.AddMFA(userARN, name))
}

// code is one that works now.
func (w *world) code(name string) string { return must(w.devices[name].Code()) }

// age makes the cached sessions of a profile older, as if time had passed only for them.
func (w *world) age(profile string, by time.Duration) error {
	ctx, s := context.Background(), w.keyring()
	names, err := s.List(ctx, store.ProfilePrefix(profile))
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("no session of %q is cached", profile)
	}
	for _, n := range names {
		v, e := store.GetSession(ctx, s, n)
		v.Issued, v.Expires = v.Issued.Add(-by), v.Expires.Add(-by)
		err = errors.Join(err, e, store.PutSession(ctx, s, n, v))
	}
	return err
}

// result is how a process ended.
type result struct {
	out, err string
	status   int
}

// vault runs the program to its end.
func (w *world) vault(t testing.TB, environ []string, args ...string) result {
	t.Helper()
	return w.run(t, environ, filepath.Join(bin, "vault"), args...)
}

// run runs any program, and searches what it said for secrets.
func (w *world) run(t testing.TB, environ []string, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	c.Env, c.Dir, c.Stdout, c.Stderr = environ, w.dir, &out, &errs
	c.WaitDelay = time.Second // a grandchild that hangs must not hold up the test
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%s %q: %v, %v\n%s", name, args, err, ctx.Err(), errs.String())
	}
	if found := w.leak(errs.String()); found != "" {
		t.Errorf("%s %q: a secret on standard error: %s", name, args, found)
	}
	return result{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

// likeSecret is the shape of everything AWS and fakeaws issue: 40 characters or more.
var likeSecret = regexp.MustCompile(`[A-Za-z0-9+/]{40,}={0,2}`)

// challenge is the hash in a sign-in's address, which looks like a secret and is none.
var challenge = regexp.MustCompile(`code_challenge=[A-Za-z0-9_-]{43}\b`)

// public is a recipient of age or the name of an item's file, which look like a secret and
// are none.
var public = regexp.MustCompile(`\bage1[a-z0-9]{40,}\b|/items/[0-9a-f]{32}\b`)

// leak returns the part of text that is a secret: a known one, one from the keyring, or
// anything that looks like one.
func (w *world) leak(text string) string {
	text = public.ReplaceAllString(challenge.ReplaceAllString(text, ""), "")
	if text == "" {
		return ""
	}
	w.mu.Lock()
	known := slices.Clone(w.secrets)
	w.mu.Unlock()
	for _, s := range known {
		if strings.Contains(text, s) {
			return s
		}
	}
	return likeSecret.FindString(strings.ReplaceAll(text, w.dir, ""))
}

// snapshot is every file below a directory with its content, mode and time.
func snapshot(dir string) string {
	var b strings.Builder
	check(filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info := must(d.Info())
		var text []byte
		if info.Mode().IsRegular() {
			text = must(os.ReadFile(p))
		}
		fmt.Fprintf(&b, "%s %s %s %q\n", strings.TrimPrefix(p, dir), info.Mode(), info.ModTime(), text)
		return nil
	}))
	return b.String()
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

const roleConfig = `
[profile base]
region = eu-west-1
[profile prod]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/prod
region = eu-central-1
`

// sessions says how many are cached for a profile.
func (w *world) sessions(profile string) int {
	return len(must(w.keyring().List(context.Background(), store.ProfilePrefix(profile))))
}

// with is an environment with more in it, or other values.
func with(environ []string, extra ...string) []string {
	for _, e := range extra {
		name, _, _ := strings.Cut(e, "=")
		environ = append(without(environ, name), e)
	}
	return environ
}
