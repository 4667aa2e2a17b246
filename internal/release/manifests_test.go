package main

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// tree has every file below a directory: its text, and after a program's "(program)".
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(p)
		if info.Mode()&0o111 != 0 {
			text = append(text, "(program)"...)
		}
		name, _ := filepath.Rel(dir, p)
		all[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// inArchive is the folder of a target's archive, unpacked.
func inArchive(t *testing.T, r *release, system target) string {
	t.Helper()
	dir := t.TempDir()
	prints(t, "tar", "-xzf", r.finished(r.archive(system)), "-C", dir)
	return filepath.Join(dir, r.stem(system))
}

// puts fails the test unless the files below a prefix are those of the archive in their places, and no others.
func puts(t *testing.T, prefix, archive string, places map[string]string) {
	t.Helper()
	from, want := tree(t, archive), map[string]string{}
	for place, name := range places {
		if from[name] == "" {
			t.Fatalf("the archive has no %s", name)
		}
		want[place] = from[name]
	}
	if got := tree(t, prefix); !maps.Equal(got, want) {
		t.Errorf("it puts\n%q\nand not\n%q", got, want)
	}
}

// with adds places to those that are the same for all: below a prefix, where bash, zsh, fish and man look.
func with(prefix string, more map[string]string) map[string]string {
	all := map[string]string{}
	for place, name := range map[string]string{
		"bin/vault":                                  "vault",
		"share/zsh/site-functions/_vault":            "completions/_vault",
		"share/fish/vendor_completions.d/vault.fish": "completions/vault.fish",
		"share/man/man1/vault.1.gz":                  "man/vault.1.gz",
	} {
		all[prefix+place] = name
	}
	for place, name := range more {
		all[prefix+place] = name
	}
	return all
}

// unix are the systems for which Homebrew and Nix have packages.
var unix = slices.DeleteFunc(slices.Clone(targets), func(t target) bool { return t.os == "windows" })

// Homebrew's rules for a description are those of "brew audit".
func TestTheFormulaPutsEachFileWhereHomebrewHasIt(t *testing.T) {
	need(t, "ruby")
	r := imitated(t)
	must(t, r.archives, r.manifests)
	facts, err := r.facts()
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs(filepath.Join("testdata", "homebrew.rb"))
	if err != nil {
		t.Fatal(err)
	}
	for _, system := range unix {
		t.Run(system.String(), func(t *testing.T) {
			archive, prefix := inArchive(t, r, system), t.TempDir()
			text, err := output(archive, nil, "ruby", script, r.staged("manifests", "homebrew", "vault-aws.rb"), system.os, system.arch, prefix)
			if err != nil {
				t.Fatal(err)
			}
			var said struct {
				Desc, Homepage, Version, License, URL, SHA256, Caveats string

				Tested    bool
				Conflicts struct{ Names []string }
			}
			if err := json.Unmarshal(text, &said); err != nil {
				t.Fatal(err)
			}
			if file := facts.Files[system.String()]; said.URL != file.URL || said.SHA256 != file.SHA256 || said.Version != r.version || said.License != "MIT" || said.Homepage != homepage {
				t.Errorf("it says %+v", said)
			}
			if d := said.Desc; len(d) > 80 || !unicode.IsUpper(rune(d[0])) || strings.HasSuffix(d, ".") || strings.HasPrefix(d, "A ") || strings.HasPrefix(strings.ToLower(d), "vault") {
				t.Errorf("%q is not a description for Homebrew", d)
			}
			if !said.Tested || !strings.Contains(said.Caveats, "vault init") || !slices.Equal(said.Conflicts.Names, []string{"vault", "hashicorp/tap/vault"}) {
				t.Errorf("it says %+v", said)
			}
			puts(t, prefix, archive, with("", map[string]string{"etc/bash_completion.d/vault": "completions/vault.bash", "share/doc/vault-aws/THIRD_PARTY_NOTICES": "THIRD_PARTY_NOTICES"}))
		})
	}
}

func TestTheNixExpressionPutsEachFileWhereNixHasIt(t *testing.T) {
	need(t, "nix-instantiate")
	r := imitated(t)
	must(t, r.archives, r.manifests)
	facts, err := r.facts()
	if err != nil {
		t.Fatal(err)
	}
	helpers, err := os.ReadFile(filepath.Join("testdata", "nixpkgs.sh"))
	if err != nil {
		t.Fatal(err)
	}
	doc := "share/doc/vault-aws/"
	places := with("", map[string]string{"share/bash-completion/completions/vault": "completions/vault.bash",
		doc + "LICENSE": "LICENSE", doc + "THIRD_PARTY_NOTICES": "THIRD_PARTY_NOTICES", doc + "CHANGELOG.md": "CHANGELOG.md"})
	for _, system := range unix {
		t.Run(system.String(), func(t *testing.T) {
			made := nixMade(t, r, map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[system.arch]+"-"+system.os)
			file := facts.Files[system.String()]
			if made.Src.URL != file.URL || made.Src.Hash != file.SRI || made.Version != r.version || made.Pname != packageName || made.Meta.License != "MIT" || made.Meta.MainProgram != "vault" || len(made.Meta.Platforms) != len(unix) {
				t.Errorf("it is made of %+v", made)
			}
			archive, prefix := inArchive(t, r, system), t.TempDir()
			if _, err := output(archive, []string{"out=" + prefix}, "bash", "-c", string(helpers)+made.InstallPhase); err != nil {
				t.Fatal(err)
			}
			puts(t, prefix, archive, places)
		})
	}
}

// derivation is what a package of Nix is built from.
type derivation struct {
	Pname, Version, InstallPhase string

	Src  struct{ URL, Hash string }
	Meta struct {
		License, MainProgram string
		Platforms            []string
	}
}

func nixMade(t *testing.T, r *release, system string) (made derivation) {
	t.Helper()
	t.Setenv("NIX_REMOTE", "dummy://") // a store is not needed, and may be another user's
	text := prints(t, "nix-instantiate", "--eval", "--strict", "--json", filepath.Join("testdata", "nixpkgs.nix"),
		"--arg", "file", r.staged("manifests", "nix", "vault-aws.nix"), "--argstr", "system", system)
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatal(err)
	}
	return made
}

// makepkg checks the archive's sum, unpacks it, and makes a package, as it does on Arch Linux.
func TestMakepkgMakesThePackageOfEachArchive(t *testing.T) {
	need(t, "makepkg")
	need(t, "bsdtar")
	if os.Getuid() == 0 {
		missing(t, "makepkg", "it runs only for an ordinary user")
	}
	r := imitated(t)
	must(t, r.archives, r.manifests)
	dir := r.staged("manifests", "aur")
	for arch, machine := range map[string]string{"amd64": "x86_64", "arm64": "aarch64"} {
		system := target{"linux", arch}
		if err := os.Link(r.finished(r.archive(system)), filepath.Join(dir, r.archive(system))); err != nil { // it downloads what is not there
			t.Fatal(err)
		}
		c := exec.Command("makepkg", "--nodeps")
		c.Dir, c.Env = dir, append(os.Environ(), "PKGDEST="+dir, "PKGEXT=.pkg.tar", "CARCH="+machine, "PACMAN=true")
		if said, err := c.CombinedOutput(); err != nil || strings.Contains(string(said), "==> WARNING: Package") {
			t.Fatalf("%v\n%s", err, said)
		}
		made, root := filepath.Join(dir, "vault-aws-bin-1.2.3-1-"+machine+".pkg.tar"), t.TempDir()
		prints(t, "tar", "-xf", made, "-C", root, "usr")
		licenses := "share/licenses/vault-aws-bin/"
		puts(t, root, inArchive(t, r, system), with("usr/", map[string]string{"share/bash-completion/completions/vault": "completions/vault.bash",
			licenses + "LICENSE": "LICENSE", licenses + "THIRD_PARTY_NOTICES": "THIRD_PARTY_NOTICES"}))
	}
}
