package app

import (
	"os"
	"path/filepath"

	"github.com/d44b7504/vault/internal/atomicfile"
)

// This file finds the file of aws-sso-cli, which says where the Identity Center of its profiles is.

// awsSSOSize is more bytes than that file has for thousands of roles.
const awsSSOSize = 4 << 20

// awsSSO is the text of the file, nil if there is none that can be read. named is a file that a
// profile names, "" for the usual one. It is read once.
func (t *Task) awsSSO(named string) []byte {
	file := t.Env.awsSSOFile(named)
	if file == "" {
		return nil
	}
	text, known := t.awsSSOTexts[file]
	if !known {
		text, _ = atomicfile.Read(file, awsSSOSize)
		if t.awsSSOTexts == nil {
			t.awsSSOTexts = map[string][]byte{}
		}
		t.awsSSOTexts[file] = text
	}
	return text
}

// awsSSOFile is where aws-sso itself looks: in the file that the line or the variable names, in
// ~/.aws-sso if that is there, and else in the directory for settings.
func (e Environment) awsSSOFile(named string) string {
	if named == "" {
		named = e.Get("AWS_SSO_CONFIG")
	}
	if named != "" {
		return e.Expand(named)
	}
	home := e.Home()
	if home == "" {
		return ""
	}
	dir := filepath.Join(home, ".aws-sso")
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		dir = filepath.Join(home, ".config", "aws-sso")
		if xdg := e.Get("XDG_CONFIG_HOME"); xdg != "" {
			dir = filepath.Join(xdg, "aws-sso")
		}
	}
	return filepath.Join(dir, "config.yaml")
}
