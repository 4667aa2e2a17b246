package cmd_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// insiders are words that only a programmer of this program, of a library or of the system
// knows: of Go, of the kernel, and the names of items in the store.
var insiders = regexp.MustCompile(`\bEOF\b|\bdial\b|lstat|fork/exec|strconv|json:|unmarshal|invalid character|deadline exceeded|context canceled|exec:|no such file|is a directory\b: |x509:|parsing time|vault\.(session|token|rotate),|[a-z]+\.[A-Z][a-z]+Error|%!|<nil>|\b\d+m\d+(\.\d+)?s\b`)

const wrongConfig = `[profile dev]
region = eu-west-1
[profile process]
credential_process = DIR/nowhere --x
[profile text]
credential_process = /bin/echo hello
[profile binary]
credential_process = DIR/binary
[profile status]
credential_process = /bin/false
[profile token]
role_arn = arn:aws:iam::111122223333:role/x
web_identity_token_file = DIR/nowhere
[profile folder]
role_arn = arn:aws:iam::111122223333:role/x
web_identity_token_file = DIR/folder
[profile container]
role_arn = arn:aws:iam::111122223333:role/x
credential_source = EcsContainer
[profile bundle]
ca_bundle = DIR/nowhere.pem
`

// Files, programs and services that are not there, or are something else: whatever a command
// says of them, a person can read.
func TestWhateverFailsIsToldWithoutTheWordsOfTheSystem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.write("home/.aws/config", strings.ReplaceAll(wrongConfig, "DIR", w.dir))
	check(os.Mkdir(w.path("folder"), 0o700))
	check(os.WriteFile(w.path("binary"), []byte("\x7fELF"), 0o700))
	w.write("text", "text")
	w.stored("alice", "dev")
	w.stored("carol", "bundle")
	_, k := w.user("bob")
	keys := []string{"AWS_ACCESS_KEY_ID=" + k.ID, "AWS_SECRET_ACCESS_KEY=" + k.Secret.Reveal()}
	const closed = "AWS_ENDPOINT_URL=http://127.0.0.1:1"
	for _, c := range []struct {
		line    string
		environ []string
	}{
		{"add x --from-csv nowhere", nil}, {"add x --from-csv folder", nil}, {"add x --from-csv text", nil},
		{"export dev --policy nowhere", nil}, {"export dev --policy folder", nil}, {"export dev --format github", []string{"GITHUB_ENV=" + w.path("folder")}},
		{"export process", nil}, {"export text", nil}, {"export binary", nil}, {"export status", nil}, {"export token", nil}, {"export folder", nil}, {"export bundle", nil},
		{"export container", nil}, {"export container", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/x"}},
		{"whoami", append(slices.Clone(keys), closed, "AWS_MAX_ATTEMPTS=1")}, {"add x --env", append(slices.Clone(keys), closed, "AWS_MAX_ATTEMPTS=1")},
		{"rotate dev", []string{closed, "AWS_MAX_ATTEMPTS=1"}}, {"rotate --list", []string{"XDG_STATE_HOME=" + w.path("text")}},
		{"list", []string{"AWS_CONFIG_FILE=" + w.path("folder")}}, {"list", []string{"AWS_CONFIG_FILE=" + w.path("text/x")}},
		{"list", []string{"AWS_VAULT_FILE_DIR=" + w.path("text")}}, {"list", []string{"AWS_VAULT_BACKEND=helper", "AWS_VAULT_HELPER=nowhere"}},
		{"list", []string{"AWS_VAULT_BACKEND=age", "AWS_VAULT_AGE_DIR=" + w.path("text")}},
		{"list", []string{"AWS_VAULT_BACKEND=secret-service", "DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere"}},
		{"import", []string{"AWS_SHARED_CREDENTIALS_FILE=" + w.path("folder")}}, {"exec dev --no-session -- ./binary", nil}, {"exec dev --no-session -- ./folder", nil},
		{"migrate --from file:nowhere --to file:text", nil}, {"doctor", []string{closed, "AWS_MAX_ATTEMPTS=1"}},
	} {
		r := w.vault(t, w.environ(c.environ...), strings.Fields(c.line)...)
		text := strings.ReplaceAll(r.out+r.err, w.dir, "")
		if c.line == "doctor" {
			text = r.out
		} else if r.status == 0 || !strings.HasPrefix(r.err, "vault: ") {
			t.Errorf("%s: status %d, said %q", c.line, r.status, r.err)
		}
		if found := insiders.FindString(text); found != "" {
			t.Errorf("%s, %q: %q is in\n%s", c.line, c.environ, found, text)
		}
	}
	w.write("keys/dev", "damaged") // the item of the key
	if r := w.vault(t, w.environ(), "export", "dev", "--no-session"); r.status != 1 || insiders.MatchString(r.err) || !strings.Contains(r.err, `the key of "dev"`) {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
}
