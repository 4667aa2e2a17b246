//go:build unix

package cmd_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

const movedConfig = `
[sso-session corp]
sso_start_url = START
sso_region = eu-west-1

[profile dev]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Admin
region = eu-west-1

[default]
region = eu-west-1

[profile work]
region = eu-west-1

[profile prod]
source_profile = work
role_arn = arn:aws:iam::111122223333:role/prod
region = eu-central-1

[profile saml]
region = eu-west-1
vault_renew_command = saml2aws login -a work --force

[profile admin]
source_profile = saml
role_arn = arn:aws:iam::111122223333:role/admin
region = eu-west-1
`

// movedWithoutAPerson are the lines of the pages for those who come from another program that end
// otherwise than well where nobody is at a terminal, with their status.
var movedWithoutAPerson = map[string]string{
	"use": "2", "use --sso corp": "2", "add work": "3", "add work --env": "1", "remove work": "2", "sso sync": "2", "init": "2",
	"migrate --from file --to pass --dry-run": "1", "login prod --copy": "1",
}

// last are the commands that take away what others need.
var last = regexp.MustCompile(`^(remove|rm|rotate|clear|sso logout|off|init --undo)\b`)

// movedWorld has what the pages speak of: stored keys, roles over them, an Identity Center, a
// temporary key of another program, and a browser.
func movedWorld(t *testing.T) (*ssoWorld, []string) {
	w := newSSOWorld(t, movedConfig)
	user := w.stored("ci", "work")
	w.stored("ci2", "default")
	for _, role := range []string{"prod", "admin"} {
		w.role(role, fakeaws.Trust{Principals: []string{user, account}})
	}
	w.write("home/policy.json", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)
	w.stub("aws", "")
	w.stub("app", "")
	for _, browser := range []string{"firefox", "chromium"} { // which go to the address in their last word
		w.stub(browser, `for a do :; done; a=$(printf '%s' "$a" | sed 's/.*[?&:]url=//; s/&.*//; s/%3A/:/g; s/%2F/\//g; s/%3F/?/g; s/%3D/=/g'); exec `+w.path("browse")+` "$a"`)
	}
	w.noteBrowser()
	w.stub("saml2aws", `exec </dev/null; unset __VAULT_PROCESS; umask 077; export AWS_VAULT_FILE_PASSPHRASE='`+passphrase+`'
vault export prod --refresh --format ini | sed "s/^\\[.*/[saml]/" >"$HOME/.aws/credentials"`)
	environ := w.withLeases(t, "PATH="+w.path("stubs")+":"+bin+":"+os.Getenv("PATH"), "AWS_VAULT_BROWSER="+w.path("browse"), "BROWSER="+os.Args[0], browsing+"=1")
	want(t, w.vault(t, environ, "sso", "login", "corp", "--no-device"), 0)
	want(t, w.run(t, environ, w.path("stubs/saml2aws")), 0)
	return w, environ
}

// Every line for vault in the pages for those who come from another program does what it says, in a
// shell with the hook, one after the other.
func TestTheLinesOfThePagesAboutMovingRun(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	pages := must(filepath.Glob("../docs/from-*.md"))
	lines := linesOf(pages...)
	turn := func(line string) int {
		switch {
		case strings.HasPrefix(line, "sso login new"): // after which there are two
			return 2
		case last.MatchString(line):
			return 1
		}
		return 0
	}
	slices.SortStableFunc(lines, func(a, b string) int { return cmp.Compare(turn(a), turn(b)) })
	w, environ := movedWorld(t)
	script := "vault use work 2>said\n"
	seen := 0
	for _, line := range lines {
		first, _, _ := strings.Cut(line, " ")
		if first == "serve" || first == "proxy" || strings.Contains(line, "--ec2-server") {
			continue // they wait until they are stopped; other tests run them
		}
		seen++
		line = strings.NewReplacer("https://corp.awsapps.com/start", w.dir.StartURL(), "BROWSER", w.path("browse"), "./app", "app", "FILE", "x", " -- eks", "").Replace(line)
		status := cmp.Or(movedWithoutAPerson[line], "0")
		switch {
		case strings.Contains(line, "--container"):
			script += "AWS_VAULT_BROWSER=firefox "
		case strings.Contains(line, "--browser-profile"):
			script += "AWS_VAULT_BROWSER=chromium "
		}
		script += fmt.Sprintf("vault %[1]s </dev/null >said 2>&1; s=$?; echo '%[1]s' >at; [ $s = %[2]s ] || { echo 'vault %[1]s:' $s; cat said; }\n", line, status)
	}
	if len(pages) != 5 || seen < 90 {
		t.Errorf("only %d lines of %d pages were found", seen, len(pages))
	}
	w.write("home/lines", script)
	defer func() {
		if t.Failed() {
			t.Logf("the last line was %s", must(os.ReadFile(w.path("home/at"))))
		}
	}()
	if r := w.bash(t, environ, "cd; . ./lines"); r.out != "" || r.status != 0 {
		t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
	}
}
