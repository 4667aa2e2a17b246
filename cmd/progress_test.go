//go:build unix

package cmd_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
)

func TestLongWorkShowsHowFarItIsOnATerminalAlone(t *testing.T) {
	t.Parallel()
	w := newSSOWorld(t, corp)
	w.signIn(t)
	for i := range 5 {
		check(w.dir.AddAccount(fmt.Sprintf("44445555666%d", i), "more"))
		must(w.dir.Assign(fmt.Sprintf("44445555666%d", i), "Ops"))
	}
	w.aws.Inject("ListAccountRoles", fakeaws.Fault{Delay: 350 * time.Millisecond, Times: -1})
	_, k := w.user("alice")
	w.write("home/.aws/credentials", "[a]\naws_access_key_id = "+k.ID+"\naws_secret_access_key = "+k.Secret.Reveal()+"\n[b]\naws_access_key_id = "+k.ID+"\naws_secret_access_key = "+k.Secret.Reveal()+"\n")
	w.aws.Inject("GetCallerIdentity", fakeaws.Fault{Delay: 400 * time.Millisecond, Times: -1})
	for _, x := range []struct{ environ, line, shows string }{
		{"NO_COLOR=1", "sso list --refresh 2>/dev/tty", "listing the roles of accounts: "},
		{"NO_COLOR=", "import --yes --keep 2>/dev/tty", "asking AWS about keys: 1 of 2"},
		{"TERM=dumb", "sso list --refresh 2>/dev/tty", ""},
		{"ACCESSIBLE=1", "sso list --refresh 2>/dev/tty", ""},
		{"NO_COLOR=", "sso list --refresh", ""},
	} {
		r, shown := w.converse(t, w.environ("TERM=xterm", x.environ), nil, "sh", "-c", "exec "+filepath.Join(bin, "vault")+" "+x.line)
		if r.status != 0 || strings.Contains(r.out+r.err, "\x1b") || x.shows == "" && strings.Contains(shown, "accounts: ") || !strings.Contains(shown, x.shows) {
			t.Errorf("%s %s: status %d, %q on the terminal\n%s%s", x.environ, x.line, r.status, shown, r.out, r.err)
		}
		if x.shows != "" && (!strings.Contains(shown, "\rvault: "+x.shows) || !strings.Contains(shown, "\r\x1b[K")) {
			t.Errorf("the line is not on a line of its own that is removed: %q", shown)
		}
	}
}
