package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk" // each of the three knows one format
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// What package managers are told. The package has another name than the program: HashiCorp's
// "vault" is in the same lists, and an upgrade must never put one in the place of the other.
const (
	packageName = "vault-aws"
	conflicting = "vault"
	homepage    = "https://" + module
	authors     = "The vault authors"
	maintainer  = authors + " <d44b7504@users.noreply.github.com>" // with the address that each format wants
	summary     = "AWS credentials in your shell, kept fresh, with the keys left in your keyring"
	description = "\"vault use prod\" switches the shell that you are in to a profile, the prompt\n" +
		"shows how long its session lasts, and sessions renew before they end. It reads\n" +
		"the AWS config file, roles, MFA and IAM Identity Center, and replaces AWS\n" +
		"Vault."
)

// formats are the packages for Linux: where each distribution keeps zsh's completions, and what else it has
// its own way of.
var formats = []struct {
	name, zsh string
	adapt     func(*release, *nfpm.Info)
}{
	{"deb", "/usr/share/zsh/vendor-completions", forDebian},
	{"rpm", "/usr/share/zsh/site-functions", forRPM},
	{"apk", "/usr/share/zsh/site-functions", forAlpine},
}

// forDebian adds the changes of the package beside those of the program. The summary is the description's first line.
func forDebian(r *release, i *nfpm.Info) {
	i.Conflicts = []string{conflicting}
	i.Description = summary + "\n" + description
	i.Contents = append(i.Contents, r.content(r.staged("compressed", "changelog.Debian.gz"), doc+"/changelog.Debian.gz", 0o644))
}

// forRPM marks the documentation, which a system can be told to leave out, and the license.
func forRPM(_ *release, i *nfpm.Info) {
	i.Conflicts = []string{conflicting}
	i.Description, i.RPM.Summary, i.RPM.BuildHost = description, summary, "localhost"
	for _, c := range i.Contents {
		switch {
		case c.Type == files.TypeDir:
		case c.Destination == doc+"/copyright":
			c.Type = files.TypeRPMLicense
		case strings.HasPrefix(c.Destination, doc), strings.HasPrefix(c.Destination, "/usr/share/man/"):
			c.Type = files.TypeRPMDoc
		}
	}
}

// forAlpine writes 1.2.3-rc.1 as 1.2.3_rc1, and a description of one line.
func forAlpine(_ *release, i *nfpm.Info) {
	i.Depends = []string{"!" + conflicting}
	i.Description, i.VersionSchema = summary, "none"
	if plain, pre, is := strings.Cut(i.Version, "-"); is {
		i.Version = plain + "_" + strings.Replace(pre, ".", "", 1)
	}
}

// packages makes a package of each format for each Linux.
func (r *release) packages() error {
	if err := r.compressed(); err != nil {
		return err
	}
	for _, t := range r.targets {
		for _, f := range formats {
			if t.os != "linux" {
				continue
			}
			info, err := r.info(t, f.zsh)
			if err != nil {
				return err
			}
			f.adapt(r, info)
			if err := r.pack(f.name, info); err != nil {
				return fmt.Errorf("%s for %s: %w", f.name, t, err)
			}
		}
	}
	return nil
}

func (r *release) pack(format string, info *nfpm.Info) error {
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	info = nfpm.WithDefaults(info)
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return err
	}
	// GitHub gives a file another name if there is a "~" in it.
	name := strings.ReplaceAll(packager.ConventionalFileName(info), "~", "-")
	return create(r.finished(name), func(w io.Writer) error { return packager.Package(info, w) })
}

// doc is the directory of the package's documentation.
const doc = "/usr/share/doc/" + packageName

func (r *release) info(t target, zsh string) (*nfpm.Info, error) {
	contents := files.Contents{
		r.directory(doc), // which rpm would leave behind
		r.content(r.binary(t), "/usr/bin/vault", 0o755),
		r.content(r.staged("common", "completions", "vault.bash"), "/usr/share/bash-completion/completions/vault", 0o644),
		r.content(r.staged("common", "completions", "_vault"), zsh+"/_vault", 0o644),
		r.content(r.staged("common", "completions", "vault.fish"), "/usr/share/fish/vendor_completions.d/vault.fish", 0o644),
		r.content(r.staged("common", "LICENSE"), doc+"/copyright", 0o644),
		r.content(r.staged("compressed", "changelog.gz"), doc+"/changelog.gz", 0o644),
		r.content(r.staged("compressed", "THIRD_PARTY_NOTICES.gz"), doc+"/THIRD_PARTY_NOTICES.gz", 0o644),
	}
	pages, err := filepath.Glob(r.staged("common", "man", "*.gz"))
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		contents = append(contents, r.content(page, "/usr/share/man/man1/"+filepath.Base(page), 0o644))
	}
	info := &nfpm.Info{
		Name: packageName, Arch: t.arch, Platform: "linux", Version: r.version, Release: "1", MTime: r.date,
		Section: "utils", Priority: "optional", Maintainer: maintainer, Vendor: authors, Homepage: homepage, License: "MIT",
		DisableGlobbing: true,
	}
	info.Contents = contents
	return info, nil
}

func (r *release) content(source, destination string, mode os.FileMode) *files.Content {
	return &files.Content{
		Source: source, Destination: destination,
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: r.date},
	}
}

// directory is one that belongs to the package alone.
func (r *release) directory(destination string) *files.Content {
	c := r.content("", destination, 0o755)
	c.Type = files.TypeDir
	return c
}

// compressed makes the files that Linux's packages have compressed.
func (r *release) compressed() error {
	texts := map[string][]byte{"changelog.Debian.gz": r.debianChanges()}
	for plain, small := range map[string]string{"CHANGELOG.md": "changelog.gz", "THIRD_PARTY_NOTICES": "THIRD_PARTY_NOTICES.gz"} {
		text, err := os.ReadFile(r.staged("common", plain))
		if err != nil {
			return err
		}
		texts[small] = text
	}
	for name, text := range texts {
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		if err := write(r.staged("compressed", name), packed.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// debianChanges are those of the package, in the format that Debian's tools read.
func (r *release) debianChanges() []byte {
	return fmt.Appendf(nil, "%s (%s-1) unstable; urgency=medium\n\n  * The program's changes are in changelog.gz.\n\n -- %s  %s\n",
		packageName, strings.Replace(r.version, "-", "~", 1), maintainer, r.date.Format(time.RFC1123Z))
}
