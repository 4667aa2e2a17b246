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
	AgeUnreadable AgeProblem = "unreadable" // not encrypted to us, damaged, or no item
	AgeMoved      AgeProblem = "moved"      // another item than the file's name says
	AgeOutdated   AgeProblem = "outdated"   // encrypted to others than are on the list now
	AgeForeign    AgeProblem = "foreign"    // in the folder of items, and none
	AgeExposed    AgeProblem = "exposed"    // others on this machine can read or change it
	AgeLeftover   AgeProblem = "leftover"   // a process was killed while it wrote it
	AgeUnfinished AgeProblem = "unfinished" // a change of the recipients was interrupted
	AgeNoMember   AgeProblem = "no-member"  // the identity here is not among the recipients
)

// AgeFinding is one thing that is wrong.
type AgeFinding struct {
	File    string // below the directory
	Problem AgeProblem
}

// AgeReport is what Check found.
type AgeReport struct {
	Items    int
	Read     bool // the items were decrypted; otherwise there was no identity to do it with
	Findings []AgeFinding
}

// Check looks at everything in the store and changes nothing. With an identity every
// item is decrypted; where there is none, or nobody to ask for its passphrase, it looks
// at what can be seen from outside.
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

// canDecrypt unlocks the identity. That there is none, or nobody to ask, is no error.
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

// checkItem looks at one item: inside if it can, or else at whom it seems encrypted to.
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

// shapeNow is the shape an item has that is written now.
func (a *ageFiles) shapeNow(ctx context.Context, list recipients) (string, error) {
	sealed, err := a.seal(ctx, ageItem{name: "proof"}, list)
	if err != nil {
		return "", err
	}
	return shapeOf(sealed)
}

// shapeOf is what anybody can see of whom a file is encrypted to: the kinds of its
// recipients, one word each. One recipient in another's place does not show.
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

// checkFiles looks at modes and at what does not belong here.
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

// exposed lists what others on this machine could read and should not. What is in the
// shared room is behind the mode of the directory itself: git knows no modes.
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
