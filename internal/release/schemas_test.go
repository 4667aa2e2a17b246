package main

import (
	"archive/zip"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// field is what the schema of a manifest says of a value: text, a list, or an object.
type field struct {
	required    bool
	least, most int            // characters of a text, values of a list; most is 0 where there is no limit
	pattern     *regexp.Regexp // of a text
	allowed     []string       // the texts that it can be
	each        *field         // of a list; its values all differ
	fields      fields         // of an object, which has no others
}

type fields map[string]field

func needed(f field) field { f.required = true; return f }

// Patterns of both schemas.
var (
	webAddress = regexp.MustCompile(`^https?://[^\s$]+$`)
	sha256Text = regexp.MustCompile(`^[A-Fa-f0-9]{64}$`)
)

// What winget's schemas of version 1.6.0 say of the fields that are used here.
var (
	wingetURL     = field{most: 2048, pattern: webAddress}
	wingetLocale  = field{most: 20, pattern: regexp.MustCompile(`^([a-zA-Z]{2,3}|[iI]-[a-zA-Z]+|[xX]-[a-zA-Z]{1,8})(-[a-zA-Z]{1,8})*$`)}
	wingetCommand = field{least: 1, most: 40}
	wingetNested  = field{most: 1024, each: &field{fields: fields{"RelativeFilePath": needed(field{least: 1, most: 512}), "PortableCommandAlias": wingetCommand}}}

	wingetInstaller = field{fields: fields{
		"Architecture": needed(field{allowed: []string{"x86", "x64", "arm", "arm64", "neutral"}}),
		"InstallerUrl": needed(wingetURL), "InstallerSha256": needed(field{pattern: sha256Text}), "NestedInstallerFiles": wingetNested,
	}}

	// The rest of each file's fields, by its ManifestType.
	wingetFields = map[string]fields{
		"version": {"DefaultLocale": needed(wingetLocale)},
		"installer": {
			"ReleaseDate":         {pattern: regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$`)},
			"InstallerType":       {allowed: []string{"msix", "msi", "appx", "exe", "zip", "inno", "nullsoft", "wix", "burn", "pwa", "portable"}},
			"NestedInstallerType": {allowed: []string{"msix", "msi", "appx", "exe", "inno", "nullsoft", "wix", "burn", "portable"}},
			"Commands":            {most: 16, each: &wingetCommand},
			"Installers":          needed(field{least: 1, most: 1024, each: &wingetInstaller}),
		},
		"defaultLocale": {
			"PackageLocale": needed(wingetLocale), "Publisher": needed(field{least: 2, most: 256}), "PackageName": needed(field{least: 2, most: 256}), "PackageUrl": wingetURL,
			"License": needed(field{least: 3, most: 512}), "LicenseUrl": wingetURL, "ShortDescription": needed(field{least: 3, most: 256}), "ReleaseNotesUrl": wingetURL,
		},
	}
)

// wingetManifest has the fields of every file, and those of one kind.
func wingetManifest(kind string) field {
	const part = `[^.\s\\/:*?"<>|\x01-\x1f]{1,32}`
	all := fields{}
	maps.Copy(all, wingetFields[kind])
	all["PackageIdentifier"] = needed(field{most: 128, pattern: regexp.MustCompile(`^` + part + `(\.` + part + `){1,7}$`)})
	all["PackageVersion"] = needed(field{most: 128, pattern: regexp.MustCompile(`^[^\\/:*?"<>|\x01-\x1f]+$`)})
	all["ManifestType"] = needed(field{allowed: []string{kind}})
	all["ManifestVersion"] = needed(field{allowed: []string{"1.6.0"}})
	return field{fields: all}
}

// What Scoop's schema says. Where it takes a text or a list, this is the text that is used here.
var (
	scoopArchitecture = field{fields: fields{"url": needed(field{pattern: webAddress}), "hash": needed(field{pattern: regexp.MustCompile(`^([a-fA-F0-9]{64}|sha512:[a-fA-F0-9]{128})$`)}), "extract_dir": {}, "bin": {}}}
	scoopURL          = field{pattern: regexp.MustCompile(`^https?://\S+$`)} // with variables
	scoopUpdate       = field{fields: fields{"url": needed(scoopURL), "extract_dir": {}, "hash": scoopHash}}
	scoopHash         = field{fields: fields{"url": scoopURL, "regex": {}, "jsonpath": {}}}

	scoopManifest = field{fields: fields{
		"version":      needed(field{pattern: regexp.MustCompile(`^[\w.\-+_]+$`)}),
		"description":  {least: 1},
		"homepage":     needed(field{pattern: webAddress}),
		"license":      needed(field{allowed: []string{"MIT"}}), // by the list of SPDX
		"notes":        {},
		"architecture": needed(field{fields: fields{"32bit": scoopArchitecture, "64bit": scoopArchitecture, "arm64": scoopArchitecture}}),
		"bin":          {},
		"checkver":     {fields: fields{"github": {pattern: webAddress}, "regex": {}}},
		"autoupdate":   {fields: fields{"architecture": {fields: fields{"32bit": scoopUpdate, "64bit": scoopUpdate, "arm64": scoopUpdate}}, "hash": scoopHash}},
	}}
)

// wrong says what in a value, which is at a place of a file, the schema does not allow.
func (f field) wrong(at string, n *yaml.Node) []string {
	switch {
	case f.fields != nil:
		return f.wrongObject(at, n)
	case f.each != nil:
		return f.wrongList(at, n)
	case n.Kind != yaml.ScalarNode || n.Tag != "!!str" && n.Tag != "!!timestamp": // winget takes a date for text
		return []string{fmt.Sprintf("%s is no text: %s", at, n.Tag)}
	case f.pattern != nil && !f.pattern.MatchString(n.Value), f.allowed != nil && !slices.Contains(f.allowed, n.Value):
		return []string{fmt.Sprintf("%s cannot be %q", at, n.Value)}
	}
	return f.wrongSize(at, utf8.RuneCountInString(n.Value))
}

func (f field) wrongSize(at string, size int) []string {
	if size < f.least || f.most > 0 && size > f.most {
		return []string{fmt.Sprintf("%s has the size %d, and not %d to %d", at, size, f.least, f.most)}
	}
	return nil
}

func (f field) wrongList(at string, n *yaml.Node) (all []string) {
	if n.Kind != yaml.SequenceNode {
		return []string{at + " is no list"}
	}
	seen := map[string]bool{}
	for i, value := range n.Content {
		at := fmt.Sprintf("%s[%d]", at, i)
		if text, err := yaml.Marshal(value); err != nil || seen[string(text)] {
			all = append(all, at+" is there twice")
		} else {
			seen[string(text)] = true
		}
		all = append(all, f.each.wrong(at, value)...)
	}
	return append(all, f.wrongSize(at, len(n.Content))...)
}

func (f field) wrongObject(at string, n *yaml.Node) (all []string) {
	if n.Kind != yaml.MappingNode {
		return []string{at + " is no object"}
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		name := n.Content[i].Value
		value, known := f.fields[name]
		switch {
		case seen[name]:
			all = append(all, at+"."+name+" is there twice")
		case !known:
			all = append(all, at+"."+name+" is not in the schema")
		default:
			all = append(all, value.wrong(at+"."+name, n.Content[i+1])...)
		}
		seen[name] = true
	}
	for name, value := range f.fields {
		if value.required && !seen[name] {
			all = append(all, at+"."+name+" is missing")
		}
	}
	return all
}

// parsed reads YAML, of which JSON is a part.
func parsed(text string) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, err
	}
	return doc.Content[0], nil
}

// manifestTexts are the manifests for Windows, by the name of their file.
type manifestTexts map[string]string

func (r *release) windowsManifests(t *testing.T) manifestTexts {
	t.Helper()
	texts := manifestTexts{}
	for name := range manifestFiles {
		if dir := filepath.Dir(name); dir != "winget" && dir != "scoop" {
			continue
		}
		text, err := os.ReadFile(r.staged("manifests", name))
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(name)] = string(text)
	}
	return texts
}

// wrong says what in the manifests of a release is not as their package managers want it.
func (m manifestTexts) wrong(t *testing.T, r *release) (all []string) {
	t.Helper()
	values := map[string]*yaml.Node{}
	for name, text := range m {
		value, err := parsed(text)
		if err != nil {
			return []string{name + ": " + err.Error()}
		}
		values[name] = value
		if filepath.Ext(name) == ".json" {
			all = append(all, scoopManifest.wrong(name, value)...)
			continue
		}
		kind := textOf(value, "ManifestType")
		all = append(all, wingetManifest(kind).wrong(name, value)...)
		if header := "# yaml-language-server: $schema=https://aka.ms/winget-manifest." + kind + "." + textOf(value, "ManifestVersion") + ".schema.json\n"; !strings.HasPrefix(text, header) {
			all = append(all, name+" does not begin with "+header)
		}
	}
	if len(all) > 0 { // the rest takes the fields for what they are to be
		return all
	}
	all = append(wrongTogether(values), wrongInstallers(t, r, values[winget+".installer.yaml"])...)
	return append(all, wrongScoop(t, r, values["vault-aws.json"])...)
}

// textOf is a text inside objects, or nothing.
func textOf(n *yaml.Node, path ...string) string {
	if n = valueOf(n, path...); n == nil {
		return ""
	}
	return n.Value
}

func valueOf(n *yaml.Node, path ...string) *yaml.Node {
	for _, name := range path {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		i := slices.IndexFunc(n.Content, func(c *yaml.Node) bool { return c.Value == name })
		if i < 0 || i%2 != 0 {
			return nil
		}
		n = n.Content[i+1]
	}
	return n
}

// count is how many values a list has that is in an object.
func count(n *yaml.Node, name string) int {
	if n = valueOf(n, name); n == nil {
		return 0
	}
	return len(n.Content)
}

// wrongTogether compares the three files of winget, which are one manifest.
func wrongTogether(values map[string]*yaml.Node) (all []string) {
	locale := textOf(values[winget+".yaml"], "DefaultLocale")
	for name, kind := range map[string]string{winget + ".yaml": "version", winget + ".installer.yaml": "installer", winget + ".locale." + locale + ".yaml": "defaultLocale"} {
		value := values[name]
		if textOf(value, "ManifestType") != kind || textOf(value, "PackageIdentifier") != winget || textOf(value, "PackageVersion") != textOf(values[winget+".yaml"], "PackageVersion") {
			all = append(all, name+" is not of one manifest with the others")
		}
	}
	if textOf(values[winget+".locale."+locale+".yaml"], "PackageLocale") != locale {
		all = append(all, "the default locale is not "+locale)
	}
	return all
}

// wrongInstallers compares the installers with the archives: portable programs in a zip, one for each machine.
func wrongInstallers(t *testing.T, r *release, n *yaml.Node) (all []string) {
	t.Helper()
	if textOf(n, "InstallerType") != "zip" || textOf(n, "NestedInstallerType") != "portable" || count(n, "Commands") != 1 {
		all = append(all, "it is no zip with one portable command")
	}
	machines := map[string]string{"x64": "amd64", "arm64": "arm64"}
	for _, installer := range valueOf(n, "Installers").Content {
		system := target{"windows", machines[textOf(installer, "Architecture")]}
		if system.arch == "" {
			all = append(all, "there is no archive, or no other, for "+textOf(installer, "Architecture"))
			continue
		}
		delete(machines, textOf(installer, "Architecture"))
		all = append(all, wrongDownload(t, r, system, textOf(installer, "InstallerUrl"), textOf(installer, "InstallerSha256"))...)
		if nested := valueOf(installer, "NestedInstallerFiles"); count(installer, "NestedInstallerFiles") != 1 || textOf(nested.Content[0], "PortableCommandAlias") != "vault" ||
			!inZip(t, r, system, strings.ReplaceAll(textOf(nested.Content[0], "RelativeFilePath"), `\`, "/")) {
			all = append(all, "the archive for "+system.String()+" has no such program")
		}
	}
	if len(machines) > 0 {
		all = append(all, fmt.Sprintf("there is no installer for %v", machines))
	}
	return all
}

func wrongDownload(t *testing.T, r *release, system target, url, sum string) []string {
	t.Helper()
	facts, err := r.facts()
	if err != nil {
		t.Fatal(err)
	}
	if file := facts.Files[system.String()]; url != file.URL || !strings.EqualFold(sum, file.SHA256) {
		return []string{fmt.Sprintf("%s with the sum %s is not the archive for %s", url, sum, system)}
	}
	return nil
}

func inZip(t *testing.T, r *release, system target, name string) bool {
	t.Helper()
	archive, err := zip.OpenReader(r.finished(r.archive(system)))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	return slices.ContainsFunc(archive.File, func(f *zip.File) bool { return f.Name == name && f.Mode()&0o111 != 0 })
}

// wrongScoop compares the manifest with the archives, and updates it to the version that it is of: Scoop
// puts the version in, and finds an archive's sum in the file of all sums by this pattern.
func wrongScoop(t *testing.T, r *release, n *yaml.Node) (all []string) {
	t.Helper()
	sums, err := os.ReadFile(r.finished("SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	update := func(text string) string { return strings.ReplaceAll(text, "$version", textOf(n, "version")) }
	if update(textOf(n, "autoupdate", "hash", "url")) != homepage+"/releases/download/v"+r.version+"/SHA256SUMS" {
		all = append(all, "the sums are not where it looks for them")
	}
	for bits, arch := range map[string]string{"64bit": "amd64", "arm64": "arm64"} {
		system, now, next := target{"windows", arch}, valueOf(n, "architecture", bits), valueOf(n, "autoupdate", "architecture", bits)
		all = append(all, wrongDownload(t, r, system, textOf(now, "url"), textOf(now, "hash"))...)
		found := regexp.MustCompile(`([a-fA-F0-9]{32,128})[\x20\t]+.*` + regexp.QuoteMeta(r.archive(system))).FindSubmatch(sums)
		if len(found) != 2 || string(found[1]) != textOf(now, "hash") || update(textOf(next, "url")) != textOf(now, "url") || update(textOf(next, "extract_dir")) != textOf(now, "extract_dir") {
			all = append(all, "an update to this version would have another archive for "+bits)
		}
		if !inZip(t, r, system, textOf(now, "extract_dir")+"/"+textOf(n, "bin")) {
			all = append(all, "the archive for "+bits+" has no such program")
		}
	}
	return all
}

// The fields, their kinds, sizes and values are those of the schemas, and the rest is what winget and Scoop do with them.
func TestTheManifestsForWindowsAreAsWingetAndScoopWantThem(t *testing.T) {
	for _, version := range []string{"1.2.3", "1.2.3-rc.1"} {
		r := imitated(t)
		r.version = version
		must(t, r.archives, r.packages, r.manifests, r.sums)
		if wrong := r.windowsManifests(t).wrong(t, r); len(wrong) > 0 {
			t.Errorf("%s: %s", version, strings.Join(wrong, "\n"))
		}
	}
}

// mistakes are changes of a file, and a part of what is said about each.
var mistakes = []struct{ file, old, new, want string }{
	{".yaml", "DefaultLocale: en-US\n", "", "DefaultLocale is missing"},
	{".yaml", "en-US", "en_US", "cannot be"},
	{".yaml", "en-US", "de-DE", "not of one manifest"},
	{".yaml", "PackageVersion: 1.2.3", "PackageVersion: 1.2", "is no text"},
	{".yaml", "PackageVersion: 1.2.3", "PackageVersion: 1.2.4", "not of one manifest"},
	{".yaml", "ManifestVersion: 1.6.0", "ManifestVersion: 1.6", "is no text"},
	{".yaml", "version.1.6.0", "installer.1.6.0", "does not begin with"},
	{".yaml", "d44b7504.vault", "vault", "cannot be"},
	{".locale.en-US.yaml", "License: MIT\n", "", "License is missing"},
	{".locale.en-US.yaml", "License: MIT", "License: MI", "has the size 2"},
	{".locale.en-US.yaml", "PackageUrl: https", "PackageUrl: ftp", "cannot be"},
	{".locale.en-US.yaml", "PackageUrl", "packageUrl", "not in the schema"},
	{".locale.en-US.yaml", "ManifestType: defaultLocale", "ManifestType: locale", "not in the schema"},
	{".locale.en-US.yaml", summary, strings.Repeat("x", 257), "has the size 257"},
	{".installer.yaml", "InstallerType: zip", "InstallerType: rar", "cannot be"},
	{".installer.yaml", "InstallerType: zip", "InstallerType: exe", "no zip with one portable"},
	{".installer.yaml", "NestedInstallerType: portable\n", "", "no zip with one portable"},
	{".installer.yaml", "Architecture: x64", "Architecture: amd64", "cannot be"},
	{".installer.yaml", "Architecture: x64", "Architecture: arm64", "no archive, or no other"},
	{".installer.yaml", "Architecture: x64", "Architecture: x86", "no archive, or no other"},
	{".installer.yaml", "InstallerSha256: ", "InstallerSha256: 0", "cannot be"},
	{".installer.yaml", "windows-amd64.zip", "windows-arm64.zip", "is not the archive"},
	{".installer.yaml", `\vault.exe`, `\bin\vault.exe`, "no such program"},
	{".installer.yaml", "PortableCommandAlias: vault", "PortableCommandAlias: vault.exe", "no such program"},
	{".installer.yaml", "  - vault\n", "  - vault\n  - vault\n", "is there twice"},
	{".installer.yaml", "  - vault\n", "  - vault\n  - av\n", "no zip with one portable"},
	{".installer.yaml", "ReleaseDate: 2026-01-02", "ReleaseDate: 02.01.2026", "cannot be"},
	{".installer.yaml", "Commands:\n  - vault\n", "", "no zip with one portable"},
	{".installer.yaml", "Installers:", "Installer:", "Installers is missing"},
	{".json", `"version": "1.2.3"`, `"version": "1 2 3"`, "cannot be"},
	{".json", `"version": "1.2.3"`, `"version": 1.2`, "is no text"},
	{".json", `"homepage"`, `"url"`, "homepage is missing"},
	{".json", `"license": "MIT",`, ``, "license is missing"},
	{".json", `"arm64": {`, `"arm": {`, "not in the schema"},
	{".json", `"hash": "`, `"hash": "sha1:`, "cannot be"},
	{".json", `"hash": "`, `"sha256": "`, "hash is missing"},
	{".json", `"bin": "vault.exe"`, `"bin": "vault"`, "no such program"},
	{".json", `"extract_dir": "vault-1.2.3`, `"extract_dir": "vault-v1.2.3`, "no such program"},
	{".json", "vault-$version-windows-arm64.zip", "vault-v$version-windows-arm64.zip", "another archive"},
	{".json", "SHA256SUMS", "SHA256SUM", "the sums are not where"},
	{".json", `"checkver": {`, `"checkver": {"git": "x",`, "not in the schema"},
}

func TestAMistakeInAManifestForWindowsIsFound(t *testing.T) {
	r := imitated(t)
	must(t, r.archives, r.packages, r.manifests, r.sums)
	for _, m := range mistakes {
		texts := r.windowsManifests(t)
		name := winget + m.file
		if m.file == ".json" {
			name = "vault-aws.json"
		}
		changed := strings.Replace(texts[name], m.old, m.new, 1)
		if changed == texts[name] {
			t.Errorf("%s has no %q", name, m.old)
		}
		texts[name] = changed
		if wrong := strings.Join(texts.wrong(t, r), "\n"); !strings.Contains(wrong, m.want) {
			t.Errorf("%s with %q and not %q: found is %q, and not %q", name, m.new, m.old, wrong, m.want)
		}
	}
}
