package cmd_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/store"
)

// escapes is text that an attacker could send to a terminal: it would clear the screen, set
// the window's title, ring, colour by a C1 control, and turn the text around.
const escapes = "a\x1b[2J\x1b]0;title\a\u009b31m\u202eb"

// wantHarmless fails when a terminal would act on what is shown, or the text is not there.
func wantHarmless(t *testing.T, what, shown, text string) {
	t.Helper()
	if strings.ContainsAny(shown, "\x1b\a\u009b\u202e") {
		t.Errorf("%s: a terminal was shown %q", what, shown)
	}
	if !strings.Contains(shown, text) {
		t.Errorf("%s does not show %q: %q", what, text, shown)
	}
}

func TestWhatAWSSaysReachesNoTerminalAsEscapeSequences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	w.aws.Inject("AssumeRole", fakeaws.Fault{Status: 403, Code: "AccessDenied" + escapes, Message: "words " + escapes, Times: -1})
	for _, args := range [][]string{{"export", "prod"}, {"--debug", "export", "prod"}, {"--debug", "use", "prod", "--shell", "bash"}, {"whoami", "prod", "--debug"}} {
		r := w.vault(t, w.environ(), args...)
		if r.status == 0 {
			t.Errorf("%q succeeded", args)
		}
		wantHarmless(t, strings.Join(args, " "), r.err, "vault: ")
	}
}

func TestAnAddressToSignInAtIsPrintedWithoutEscapeSequences(t *testing.T) {
	t.Parallel()
	w := newSSOWorld(t, corp)
	body, _ := json.Marshal(map[string]any{
		"deviceCode": "d", "userCode": "ABCD" + escapes, "verificationUri": "https://device.example/" + escapes,
		"verificationUriComplete": "https://device.example/?" + escapes, "expiresIn": 1, "interval": 1,
	})
	for _, args := range [][]string{{"sso", "login", "--stdout", "--device"}, {"sso", "login", "--device", "--debug"}} {
		w.aws.Inject("StartDeviceAuthorization", fakeaws.Fault{Body: string(body)})
		r := w.vault(t, w.browser(), args...)
		wantHarmless(t, strings.Join(args, " "), r.out+r.err, "vault: ")
	}
}

func TestJSONForAProgramIsSafeOnATerminalToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile base]\nregion = eu-west-1\n")
	check(store.PutKey(context.Background(), w.keyring(), escapes, creds.Key{ID: "AKIAFAKE", Secret: creds.New("x")}))
	for _, args := range [][]string{{"list", "--json"}, {"doctor", "--offline", "--json"}, {"list"}, {"doctor", "--offline"}} {
		r := w.vault(t, w.environ(), args...)
		wantHarmless(t, strings.Join(args, " "), r.out+r.err, "base")
	}
}
