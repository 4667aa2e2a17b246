package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
)

// target is a system that a release is built for, by Go's names.
type target struct{ os, arch string }

var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

func (t target) String() string { return t.os + "-" + t.arch }

// program is the name of the program's file.
func (t target) program() string {
	if t.os == "windows" {
		return "vault.exe"
	}
	return "vault"
}

const module = "github.com/d44b7504/vault"

// compile builds the program as it is released: without C, HTTP/2, symbols, or the place and
// time of the build, whatever flags the user has set. rules_test.go holds the size of what comes out.
func (r *release) compile(t target, file string) error {
	_, err := output(r.root, []string{"CGO_ENABLED=0", "GOOS=" + t.os, "GOARCH=" + t.arch, "GOFLAGS=-mod=readonly", "GOAMD64=v1", "GOARM64=v8.0"},
		"go", "build", "-trimpath", "-buildvcs=false", "-tags", "nethttpomithttp2",
		// Calls stay calls in three large packages where nothing takes long: 0.3 MB.
		"-gcflags="+module+"/cmd=-l", "-gcflags="+module+"/internal/fakeaws=-l", "-gcflags=github.com/junegunn/fzf/src=-l",
		"-ldflags", "-s -w -funcalign=8 -X "+module+"/cmd.Version=v"+r.version, "-o", file, ".")
	return err
}

func (r *release) binary(t target) string { return r.staged(t.String(), t.program()) }

// programs builds the program for each target, as many at a time as there are processors.
func (r *release) programs() error {
	limit := make(chan struct{}, runtime.NumCPU())
	errs := make([]error, len(r.targets))
	var wg sync.WaitGroup
	for i, t := range r.targets {
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			errs[i] = r.compile(t, r.binary(t))
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// completionFiles are the shells' completion scripts, by the name of their file.
var completionFiles = map[string]string{"bash": "vault.bash", "zsh": "_vault", "fish": "vault.fish", "pwsh": "vault.ps1"}

// papers are the files of the repository that every archive has.
var papers = []string{"LICENSE", "THIRD_PARTY_NOTICES", "README.md", "CHANGELOG.md"}

// documents makes what is the same for all systems: completions, manual pages, license and so on.
func (r *release) documents() error {
	for _, name := range papers {
		text, err := os.ReadFile(filepath.Join(r.root, name))
		if err != nil {
			return err
		}
		if err := write(r.staged("common", name), text, 0o644); err != nil {
			return err
		}
	}
	program := filepath.Join(r.work, "own", target{os: runtime.GOOS}.program())
	if err := r.compile(target{runtime.GOOS, runtime.GOARCH}, program); err != nil {
		return err
	}
	for shell, name := range completionFiles {
		// By the name under which it is found on PATH, and not by the place of this build.
		c := exec.Command(program, "completion", shell)
		c.Args[0] = "vault"
		text, err := c.Output()
		if err != nil {
			return fmt.Errorf("vault completion %s: %w", shell, err)
		}
		if err := write(r.staged("common", "completions", name), text, 0o644); err != nil {
			return err
		}
	}
	return r.manual()
}

// manual makes the manual pages, which are compressed.
func (r *release) manual() error {
	pages := filepath.Join(r.work, "pages")
	epoch := "SOURCE_DATE_EPOCH=" + strconv.FormatInt(r.date.Unix(), 10)
	if _, err := output(r.root, []string{epoch}, "go", "run", "./internal/manpages", "-version", r.version, pages); err != nil {
		return err
	}
	return os.Rename(filepath.Join(pages, "share", "man", "man1"), r.staged("common", "man"))
}
