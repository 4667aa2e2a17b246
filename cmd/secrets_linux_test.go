package cmd_test

// The main paths of the program, each in every back end that can be had without a desktop,
// watched by the spy: nothing secret leaves by another way than its own.

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

// keepings prepares a store of each back end.
var keepings = map[string]func(*testing.T, *world) keeping{
	"file": func(_ *testing.T, w *world) keeping { return keeping{environ: w.environ(), store: w.keyring()} },
	"age": func(_ *testing.T, w *world) keeping {
		check(storetest.CheapIdentity(w.path("age"), passphrase))
		pass := creds.New(passphrase)
		return keeping{
			environ: with(w.environ(), "AWS_VAULT_BACKEND=age", "AWS_VAULT_AGE_DIR="+w.path("age"), "AWS_VAULT_AGE_PASSPHRASE="+passphrase),
			store:   must(store.Open(context.Background(), store.Options{Backend: "age", AgeDir: w.path("age"), AgePassphrase: &pass})),
		}
	},
	"pass": func(t *testing.T, w *world) keeping {
		return keeping{
			environ: w.pass(t, "AWS_VAULT_BACKEND=pass"),
			store:   must(store.Open(context.Background(), store.Options{Backend: "pass"})),
			may:     throughPass,
		}
	},
	"helper": func(t *testing.T, w *world) keeping {
		return keeping{
			environ: w.pass(t, "AWS_VAULT_BACKEND=helper", "AWS_VAULT_HELPER=pass"),
			store:   must(store.Open(context.Background(), store.Options{Backend: "helper", Helper: "pass"})),
			may:     append([]route{{"", viaPipe, "docker-credenti"}}, throughPass...),
		}
	},
	"secret-service": func(t *testing.T, w *world) keeping {
		w.unlockedKeyring(t)
		return keeping{
			environ: with(w.environ(), "AWS_VAULT_BACKEND=secret-service", "AWS_VAULT_SECRET_SERVICE_COLLECTION_NAME=login", "DBUS_SESSION_BUS_ADDRESS="+os.Getenv("DBUS_SESSION_BUS_ADDRESS")),
			store:   must(store.Open(context.Background(), store.Options{Backend: "secret-service", Collection: "login"})),
			may:     []route{{"", viaUnix, "vault"}}, // to the keyring's daemon
		}
	},
}

// throughPass: pass is a script, which hands what it is given to gpg, and back.
var throughPass = []route{{"", viaPipe, "vault"}, {"", viaPipe, "bash"}, {"", viaPipe, "gpg"}, {"", viaPipe, "base64"}}

// unlockedKeyring starts GNOME's keyring on the bus of this process, which ends it.
func (w *world) unlockedKeyring(t *testing.T) {
	t.Helper()
	c := exec.Command("gnome-keyring-daemon", "--unlock", "--components=secrets")
	c.Env, c.Stdin = append(w.environ(), "DBUS_SESSION_BUS_ADDRESS="+os.Getenv("DBUS_SESSION_BUS_ADDRESS")), strings.NewReader("of the keyring")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// A client that comes before the daemon is on the bus starts another one, which is locked.
	owned := []string{"--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"}
	for end := time.Now().Add(patience); !strings.Contains(w.run(t, c.Env, "dbus-send", owned...).out, "true"); {
		if time.Now().After(end) {
			t.Fatal("the keyring does not come to the bus")
		}
	}
}

// onABus runs this test once more on a session bus of its own, which the keyring library
// looks for before anything else runs. It is true in that copy.
func onABus(t *testing.T) bool {
	t.Helper()
	const mark = "VAULT_TEST_BUS"
	if os.Getenv(mark) != "" {
		return true
	}
	testenv.Require(t, "secret-service", "gnome-keyring-daemon")
	testenv.Require(t, "secret-service", "dbus-run-session")
	c := exec.Command("dbus-run-session", "--", must(os.Executable()), "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$", "-test.v")
	c.Env = append(os.Environ(), mark+"=1")
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// pass is the environment with a password store, for us too.
func (w *world) pass(t *testing.T, extra ...string) []string {
	environ := with(w.gpgStore(t, ""), append(extra, "AWS_VAULT_FILE_PASSPHRASE="+passphrase)...)
	for _, e := range environ {
		if name, value, _ := strings.Cut(e, "="); name == "GNUPGHOME" || name == "PASSWORD_STORE_DIR" {
			t.Setenv(name, value)
		}
	}
	// strace would wait for the end of an agent that was started under it.
	if r := w.run(t, environ, "gpg-connect-agent", "/bye"); r.status != 0 {
		t.Fatal(r.err)
	}
	return environ
}

func TestNoSecretLeavesByAnotherWayThanItsOwn(t *testing.T) {
	testenv.Require(t, "strace")
	for name, prepare := range keepings {
		t.Run(name, func(t *testing.T) {
			if name != "file" && name != "age" {
				testenv.OnlyLong(t, "every back end under strace")
			}
			if name == "secret-service" && !onABus(t) {
				return
			}
			w := newWorld(t, roleConfig)
			k := prepare(t, w)
			for _, c := range w.mainPaths(name) {
				w.spy(t, k, c)
			}
			if name == "age" {
				for _, args := range [][]string{{"check"}, {"list"}, {"age", "add-recipient", must(age.GenerateX25519Identity()).Recipient().String()}} {
					w.spy(t, k, spyCase{name: "store", argv: append([]string{filepath.Join(bin, "vault"), "store"}, args...)})
				}
			}
		})
	}
}

// mainPaths is a day with the program, in order.
func (w *world) mainPaths(backend string) []spyCase {
	arn, key := w.user("alice")
	_, plain := w.user("bob")
	_, typed := w.user("carol")
	w.role("prod", fakeaws.Trust{Principals: []string{arn}})
	w.write("key.csv", "Access key ID,Secret access key\r\n"+key.ID+","+key.Secret.Reveal()+"\r\n")
	w.write("home/.aws/credentials", "[plain]\naws_access_key_id = "+plain.ID+"\naws_secret_access_key = "+plain.Secret.Reveal()+"\n")
	given := []string{"AWS_ACCESS_KEY_ID=" + key.ID, "AWS_SECRET_ACCESS_KEY=" + key.Secret.Reveal()}
	vault := func(args ...string) []string { return append([]string{filepath.Join(bin, "vault")}, args...) }
	hooked := func(script string) []string {
		return []string{"bash", "--norc", "-c", `eval "$(vault hook bash)"; ` + script}
	}
	// A shell's programs have what the shell has: the session, and the passphrase that
	// the person has exported.
	inShell := []route{{"session", viaCode, "vault"}, {"session", viaEnviron, "vault"}, {"long-lived 0", viaEnviron, "vault"}}
	printed := []route{{"session", viaStdout, "vault"}}
	return []spyCase{
		{name: "add", argv: vault("add", "--env", "base"), extra: given},
		{name: "add from a file", argv: vault("add", "--from-csv", "key.csv", "base")},
		{name: "add what is typed", argv: vault("add", "new"), typed: []exchange{
			{"Access key id: ", typed.ID + "\n"}, {"Secret access key: ", typed.Secret.Reveal() + "\n"}, {"MFA device", "\n"},
		}},
		{name: "import", argv: vault("import", "--yes", "--json")},
		{name: "use for a script", argv: vault("use", "prod", "--shell", "bash"), may: printed},
		{name: "use in a shell", argv: hooked("vault use prod; vault status; vault refresh; vault off"), may: inShell},
		{name: "exec", argv: vault("exec", "prod", "--", "true"), may: []route{{"session", viaEnviron, "true"}}},
		{name: "export", argv: vault("export", "prod", "--format", "json"), may: printed},
		{name: "list", argv: vault("list", "--json")},
		{name: "show", argv: vault("show", "prod")},
		{name: "whoami", argv: vault("whoami", "prod")},
		{name: "doctor", argv: vault("doctor", "--json")},
		{name: "rotate", argv: vault("rotate", "base")},
		{name: "use what was rotated", argv: vault("use", "prod", "--shell", "bash"), may: printed},
		{name: "migrate", argv: vault("migrate", "--from", backend, "--to", "file:"+w.path("moved"))},
		{name: "a profile there is not", argv: vault("exec", "nowhere", "--", "true"), fails: true},
		{name: "clear", argv: vault("clear")},
		{name: "remove", argv: vault("remove", "--force", "new")},
	}
}
