// Command release builds all files of a release: the program for every system, archives,
// Linux packages, lists of components, checksums, and the manifests of package managers.
//
//	go run -C internal/release . [-date SECONDS] [-only SYSTEM] [-module] VERSION [DIRECTORY]
//
// It is a module of its own, so that what it needs is not a dependency of the program. The files
// depend on the source, the version, the date and the version of Go, and on nothing else.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run() error {
	date := flag.String("date", os.Getenv("SOURCE_DATE_EPOCH"), "the time of all files, in seconds since 1970; by default that of the commit")
	only := flag.String("only", "", "build for this system alone, such as linux-amd64, and no manifests")
	asModule := flag.Bool("module", false, "instead, write the source for GOPROXY=file://DIRECTORY, as a version of its module")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: go run -C internal/release . [-date SECONDS] [-only SYSTEM] [-module] VERSION [DIRECTORY]\n"+
			"A relative directory is one at the top of the repository; the default is dist.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() < 1 || flag.NArg() > 2 {
		flag.Usage()
		return errors.New("a version is needed, such as v1.2.3")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return err
	}
	out := cmp.Or(flag.Arg(1), "dist")
	if !filepath.IsAbs(out) {
		out = filepath.Join(root, out)
	}
	r, err := newRelease(root, out, flag.Arg(0), *date)
	if err != nil {
		return err
	}
	if *asModule {
		return r.goModule()
	}
	if *only != "" {
		r.targets = slices.DeleteFunc(slices.Clone(targets), func(t target) bool { return t.String() != *only })
	}
	if len(r.targets) == 0 {
		return fmt.Errorf("nothing is released for %q, only for %v", *only, targets)
	}
	return r.make()
}

// release is what all files of a release have in common.
type release struct {
	root    string // the repository
	out     string // where the files go; it does not exist before
	work    string // for what is removed at the end
	version string // without the v
	date    time.Time
	targets []target // what it is built for
}

// versionRE is of semantic versioning what every package manager can write and puts in the same order.
var versionRE = regexp.MustCompile(`^v(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)$`)

func newRelease(root, out, version, date string) (*release, error) {
	m := versionRE.FindStringSubmatch(version)
	if m == nil {
		return nil, fmt.Errorf("%q is not a version such as v1.2.3 or v1.2.3-rc.1", version)
	}
	if _, err := os.Stat(filepath.Join(root, "main.go")); err != nil {
		return nil, fmt.Errorf("this runs in internal/release of the repository: %w", err)
	}
	if date == "" {
		text, err := output(root, nil, "git", "log", "-1", "--format=%ct")
		if err != nil {
			return nil, fmt.Errorf("set the date with -date or SOURCE_DATE_EPOCH: %w", err)
		}
		date = strings.TrimSpace(string(text))
	}
	seconds, err := strconv.ParseInt(date, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the date is not a number of seconds: %w", err)
	}
	return &release{root: root, out: out, version: m[1], date: time.Unix(seconds, 0).UTC(), targets: targets}, nil
}

// make builds everything in a directory beside the one that is asked for, which appears when it is whole.
func (r *release) make() (err error) {
	if _, err := os.Lstat(r.out); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is there already: remove it first", r.out)
	}
	if err := os.MkdirAll(filepath.Dir(r.out), 0o755); err != nil {
		return err
	}
	if r.work, err = os.MkdirTemp(filepath.Dir(r.out), ".release-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.work)) }()
	for _, step := range []func() error{r.documents, r.programs, r.archives, r.packages, r.components, r.manifests, r.sums} {
		if err := step(); err != nil {
			return err
		}
	}
	return os.Rename(r.finished(), r.out)
}

// finished is where a file of the release is until the release is whole.
func (r *release) finished(name ...string) string { return r.below("finished", name) }

// staged is where what goes into archives and packages is.
func (r *release) staged(name ...string) string { return r.below("staged", name) }

func (r *release) below(dir string, name []string) string {
	return filepath.Join(append([]string{r.work, dir}, name...)...)
}

// output runs a program in dir with more in its environment, and returns what it prints.
func output(dir string, environ []string, name string, args ...string) ([]byte, error) {
	c := exec.Command(name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), environ...)
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, errs.String())
	}
	return out, nil
}

// write writes a file, and the directories it is in.
func write(file string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, mode)
}
