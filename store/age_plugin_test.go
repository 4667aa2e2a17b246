package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

// pluginName is that of a plugin which this test binary is when it is called so. It is
// X25519 under another name; what it does besides is in its environment.
const pluginName = "vaulttest"

// playPlugin is the plugin's main function.
func playPlugin() int {
	p, err := plugin.New(pluginName)
	if err != nil {
		return 1
	}
	if file := os.Getenv("STORE_TEST_PLUGIN_ENVIRON"); file != "" {
		_ = os.WriteFile(file, []byte(strings.Join(os.Environ(), "\n")), 0o600)
	}
	p.HandleRecipient(func(data []byte) (age.Recipient, error) {
		r, err := age.ParseX25519Recipient(string(data))
		return disguised{recipient: r}, err
	})
	p.HandleIdentity(func(data []byte) (age.Identity, error) {
		id, err := age.ParseX25519Identity(string(data))
		return disguised{identity: id, p: p}, err
	})
	return p.Main()
}

type disguised struct {
	recipient *age.X25519Recipient
	identity  *age.X25519Identity
	p         *plugin.Plugin
}

func (d disguised) Wrap(key []byte) ([]*age.Stanza, error) {
	stanzas, err := d.recipient.Wrap(key)
	for _, s := range stanzas {
		s.Type = pluginName
	}
	return stanzas, err
}

func (d disguised) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	var ours []*age.Stanza
	for _, s := range stanzas {
		if s.Type == pluginName {
			ours = append(ours, &age.Stanza{Type: "X25519", Args: s.Args, Body: s.Body})
		}
	}
	switch os.Getenv("STORE_TEST_PLUGIN") {
	case "hang":
		signal.Ignore(os.Interrupt)
		_ = os.WriteFile(os.Getenv("STORE_TEST_PLUGIN_PID"), []byte(strconv.Itoa(os.Getpid())), 0o600)
		time.Sleep(time.Minute)
	case "ask":
		_ = d.p.DisplayMessage("touch the key")
		pin, err := d.p.RequestValue("PIN", true)
		if err != nil || pin != "1234" {
			return nil, fmt.Errorf("no PIN: %v", err)
		}
		if yes, err := d.p.Confirm("really", "go on", "stop"); err != nil || !yes {
			return nil, fmt.Errorf("stopped: %v", err)
		}
	}
	return d.identity.Unwrap(ours)
}

// plugged is a store whose one recipient and identity are the plugin's.
func plugged(t *testing.T) Options {
	t.Helper()
	if runtime.GOOS == "windows" {
		testenv.Missing(t, "unix", "a plugin is a link to this binary")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "age-plugin-"+pluginName)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "identity.txt")
	text := plugin.EncodeIdentity(pluginName, []byte(id.String()))
	if err := os.WriteFile(file, []byte("# made by a plugin\n"+text+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := unasked(ageOptions(t, ""))
	recipient := plugin.EncodeRecipient(pluginName, []byte(id.Recipient().String()))
	var none *NoRecipientError
	if _, _, err := keeper(t, o).Create(soon(t), AgePlan{Identity: file}); !errors.As(err, &none) {
		t.Fatalf("without its recipient: %v", err)
	}
	if _, in, err := keeper(t, o).Create(soon(t), AgePlan{Identity: file, Recipient: recipient, Name: "key"}); err != nil || !in {
		t.Fatal(err)
	}
	return o
}

func TestAgeConformsWithAPlugin(t *testing.T) {
	o := plugged(t)
	conforms(t, open(t, o), 0, 1000)
	wantProblems(t, o)
}

func TestAPluginAndAPassphraseShareAStore(t *testing.T) {
	o := plugged(t)
	put(t, open(t, o), "a", "value of a")
	who, theirs := member(t, o)
	if n, err := keeper(t, o).Add(soon(t), who); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	put(t, open(t, theirs), "b", "value of b")
	for _, o := range []Options{o, theirs} {
		wantValue(t, open(t, o), "a", "value of a")
		wantValue(t, open(t, o), "b", "value of b")
		wantProblems(t, o)
	}
}

// The programs that make identities write the recipient above them, each in its words.
func TestAnIdentityFileMaySayItsRecipient(t *testing.T) {
	from := plugged(t)
	text, err := os.ReadFile(filepath.Join(from.AgeDir, "own", "identity.age"))
	if err != nil {
		t.Fatal(err)
	}
	recipient, line, _ := strings.Cut(strings.TrimPrefix(string(text), "# recipient: "), "\n")
	for _, comment := range []string{"# public key: ", "#    Recipient: ", "#recipient:"} {
		file := filepath.Join(t.TempDir(), "identity")
		if err := os.WriteFile(file, []byte("# Created: today\n"+comment+recipient+"\n"+line), 0o600); err != nil {
			t.Fatal(err)
		}
		mine, _, err := keeper(t, unasked(ageOptions(t, ""))).Create(soon(t), AgePlan{Identity: file})
		if err != nil || len(mine) != 1 || mine[0].Recipient != recipient {
			t.Errorf("%q: %v, %v", comment, mine, err)
		}
	}
}

// The recipient of an identity is noted with it: losing the list makes no difference.
func TestTheRecipientOfAPluginIsKeptWithItsIdentity(t *testing.T) {
	o := plugged(t)
	if err := os.Remove(filepath.Join(o.AgeDir, "own", "recipients.txt")); err != nil {
		t.Fatal(err)
	}
	session := SessionName("a", "")
	put(t, open(t, o), session, "v")
	wantValue(t, open(t, o), session, "v")
}

func TestAPluginsQuestionsReachAPerson(t *testing.T) {
	o := plugged(t)
	put(t, open(t, o), "a", "value of a")
	t.Setenv("STORE_TEST_PLUGIN", "ask")
	var told []string
	o.Tell = func(line string) { told = append(told, line) }
	var asked *[]string
	o.Ask, asked = answers(t, "1234", "y")
	wantValue(t, open(t, o), "a", "value of a")
	want := []string{"age-plugin-vaulttest: PIN", "age-plugin-vaulttest: really (y: go on, n: stop)"}
	if !slices.Equal(*asked, want) || !slices.Equal(told, []string{"age-plugin-vaulttest: touch the key"}) {
		t.Errorf("asked %q, told %q", *asked, told)
	}
	o.Ask, _ = answers(t, "1234", "n")
	if err := getErr(t, open(t, o), "a"); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("a no: %v", err)
	}
}

func TestAPluginThatAsksWithoutAPersonIsLocked(t *testing.T) {
	o := plugged(t)
	put(t, open(t, o), "a", "value of a")
	t.Setenv("STORE_TEST_PLUGIN", "ask")
	quiet := o
	quiet.Quiet = true
	quiet.Ask = func(context.Context, string) (creds.Secret, error) {
		t.Error("a hook asked")
		return creds.Secret{}, errors.New("asked")
	}
	quiet.Tell = func(string) { t.Error("a hook spoke") }
	for _, o := range []Options{o, quiet} {
		if err := getErr(t, open(t, o), "a"); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "no PIN") {
			t.Errorf("Get: %v", err)
		}
	}
}

// On a desktop a plugin may raise a dialog of its own, which a hook must not.
func TestAHookStartsNoPluginOnADesktop(t *testing.T) {
	o := plugged(t)
	put(t, open(t, o), "a", "value of a")
	seen := filepath.Join(t.TempDir(), "environ")
	t.Setenv("STORE_TEST_PLUGIN_ENVIRON", seen)
	t.Setenv("DISPLAY", ":99")
	o.Quiet = true
	if err := getErr(t, open(t, o), "a"); !errors.Is(err, ErrLocked) {
		t.Errorf("Get: %v", err)
	}
	if exists(seen) {
		t.Error("the plugin ran")
	}
}

func TestAPluginThatHangsIsNotWaitedForBeyondTheDeadline(t *testing.T) {
	o := plugged(t)
	put(t, open(t, o), "a", "value of a")
	t.Setenv("STORE_TEST_PLUGIN", "hang")
	o.Deadline = 300 * time.Millisecond
	for what, call := range map[string]func() error{
		"Get":       func() error { return getErr(t, open(t, o), "a") },
		"Reencrypt": func() error { _, err := keeper(t, o).Reencrypt(soon(t)); return err },
	} {
		start := time.Now()
		if err := call(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s took %v", what, took)
		}
	}
}

func TestAPluginThatIsMissingIsNamed(t *testing.T) {
	o := plugged(t)
	put(t, open(t, o), "a", "value of a")
	t.Setenv("PATH", t.TempDir())
	for what, err := range map[string]error{"Get": getErr(t, open(t, o), "a"), "Put": open(t, o).Put(soon(t), "b", creds.New("v"))} {
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "age-plugin-vaulttest is not on the PATH") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAPluginDoesNotInheritPassphrases(t *testing.T) {
	o := plugged(t)
	seen := filepath.Join(t.TempDir(), "environ")
	t.Setenv("STORE_TEST_PLUGIN_ENVIRON", seen)
	for _, name := range env.Passphrases {
		t.Setenv(name, "hunter2")
	}
	put(t, open(t, o), "a", "value of a")
	environ, err := os.ReadFile(seen)
	if err != nil || !strings.Contains(string(environ), "STORE_TEST_PLUGIN_ENVIRON=") {
		t.Fatalf("the plugin found %d bytes, %v", len(environ), err)
	}
	if strings.Contains(string(environ), "hunter2") {
		t.Error("the plugin found a passphrase")
	}
}
