//go:build !windows

package store

// The pass back end. Items have the keyring library's format, but this file runs the program
// itself: the library cannot stop a pass that hangs, cannot keep gpg from showing a dialog,
// and lets gpg write to the user's terminal.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/99designs/keyring"
	"github.com/mtibben/percent"

	"github.com/d44b7504/vault/internal/host"
)

// passStore is the driver.
type passStore struct {
	cmd, dir, prefix string
	quiet            bool // gpg must not ask
	turn             func(context.Context) (done func())
}

func openPass(_ context.Context, o Options, _ bool) (driver, error) {
	dir, err := expand(o.PassDir)
	if err != nil {
		return nil, err
	}
	cmd, err := exec.LookPath(o.PassCmd)
	if err != nil {
		return nil, fmt.Errorf("the program %q is not on the PATH", o.PassCmd)
	}
	p := &passStore{cmd: cmd, dir: dir, prefix: o.PassPrefix, quiet: o.Quiet, turn: o.Turn}
	if filepath.Base(cmd) != "pass" {
		return p, nil // another program with the same commands; what it needs is not known
	}
	if !p.initialised() {
		return nil, fmt.Errorf("there is no password store in %s (pass init makes one)", dir)
	}
	if !onPath("gpg") && !onPath("gpg2") {
		return nil, errors.New("the program gpg, which pass needs, is not on the PATH")
	}
	return p, nil
}

func onPath(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// initialised looks for the file that names the gpg key. A store may have one at its root
// and another one for a folder.
func (p *passStore) initialised() bool {
	for _, dir := range []string{p.dir, filepath.Join(p.dir, p.prefix)} {
		if _, err := os.Stat(filepath.Join(dir, ".gpg-id")); err == nil {
			return true
		}
	}
	return false
}

func (p *passStore) get(ctx context.Context, key string) ([]byte, error) {
	item, err := p.item(ctx, key)
	return named(item, key, err)
}

func (p *passStore) item(ctx context.Context, key string) (keyring.Item, error) {
	if !p.exists(key) {
		return keyring.Item{}, ErrNotFound
	}
	out, err := p.run(ctx, nil, "show", p.path(key))
	if err != nil {
		return keyring.Item{}, err
	}
	return itemIn(out)
}

func (p *passStore) put(ctx context.Context, item keyring.Item) error {
	data, err := json.Marshal(item)
	if err != nil {
		return err
	}
	_, err = p.run(ctx, data, "insert", "-m", "-f", p.path(item.Key))
	return err
}

func (p *passStore) remove(ctx context.Context, key string) error {
	if !p.exists(key) {
		return ErrNotFound
	}
	_, err := p.run(ctx, nil, "rm", "-f", p.path(key))
	return err
}

func (p *passStore) keys(context.Context, string) ([]string, error) {
	root := filepath.Join(p.dir, p.prefix)
	var names []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && (e.Name() == ".git" || e.Name() == ".extensions"):
			return fs.SkipDir
		case e.IsDir():
			return nil
		}
		if name, ok := strings.CutSuffix(path, ".gpg"); ok {
			if name, err = filepath.Rel(root, name); err == nil {
				names = append(names, unescaped(filepath.ToSlash(name)))
			}
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

func (p *passStore) survey(ctx context.Context) survey {
	return listed(ctx, filepath.Join(p.dir, p.prefix), p)
}

func (p *passStore) path(key string) string { return filepath.Join(p.prefix, escaped(key)) }

func (p *passStore) exists(key string) bool {
	_, err := os.Stat(filepath.Join(p.dir, p.path(key)+".gpg"))
	return err == nil
}

func (p *passStore) itemFile(key string) (string, error) {
	return filepath.Join(p.dir, p.path(key)+".gpg"), nil
}

// escaped returns the name of an item in the store: the key itself, as AWS Vault has it,
// unless pass would take that for a flag or for another folder.
func escaped(key string) string {
	if isPlain(key) && percent.Decode(key) == key {
		return key
	}
	return percent.Encode(key, "/-.%")
}

// unescaped is the opposite of escaped.
func unescaped(name string) string {
	if key := percent.Decode(name); escaped(key) == name {
		return key
	}
	return name
}

// isPlain reports whether pass takes key for the path of an item below its store.
func isPlain(key string) bool {
	if strings.HasPrefix(key, "-") || strings.HasPrefix(key, ".git/") {
		return false
	}
	return !slices.ContainsFunc(strings.Split(key, "/"), func(part string) bool {
		return part == "" || part == "." || part == ".."
	})
}

// passAnswer is how many bytes pass may print: more than any item has.
const passAnswer = 1 << 20

// run runs pass and returns what it prints. The error has the last line that it wrote to
// standard error.
func (p *passStore) run(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	out, complaint, err := tool{
		path: p.cmd, args: args, stdin: stdin, extra: []string{"PASSWORD_STORE_DIR=" + p.dir}, most: passAnswer, quiet: p.quiet, turn: p.turn,
	}.run(ctx)
	if err == nil {
		return out, nil
	}
	clear(out)
	var failed *host.ChildError
	var exit *exec.ExitError
	if !errors.As(err, &failed) || !errors.As(err, &exit) {
		return nil, err
	}
	lines := bytes.Split(bytes.TrimSpace(complaint), []byte("\n"))
	if failed.Said = host.Sayable(lines[len(lines)-1], stdin); failed.Said == "" {
		return nil, failed
	}
	if err := lockedError(string(complaint), failed.Said, p.quiet); err != nil {
		return nil, err
	}
	if strings.Contains(failed.Said, "No secret key") && p.hasSecretKey(ctx) {
		return nil, &PassphraseError{Of: gpgKey}
	}
	return nil, failed
}

// hasSecretKey reports whether gpg has a secret key of the store. With the options that pass
// gives it, gpg says "No secret key" after a wrong passphrase too.
func (p *passStore) hasSecretKey(ctx context.Context) bool {
	for _, dir := range []string{filepath.Join(p.dir, p.prefix), p.dir} {
		text, _ := os.ReadFile(filepath.Join(dir, ".gpg-id"))
		for line := range strings.Lines(string(text)) {
			id, _, _ := strings.Cut(line, "#")
			if id = strings.TrimSpace(id); id == "" {
				continue
			}
			list := tool{path: "gpg", args: []string{"--batch", "--list-secret-keys", "--", id}, stdin: []byte{}, most: passAnswer, quiet: true, turn: p.turn}
			if _, _, err := list.run(ctx); err == nil {
				return true
			}
		}
	}
	return false
}
