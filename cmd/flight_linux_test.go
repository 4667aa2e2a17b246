package cmd_test

// Many terminals that want the same session at the same moment: one asks the person, one
// calls AWS.

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

// flights is how many terminals start together and how often. AWS_VAULT_TEST_FLIGHTS=50x100
// has fifty of them start a hundred times.
func flights(t *testing.T) (terminals, rounds int) {
	t.Helper()
	terminals, rounds = 5, 1
	if testenv.Long() {
		terminals = 20
	}
	if v := os.Getenv("AWS_VAULT_TEST_FLIGHTS"); v != "" {
		first, second, _ := strings.Cut(v, "x")
		terminals, rounds = must(strconv.Atoi(first)), must(strconv.Atoi(second))
	}
	return terminals, rounds
}

func TestOfManyTerminalsOneAsksAndOneCallsWithEveryBackEnd(t *testing.T) {
	for name, prepare := range keepings {
		for _, agent := range []string{"auto", "off"} {
			t.Run(name+"/"+agent, func(t *testing.T) {
				if name != "helper" {
					testenv.OnlyLong(t, "many terminals with every back end")
				}
				if name == "secret-service" && !onABus(t) {
					return
				}
				flyTogether(t, prepare, agent)
			})
		}
	}
}

func flyTogether(t *testing.T, prepare func(*testing.T, *world) keeping, agent string) {
	t.Helper()
	w := mfaWorld(t)
	k := prepare(t, w)
	key := must(store.GetKey(t.Context(), w.keyring(), "base"))
	check(store.PutKey(t.Context(), k.store, "base", key))
	environ := w.withAgentIn(t, with(k.environ, "AWS_VAULT_AGENT="+agent))
	if agent != "off" {
		environ = without(environ, "AWS_VAULT_FILE_PASSPHRASE", "AWS_VAULT_AGE_PASSPHRASE")
	}
	passphrases := 0
	if agent != "off" && store.Of(k.store).Passphrase.Variable != "" {
		passphrases = 1
	}
	terminals, rounds := flights(t)
	for round := range rounds {
		w.forgetSessions(t, k.store, environ)
		w.devices["phone"].Refill()
		sessions, roles := w.aws.Calls("GetSessionToken"), w.aws.Calls("AssumeRole")
		typed, codes := w.together(t, terminals, environ, w.code("phone"), "exec", "dev", "--", "true")
		if typed != passphrases || codes != 1 || w.aws.Calls("GetSessionToken") != sessions+1 || w.aws.Calls("AssumeRole") != roles+1 {
			t.Errorf("round %d: asked for %d passphrases and %d codes; %d and %d calls", round, typed, codes,
				w.aws.Calls("GetSessionToken")-sessions, w.aws.Calls("AssumeRole")-roles)
		}
	}
}

// forgetSessions makes the next terminals start cold, without an agent.
func (w *world) forgetSessions(t *testing.T, s store.Store, environ []string) {
	t.Helper()
	pid := w.agentStatus(t, environ).PID
	w.vault(t, environ, "agent", "stop")
	awaitEnd(t, pid)
	for _, prefix := range []string{store.SessionPrefix, store.TokenPrefix} {
		for _, name := range must(s.List(context.Background(), prefix)) {
			check(s.Delete(context.Background(), name))
		}
	}
}

// together runs the program in many terminals at once, and answers what they ask.
func (w *world) together(t *testing.T, terminals int, environ []string, code string, args ...string) (passphrases, codes int) {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	for range terminals {
		all.Go(func() {
			p, c := w.answer(t, environ, code, args...)
			mu.Lock()
			defer mu.Unlock()
			passphrases, codes = passphrases+p, codes+c
		})
	}
	all.Wait()
	return passphrases, codes
}

// Of twenty terminals that need a sign-in to Identity Center one opens the browser.
func TestOfManyTerminalsOneOpensTheBrowser(t *testing.T) {
	for _, agent := range []string{"auto", "off"} {
		t.Run(agent, func(t *testing.T) {
			w := newSSOWorld(t, corp)
			w.stored("alice", "base")
			environ := w.withAgentIn(t, append(w.environ("BROWSER="+os.Args[0], browsing+"=1"), "AWS_VAULT_AGENT="+agent))
			if agent != "off" {
				environ = without(environ, "AWS_VAULT_FILE_PASSPHRASE")
			}
			terminals, rounds := flights(t)
			for round := range rounds {
				w.forgetSessions(t, w.keyring(), environ)
				tabs := w.aws.Calls("Authorize")
				typed, _ := w.together(t, terminals, environ, "", "exec", "dev", "--", "true")
				if opened := w.aws.Calls("Authorize") - tabs; opened != 1 || agent != "off" && typed != 1 {
					t.Errorf("round %d: %d tabs, %d passphrases", round, opened, typed)
				}
			}
		})
	}
}

// A terminal in whose environment the helper may have other items is not served from those of
// the agent, and a session that was cleared is not remembered.
func TestTheAgentGivesNoSessionOfAnotherHelpersItems(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	alice := w.stored("alice", "base")
	one := w.withAgentIn(t, append(w.lazy(), "AWS_VAULT_AGENT=auto"))
	key := must(store.GetKey(t.Context(), w.keyring(), "base"))
	bob, other := w.user("bob")
	w.role("prod", fakeaws.Trust{Principals: []string{alice, bob}})
	two := with(one, "HOME="+w.path("two"))
	check(os.Mkdir(w.path("two"), 0o700))
	for _, x := range []struct {
		environ []string
		id      string
		secret  string
	}{{one, key.ID, key.Secret.Reveal()}, {two, other.ID, other.Secret.Reveal()}} {
		add := append(x.environ, "AWS_VAULT_AGENT=off", "AWS_ACCESS_KEY_ID="+x.id, "AWS_SECRET_ACCESS_KEY="+x.secret)
		if r := w.vault(t, add, "add", "base", "--env", "--no-check"); r.status != 0 {
			t.Fatal(r.err)
		}
	}
	who := func(environ []string) string {
		t.Helper()
		r, _ := w.talk(t, environ, nil, "exec", "prod", "--", "/bin/sh", "-c", "echo $AWS_ACCESS_KEY_ID")
		if r.status != 0 {
			t.Fatalf("status %d: %s", r.status, r.err)
		}
		return strings.TrimSpace(r.out)
	}
	first, second := who(one), who(two)
	if first == second || who(one) != first || who(two) != second {
		t.Errorf("one has %s, then %s; two has %s, then %s", first, who(one), second, who(two))
	}
	if s := w.agentStatus(t, one); len(s.Stores) != 1 {
		t.Errorf("the agent says %+v", s)
	}
	if r := w.vault(t, append(one, "AWS_VAULT_AGENT=off"), "clear", "prod"); r.status != 0 {
		t.Fatal(r.err)
	}
	if again := who(one); again == first {
		t.Errorf("the session %s was cleared by another terminal, and is still given", again)
	}
}

// A password manager that has locked itself asks at the terminal, agent or not.
func TestAHelperThatWasLockedAsksAtTheTerminal(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	environ := w.withAgentIn(t, append(w.lazy(), "AWS_VAULT_AGENT=auto"))
	lock := `if [ -e "$HOME/locked" ]; then
	if (: </dev/tty) 2>/dev/null; then rm "$HOME/locked"; else echo "the vault is locked"; exit 1; fi
fi
`
	w.write("bin/docker-credential-lazy", strings.Replace(lazyHelper, "case $1", lock+"case $1", 1))
	key := must(store.GetKey(t.Context(), w.keyring(), "base"))
	add := append(environ, "AWS_VAULT_AGENT=off", "AWS_ACCESS_KEY_ID="+key.ID, "AWS_SECRET_ACCESS_KEY="+key.Secret.Reveal())
	if r := w.vault(t, add, "add", "base", "--env", "--no-check"); r.status != 0 {
		t.Fatal(r.err)
	}
	for round := range 2 {
		w.write("home/locked", "")
		if r := w.vault(t, environ, "export", "--refresh", "prod"); r.status != 3 {
			t.Errorf("round %d, nobody there: status %d, said %q", round, r.status, r.err)
		}
		if r, _ := w.talk(t, environ, nil, "exec", "--refresh", "prod", "--", "true"); r.status != 0 || !gone(w.path("home/locked")) {
			t.Errorf("round %d, at a terminal: status %d, said %q", round, r.status, r.err)
		}
		if r := w.vault(t, environ, "export", "--refresh", "prod"); r.status != 0 {
			t.Errorf("round %d, unlocked: status %d, said %q", round, r.status, r.err)
		}
	}
}

// lazyHelper is a credential helper that, like most, does not wait for the disk.
const lazyHelper = `#!/bin/sh
dir=$HOME/items
mkdir -p "$dir"
field() { printf %s "$1" | sed -n 's/.*"'"$2"'":"\([^"]*\)".*/\1/p'; }
place() { printf %s "$dir/$(printf %s "$1" | md5sum | cut -c1-32)"; }
case $1 in
store)
	in=$(cat)
	printf %s "$in" > "$(place "$(field "$in" ServerURL)")" ;;
get)
	file=$(place "$(cat)")
	[ -e "$file" ] || { echo "credentials not found in native keychain"; exit 1; }
	cat "$file" ;;
erase)
	rm "$(place "$(cat)")" ;;
list)
	comma=
	printf '{'
	for file in "$dir"/*; do
		[ -e "$file" ] || continue
		in=$(cat "$file")
		printf '%s"%s":"%s"' "$comma" "$(field "$in" ServerURL)" "$(field "$in" Username)"
		comma=,
	done
	printf '}' ;;
esac
`

// lazy makes the helper the store.
func (w *world) lazy() []string {
	check(os.MkdirAll(w.path("bin"), 0o700))
	check(os.WriteFile(w.path("bin/docker-credential-lazy"), []byte(lazyHelper), 0o700))
	return w.environ("AWS_VAULT_BACKEND=helper", "AWS_VAULT_HELPER=lazy",
		"PATH="+w.path("bin")+string(os.PathListSeparator)+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
}
