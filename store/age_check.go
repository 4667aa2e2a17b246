package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"filippo.io/age"
)

// AgeProblem is what is wrong with a file of an age store.
type AgeProblem string

// What Check finds.
const (
	AgeUnreadable AgeProblem = "unreadable" // it is not encrypted to this identity, is damaged, or is not an item
	AgeMoved      AgeProblem = "moved"      // it is not the item that the file's name says
	AgeOutdated   AgeProblem = "outdated"   // it is encrypted to other recipients than those on the list
	AgeForeign    AgeProblem = "foreign"    // it is in the folder of items, and is not one
	AgeExposed    AgeProblem = "exposed"    // other users of this machine can read or change it
	AgeLeftover   AgeProblem = "leftover"   // a process was killed while it wrote this file
	AgeUnfinished AgeProblem = "unfinished" // a change of the recipients was interrupted
	AgeNoMember   AgeProblem = "no-member"  // the user's identity is not among the recipients
)

// AgeFinding is one thing that is wrong.
type AgeFinding struct {
	File    string // its path below the directory
	Problem AgeProblem
}

// AgeReport is what Check found.
type AgeReport struct {
	Items    int
	Read     bool // the items were decrypted; otherwise the identity could not be unlocked
	Findings []AgeFinding
}

// Check looks at everything in the store and changes nothing. It decrypts every item. If
// there is no identity, or nobody can be asked for its passphrase, it looks at what can be
// seen without decrypting.
func (s *AgeStore) Check(ctx context.Context) (AgeReport, error) {
	var r AgeReport
	list, err := s.list()
	if err != nil {
		return r, err
	}
	files, err := s.a.items()
	if err != nil {
		return r, err
	}
	r.Items = len(files)
	if s.a.isNotMember() {
		r.add(s.a, s.a.current(), AgeNoMember)
	} else if r.Read, err = s.a.canDecrypt(ctx); err != nil {
		return r, err
	}
	shape, err := s.a.shapeNow(ctx, list)
	if err != nil {
		return r, err
	}
	for _, path := range files {
		problem, err := s.a.checkItem(ctx, list, path, shape, r.Read)
		if err != nil {
			return r, err
		}
		r.add(s.a, path, problem)
	}
	s.a.checkFiles(&r)
	return r, nil
}

// canDecrypt unlocks the identity. It returns false, and no error, if there is none or nobody
// can be asked for its passphrase.
func (a *ageFiles) canDecrypt(ctx context.Context) (bool, error) {
	_, err := a.unlock(ctx)
	var none *NoIdentityError
	nobody := a.o.Ask == nil && a.o.AgePassphrase == nil
	if errors.As(err, &none) || nobody && errors.Is(err, ErrLocked) {
		return false, nil
	}
	return err == nil, err
}

func (r *AgeReport) add(a *ageFiles, path string, p AgeProblem) {
	if p != "" {
		r.Findings = append(r.Findings, AgeFinding{a.relative(path), p})
	}
}

// checkItem looks at one item: at the decrypted item with inside, and always at whom it seems
// to be encrypted to.
func (a *ageFiles) checkItem(ctx context.Context, list recipients, path, shape string, inside bool) (AgeProblem, error) {
	sealed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	seen, err := shapeOf(sealed)
	switch {
	case err != nil:
		return AgeUnreadable, nil
	case !inside && seen != shape:
		return AgeOutdated, nil
	case !inside:
		return "", nil
	}
	id, err := a.unlock(ctx)
	if err != nil {
		return "", err
	}
	it, err := a.openWith(ctx, sealed, id)
	clear(it.data)
	switch {
	case err != nil && isAboutItem(err):
		return AgeUnreadable, nil
	case err != nil:
		return "", err
	case a.item(list.hash(it.name)) != path:
		return AgeMoved, nil
	case seen != shape, it.digest != list.digest():
		return AgeOutdated, nil
	}
	return "", nil
}

// shapeNow returns the shape of an item that is written now.
func (a *ageFiles) shapeNow(ctx context.Context, list recipients) (string, error) {
	sealed, err := a.seal(ctx, ageItem{name: "proof"}, list)
	if err != nil {
		return "", err
	}
	return shapeOf(sealed)
}

// shapeOf returns what can be seen of a file's recipients without decrypting: the kind of
// each, one word. It does not show which recipient of a kind it is.
func shapeOf(sealed []byte) (string, error) {
	header, err := age.ExtractHeader(bytes.NewReader(sealed))
	if err != nil {
		return "", err
	}
	var kinds []string
	for line := range strings.Lines(string(header)) {
		if rest, is := strings.CutPrefix(line, "-> "); is {
			kind, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " "), nil
}

// checkFiles looks at modes, and at files that do not belong there.
func (a *ageFiles) checkFiles(r *AgeReport) {
	if exists(a.next()) {
		r.add(a, a.next(), AgeUnfinished)
	}
	for _, path := range a.leftovers() {
		r.add(a, path, AgeLeftover)
	}
	entries, _ := readDir(a.itemDir())
	for _, e := range entries {
		if !isItem(e.Name()) && !strings.HasPrefix(e.Name(), ".") {
			r.add(a, filepath.Join(a.itemDir(), e.Name()), AgeForeign)
		}
	}
	for _, path := range a.exposed() {
		r.add(a, path, AgeExposed)
	}
}

// exposed lists what other users of this machine could read and should not. Of the part that
// is shared through git only the directory's own mode counts: git stores no modes.
func (a *ageFiles) exposed() (paths []string) {
	if runtime.GOOS == "windows" {
		return nil
	}
	look := func(path string) {
		if st, err := os.Stat(path); err == nil && st.Mode().Perm()&0o077 != 0 {
			paths = append(paths, path)
		}
	}
	look(a.dir)
	look(a.own(""))
	entries, _ := readDir(a.own(""))
	for _, e := range entries {
		look(a.own(e.Name()))
	}
	return paths
}
