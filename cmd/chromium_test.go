//go:build unix

package cmd_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// A real browser: it follows the redirect back to our own port, and what
// the person is shown there is read off its page.
func TestARealBrowserComesBackWithTheCode(t *testing.T) {
	t.Parallel()
	chromium := testenv.Require(t, "chromium")
	w := newSSOWorld(t, corp)
	w.dir.SetAnswer(fakeaws.Yes)
	page := w.path("page.html")
	w.write("browse", "#!/bin/sh\n"+chromium+" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run"+
		" --disable-background-networking --disable-component-update --disable-sync --user-data-dir="+w.path("chromium")+
		" --dump-dom \"$1\" >"+page+".part 2>"+w.path("browse.log")+" && mv "+page+".part "+page+"\n")
	check(os.Chmod(w.path("browse"), 0o700))
	want(t, w.vault(t, w.environ("BROWSER="+w.path("browse")), "sso", "login", "corp"), 0, "signed in to corp")
	w.called(t, "StartDeviceAuthorization", 0)
	w.called(t, "Authorize", 1)
	w.called(t, "CreateToken", 1)
	for end := time.Now().Add(20 * time.Second); gone(page) && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	if text := string(must(os.ReadFile(page))); !strings.Contains(text, "close") {
		t.Errorf("the page that the person is left with says:\n%s", text)
	}
	want(t, w.vault(t, w.environ(), "whoami", "dev"), 0, "Admin")
	w.wantNoProcess(t)
}
