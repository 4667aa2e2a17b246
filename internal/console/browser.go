package console

import (
	"fmt"
	"hash/fnv"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// Launch says how the console is opened in a browser.
type Launch struct {
	Profile, Account, Role, Region string
	// BrowserProfile is the profile of the browser: a name that the browser knows, or the path
	// of a directory, which it makes; "" for the usual one. It may have blanks to fill, as in
	// Fill.
	BrowserProfile string
	// Container is the scheme of an add-on of Firefox that opens an address in a container with
	// the profile's name; "" for none.
	Container string
	Color     string // of the container; "": one of the account
}

// The schemes of the add-ons that open containers: "Open external links in a container", and
// that of Granted.
const (
	OpenInContainer   = "ext+container"
	GrantedContainers = "ext+granted-containers"
)

// colors are those of Firefox's containers.
var colors = []string{"blue", "turquoise", "green", "yellow", "orange", "red", "pink", "purple"}

// URL is the address as the browser is given it.
func (l Launch) URL(address string) string {
	if l.Container == "" {
		return address
	}
	color := l.Color
	if !slices.Contains(colors, color) {
		sum := fnv.New32a()
		_, _ = sum.Write([]byte(l.Account))
		color = colors[sum.Sum32()%uint32(len(colors))]
	}
	// The add-ons read this as the query of an address; only some of them take + for a blank.
	escape := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	return l.Container + ":name=" + escape(l.Profile) + "&url=" + escape(address) + "&color=" + color + "&icon=fingerprint"
}

// Fill replaces the blanks of a text: {profile}, {account}, {role} and {region}. What a
// blank gets cannot lead out of a directory.
func (l Launch) Fill(text string) string {
	safe := func(value string) string {
		return strings.TrimLeft(strings.Map(func(r rune) rune {
			if r == '/' || r == '\\' || r < ' ' {
				return '-'
			}
			return r
		}, value), ".-")
	}
	return strings.NewReplacer("{profile}", safe(l.Profile), "{account}", safe(l.Account), "{role}", safe(l.Role), "{region}", safe(l.Region)).Replace(text)
}

// The families of browsers, by the beginnings of the names of their programs, and by the names
// of their applications on macOS.
var families = []struct {
	names           []string
	directory, name string // the flag for a profile's directory, and for its name
	more            []string
}{
	{[]string{"firefox", "librewolf", "waterfox", "zen", "floorp"}, "--profile", "-P", []string{"--new-instance"}},
	{
		[]string{"chrom", "google-chrome", "google chrome", "brave", "microsoft-edge", "microsoft edge", "msedge", "vivaldi", "opera", "arc", "thorium"},
		"--user-data-dir=", "--profile-directory=", []string{"--no-first-run", "--no-default-browser-check"},
	},
}

// WithProfile adds to a browser's command the flags for the profile of the browser.
func (l Launch) WithProfile(argv []string) ([]string, error) {
	if l.BrowserProfile == "" {
		return argv, nil
	}
	which := l.Fill(l.BrowserProfile)
	program := strings.ToLower(filepath.Base(argv[0]))
	for _, f := range families {
		if !slices.ContainsFunc(f.names, func(n string) bool { return strings.HasPrefix(program, n) }) {
			continue
		}
		flag := f.name
		if filepath.IsAbs(which) {
			flag = f.directory
		}
		words := []string{flag + which}
		if !strings.HasSuffix(flag, "=") {
			words = []string{flag, which}
		}
		return slices.Concat(argv[:1], words, f.more, argv[1:]), nil
	}
	return nil, fmt.Errorf("it is not known how %s is given a profile of its own", filepath.Base(argv[0]))
}

// Browsers returns the commands of browsers of a kind that may be on a system, the best
// first: those that have containers, or those that make a profile for each name they are given.
func (l Launch) Browsers(system string) [][]string {
	firefox := map[string][]string{
		"darwin":  {"/Applications/Firefox.app/Contents/MacOS/firefox"},
		"windows": {`C:\Program Files\Mozilla Firefox\firefox.exe`},
	}
	chromium := map[string][]string{
		"darwin":  {"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"},
		"windows": {`C:\Program Files\Google\Chrome\Application\chrome.exe`, `C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe`},
	}
	names := []string{"google-chrome", "chromium", "chromium-browser", "brave-browser", "microsoft-edge"}
	paths := chromium[system]
	if l.Container != "" {
		names, paths = []string{"firefox", "firefox-esr", "librewolf"}, firefox[system]
	}
	var list [][]string
	for _, program := range append(paths, names...) {
		list = append(list, []string{program})
	}
	return list
}
