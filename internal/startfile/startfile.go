// Package startfile puts the line that loads the hook into the files that a shell reads at
// its start, between two comments, and takes it out again. What is outside of the comments
// stays as it is, byte for byte.
package startfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/shells"
)

// mostRead is how long a start file may be, in bytes.
const mostRead = 4 << 20

// Change is a change of one file that was planned. Write makes it.
type Change struct {
	Path  string // as the shell names it; a symlink is followed
	Links int    // how many names the file has; see atomicfile.Info

	target    string
	exists    bool
	old, text []byte
	remove    bool
}

// Found is a line that loads the hook.
type Found struct {
	Path string
	Line int
}

// Plan is what there is to do so that a shell loads the hook, or no longer does.
type Plan struct {
	Changes []*Change
	Loaded  []Found // lines that load the hook already; nothing is then changed
}

// Wanted is the line that is to be in the files of a shell.
type Wanted struct {
	Shell  *shells.Shell
	Places shells.Places
	Called string // the name by which the program may have been called in a line
	// Line is the statement that loads the hook, and how it begins, up to the shell's name; a
	// line that begins so and has other flags after it stays. early: see shells.HookFile.
	Line  func(early bool) (line, start string)
	Force bool // replace a line of this program that has other flags
}

// PlanAdd plans to put the line into the files of the shell. A line outside of our comments
// that loads the hook keeps everything as it is.
func PlanAdd(w Wanted) (*Plan, error) {
	p := &Plan{}
	for _, path := range Files(w.Shell, w.Places) {
		text, _, err := read(path)
		if err != nil {
			continue // it is not one that is to be changed, or that is told below
		}
		_, b, _ := cut(string(text))
		for n, line := range lines(string(text)) {
			ours := b.found && n > b.line && n <= b.line+strings.Count(b.inside, "\n")
			if !ours && LoadsHook(line, w.Called) == w.Shell.Name {
				p.Loaded = append(p.Loaded, Found{path, n})
			}
		}
	}
	if len(p.Loaded) > 0 {
		return p, nil
	}
	var targets []string
	for _, file := range w.Shell.HookFiles(w.Places, textOf) {
		c, at, err := w.plan(file)
		if err != nil {
			return nil, err
		}
		switch {
		case slices.Contains(targets, c.target): // by another link
		case at > 0:
			p.Loaded = append(p.Loaded, Found{file.Path, at})
		default:
			p.Changes = append(p.Changes, c)
		}
		targets = append(targets, c.target)
	}
	return p, nil
}

// plan plans the change of one file, or returns the line in which it loads the hook.
func (w Wanted) plan(file shells.HookFile) (c *Change, at int, err error) {
	if c, err = open(file.Path); err != nil {
		return nil, 0, err
	}
	line, start := w.Line(file.Early)
	if file.Guard != "" {
		line = strings.Replace(file.Guard, "@", line, 1)
	}
	end := "\n"
	if file.CRLF && bytes.Contains(c.old, []byte("\r\n")) {
		end = "\r\n"
	}
	_, b, err := cut(string(c.old))
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("%s: %w", c.Path, err)
	case b.found && !w.Force && strings.Contains(b.inside, start), b.found && strings.TrimSpace(b.inside) == line:
		return c, b.line, nil
	case b.found:
		c.text = []byte(b.before + b.begin + line + end + b.end + b.after)
	default:
		c.text = []byte(appended(string(c.old), c.exists, line, end))
	}
	return c, 0, c.changeable()
}

// PlanRemove plans to take our lines out of the files of a shell.
func PlanRemove(sh *shells.Shell, places shells.Places) ([]*Change, error) {
	var list []*Change
	paths := Files(sh, places)
	for _, f := range sh.HookFiles(places, textOf) {
		paths = append(paths, f.Path)
	}
	slices.Sort(paths)
	var targets []string
	for _, path := range slices.Compact(paths) {
		c, err := open(path)
		if err != nil || !c.exists || slices.Contains(targets, c.target) {
			continue // what cannot be read has no line that could be taken out
		}
		targets = append(targets, c.target)
		outside, b, err := cut(string(c.old))
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", c.Path, err)
		case !b.found:
			continue
		}
		c.text = []byte(outside)
		c.remove = b.made && outside == ""
		if err := c.changeable(); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// open reads a file that may be changed.
func open(path string) (*Change, error) {
	info, err := atomicfile.Inspect(path)
	if err != nil {
		return nil, err
	}
	c := &Change{Path: path, Links: info.Links, target: info.Target, exists: info.Exists}
	c.old, c.exists, err = read(path)
	return c, err
}

// ErrReadOnly: the file cannot be written to. Its owner wants that, or another program made it.
var ErrReadOnly = errors.New("the file is read-only")

// ErrNotText: a line cannot be added, because the file is not in UTF-8 or another code that has
// ASCII in it.
var ErrNotText = errors.New("the file is in UTF-16, or is not text")

// changeable returns why the file must stay as it is, or nil.
func (c *Change) changeable() error {
	var why error
	switch st, err := os.Stat(c.target); {
	case bytes.IndexByte(c.old, 0) >= 0:
		why = ErrNotText
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case st.Mode().Perm()&0o200 == 0:
		why = ErrReadOnly
	}
	if why == nil {
		return nil
	}
	return &fs.PathError{Op: "change", Path: c.Path, Err: why}
}

// ErrChanged: another program has written the file since it was read.
var ErrChanged = errors.New("the file was changed meanwhile")

// Write makes the change; see atomicfile.Write. If another program has changed the file since
// it was read, nothing is written and the error is ErrChanged.
func (c *Change) Write() error {
	now, exists, err := read(c.Path)
	switch {
	case err != nil:
		return err
	case exists != c.exists || !bytes.Equal(now, c.old):
		return &fs.PathError{Op: "change", Path: c.Path, Err: ErrChanged}
	case c.remove:
		return atomicfile.Remove(c.target)
	}
	return atomicfile.Write(c.Path, c.text)
}

// Removes reports that the file itself is removed, which was made for the line.
func (c *Change) Removes() bool { return c.remove }

// Diff shows the change as diff -U0 does. Lines that stay are not shown: a start file may
// have secrets in it.
func (c *Change) Diff() string {
	was, is := split(c.old), split(c.text)
	from := 0
	for from < len(was) && from < len(is) && was[from] == is[from] {
		from++
	}
	for len(was) > from && len(is) > from && was[len(was)-1] == is[len(is)-1] {
		was, is = was[:len(was)-1], is[:len(is)-1]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n@@ line %d @@\n", c.side(c.exists), c.side(!c.remove), from+1)
	for _, line := range was[from:] {
		b.WriteString("-" + line + "\n")
	}
	for _, line := range is[from:] {
		b.WriteString("+" + line + "\n")
	}
	return b.String()
}

// side is the name of the file, or of none.
func (c *Change) side(exists bool) string {
	if exists {
		return c.Path
	}
	return os.DevNull
}

func split(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
}

// read returns what is in a file, and whether it exists.
func read(path string) (text []byte, exists bool, err error) {
	switch st, err := os.Stat(path); { // a pipe could block for ever
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case !st.Mode().IsRegular():
		return nil, true, &fs.PathError{Op: "read", Path: path, Err: atomicfile.ErrNotFile}
	}
	text, err = atomicfile.Read(path, mostRead)
	return text, true, err
}

func textOf(path string) (string, bool) {
	text, exists, _ := read(path)
	return string(text), exists
}

// Files lists the files that an interactive shell may read at its start and that have an
// absolute path, the usual one first.
func Files(sh *shells.Shell, p shells.Places) []string {
	files := sh.StartFiles(p)
	for _, dir := range sh.StartDirs(p) {
		literal := strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(dir)
		more, _ := filepath.Glob(filepath.Join(literal, "*."+sh.Extension))
		files = append(files, more...)
	}
	return slices.DeleteFunc(files, func(p string) bool { return !filepath.IsAbs(p) })
}

// Mention reports whether a line of the files that is not a comment has one of the words.
func Mention(files, words []string) bool {
	for _, file := range files {
		text, _ := textOf(file)
		for _, line := range lines(text) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
				continue
			}
			if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(line, w) }) {
				return true
			}
		}
	}
	return false
}

// hookLine is the line that loads the hook, with any name, path and quotes.
var hookLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`([\w.-]*?)(?:\.exe)?["']?\s+(?:-\S+\s+(?:[^-\s]\S*\s+)??)*hook\s+["']?([a-z]+)\b`)
})

// LoadsHook returns the name of the shell whose hook a line loads, "" for none. called is how
// the program is named there, if not vault.
func LoadsHook(line, called string) string {
	m := hookLine().FindStringSubmatch(line)
	if m == nil || m[1] != "vault" && m[1] != called || strings.HasPrefix(strings.TrimSpace(line), "#") {
		return ""
	}
	sh, err := shells.For(m[2])
	if err != nil {
		return m[2]
	}
	return sh.Name
}

// lines gives the lines of a text with their numbers from 1.
func lines(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range strings.Lines(text) {
			if n++; !yield(n, strings.TrimRight(line, "\r\n")) {
				return
			}
		}
	}
}
