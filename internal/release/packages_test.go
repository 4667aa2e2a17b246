//go:build unix

package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1" // Alpine's sum of a file
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chainguard-dev/go-apk/pkg/apk"
	apkfs "github.com/chainguard-dev/go-apk/pkg/fs"
)

// machines are Alpine's names for them.
var machines = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// atAlpine is where an .apk has what is in an archive.
var atAlpine = map[string]string{
	"usr/bin/vault": "vault",
	"usr/share/bash-completion/completions/vault":    "completions/vault.bash",
	"usr/share/zsh/site-functions/_vault":            "completions/_vault",
	"usr/share/fish/vendor_completions.d/vault.fish": "completions/vault.fish",
	"usr/share/man/man1/vault.1.gz":                  "man/vault.1.gz",
	"usr/share/doc/vault-aws/copyright":              "LICENSE",
	"usr/share/doc/vault-aws/changelog.gz":           "",
	"usr/share/doc/vault-aws/THIRD_PARTY_NOTICES.gz": "",
}

// streams splits an .apk into the streams of gzip that it is made of, each as it is and unpacked.
func streams(t *testing.T, data []byte) (packed, plain [][]byte) {
	t.Helper()
	in := bytes.NewReader(data)
	for in.Len() > 0 {
		start := len(data) - in.Len()
		zr, err := gzip.NewReader(in) // reads no further than it needs, because a bytes.Reader gives single bytes
		if err != nil {
			t.Fatal(err)
		}
		zr.Multistream(false)
		text, err := io.ReadAll(zr)
		if err != nil {
			t.Fatal(err)
		}
		packed, plain = append(packed, data[start:len(data)-in.Len()]), append(plain, text)
	}
	return packed, plain
}

type entry struct {
	*tar.Header
	text []byte
}

func entries(t *testing.T, r io.Reader) (all []entry) {
	t.Helper()
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entry{h, text})
	}
}

// pkginfo reads a .PKGINFO, each line of which is a comment or "name = value".
func pkginfo(t *testing.T, text []byte) map[string]string {
	t.Helper()
	said := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), " = ")
		if _, twice := said[name]; !ok || twice || value == "" || value != strings.TrimSpace(value) {
			t.Errorf("%q is not a line of a .PKGINFO", lines.Text())
		}
		said[name] = value
	}
	return said
}

// An .apk is a stream that describes the package and one that has its files. The first is a part of a tar
// file, without the end of one, and has the sum of the second as it is compressed.
func TestAnAPKIsAsAlpineWantsIt(t *testing.T) {
	r := imitated(t)
	must(t, r.packages)
	for arch, machine := range machines {
		data, err := os.ReadFile(r.finished("vault-aws_1.2.3-r1_" + machine + ".apk"))
		if err != nil {
			t.Fatal(err)
		}
		packed, plain := streams(t, data)
		if len(packed) != 2 {
			t.Fatalf("%s has %d streams", machine, len(packed))
		}
		if bytes.HasSuffix(plain[0], make([]byte, 1024)) {
			t.Errorf("%s: the description ends the tar file, so that no file comes after it", machine)
		}
		control := entries(t, bytes.NewReader(plain[0]))
		if len(control) != 1 || control[0].Name != ".PKGINFO" {
			t.Fatalf("%s is described by %v, and would run scripts", machine, control)
		}
		said := pkginfo(t, control[0].text)
		sum, size := sha256.Sum256(packed[1]), checkFiles(t, r, arch, entries(t, bytes.NewReader(plain[1])))
		want := map[string]string{
			"pkgname": packageName, "pkgver": "1.2.3-r1", "arch": machine, "size": strconv.FormatInt(size, 10), "pkgdesc": summary, "url": homepage,
			"maintainer": maintainer, "depend": "!" + conflicting, "license": "MIT", "datahash": hex.EncodeToString(sum[:]),
		}
		if !maps.Equal(said, want) {
			t.Errorf("%s says\n%q\nand not\n%q", machine, said, want)
		}
	}
}

// checkFiles looks at each file of an .apk, and returns how many bytes they have.
func checkFiles(t *testing.T, r *release, arch string, all []entry) (size int64) {
	t.Helper()
	var names []string
	for _, e := range all {
		mode := int64(0o644)
		if e.Typeflag == tar.TypeDir || e.Name == "usr/bin/vault" {
			mode = 0o755
		}
		name := strings.TrimSuffix(e.Name, "/")
		if path.Clean(name) != name || path.IsAbs(name) || strings.HasPrefix(name, ".") || e.Uid != 0 || e.Gid != 0 || e.Uname != "root" || e.Gname != "root" || e.Mode != mode || !e.ModTime.Equal(r.date) {
			t.Errorf("%s: mode %o, owner %d:%d %s:%s, time %v", e.Name, e.Mode, e.Uid, e.Gid, e.Uname, e.Gname, e.ModTime)
		}
		if e.Typeflag == tar.TypeDir {
			continue
		}
		if sum := sha1.Sum(e.text); e.Typeflag != tar.TypeReg || e.PAXRecords["APK-TOOLS.checksum.SHA1"] != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: kind %c, sum %s", e.Name, e.Typeflag, e.PAXRecords["APK-TOOLS.checksum.SHA1"])
		}
		if from := atAlpine[name]; from != "" && !bytes.Equal(e.text, source(t, r, arch, from)) {
			t.Errorf("%s is not %s", e.Name, from)
		}
		names = append(names, name)
		size += e.Size
	}
	slices.Sort(names)
	if want := slices.Sorted(maps.Keys(atAlpine)); !slices.Equal(names, want) {
		t.Errorf("for %s it has\n%q\nand not\n%q", arch, names, want)
	}
	return size
}

// source is a file of the archive for Linux.
func source(t *testing.T, r *release, arch, name string) []byte {
	t.Helper()
	file := r.staged("common", name)
	if name == "vault" {
		file = r.binary(target{"linux", arch})
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// packageFile is an .apk that is to be installed.
type packageFile string

func (f packageFile) URL() string          { return string(f) }
func (packageFile) PackageName() string    { return packageName }
func (packageFile) ChecksumString() string { return "" }

// An installer of Alpine's packages puts the files there, and notes each, so that they can be removed again.
func TestAnAPKIsInstalled(t *testing.T) {
	r := imitated(t)
	must(t, r.packages)
	for _, machine := range machines {
		root := t.TempDir()
		a, err := apk.New(apk.WithFS(apkfs.DirFS(root)), apk.WithArch(machine), apk.WithIgnoreMknodErrors(true))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.InitDB(context.Background()); err != nil {
			t.Fatal(err)
		}
		file := packageFile(r.finished("vault-aws_1.2.3-r1_" + machine + ".apk"))
		if err := a.InstallPackages(context.Background(), &r.date, []apk.InstallablePackage{file}); err != nil {
			t.Fatal(err)
		}
		installed, err := a.GetInstalled()
		if err != nil || len(installed) != 1 {
			t.Fatalf("%v is installed, %v", installed, err)
		}
		if p := installed[0]; p.Name != packageName || p.Version != "1.2.3-r1" || p.Arch != machine || p.Description != summary {
			t.Errorf("%s %s for %s is installed: %s", p.Name, p.Version, p.Arch, p.Description)
		}
		var noted []string
		for _, f := range installed[0].Files {
			if name := strings.TrimPrefix(f.Name, "/"); f.Typeflag != tar.TypeDir {
				noted = append(noted, name)
				if _, err := os.Stat(filepath.Join(root, name)); err != nil {
					t.Error(err)
				}
			}
		}
		slices.Sort(noted)
		if want := slices.Sorted(maps.Keys(atAlpine)); !slices.Equal(noted, want) {
			t.Errorf("these files are noted:\n%q", noted)
		}
	}
}

// inOrder are versions, the oldest first.
var inOrder = []string{"1.2.3-alpha.2", "1.2.3-beta.1", "1.2.3-rc.9", "1.2.3-rc.10", "1.2.3", "1.2.4-rc.1", "1.2.4", "1.10.0"}

// managers read the version in a package of a release, and order two of them, each by its own program.
var managers = map[string]struct {
	tool    string
	version func(*testing.T, *release) string
	older   func(t *testing.T, a, b string) bool
}{
	"deb": {"dpkg", debianVersion, func(_ *testing.T, a, b string) bool {
		return exec.Command("dpkg", "--compare-versions", a, "lt", b).Run() == nil
	}},
	"rpm": {"rpm", rpmVersion, func(t *testing.T, a, b string) bool {
		return prints(t, "rpm", "--eval", "%{lua: print(rpm.vercmp('"+a+"', '"+b+"'))}") == "-1\n"
	}},
	"apk": {"", alpineVersion, alpineOlder},
	"aur": {"vercmp", archVersion, func(t *testing.T, a, b string) bool { return prints(t, "vercmp", a, b) == "-1\n" }},
}

// Otherwise someone who has tried a release candidate would be offered no release, or an older one.
func TestEachPackageManagerUpgradesFromACandidateToTheRelease(t *testing.T) {
	for name, m := range managers {
		t.Run(name, func(t *testing.T) {
			if m.tool != "" {
				need(t, m.tool)
			}
			before := ""
			for _, version := range inOrder {
				r := imitated(t)
				r.version = version
				must(t, r.archives, r.packages, r.manifests)
				after := m.version(t, r)
				if before != "" && (!m.older(t, before, after) || m.older(t, after, before)) {
					t.Errorf("%s is not older than %s", before, after)
				}
				before = after
			}
		})
	}
}

func debianVersion(t *testing.T, r *release) string {
	t.Helper()
	return strings.TrimSpace(prints(t, "dpkg-deb", "--field", only(t, r, "*_amd64.deb"), "Version"))
}

func rpmVersion(t *testing.T, r *release) string {
	t.Helper()
	return prints(t, "rpm", "-qp", "--qf", "%{VERSION}-%{RELEASE}", only(t, r, "*.x86_64.rpm"))
}

func archVersion(t *testing.T, r *release) string {
	t.Helper()
	text, err := os.ReadFile(r.staged("manifests", "aur", ".SRCINFO"))
	if err != nil {
		t.Fatal(err)
	}
	return string(regexp.MustCompile(`(?m)^\tpkgver = (.+)$`).FindSubmatch(text)[1])
}

func alpineVersion(t *testing.T, r *release) string {
	t.Helper()
	f, err := os.Open(only(t, r, "*_x86_64.apk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := apk.ParsePackage(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	return p.Version
}

func alpineOlder(_ *testing.T, a, b string) bool {
	one, err1 := apk.ParseVersion(a)
	other, err2 := apk.ParseVersion(b)
	return err1 == nil && err2 == nil && apk.CompareVersions(one, other) < 0
}

// only is the one file of a release that the pattern is of.
func only(t *testing.T, r *release, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(r.finished(pattern))
	if err != nil || len(names) != 1 {
		t.Fatalf("%s: %q, %v", pattern, names, err)
	}
	return names[0]
}

// What lintian and rpmlint find fault with.
func TestADebianPackageSaysWhatDebiansToolsRead(t *testing.T) {
	need(t, "dpkg-deb")
	r := imitated(t)
	r.version = "1.2.3-rc.1"
	must(t, r.packages)
	file := only(t, r, "*_amd64.deb")
	said := prints(t, "dpkg-deb", "--field", file)
	for _, want := range []string{"Version: 1.2.3~rc.1-1\n", "Maintainer: The vault authors <d44b7504@users.noreply.github.com>\n", "Description: " + summary + "\n \"vault use"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, " ") && len(line) > len("\n")+80 {
			t.Errorf("the line %q is too long", line)
		}
	}
	changes := prints(t, "sh", "-c", `dpkg-deb --fsys-tarfile "$0" | tar -xO ./usr/share/doc/vault-aws/changelog.Debian.gz | gzip -d`, file)
	if !regexp.MustCompile(`^vault-aws \(1\.2\.3~rc\.1-1\) unstable; urgency=medium\n\n  \* \S.*\n\n -- .+ <\S+@\S+>  Fri, 02 Jan 2026 03:04:05 \+0000\n$`).MatchString(changes) {
		t.Errorf("its changes are %q", changes)
	}
}

// A system can be told to install no documentation, and a person asks rpm for a package's license.
func TestAnRPMMarksItsDocumentationAndLicense(t *testing.T) {
	need(t, "rpm")
	r := imitated(t)
	must(t, r.packages)
	file := only(t, r, "*.x86_64.rpm")
	if got, want := prints(t, "rpm", "-qp", "--docfiles", file), doc+"/THIRD_PARTY_NOTICES.gz\n"+doc+"/changelog.gz\n/usr/share/man/man1/vault.1.gz\n"; got != want {
		t.Errorf("the documentation is\n%s", got)
	}
	if got, want := prints(t, "rpm", "-qp", "--licensefiles", file), doc+"/copyright\n"; got != want {
		t.Errorf("the license is %q", got)
	}
	if got := prints(t, "rpm", "-qp", "--qf", "%{SUMMARY}|%{DESCRIPTION}|%{PACKAGER}", file); got != summary+"|"+description+"|"+maintainer {
		t.Errorf("it is described as %q", got)
	}
}
