package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// imitated is a release whose programs are a few bytes, so that a test need not build any.
func imitated(t *testing.T) *release {
	t.Helper()
	r := &release{root: filepath.Join("..", ".."), work: t.TempDir(), version: "1.2.3", date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), targets: targets}
	for _, target := range targets {
		fill(t, r.binary(target), "program for "+target.String())
	}
	for _, name := range papers {
		fill(t, r.staged("common", name), "text of "+name)
	}
	for shell, name := range completionFiles {
		fill(t, r.staged("common", "completions", name), "completion for "+shell)
	}
	fill(t, r.staged("common", "man", "vault.1.gz"), "a manual page")
	return r
}

func fill(t *testing.T, file, text string) {
	t.Helper()
	if err := write(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, steps ...func() error) {
	t.Helper()
	for _, step := range steps {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// need skips a test where a program is missing, and fails it if AWS_VAULT_TEST_REQUIRE is "all".
func need(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		missing(t, name, "it is not installed")
	}
}

func missing(t *testing.T, tool, reason string) {
	t.Helper()
	if os.Getenv("AWS_VAULT_TEST_REQUIRE") == "all" {
		t.Fatalf("AWS_VAULT_TEST_REQUIRE is all, and %s cannot be used: %s", tool, reason)
	}
	t.Skipf("%s cannot be used: %s", tool, reason)
}

func prints(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := output(".", nil, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestTheSameFilesMakeTheSameRelease(t *testing.T) {
	sums := func() string {
		r := imitated(t)
		must(t, r.archives, r.packages, r.manifests, r.sums)
		text, err := os.ReadFile(r.finished("SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := sums()
	if second := sums(); first != second {
		t.Errorf("a second release differs:\n%s\n%s", first, second)
	}
	if n := strings.Count(first, "\n"); n != 6+6+1 {
		t.Errorf("%d files, not six archives, six packages and the manifests:\n%s", n, first)
	}
}

// The places are those that the distributions' own packages of other programs use.
func TestAPackageForLinuxHasEachFileWhereItIsExpected(t *testing.T) {
	r := imitated(t)
	must(t, r.packages)
	for _, format := range []struct {
		file, zsh string
		list      []string
	}{
		{"vault-aws_1.2.3-1_arm64.deb", "vendor-completions", []string{"dpkg-deb", "--contents"}},
		{"vault-aws-1.2.3-1.aarch64.rpm", "site-functions", []string{"rpm", "-qlvp"}},
		{"vault-aws_1.2.3-r1_aarch64.apk", "site-functions", []string{"tar", "-tvf"}},
	} {
		t.Run(filepath.Ext(format.file), func(t *testing.T) {
			need(t, format.list[0])
			list := prints(t, format.list[0], append(format.list[1:], r.finished(format.file))...)
			for _, want := range []string{
				"usr/bin/vault", "usr/share/man/man1/vault.1.gz", "usr/share/bash-completion/completions/vault",
				"usr/share/zsh/" + format.zsh + "/_vault", "usr/share/fish/vendor_completions.d/vault.fish", "usr/share/doc/vault-aws/copyright",
			} {
				mode := "-rw-r--r--"
				if want == "usr/bin/vault" {
					mode = "-rwxr-xr-x"
				}
				if !hasLine(list, mode, want) {
					t.Errorf("there is no %s %s in\n%s", mode, want, list)
				}
			}
		})
	}
}

func hasLine(list, start, end string) bool {
	return slices.ContainsFunc(strings.Split(list, "\n"), func(line string) bool {
		return strings.HasPrefix(line, start) && strings.HasSuffix(line, end)
	})
}

// HashiCorp's package "vault" has a program of the same name.
func TestAPackageForLinuxCannotBeInstalledBesideTheOtherVault(t *testing.T) {
	r := imitated(t)
	must(t, r.packages)
	for file, ask := range map[string][]string{
		"vault-aws_1.2.3-1_amd64.deb":   {"dpkg-deb", "--field", "FILE", "Conflicts"},
		"vault-aws-1.2.3-1.x86_64.rpm":  {"rpm", "-qp", "--conflicts", "FILE"},
		"vault-aws_1.2.3-r1_x86_64.apk": {"tar", "-xOf", "FILE", ".PKGINFO"},
	} {
		t.Run(filepath.Ext(file), func(t *testing.T) {
			need(t, ask[0])
			ask[slices.Index(ask, "FILE")] = r.finished(file)
			got := prints(t, ask[0], ask[1:]...)
			if !hasLine(got, "vault", "vault") && !hasLine(got, "depend = !vault", "vault") {
				t.Errorf("it says\n%s", got)
			}
		})
	}
}

// unpacked writes the manifests of an imitated release to files, and returns their directory.
func unpacked(t *testing.T) string {
	t.Helper()
	r := imitated(t)
	must(t, r.archives, r.manifests)
	return r.staged("manifests")
}

// Each language's own parser reads what was filled in.
func TestTheManifestsAreWrittenInTheirLanguages(t *testing.T) {
	dir := unpacked(t)
	t.Setenv("NIX_REMOTE", "dummy://") // a store is not needed to parse, and may be another user's
	for name, check := range map[string][]string{
		"homebrew/vault-aws.rb": {"ruby", "-c"},
		"nix/vault-aws.nix":     {"nix-instantiate", "--parse"},
		"aur/PKGBUILD":          {"shellcheck", "--norc"},
	} {
		t.Run(name, func(t *testing.T) {
			need(t, check[0])
			prints(t, check[0], append(check[1:], filepath.Join(dir, name))...)
		})
	}
	for name := range manifestFiles {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var value map[string]any
		switch filepath.Ext(name) {
		case ".json":
			err = json.Unmarshal(text, &value)
		case ".yaml":
			err = yaml.Unmarshal(text, &value)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}

// .SRCINFO is what makepkg says of the PKGBUILD; the archive of packages shows only the former.
func TestTheSourceInformationIsThatOfThePKGBUILD(t *testing.T) {
	need(t, "makepkg")
	dir := filepath.Join(unpacked(t), "aur")
	c := exec.Command("makepkg", "--printsrcinfo")
	c.Dir, c.Env = dir, append(os.Environ(), "PKGDEST="+dir, "PACMAN=true") // it looks for pacman, and does not run it
	if os.Getuid() == 0 {
		missing(t, "makepkg", "it runs only for an ordinary user")
	}
	got, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(dir, ".SRCINFO"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(got)) != strings.TrimSpace(string(want)) {
		t.Errorf("makepkg says\n%s\nand the file\n%s", got, want)
	}
}

// Every manifest names, for each system it is for, the archive with the archive's own sum.
func TestEveryManifestHasTheSumsOfTheArchives(t *testing.T) {
	r := imitated(t)
	must(t, r.archives, r.manifests)
	facts, err := r.facts()
	if err != nil {
		t.Fatal(err)
	}
	for name, systems := range map[string][]string{
		"homebrew/vault-aws.rb":                {"linux", "darwin"},
		"nix/vault-aws.nix":                    {"linux", "darwin"},
		"aur/PKGBUILD":                         {"linux"},
		"aur/.SRCINFO":                         {"linux"},
		"scoop/vault-aws.json":                 {"windows"},
		"winget/d44b7504.vault.installer.yaml": {"windows"},
	} {
		text, err := os.ReadFile(r.staged("manifests", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range targets {
			p := facts.Files[target.String()]
			_, after, found := strings.Cut(string(text), p.URL)
			if wanted := slices.Contains(systems, target.os); found != wanted {
				t.Errorf("%s names the archive for %s: %v", name, target, found)
			}
			if found && !strings.Contains(strings.ToLower(after), p.SHA256) && !strings.Contains(after, p.SRI) && !strings.Contains(string(text), p.SHA256) {
				t.Errorf("%s has not the sum of the archive for %s", name, target)
			}
		}
	}
}

func TestAnArchiveHasTheProgramTheLicencesManualPagesAndCompletions(t *testing.T) {
	r := imitated(t)
	must(t, r.archives)
	want := []string{"CHANGELOG.md", "LICENSE", "README.md", "THIRD_PARTY_NOTICES", "completions/_vault", "completions/vault.bash", "completions/vault.fish", "completions/vault.ps1", "man/vault.1.gz"}
	for _, system := range targets {
		read := tarMembers
		if system.os == "windows" {
			read = zipMembers
		}
		var names []string
		for _, m := range read(t, r.finished(r.archive(system))) {
			name, inside := strings.CutPrefix(m.name, r.stem(system)+"/")
			if !inside || !m.date.Equal(r.date) || m.owner != 0 || (m.mode == 0o755) != (name == system.program()) {
				t.Errorf("%+v", m)
			}
			names = append(names, name)
		}
		slices.Sort(names)
		if all := append([]string{system.program()}, want...); !slices.Equal(names, slices.Sorted(slices.Values(all))) {
			t.Errorf("%s has %q", system, names)
		}
	}
}

// member is a file in an archive.
type member struct {
	name  string
	mode  int64
	owner int
	date  time.Time
}

func tarMembers(t *testing.T, file string) (all []member) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, member{h.Name, h.Mode, h.Uid, h.ModTime})
	}
}

func zipMembers(t *testing.T, file string) (all []member) {
	t.Helper()
	zr, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer zr.Close()
	for _, f := range zr.File {
		all = append(all, member{f.Name, int64(f.Mode()), 0, f.Modified})
	}
	return all
}

func TestAVersionIsOneThatEveryPackageManagerCanOrder(t *testing.T) {
	root := filepath.Join("..", "..")
	for version, want := range map[string]string{
		"v1.2.3": "1.2.3", "v1.2.3-rc.1": "1.2.3-rc.1", "1.2.3": "", "v1.2": "", "v1.2.3+x": "", "v1.2.3 ": "", "": "",
		"v1.2.3-rc1": "", "v1.2.3-1": "", "v1.2.3-rc.1.2": "", "v1.2.3-preview.1": "",
	} {
		r, err := newRelease(root, "dist", version, "0")
		if (err == nil) != (want != "") || err == nil && r.version != want {
			t.Errorf("%q: %+v, %v", version, r, err)
		}
	}
}

// GitHub changes the name of a file that has another character, and the sums would name a file that is not there.
func TestTheNamesOfAReleasesFilesAreThoseTheyHaveAtGitHub(t *testing.T) {
	r := imitated(t)
	r.version = "1.2.3-rc.1"
	must(t, r.archives, r.packages, r.manifests, r.sums)
	files, err := os.ReadDir(r.finished())
	if err != nil || len(files) == 0 {
		t.Fatal(len(files), err)
	}
	for _, f := range files {
		if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`).MatchString(f.Name()) {
			t.Errorf("%s", f.Name())
		}
	}
}

// A release that could not be finished leaves nothing, and one that is there is not overwritten.
func TestAReleaseIsWholeOrNotThere(t *testing.T) {
	parent := t.TempDir()
	r := &release{root: parent, out: filepath.Join(parent, "dist"), version: "1.2.3", targets: targets} // there is nothing to build in root
	if err := r.make(); err == nil {
		t.Error("a release was made of nothing")
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("%v was left, %v", left, err)
	}
	fill(t, filepath.Join(r.out, "file"), "mine")
	if err := r.make(); err == nil || !strings.Contains(err.Error(), "remove it first") {
		t.Errorf("over files that are there: %v", err)
	}
}
