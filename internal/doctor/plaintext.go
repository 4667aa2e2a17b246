package doctor

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/shells"
)

// This file looks for keys that are on the disk in plain text. Of a key it reports only
// where it is and how its id ends.

// search looks for keys in the files of the examination.
type search struct{ *examination }

// plainText looks where keys are most often.
func (x *examination) plainText(context.Context) []Finding {
	s := search{x}
	var list []Finding
	for _, look := range []func() []Finding{s.inKeyFiles, s.inScripts, s.inHistories, s.inCaches} {
		list = append(list, look()...)
	}
	if len(list) == 0 {
		return []Finding{ok("no key was found in the AWS files, the shells' files and their histories")}
	}
	return list
}

// plainKey is a pair in a file of sections.
type plainKey struct {
	file, profile, tail      string
	temporary, secret, token bool
}

// longLived: a whole key that does not expire.
func (k plainKey) longLived() bool { return k.secret && !k.token && !k.temporary }

// plainKeys lists the keys in the AWS files and in copies of them.
func (x search) plainKeys() []plainKey {
	files := []string{x.Env.CredentialsFile(), x.Env.ConfigFile(), x.Env.InHome(".boto")}
	for _, base := range files[:2] {
		copies, _ := filepath.Glob(literal(base) + "?*") // credentials.bak, credentials~
		files = append(files, copies...)
	}
	var list []plainKey
	for _, file := range unique(files) {
		list = append(list, keysIn(file, read(file))...)
	}
	return list
}

// keysIn reads sections and settings, and of these only which there are.
func keysIn(file string, text []byte) []plainKey {
	var list []plainKey
	current := plainKey{file: file}
	for _, line := range lines(text) {
		line = strings.TrimSpace(line)
		if inside, section := strings.CutPrefix(line, "["); section {
			if current.secret {
				list = append(list, current)
			}
			name, _, _ := strings.Cut(inside, "]")
			current = plainKey{file: file, profile: strings.Trim(strings.TrimPrefix(name, "profile "), ` "'`)}
			continue
		}
		current.set(line)
	}
	if current.secret {
		list = append(list, current)
	}
	return list
}

// set notes what a line of the section sets.
func (k *plainKey) set(line string) {
	name, value, is := strings.Cut(line, "=")
	if value = strings.TrimSpace(value); !is || value == "" {
		return
	}
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "aws_access_key_id":
		k.tail, k.temporary = creds.Tail(value), !longLived(value)
	case "aws_secret_access_key":
		k.secret = true
	case "aws_session_token", "aws_security_token":
		k.token = true
	}
}

// inKeyFiles reports the keys in the AWS files.
func (x search) inKeyFiles() []Finding {
	permanent, temporary := map[string][]string{}, map[string]int{}
	var files []string
	for _, k := range x.plainKeys() {
		if !slices.Contains(files, k.file) {
			files = append(files, k.file)
		}
		if k.longLived() {
			permanent[k.file] = append(permanent[k.file], fmt.Sprintf("%s (%s)", cmp.Or(k.profile, "no section"), cmp.Or(k.tail, "…")))
		} else {
			temporary[k.file]++
		}
	}
	var list []Finding
	for _, file := range files {
		if names := permanent[file]; len(names) > 0 {
			list = append(list, x.keyFile(file, names)...)
		}
		if n := temporary[file]; n > 0 {
			list = append(list, note("", "%s has %s in plain text", x.Env.Tilde(file), display.Count(n, "temporary key")))
		}
	}
	return list
}

// keyFile reports a file that has long-lived keys.
func (x search) keyFile(file string, names []string) []Finding {
	cure := "vault import moves them into the keyring"
	if file != x.Env.CredentialsFile() && file != x.Env.ConfigFile() {
		cure = "delete the file once its keys are in the keyring"
	}
	list := []Finding{problem(cure, "%s has %s in plain text that %s not expire: %s", x.Env.Tilde(file),
		display.Count(len(names), "key"), display.Plural(len(names), "does", "do"), display.ShortList(names))}
	if mode, known := modeOf(file); known && mode&0o044 != 0 {
		list = append(list, problem("chmod 600 "+app.Word(file), "other users can read %s (%s)", x.Env.Tilde(file), mode))
	}
	return list
}

// secretSet finds a secret key given by its value: in the languages of shells, in a
// .env file, on a command line. A variable or a command in its place is not one.
var secretSet = pattern{text: `(?i)\baws_secret_access_key\b["']?[\s:=]+["']?[a-z0-9/+\\][a-z0-9/+=\\]{15,}`}

// passphraseSet finds a passphrase of vault's, in the same way.
var passphraseSet = pattern{text: `\b(AWS_VAULT_(?:FILE|AGE)_PASSPHRASE)\b["']?[\s=]+["']?[^\s"'$` + "`" + `(#]`}

// inScripts looks through what shells read at their start, and what tools read in the
// current folder.
func (x search) inScripts() []Finding {
	files := []string{".env", ".envrc"}
	for _, sh := range shells.All() {
		files = append(files, x.startFiles(sh)...)
	}
	var list []Finding
	for _, file := range files {
		for n, line := range lines(read(file)) {
			if secretSet.get().MatchString(line) {
				list = append(list, problem("vault add NAME stores it; then delete the line", "%s:%d has a secret access key in plain text", x.Env.Tilde(file), n))
			}
			if m := passphraseSet.get().FindStringSubmatch(line); m != nil {
				list = append(list, problem("delete the line; the passphrase is asked for", "%s:%d has the passphrase of your keys in plain text, %s", x.Env.Tilde(file), n, m[1]))
			}
		}
	}
	return shorten(list, mostListed)
}

// inHistories counts the lines of shells' histories that have a secret in them.
func (x search) inHistories() []Finding {
	var files []string
	for _, sh := range shells.All() {
		files = append(files, sh.HistoryFiles(x.places())...)
	}
	var list []Finding
	for _, file := range unique(absolute(files)) {
		lines := 0
		for line := range bytes.Lines(read(file)) {
			if secretSet.get().Match(line) {
				lines++
			}
		}
		if lines > 0 {
			list = append(list, warning("delete them, and replace the key: vault rotate PROFILE", "%s has %s with a secret access key", x.Env.Tilde(file), display.Count(lines, "line")))
		}
	}
	return list
}

// inCaches counts what the AWS CLI keeps in plain text and has not expired.
func (x search) inCaches() []Finding {
	var list []Finding
	if n := x.notExpired(x.Env.InHome(".aws", "cli", "cache")); n > 0 {
		list = append(list, note("they expire by themselves; in a shell with vault use the AWS CLI writes none", "the AWS CLI keeps %s in plain text in ~/.aws/cli/cache", display.Count(n, "session")))
	}
	if n := x.notExpired(x.Env.InHome(".aws", "sso", "cache")); n > 0 {
		list = append(list, note("aws sso logout; vault sso login keeps its own in the keyring", "the AWS CLI keeps %s to Identity Center in plain text in ~/.aws/sso/cache", display.Count(n, "sign-in")))
	}
	return list
}

// notExpired counts the files of a cache whose expiry is ahead. Nothing else of them is kept.
func (x search) notExpired(dir string) int {
	files, _ := filepath.Glob(filepath.Join(literal(dir), "*.json"))
	n := 0
	for _, file := range files {
		var c struct {
			Credentials struct{ Expiration string }
			ExpiresAt   string          `json:"expiresAt"`
			Token       json.RawMessage `json:"accessToken"`
		}
		data := read(file)
		_ = json.Unmarshal(data, &c)
		token := len(c.Token) > 0
		clear(c.Token)
		clear(data)
		if token && isAhead(c.ExpiresAt, x.Now()) || isAhead(c.Credentials.Expiration, x.Now()) {
			n++
		}
	}
	return n
}

// isAhead reads the two ways in which the AWS CLI has written a moment.
func isAhead(moment string, now time.Time) bool {
	at, err := time.Parse(time.RFC3339, strings.Replace(moment, "UTC", "Z", 1))
	return err == nil && at.After(now)
}
