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

	"github.com/d44b7504/vault/internal/atomicfile"
)

// Check looks at everything in the store and changes nothing. It decrypts every item. If
// there is no identity, or nobody can be asked for its passphrase, it looks at what can be
// seen without decrypting.
func (s *AgeStore) Check(ctx context.Context) (CheckReport, error) {
	var r CheckReport
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
		r.add(s.a, s.a.current(), ProblemNotMember)
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

func (r *CheckReport) add(a *ageFiles, path string, p Problem) {
	if p != "" {
		r.Defects = append(r.Defects, Defect{Where: a.relative(path), Problem: p})
	}
}

// checkItem looks at one item: at the decrypted item with inside, and always at whom it seems
// to be encrypted to.
func (a *ageFiles) checkItem(ctx context.Context, list recipients, path, shape string, inside bool) (Problem, error) {
	sealed, err := atomicfile.Read(path, largestItem)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	seen, err := shapeOf(sealed)
	switch {
	case err != nil:
		return ProblemUnreadable, nil
	case !inside && seen != shape:
		return ProblemOutdated, nil
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
		return ProblemUnreadable, nil
	case err != nil:
		return "", err
	case a.item(list.hash(it.name)) != path:
		return ProblemMoved, nil
	case seen != shape, it.digest != list.digest():
		return ProblemOutdated, nil
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
func (a *ageFiles) checkFiles(r *CheckReport) {
	if exists(a.next()) {
		r.add(a, a.next(), ProblemUnfinished)
	}
	if exists(a.own("")) && !a.ownIsIgnored() {
		r.add(a, a.own(""), ProblemNotIgnored)
	}
	for _, path := range a.leftovers() {
		r.add(a, path, ProblemLeftover)
	}
	entries, _ := readDir(a.itemDir())
	for _, e := range entries {
		if !isItem(e.Name()) && !strings.HasPrefix(e.Name(), ".") {
			r.add(a, filepath.Join(a.itemDir(), e.Name()), ProblemForeign)
		}
	}
	for _, path := range a.exposed() {
		r.add(a, path, ProblemExposed)
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
