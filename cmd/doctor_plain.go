package cmd

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
	"github.com/d44b7504/vault/shells"
)

// This file looks for keys that lie on the disk in plain text. It reads them to know
// that they are there; what it tells of one is where it is and how its id ends.

// plainText looks where keys lie most often.
func (d *doctor) plainText(context.Context) []finding {
	var list []finding
	for _, look := range []func() []finding{d.inKeyFiles, d.inScripts, d.inHistories, d.inCaches} {
		list = append(list, look()...)
	}
	if len(list) == 0 {
		return []finding{fine("no key was found in the AWS files, the shells' files and their histories")}
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
func (d *doctor) plainKeys() []plainKey {
	files := []string{d.task.Env.CredentialsFile(), d.task.Env.ConfigFile(), d.below(".boto")}
	for _, base := range files[:2] {
		copies, _ := filepath.Glob(globbed(base) + "?*") // credentials.bak, credentials~
		files = append(files, copies...)
	}
	var list []plainKey
	for _, file := range distinct(files) {
		list = append(list, keysIn(file, readRegular(file))...)
	}
	return list
}

// globbed is a path in which no character stands for others.
func globbed(path string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(path)
}

// keysIn reads sections and settings, and of these only which there are.
func keysIn(file string, text []byte) []plainKey {
	var list []plainKey
	cur := plainKey{file: file}
	flush := func() {
		if cur.secret {
			list = append(list, cur)
		}
	}
	for _, line := range eachLine(text) {
		line = strings.TrimSpace(line)
		if inside, ok := strings.CutPrefix(line, "["); ok {
			flush()
			name, _, _ := strings.Cut(inside, "]")
			name = strings.Trim(strings.TrimPrefix(name, "profile "), ` "'`)
			cur = plainKey{file: file, profile: name}
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if value = strings.TrimSpace(value); !ok || value == "" {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "aws_access_key_id":
			cur.tail, cur.temporary = last4(value), strings.HasPrefix(value, "ASIA")
		case "aws_secret_access_key":
			cur.secret = true
		case "aws_session_token", "aws_security_token":
			cur.token = true
		}
	}
	flush()
	return list
}

func (d *doctor) inKeyFiles() []finding {
	kept, passing := map[string][]string{}, map[string]int{}
	var files []string
	for _, k := range d.plainKeys() {
		if !slices.Contains(files, k.file) {
			files = append(files, k.file)
		}
		if k.longLived() {
			kept[k.file] = append(kept[k.file], fmt.Sprintf("%s (…%s)", cmp.Or(k.profile, "no section"), k.tail))
		} else {
			passing[k.file]++
		}
	}
	var list []finding
	for _, file := range files {
		if names := kept[file]; len(names) > 0 {
			cure := "vault import moves them into the keyring"
			if file != d.task.Env.CredentialsFile() && file != d.task.Env.ConfigFile() {
				cure = "delete the file, when its keys are in the keyring"
			}
			list = append(list, wrong(cure, "%s has %s in plain text that %s not expire: %s", d.tilde(file),
				numberOf(len(names), "key", "keys"), plural(len(names), "does", "do"), few(names)))
			if mode, ok := modeOf(file); ok && mode&0o044 != 0 {
				list = append(list, wrong("chmod 600 "+app.Word(file), "others on this machine can read %s (%s)", d.tilde(file), mode))
			}
		}
		if n := passing[file]; n > 0 {
			list = append(list, noted("", "%s has %s in plain text", d.tilde(file), numberOf(n, "temporary key", "temporary keys")))
		}
	}
	return list
}

// secretSet finds a secret key given by its value: in the languages of shells, in a
// .env file, on a command line. What a variable or a command gives is none.
var secretSet = lazily(`(?i)\baws_secret_access_key\b["']?[\s:=]+["']?[a-z0-9/+\\][a-z0-9/+=\\]{15,}`)

// passphraseSet finds a passphrase of ours, in the same way.
var passphraseSet = lazily(`\b(AWS_VAULT_(?:FILE|AGE)_PASSPHRASE)\b["']?[\s=]+["']?[^\s"'$` + "`" + `(#]`)

// inScripts looks through what shells read at their start, and what tools read in the
// folder we are in.
func (d *doctor) inScripts() []finding {
	files := []string{".env", ".envrc"}
	for _, sh := range shells.All() {
		files = append(files, d.startFiles(sh)...)
	}
	var list []finding
	for _, file := range files {
		for n, line := range eachLine(readRegular(file)) {
			if secretSet().MatchString(line) {
				list = append(list, wrong("vault add NAME keeps it; then delete the line", "%s:%d has a secret access key in plain text", d.tilde(file), n))
			}
			if m := passphraseSet().FindStringSubmatch(line); m != nil {
				list = append(list, wrong("delete the line: the passphrase is asked for", "%s:%d has the passphrase of your keys in plain text, %s", d.tilde(file), n, m[1]))
			}
		}
	}
	return shortened(list)
}

// inHistories counts the lines of shells' histories that have a secret in them.
func (d *doctor) inHistories() []finding {
	var files []string
	for _, sh := range shells.All() {
		files = append(files, sh.HistoryFiles(d.shellPlaces())...)
	}
	var list []finding
	for _, file := range distinct(files) {
		lines := 0
		for line := range bytes.Lines(readRegular(file)) {
			if secretSet().Match(line) {
				lines++
			}
		}
		if lines > 0 {
			list = append(list, warned("delete them, and make a new key: vault rotate PROFILE", "%s has %s with a secret access key", d.tilde(file), numberOf(lines, "line", "lines")))
		}
	}
	return list
}

// inCaches counts what the AWS CLI keeps in plain text and still works.
func (d *doctor) inCaches() []finding {
	var list []finding
	if n := d.stillGood(d.below(".aws", "cli", "cache")); n > 0 {
		list = append(list, noted("they lapse by themselves; in a shell with vault use the AWS CLI makes none", "the AWS CLI keeps %s in plain text in ~/.aws/cli/cache", numberOf(n, "session", "sessions")))
	}
	if n := d.stillGood(d.below(".aws", "sso", "cache")); n > 0 {
		list = append(list, noted("aws sso logout; vault sso login keeps its own in the keyring", "the AWS CLI keeps %s to Identity Center in plain text in ~/.aws/sso/cache", numberOf(n, "sign-in", "sign-ins")))
	}
	return list
}

// stillGood counts the files of a cache whose end is ahead. Nothing else of them is kept.
func (d *doctor) stillGood(dir string) int {
	files, _ := filepath.Glob(filepath.Join(globbed(dir), "*.json"))
	n := 0
	for _, file := range files {
		var c struct {
			Credentials struct{ Expiration string }
			ExpiresAt   string          `json:"expiresAt"`
			Token       json.RawMessage `json:"accessToken"`
		}
		data := readRegular(file)
		_ = json.Unmarshal(data, &c)
		token := len(c.Token) > 0
		clear(c.Token)
		clear(data)
		if token && d.ahead(c.ExpiresAt) || d.ahead(c.Credentials.Expiration) {
			n++
		}
	}
	return n
}

// ahead reads the two ways in which the AWS CLI has written a moment.
func (d *doctor) ahead(moment string) bool {
	at, err := time.Parse(time.RFC3339, strings.Replace(moment, "UTC", "Z", 1))
	return err == nil && at.After(d.Now())
}
