//go:build unix

package cmd_test

// Removing, clearing and listing: what goes, what stays, and what is never looked into.

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

// tidyWorld has a key, a role over it and a session of each.
func tidyWorld(t testing.TB) *world {
	w := newWorld(t, roleConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	for _, profile := range []string{"base", "prod"} {
		want(t, w.vault(t, w.environ(), "exec", profile, "--", "true"), 0)
	}
	return w
}

func (w *world) items() []string { return must(w.keyring().List(context.Background(), "")) }

func TestRemoveAsksAndNamesWhoUsesTheKey(t *testing.T) {
	t.Parallel()
	for answer, removed := range map[string]bool{"y\r": true, "n\r": false, "\r": false, "yess\r": false, "\x04": false} {
		w := tidyWorld(t)
		before := w.items()
		r, shown := w.talk(t, w.environ(), []exchange{{"Remove the key of base from the keyring? [y/N] ", answer}}, "remove", "base")
		if !strings.Contains(r.err, "vault: prod uses the key of base\n") {
			t.Errorf("%q: said %q, shown %q", answer, r.err, shown)
		}
		if after := w.items(); removed != (r.status == 0) || removed == slices.Equal(before, after) || removed != (len(after) == 0) {
			t.Errorf("%q: status %d, %q is left", answer, r.status, after)
		}
	}
}

// Killed at any deletion, remove has either not touched the key or left nothing behind
// that the same command does not clear away.
func TestRemoveKilledAnywhereIsFinishedByTheSameCommand(t *testing.T) {
	t.Parallel()
	strace := testenv.Require(t, "strace")
	for at := 1; ; at++ {
		w := tidyWorld(t)
		inject := fmt.Sprintf("inject=unlinkat,unlink:signal=KILL:when=%d", at)
		r := w.run(t, w.environ(), strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=unlinkat,unlink", "-e", inject, bin+"/vault", "remove", "--force", "base")
		if r.status == 0 {
			if at < 4 {
				t.Errorf("only %d deletions were seen", at-1)
			}
			return
		}
		again := w.vault(t, w.environ(), "remove", "--force", "base")
		if left := w.items(); len(left) != 0 || again.status != 0 && !strings.Contains(again.err, "no key is stored") {
			t.Errorf("killed at deletion %d: %q is left, and the second time said %s", at, left, again.err)
		}
	}
}

func TestADiskThatCannotBeWrittenLosesNothingAndSaysSo(t *testing.T) {
	t.Parallel()
	strace := testenv.Require(t, "strace")
	for _, args := range [][]string{{"remove", "--force", "base"}, {"clear"}, {"clear", "prod"}} {
		w := tidyWorld(t)
		before := w.items()
		r := w.run(t, w.environ(), strace, append([]string{"-f", "-qq", "-o", os.DevNull, "-e", "trace=unlinkat,unlink", "-e", "inject=unlinkat,unlink:error=EROFS", bin + "/vault"}, args...)...)
		if r.status != 1 || !strings.HasSuffix(r.err, "the disk is read-only\n") || strings.Contains(r.err, "cleared") || strings.Contains(r.err, "was cached") {
			t.Errorf("%q: status %d, %s", args, r.status, r.err)
		}
		if after := w.items(); !slices.Equal(before, after) {
			t.Errorf("%q: %q, and before %q", args, after, before)
		}
	}
}

func TestRemoveStopsAtARotationThatIsNotFinished(t *testing.T) {
	t.Parallel()
	w := tidyWorld(t)
	name, _, _ := strings.Cut(store.ProfilePrefix("base"), ",")
	staged := strings.Replace(store.ProfilePrefix("base"), name, "vault.rotate", 1) + "x,9999999999"
	check(w.keyring().Put(context.Background(), staged, creds.New("x")))
	before := w.items()
	r, _ := w.talk(t, w.environ(), nil, "remove", "base")
	want(t, r, 1, "the rotation of the key of \"base\" is not finished", "hint: vault rotate --resume base")
	if after := w.items(); !slices.Equal(before, after) {
		t.Errorf("%q, and before %q", after, before)
	}
	want(t, w.vault(t, w.environ(), "doctor", "--offline"), 0, "a rotation is not finished")
	want(t, w.vault(t, w.environ(), "remove", "--force", "base"), 0, "the new key stays in the keyring")
	if left := w.items(); !slices.Equal(left, []string{staged}) {
		t.Errorf("left are %q", left)
	}
}

func TestRemoveClearsSessionsOfAKeyThatIsGone(t *testing.T) {
	t.Parallel()
	w := tidyWorld(t)
	check(w.keyring().Delete(context.Background(), "base"))
	want(t, w.vault(t, w.environ(), "remove", "--force", "base"), 0, "the key of base was removed already; removed 2 sessions made with it")
	if left := w.items(); len(left) != 0 {
		t.Errorf("%q is left", left)
	}
	// A role's name is not taken for that of a key: its sessions stay.
	w = tidyWorld(t)
	want(t, w.vault(t, w.environ(), "remove", "--force", "prod"), 1, `no key is stored for "prod"`)
	if n := w.sessions("prod"); n != 1 {
		t.Errorf("%d sessions of prod are left", n)
	}
}

// b64 is how AWS Vault writes a field of a name.
func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// foreign is what AWS Vault keeps for a profile, in this and its older forms.
func foreign(profile string) []string {
	return []string{"sts.GetSessionToken," + b64(profile) + "," + b64("mfa") + ",1700000000", "sts.AssumeRole," + b64(profile) + ",,1700000000"}
}

func TestClearTakesWhatCanBeMadeAgainAndNothingElse(t *testing.T) {
	t.Parallel()
	w := tidyWorld(t)
	ctx, s := context.Background(), w.keyring()
	stay := []string{"base", "vault.rotate,YmFzZQ,x,9999999999", "vault.later,a,b,9999999999", "a,b,c,d", "session"}
	going := slices.Concat(foreign("prod"), foreign("gone"), []string{
		"oidc:https://corp.awsapps.com/start", "session:prod:mfa:1700000000", "prod session (1700000000)", store.TokenName("https://x", "eu-west-1", nil),
	})
	for _, name := range slices.Concat(stay[1:], going) {
		check(s.Put(ctx, name, creds.New("x")))
	}
	r := w.vault(t, w.environ(), "list")
	want(t, r, 0, "1 sign-in to Identity Center\n", "7 of AWS Vault\n")
	want(t, w.vault(t, w.environ(), "clear", "gone"), 0, "cleared 2 items that AWS Vault had cached of gone")
	want(t, w.vault(t, w.environ(), "clear"), 0, "cleared 2 sessions, 1 sign-in and 5 items that AWS Vault had cached\n")
	slices.Sort(stay)
	if left := w.items(); !slices.Equal(left, stay) {
		t.Errorf("left are %q, not %q", left, stay)
	}
}

func TestClearOfAProfileTakesItsSignInAndLeavesTheOthers(t *testing.T) {
	t.Parallel()
	w := newSSOWorld(t, corp+strings.ReplaceAll(strings.ReplaceAll(corp, "corp", "other"), "[profile dev]", "[profile elsewhere]"))
	w.write("home/.aws/config", strings.Replace(string(must(os.ReadFile(w.path("home/.aws/config")))), "sso_region = eu-west-1", "sso_region = eu-west-2", 1))
	for session, profile := range map[string]string{"corp": "dev", "other": "elsewhere"} {
		want(t, w.vault(t, w.browser(), "sso", "login", session), 0)
		want(t, w.vault(t, w.environ(), "exec", profile, "--", "true"), 0)
	}
	want(t, w.vault(t, w.environ(), "clear", "dev"), 0, "cleared 1 session and 1 sign-in of dev")
	if left := len(w.items()); left != 2 {
		t.Errorf("%d items are left: %q", left, w.items())
	}
	want(t, w.vault(t, w.environ(), "exec", "dev", "--", "true"), 3)
	want(t, w.vault(t, w.environ(), "exec", "elsewhere", "--refresh", "--", "true"), 0)
}

func TestClearSaysWhoseSharedSessionStays(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	want(t, w.vault(t, w.environ(), "exec", "-t", w.code("phone"), "dev", "--", "true"), 0)
	r := w.vault(t, w.environ(), "clear", "dev")
	want(t, r, 0, "cleared 1 session of dev", "it is that of base", "hint: vault clear base")
	want(t, w.vault(t, w.environ(), "exec", "ops", "--", "true"), 0) // no code was needed
	want(t, w.vault(t, w.environ(), "clear", "base"), 0, "cleared 1 session of base")
	want(t, w.vault(t, w.environ(), "exec", "dev", "--", "true"), 3)
}

// An active shell learns that its session is gone from the store, and what it then does
// by itself: it makes a new one where no question is needed.
func TestAShellWhoseSessionWasClearedRenewsIt(t *testing.T) {
	t.Parallel()
	w := tidyWorld(t)
	r := w.bash(t, w.environ(), `vault use prod; vault clear; [[ -e $__VAULT_TOKEN ]] && exit 9
vault refresh --if-due; __vault_precmd; [[ -e $__VAULT_TOKEN ]] || exit 8; vault list`)
	if n := w.sessions("prod"); r.status != 0 || n != 1 {
		t.Errorf("status %d, %d sessions: %s%s", r.status, n, r.out, r.err)
	}
}

func TestListOpensNoItemAndDoesNotAsk(t *testing.T) {
	t.Parallel()
	strace := testenv.Require(t, "strace")
	w := tidyWorld(t)
	check(w.keyring().Put(context.Background(), "plain", creds.New("x")))
	environ := without(w.environ(), "AWS_VAULT_FILE_PASSPHRASE")
	for _, args := range [][]string{{"list"}, {"list", "--json"}, {"list", "--credentials"}, {"list", "--sessions"}, {"doctor", "--offline"}} {
		log := w.path("tmp/strace")
		r := w.run(t, environ, strace, append([]string{"-f", "-qq", "-o", log, "-e", "trace=prctl,open,openat", "-e", "inject=prctl:retval=0", bin + "/vault"}, args...)...)
		if r.status != 0 {
			t.Errorf("%q: status %d: %s%s", args, r.status, r.out, r.err)
		}
		text := string(must(os.ReadFile(log)))
		if !strings.Contains(text, w.path("keys")+`"`) || strings.Contains(text, w.path("keys")+"/") {
			t.Errorf("%q opened an item, or looked at none:\n%s", args, text)
		}
		if r, shown := w.talk(t, environ, nil, args...); r.status != 0 || shown != "" {
			t.Errorf("%q on a terminal: status %d, shown %q: %s", args, r.status, shown, r.err)
		}
	}
}

func TestListAsJSONIsOneObjectWithEveryRow(t *testing.T) {
	t.Parallel()
	w := tidyWorld(t)
	name := `a "b" \ <c> ü`
	w.write("home/.aws/config", roleConfig+"\n[profile '"+name+"']\n")
	var got struct {
		Profiles []struct {
			Profile    string
			Configured bool
			Credential bool
			Sessions   int
		}
		HiddenKeys *int `json:"hidden_keys"`
	}
	r := w.vault(t, w.environ(), "list", "--json")
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	rows := fmt.Sprint(got.Profiles)
	if want := fmt.Sprintf("[{base true true 1} {prod true false 1} {%s true false 0}]", name); rows != want || got.HiddenKeys == nil {
		t.Errorf("rows %s, want %s", rows, want)
	}
}
