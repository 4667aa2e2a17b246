package main

import (
	"embed"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
	"text/template"
)

//go:embed templates
var templates embed.FS

// manifestFiles are what package managers read, by the place where each wants it.
var manifestFiles = map[string]string{
	"homebrew/vault-aws.rb":                   "vault-aws.rb",
	"scoop/vault-aws.json":                    "vault-aws.json",
	"winget/" + winget + ".yaml":              "winget.version.yaml",
	"winget/" + winget + ".installer.yaml":    "winget.installer.yaml",
	"winget/" + winget + ".locale.en-US.yaml": "winget.locale.yaml",
	"nix/vault-aws.nix":                       "vault-aws.nix",
	"aur/PKGBUILD":                            "PKGBUILD",
	"aur/.SRCINFO":                            "SRCINFO",
}

// winget names a package after the account of its publisher.
const winget = "d44b7504.vault"

// published is an archive as a manifest names it.
type published struct{ URL, SHA256, SRI, Folder string }

// facts are what the manifests are filled with.
type facts struct {
	Version, ArchVersion, Day, Package, Conflicting, Homepage, Authors, Summary, Winget string

	Files map[string]published // by target
}

func (r *release) facts() (facts, error) {
	f := facts{
		Version: r.version, ArchVersion: strings.Replace(r.version, "-", "", 1), Day: r.date.Format("2006-01-02"),
		Package: packageName, Conflicting: conflicting, Homepage: homepage, Authors: authors, Summary: summary, Winget: winget,
		Files: map[string]published{},
	}
	for _, t := range r.targets {
		sum, err := r.sum(r.archive(t))
		if err != nil {
			return facts{}, err
		}
		f.Files[t.String()] = published{
			URL:    homepage + "/releases/download/v" + r.version + "/" + r.archive(t),
			SHA256: hex.EncodeToString(sum[:]), SRI: "sha256-" + base64.StdEncoding.EncodeToString(sum[:]), Folder: r.stem(t),
		}
	}
	return f, nil
}

// manifests writes them with the sums of the archives, and packs them into one file. They name
// every archive, so that there are none for a release of one system.
func (r *release) manifests() error {
	if len(r.targets) < len(targets) {
		return nil
	}
	f, err := r.facts()
	if err != nil {
		return err
	}
	all, err := template.New("").Funcs(template.FuncMap{"upper": strings.ToUpper}).ParseFS(templates, "templates/*")
	if err != nil {
		return err
	}
	for name, source := range manifestFiles {
		fill := func(w io.Writer) error { return all.ExecuteTemplate(w, source, f) }
		if err := create(r.staged("manifests", name), fill); err != nil {
			return err
		}
	}
	files, err := listed(r.staged("manifests"))
	if err != nil {
		return err
	}
	stem := "vault-" + r.version + "-manifests"
	return create(r.finished(stem+".tar.gz"), func(w io.Writer) error { return r.tarball(w, stem, files) })
}
