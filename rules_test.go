package main

// This file holds the rules that would otherwise be a review comment: what may import
// what, where a secret may be revealed, what every file of a kind must have.

import (
	"bufio"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/shells"
)

const module = "github.com/d44b7504/vault"

// pkg is what "go list" says of a package.
type pkg struct {
	ImportPath    string
	Doc           string
	Dir           string
	Imports, Deps []string
	GoFiles       []string
}

var ourPackages = sync.OnceValues(func() (map[string]pkg, error) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Doc,Dir,Imports,Deps,GoFiles", "./...").Output()
	if err != nil {
		return nil, err
	}
	all := map[string]pkg{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all[strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")] = p
	}
})

// packages maps the path of each package inside the module to what is known of it;
// the program itself is "".
func packages(t *testing.T) map[string]pkg {
	t.Helper()
	all, err := ourPackages()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return all
}

// folders are all that the repository has at its top level beside files. A package that
// nobody outside imports belongs under internal.
var folders = []string{".ci", ".github", "cmd", "completions", "docs", "env", "hooks", "internal", "refresh", "shells", "store"}

func TestTheTopLevelHasOnlyItsFolders(t *testing.T) {
	for _, file := range tracked(t) {
		dir, _, below := strings.Cut(file, "/")
		if below && dir != ".git" && !slices.Contains(folders, dir) {
			t.Errorf("%s is in a folder that does not belong at the top level: put it under internal", file)
		}
		if !below && path.Ext(file) == ".go" && file != "main.go" && !strings.HasSuffix(file, "_test.go") {
			t.Errorf("%s: the program's own package has main.go and tests only", file)
		}
	}
}

func TestNoOtherPackageIsPublic(t *testing.T) {
	public := []string{"", "cmd", "completions", "env", "hooks", "refresh", "shells", "store"}
	for name := range packages(t) {
		inside := slices.Contains(strings.Split(name, "/"), "internal")
		if !inside && !slices.Contains(public, name) {
			t.Errorf("package %q can be imported by other modules: put it under internal", name)
		}
	}
}

// testPackages are not part of the program.
var testPackages = []string{"internal/shelltest", "internal/testenv"}

func TestOnlyTestsImportTheTestPackages(t *testing.T) {
	for name, p := range packages(t) {
		for _, dep := range testPackages {
			if slices.Contains(p.Imports, module+"/"+dep) && !slices.Contains(testPackages, name) {
				t.Errorf("%q imports %s outside its tests", name, dep)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for name, p := range packages(t) {
		start := "Package " + path.Base(name) + " "
		if name == "" {
			start = "Command vault "
		}
		if !strings.HasPrefix(p.Doc, start) {
			t.Errorf("the comment of %q does not begin with %q: %q", p.ImportPath, start, p.Doc)
		}
	}
}

// arnPackage takes a text apart and imports nothing but strings: it may be used anywhere.
const arnPackage = "github.com/aws/aws-sdk-go-v2/aws/arn"

// The packages that only turn text into text reach neither the network nor a keyring
// nor another program, so that a reader need not look for it there.
func TestTheTextPackagesReachNothingOutside(t *testing.T) {
	barred := []string{"net", "net/http", "os/exec", "os/user", "crypto/tls", module, module + "/cmd", module + "/store", module + "/internal/sessions"}
	for _, name := range []string{"internal/creds", "internal/profiles", "internal/display", "env", "shells", "hooks", "completions"} {
		p, ok := packages(t)[name]
		if !ok {
			t.Errorf("there is no package %q", name)
		}
		for _, dep := range p.Deps {
			sdk := strings.HasPrefix(dep, "github.com/aws/") && dep != arnPackage
			if slices.Contains(barred, dep) || sdk {
				t.Errorf("%s reaches %s", name, dep)
			}
		}
	}
}

// arrows lists which of our packages each may import.
var arrows = map[string]string{
	"":                        "cmd internal/app internal/host",
	"cmd":                     "completions env hooks refresh shells store internal/app internal/atomicfile internal/console internal/creds internal/display internal/doctor internal/fakeaws internal/host internal/mfa internal/profiles internal/project internal/rotation internal/sessions internal/server internal/startfile internal/proxy internal/agent internal/settings internal/progress",
	"internal/app":            "env refresh store internal/atomicfile internal/console internal/creds internal/display internal/host internal/mfa internal/profiles internal/progress internal/project internal/rotation internal/sessions internal/server",
	"internal/agent":          "env refresh store internal/app internal/creds internal/profiles internal/server internal/sessions",
	"internal/settings":       "store",
	"internal/manpages":       "cmd internal/settings",
	"internal/display":        "",
	"internal/progress":       "",
	"internal/doctor":         "env hooks shells refresh store internal/app internal/creds internal/display internal/host internal/mfa internal/profiles internal/project internal/sessions internal/startfile",
	"internal/startfile":      "shells internal/atomicfile",
	"internal/project":        "refresh internal/atomicfile",
	"internal/host":           "env shells internal/creds",
	"completions":             "hooks shells internal/display",
	"hooks":                   "env shells internal/display",
	"internal/shelltest":      "shells internal/testenv",
	"shells":                  "env",
	"env":                     "internal/creds",
	"refresh":                 "store internal/atomicfile internal/creds internal/profiles",
	"internal/sessions":       "store internal/atomicfile internal/creds internal/display internal/profiles internal/progress",
	"internal/rotation":       "store internal/atomicfile internal/creds",
	"internal/mfa":            "internal/creds",
	"store":                   "env internal/atomicfile internal/creds internal/display internal/host internal/progress store/internal/busguard",
	"store/internal/busguard": "",
	"internal/storetest":      "store internal/creds internal/atomicfile",
	"internal/console":        "internal/creds",
	"internal/fakeaws":        "internal/creds",
	"internal/profiles":       "internal/atomicfile internal/creds",
	"internal/server":         "internal/creds",
	"internal/proxy":          "internal/creds internal/server",
	"internal/creds":          "",
	"internal/atomicfile":     "",
	"internal/testenv":        "",
}

// The core has no command line, so that a process that serves many clients can hold it.
func TestTheCoreHasNoCommandLine(t *testing.T) {
	for _, dep := range packages(t)["internal/app"].Deps {
		if strings.HasPrefix(dep, "github.com/spf13/") || dep == module+"/cmd" {
			t.Errorf("internal/app reaches %s", dep)
		}
	}
}

func TestArrowsPointOneWay(t *testing.T) {
	for name, p := range packages(t) {
		allowed, known := arrows[name]
		if !known {
			t.Errorf("package %q has no place among the arrows", name)
		}
		for _, i := range p.Imports {
			ours, is := strings.CutPrefix(i, module+"/")
			if is && !slices.Contains(strings.Fields(allowed), ours) {
				t.Errorf("%q imports %q, against the arrows", name, ours)
			}
		}
	}
}

// fences lists modules that one or two packages may import, so that what they cost and
// what they change stays in one place.
var fences = map[string][]string{
	"github.com/aws/aws-sdk-go-v2/service/":      {"internal/sessions"},
	"github.com/aws/aws-sdk-go-v2/config":        {},
	"github.com/aws/aws-sdk-go-v2/aws/signer/":   {"internal/sessions", "internal/fakeaws"},
	"github.com/aws/":                            {"internal/sessions", "internal/fakeaws"},
	"github.com/99designs/keyring":               {"store"},
	"github.com/godbus/":                         {"store"},
	"github.com/dvsekhvalnov/":                   {"store"},
	"github.com/spf13/":                          {"cmd", "internal/manpages"},
	"github.com/fatih/color":                     {"cmd"},
	"github.com/mattn/go-isatty":                 {"internal/host"},
	"github.com/d44b7504/vault/internal/fakeaws": {"cmd"},
	"github.com/d44b7504/vault/store/internal/":  {"store"},
	"github.com/pquerna/otp":                     {},
	"github.com/gofrs/flock":                     {"refresh", "cmd", "store"},
	"filippo.io/":                                {"store", "internal/storetest"},
	"github.com/rogpeppe/go-internal":            {},
}

func TestLibrariesStayBehindTheirFences(t *testing.T) {
	for name, p := range packages(t) {
		for _, i := range p.Imports {
			for fence, allowed := range fences {
				if strings.HasPrefix(i, fence) && i != arnPackage && !slices.Contains(allowed, name) {
					t.Errorf("%q imports %s", name, i)
				}
			}
		}
	}
}

// sources calls f for every Go file that is part of the program on any system.
func sources(t *testing.T, f func(file string, tree *ast.File)) {
	t.Helper()
	for name, p := range packages(t) {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%q has no files: %v", name, err)
		}
		for _, file := range files {
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") && !generator(tree) {
				f(path.Join(name, filepath.Base(file)), tree)
			}
		}
	}
}

// generator: a file that is run by hand and is not part of the program.
func generator(tree *ast.File) bool {
	for _, group := range tree.Comments {
		for _, c := range group.List {
			if c.Pos() < tree.Package && c.Text == "//go:build ignore" {
				return true
			}
		}
	}
	return false
}

// selected calls f for every x.name in a file, with the text of x where it is a name.
func selected(tree *ast.File, f func(x, name string)) {
	ast.Inspect(tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			x, _ := s.X.(*ast.Ident)
			if x == nil {
				x = &ast.Ident{}
			}
			f(x.Name, s.Sel.Name)
		}
		return true
	})
}

// writers lists the files, or whole folders, that write files by themselves, and why.
// Everything else uses internal/atomicfile, or a half-written file would be left, or one
// that others can read.
var writers = map[string]string{
	"internal/atomicfile/": "it is the one that writes files",
	"internal/host/":       "opens the terminal",
	"internal/proxy/":      "gives a socket to the user it is for",
	"cmd/demo_stage.go":    "a stage in a temporary directory, which is deleted at the end",
	"internal/manpages/":   "writes what a package is made of",
	"cmd/formats.go":       "appends to the file that GitHub made for it",
}

func TestFilesAreWrittenByOnePackage(t *testing.T) {
	changes := []string{"WriteFile", "Create", "CreateTemp", "OpenFile", "Rename", "Mkdir", "MkdirAll", "MkdirTemp", "Link", "Symlink", "Truncate", "Chown", "Lchown"}
	found := map[string]bool{}
	sources(t, func(file string, tree *ast.File) {
		selected(tree, func(x, name string) {
			if x == "os" && slices.Contains(changes, name) && !slices.Contains(testPackages, path.Dir(file)) {
				found[file] = true
			}
		})
	})
	onlyIn(t, writers, found, "writes files by itself")
}

// onlyIn compares the files in which a test has found a thing with the list of the files, or whole
// folders, that may have it. does is the thing, after the name of a file.
func onlyIn(t *testing.T, list map[string]string, found map[string]bool, does string) {
	t.Helper()
	listed := map[string]bool{}
	for file := range found {
		place, _ := path.Split(file)
		if list[place] == "" {
			place = file
		}
		if list[place] == "" {
			t.Errorf("%s %s", file, does)
		}
		listed[place] = true
	}
	for place := range list {
		if !listed[place] {
			t.Errorf("of %s it is not true any more that it %s: take it off the list", place, does)
		}
	}
}

func TestOnlyMainExits(t *testing.T) {
	exits := 0
	sources(t, func(file string, tree *ast.File) {
		selected(tree, func(x, name string) {
			ends := x == "os" && name == "Exit" || x == "log" && strings.HasPrefix(name, "Fatal") || x == "syscall" && name == "Exit"
			if ends && file == "internal/manpages/main.go" {
				return // a program of its own
			}
			if ends && file != "main.go" {
				t.Errorf("%s ends the process with %s.%s", file, x, name)
			} else if ends {
				exits++
			}
		})
	})
	if exits != 1 {
		t.Errorf("main.go exits at %d places", exits)
	}
}

// reveals lists the files, or whole folders, in which a secret may be taken out of its
// type, and why.
var reveals = map[string]string{
	"internal/creds/session.go":        "looks for characters that no credential has",
	"internal/creds/secret.go":         "compares two",
	"shells/language.go":               "the code a shell evaluates",
	"env/env.go":                       "a child's environment",
	"env/activate.go":                  "fingerprints of what was exported, and our own state",
	"env/project.go":                   "the notes of direnv and mise",
	"env/exec.go":                      "the state of the session around a command",
	"env/blocked.go":                   "whether a variable is as it should be",
	"cmd/add.go":                       "the key a person typed, on its way to the keyring",
	"cmd/ask.go":                       "an answer that is not a secret",
	"internal/app/csv.go":              "the key in a file, on its way to the keyring",
	"cmd/formats.go":                   "what export was asked for",
	"internal/agent/wire.go":           "sessions, codes and a passphrase on the agent's socket",
	"internal/server/answer.go":        "a reply to who holds the token",
	"internal/server/metadata.go":      "a reply to this machine's programs, when the user asked for that",
	"internal/server/fetch.go":         "shows the token to the endpoint",
	"cmd/login.go":                     "the address of the console, where the person wants it",
	"internal/console/handoff.go":      "sends a browser on to the console",
	"internal/sessions/console.go":     "shows a session to the console's sign-in",
	"cmd/serve.go":                     "the token of an endpoint, on its way to the file that its user reads",
	"cmd/proxy.go":                     "the token of an endpoint, on its way to the proxy that asks it",
	"internal/sessions/sts.go":         "signs a request",
	"internal/sessions/rest.go":        "the token that a request is made with",
	"internal/sessions/sso_token.go":   "renews a sign-in",
	"internal/sessions/sso_signin.go":  "finishes a sign-in",
	"internal/sessions/sso_cache.go":   "shares a sign-in with the AWS CLI, on request",
	"internal/sessions/process.go":     "reads what a credential_process printed",
	"internal/sessions/webidentity.go": "shows an identity token to STS",
	"internal/sessions/host.go":        "asks the container with its token",
	"store/token.go":                   "the keyring's items",
	"internal/sessions/maker.go":       "whether what was typed is a code at all",
	"store/keys.go":                    "the keyring's items",
	"store/session.go":                 "the keyring's items",
	"store/pbkdf2.go":                  "the passphrase of the file back end",
	"store/age_identity.go":            "the passphrase of an age identity",
	"store/age_seal.go":                "what a plugin of age asked for",
	"internal/fakeaws/":                "the emulator makes and verifies secrets of its own",
}

func TestSecretsAreRevealedOnlyWhereTheyMustBe(t *testing.T) {
	found := map[string]bool{}
	sources(t, func(file string, tree *ast.File) {
		selected(tree, func(_, name string) {
			if name == "Reveal" {
				found[file] = true
			}
		})
	})
	onlyIn(t, reveals, found, "reveals a secret")
}

// printers lists the files of cmd that write to standard output or standard error by
// themselves, and why. All others print by what cleans a text for a terminal.
var printers = map[string]string{
	"cmd/project_enter.go": "gives PowerShell's hook what was said, in clean lines, to show it",
	"cmd/output.go":        "cleans it",
	"cmd/run.go":           "cleans it",
	"cmd/root.go":          "buffers it",
	"cmd/emit.go":          "code that a shell evaluates",
	"cmd/formats.go":       "what export was asked for, which is refused if a terminal would act on it",
	"cmd/hook.go":          "code that a shell evaluates",
	"cmd/complete.go":      "candidates for a shell",
	"cmd/list.go":          "JSON of thousands of rows, each by display.AppendJSONString",
	"cmd/import.go":        "chooses one of the two for what cleans",
	"cmd/demo.go":          "the terminal of the demo's own shell",

	"cmd/demo_play_other.go": "the terminal of the demo's own shell",
}

// cleaners are the functions that may be given a stream: they clean what they write.
var cleaners = []string{"JSON", "Write", "printCleanLines"}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// isNamed reports whether x is that name alone.
func isNamed(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// Text from outside, such as an answer of AWS or a name in a file, may hold escape
// sequences. It reaches a terminal by functions that leave none of them.
func TestTextReachesATerminalOnlyWithoutEscapeSequences(t *testing.T) {
	found := map[string]bool{}
	sources(t, func(file string, tree *ast.File) {
		if path.Dir(file) != "cmd" {
			return
		}
		cleaned := map[ast.Node]bool{} // streams that are handed to a cleaner
		ast.Inspect(tree, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && slices.Contains(cleaners, called(call)) {
				for _, arg := range call.Args {
					cleaned[arg] = true
				}
			}
			s, ok := n.(*ast.SelectorExpr)
			if ok && (s.Sel.Name == "Stdout" || s.Sel.Name == "Stderr") && !cleaned[s] && !isNamed(s.X, "out") { // out: of a program
				found[file] = true
			}
			return true
		})
	})
	onlyIn(t, printers, found, "writes to standard output or standard error by itself")
}

// starters lists the files, or whole folders, that start other programs by themselves, and
// why. Everything else uses internal/host, which bounds a program and cleans its environment.
var starters = map[string]string{
	"internal/host/":         "it is the one that starts programs",
	"internal/proxy/":        "root's copy of this program, and the system's ifconfig",
	"internal/shelltest/":    "shells, for tests",
	"internal/testenv/":      "what a test needs",
	"cmd/demo_stage.go":      "the demo's own shell, in an environment of its own",
	"cmd/demo_play_unix.go":  "the demo's own shell, on a terminal of its own",
	"cmd/demo_play_other.go": "the demo's own shell",
}

func TestProgramsAreStartedInOnePlace(t *testing.T) {
	starts := map[string][]string{
		"exec": {"Command", "CommandContext"}, "os": {"StartProcess"}, "syscall": {"Exec", "ForkExec", "StartProcess"},
		"unix": {"Exec"}, "pty": {"Start", "StartWithSize", "StartWithAttrs"},
	}
	found := map[string]bool{}
	sources(t, func(file string, tree *ast.File) {
		selected(tree, func(x, name string) {
			if slices.Contains(starts[x], name) {
				found[file] = true
			}
		})
	})
	onlyIn(t, starters, found, "starts a program by itself")
}

// called is the name of the function or method that is called, "" for another expression.
func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.SelectorExpr); ok && (x.Sel.Name == "Stdout" || x.Sel.Name == "Stderr") {
			return "" // the stream's own Write
		}
		return f.Sel.Name
	}
	return ""
}

func TestEveryHookHasItsFivePartsInOrder(t *testing.T) {
	parts := []string{"the function", "the precmd", "the prompt segment", "registration", "in "}
	for _, shell := range shells.All() {
		text, err := os.ReadFile("hooks/hook." + shell.Extension)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for line := range strings.Lines(string(text)) {
			if title, is := strings.CutPrefix(strings.TrimSpace(line), "# --- "); is {
				found = append(found, title)
			}
		}
		same := slices.EqualFunc(found, parts, strings.HasPrefix)
		if !same {
			t.Errorf("%s: the parts are %q, not %q", shell.Name, found, parts)
		}
	}
}

func TestTheReadmeHasTheLineOfEveryShell(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, sh := range shells.All() {
		line, err := sh.RCLine("vault")
		if err != nil {
			t.Fatal(err)
		}
		row := "| " + sh.Title + " | `" + sh.StartFile + "` | `" + strings.ReplaceAll(line, "|", `\|`) + "` |"
		if !strings.Contains(string(page), row) {
			t.Errorf("README.md has no line %s", row)
		}
	}
}

func TestEveryCellOfTheComparisonHasItsSource(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(page), "\n## Beside other tools\n")
	part, _, _ = strings.Cut(part, "\n## ")
	rows, unused := 0, map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\[([a-z-]+)\]: https://`).FindAllStringSubmatch(part, -1) {
		unused[m[1]] = true
	}
	known := maps.Clone(unused)
	for _, row := range regexp.MustCompile(`(?m)^\| [a-z].*$`).FindAllString(part, -1) {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		rows++
		for _, cell := range cells[1:] {
			m := regexp.MustCompile(`^\[[^]]+\](?:\[([a-z-]+)\]|\([^)]+\))$`).FindStringSubmatch(cell)
			if len(cells) != 7 || m == nil || m[1] != "" && !known[m[1]] {
				t.Errorf("%s: %q of %d", cells[0], cell, len(cells))
			} else {
				delete(unused, m[1])
			}
		}
	}
	delete(unused, "av") // in the text
	if rows < 8 || len(unused) > 0 {
		t.Errorf("%d rows; %v are not used", rows, unused)
	}
}

func TestEveryShellHasATestShell(t *testing.T) {
	shelltest.All(t) // fails for one that has none
}

// built builds the program as a release is built.
func built(t testing.TB) string {
	t.Helper()
	return compiled(t, ".", releaseEnviron()...)
}

// releaseEnviron: a release needs C only on macOS, for the keychain. Elsewhere it would
// cost a millisecond at each start, for a resolver and a user database we do not need.
func releaseEnviron() []string {
	if runtime.GOOS == "darwin" {
		return nil
	}
	return []string{"CGO_ENABLED=0"}
}

func compiled(t testing.TB, source string, environ ...string) string {
	t.Helper()
	dir := t.TempDir()
	file, linked := filepath.Join(dir, "vault"), filepath.Join(dir, "linked")
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	build := exec.Command("go", "build", "-trimpath", "-tags=nethttpomithttp2", "-ldflags=-s -w -funcalign=8", // as internal/release does
		"-gcflags=github.com/d44b7504/vault/cmd=-l", "-gcflags=github.com/d44b7504/vault/internal/fakeaws=-l", "-gcflags=github.com/junegunn/fzf/src=-l",
		"-o", linked, source)
	build.Env = append(os.Environ(), environ...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", source, err, out)
	}
	// A file that was copied, as an installation does, lies in larger pieces in the page cache
	// than the one that the linker has written, and starts up to a tenth faster.
	program, err := os.ReadFile(linked)
	if err == nil {
		err = errors.Join(os.WriteFile(file, program, 0o755), os.Remove(linked))
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheBinaryStaysUnderSixteenMegabytes(t *testing.T) {
	testenv.OnlyLong(t, "builds everything once more, as a release is built")
	info, err := os.Stat(built(t))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 16e6 {
		t.Errorf("%d bytes", info.Size())
	}
	t.Logf("%.1f MB", float64(info.Size())/1e6)
}

// inCode finds what a Markdown page sets as code: fenced blocks by line, and spans.
func inCode(page string) []string {
	var lines []string
	fenced := false
	for line := range strings.Lines(page) {
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			fenced = !fenced
		case fenced:
			lines = append(lines, line)
		default:
			for i, span := range strings.Split(line, "`") {
				if i%2 == 1 {
					lines = append(lines, span)
				}
			}
		}
	}
	return lines
}

// A call of the program at the start of a line of code, after a prompt's sign, or in
// a command substitution: not "vault:" in what it says, nor a path.
var (
	callRE = regexp.MustCompile(`(?:^|[$>%(&;|] ?)(?:\./)?vault((?: [a-z][a-z-]*)+|)((?: [^|;&)]*)?)`)
	flagRE = regexp.MustCompile(`(?:^| )(--?[A-Za-z][a-z0-9-]*)`)
)

// documented is the text of all documents.
func documented(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(pages, "README.md", "SECURITY.md", "CONTRIBUTING.md") {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(page)
	}
	return text.String()
}

func TestEveryCommandInTheDocumentsExists(t *testing.T) {
	bin, err := testenv.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	seen, helps := map[string]bool{}, map[string]string{}
	hidden := map[string]string{"refresh": "\n  --env"} // for hooks, and in docs/architecture.md
	for _, line := range inCode(documented(t)) {
		for _, call := range callRE.FindAllStringSubmatch(line, -1) {
			words, rest := strings.Fields(call[1]), call[2]
			if len(words) == 0 || slices.Equal(words, []string{"prod"}) { // a profile, with AWS_VAULT_SHORT
				continue
			}
			seen[words[0]] = true
			called := strings.Join(words, " ")
			if _, is := helps[called]; !is {
				helps[called] = help(t, bin, words)
			}
			known := helps[called] + hidden[called]
			own, _, _ := strings.Cut(rest+" ", " -- ")
			for _, f := range flagRE.FindAllStringSubmatch(own, -1) {
				shown := strings.Replace(f[1], "--no-", "--", 1) // negations are hidden
				if !regexp.MustCompile(`(?m)^ .*(` + regexp.QuoteMeta(f[1]) + "|" + regexp.QuoteMeta(shown) + `)\b`).MatchString(known) {
					t.Errorf("%q: %q has no flag %s", strings.TrimSpace(line), words[0], f[1])
				}
			}
		}
	}
	for _, name := range []string{"use", "off", "exec", "add", "hook"} {
		if !seen[name] {
			t.Errorf("the documents do not show %q", name)
		}
	}
}

// The hooks show one note without asking the program.
func TestEveryHookShowsTheNoteOfAChangedEnvironment(t *testing.T) {
	files, err := filepath.Glob("hooks/hook.*")
	if err != nil || len(files) < len(shells.Names()) {
		t.Fatalf("%q: %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || path.Ext(file) != ".go" && !strings.Contains(string(text), " "+string(refresh.Changed)) {
			t.Errorf("%s does not show %s: %v", file, refresh.Changed, err)
		}
	}
}

// help is what the program says of the command the words begin with.
func help(t *testing.T, bin string, words []string) string {
	t.Helper()
	text := helpOf(t, bin, words[:1])
	if len(words) > 1 && strings.Contains(text, "\nCommands:\n") && strings.Contains(text, "\n  "+words[1]+" ") {
		text = helpOf(t, bin, words[:2])
	}
	if regexp.MustCompile(`(?m)^(?:  vault|Also:.*) ` + words[0] + `\b`).MatchString(text) {
		return text
	}
	t.Errorf("the documents have %q, and there is no such command", "vault "+strings.Join(words, " "))
	return ""
}

func helpOf(t *testing.T, bin string, words []string) string {
	t.Helper()
	cmd := exec.Command(bin, append(words[:len(words):len(words)], "--help")...)
	cmd.Env = outside(t)
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("vault %s --help: %v", strings.Join(words, " "), err)
	}
	return string(out)
}

// The threat model has a list of promises, and a table of the tests that hold each.
func TestEveryPromiseHasItsTests(t *testing.T) {
	page, err := os.ReadFile("docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "\n## What is promised\n")
	list, table, _ := strings.Cut(after, "\n## Each promise and its tests\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var promised, held []string
	for _, m := range regexp.MustCompile(`(?m)^- (?:\*\*(.*?)\.?\*\*)?`).FindAllStringSubmatch(list, -1) {
		promised = append(promised, m[1])
	}
	for _, m := range regexp.MustCompile("(?m)^\\| (.*) \\| `(?:Test|Fuzz).*` \\|$").FindAllStringSubmatch(table, -1) {
		held = append(held, m[1])
	}
	if !slices.Equal(promised, held) || len(held) < 15 {
		t.Errorf("the promises are\n%q\nand the table has the tests of\n%q", promised, held)
	}
	for _, m := range regexp.MustCompile("`TestScript/([a-z-]+)`").FindAllStringSubmatch(table, -1) {
		if _, err := os.Stat("cmd/testdata/script/" + m[1] + ".txtar"); err != nil {
			t.Error(err)
		}
	}
}

// Every package with a fuzz target is fuzzed each night.
func TestEveryFuzzTargetIsFuzzed(t *testing.T) {
	workflow, err := os.ReadFile(".github/workflows/test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range tracked(t) {
		text, _ := os.ReadFile(file)
		dir := "./" + filepath.ToSlash(filepath.Dir(file))
		if strings.HasSuffix(file, "_test.go") && strings.Contains(string(text), "\nfunc Fuzz") && !regexp.MustCompile(`package: \[.*`+regexp.QuoteMeta(dir)+`[,\]]`).Match(workflow) {
			t.Errorf("%s has a fuzz target, and the workflow does not fuzz %s", file, dir)
		}
	}
}

// outside is an environment in which nothing of the user's can be reached.
func outside(t testing.TB) []string {
	home := t.TempDir()
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "USERPROFILE=" + home, "SystemRoot=" + os.Getenv("SystemRoot"),
		"XDG_RUNTIME_DIR=" + home, "TMPDIR=" + home, "AWS_CONFIG_FILE=" + filepath.Join(home, "config"),
		"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", "AWS_EC2_METADATA_DISABLED=true",
	}
}

// tracked lists the files of the repository, with slashes.
func tracked(t *testing.T) []string {
	t.Helper()
	if out, err := exec.Command("git", "ls-files", "-z").Output(); err == nil && len(out) > 0 {
		return strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	}
	var files []string
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// No file may name where it was written: such a path means nothing elsewhere.
func TestNoFileNamesThisMachine(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	barred := []string{here}
	if parent := filepath.Dir(here); !strings.HasPrefix(os.TempDir(), parent) {
		barred = append(barred, parent)
	}
	if u, err := user.Current(); err == nil && isDir(u.HomeDir) { // that of a user for services may be /nonexistent
		barred = append(barred, u.HomeDir)
	}
	for _, file := range tracked(t) {
		data, err := os.Open(filepath.FromSlash(file))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		for n, lines := 1, bufio.NewScanner(data); lines.Scan(); n++ {
			for _, p := range barred {
				if len(p) > 3 && names(lines.Text(), p) {
					t.Errorf("%s:%d names %s", file, n, p)
				}
			}
		}
		_ = data.Close()
	}
}

// names says whether a line has the path or something below it, and not merely a path
// that has the same words in it.
func names(line, dir string) bool {
	for {
		i := strings.Index(line, dir)
		if i < 0 {
			return false
		}
		after := line[i+len(dir):]
		inside := i > 0 && (isWord(line[i-1]) || line[i-1] == '/')
		if !inside && (after == "" || !isWord(after[0])) {
			return true
		}
		line = after
	}
}

func isWord(c byte) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func TestEverySourceFileThatADocumentNamesExists(t *testing.T) {
	files := tracked(t)
	for _, file := range files {
		if path.Ext(file) != ".md" || file == "CHANGELOG.md" {
			continue
		}
		text, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			continue // removed and not yet committed
		}
		for _, span := range inCode(string(text)) {
			named := path.Ext(span) == ".go" && !strings.ContainsAny(span, " *") && !strings.Contains(span, "NAME") // a file to be added
			if named && !slices.ContainsFunc(files, func(f string) bool { return f == span || strings.HasSuffix(f, "/"+span) }) {
				t.Errorf("%s names %s", file, span)
			}
		}
	}
}

// linkRE finds the target of a link in Markdown, and the heading there.
var linkRE = regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)]*))?\)`)

// anchors are the names of the headings of a page, as GitHub makes them.
func anchors(page string) (list []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		list = append(list, strings.ReplaceAll(name, " ", "-"))
	}
	return list
}

func TestEveryLinkInTheDocumentsLeadsSomewhere(t *testing.T) {
	for _, file := range tracked(t) {
		if path.Ext(file) != ".md" {
			continue
		}
		text, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			continue // removed and not yet committed
		}
		for _, link := range linkRE.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(link[1], ":") {
				continue // elsewhere
			}
			target := filepath.FromSlash(file)
			if link[1] != "" {
				target = filepath.FromSlash(path.Join(path.Dir(file), link[1]))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s leads to %s: %v", file, link[1], err)
			}
			if page, _ := os.ReadFile(target); link[2] != "" && !slices.Contains(anchors(string(page)), link[2]) {
				t.Errorf("%s leads to %s#%s, and there is no such heading", file, link[1], link[2])
			}
		}
	}
}

func TestTheContentsOfTheDocumentsHaveEveryPage(t *testing.T) {
	contents, err := os.ReadFile("docs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%v: %v", pages, err)
	}
	for _, page := range pages {
		if name := filepath.Base(page); name != "README.md" && !strings.Contains(string(contents), "]("+name+")") {
			t.Errorf("docs/README.md does not have %s", name)
		}
	}
}

// One function writes JSON for programs: indented, without HTML escapes and without what a
// terminal acts on.
func TestJSONForProgramsIsWrittenByOneFunction(t *testing.T) {
	sources(t, func(file string, tree *ast.File) {
		if path.Dir(file) != "cmd" && path.Dir(file) != "internal/doctor" {
			return
		}
		selected(tree, func(x, name string) {
			if x == "json" && (strings.HasPrefix(name, "Marshal") || name == "NewEncoder") {
				t.Errorf("%s calls json.%s, and not display.JSON", file, name)
			}
		})
	})
}

// testName finds the name of a test or of a fuzz target in a document.
var testName = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w+)(?:/[^`]*)?`")

func TestEveryTestThatADocumentNamesExists(t *testing.T) {
	var all strings.Builder
	files := tracked(t)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			text, _ := os.ReadFile(filepath.FromSlash(file)) // "" for one that is removed and not yet committed
			all.Write(text)
		}
	}
	for _, file := range files {
		if path.Ext(file) != ".md" || file == "CHANGELOG.md" {
			continue
		}
		text, _ := os.ReadFile(filepath.FromSlash(file))
		for _, m := range testName.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(all.String(), "\nfunc "+m[1]+"(") {
				t.Errorf("%s names %s", file, m[1])
			}
		}
	}
}

// spanName is how a value of type time.Duration is named here.
var spanName = regexp.MustCompile(`(?i)(duration|timeout|ttl|deadline|ago|left|wait|skew|patience|interval|lifetime|backoff|ahead|took|since|hold)$`)

// isSpan reports whether an expression is a length of time, as far as its text tells.
func isSpan(e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name == "d" || spanName.MatchString(x.Name)
	case *ast.SelectorExpr:
		return spanName.MatchString(x.Sel.Name)
	case *ast.CallExpr:
		s, ok := x.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		of, _ := s.X.(*ast.Ident)
		fromDisplay := of != nil && of.Name == "display"
		return !fromDisplay && (slices.Contains([]string{"Since", "Until", "Sub", "Round", "Truncate", "Abs"}, s.Sel.Name) || s.Sel.Name == "String" && isSpan(s.X))
	}
	return false
}

// Go writes a duration as 37h0m34.508235327s. A person reads display.Span, Left or Ago.
func TestALengthOfTimeIsToldByOnePackage(t *testing.T) {
	tells := []string{"Sprintf", "Errorf", "Fprintf", "Appendf", "say", "hint", "print", "WithHint", "warning", "problem", "note", "ok", "Row"}
	sources(t, func(file string, tree *ast.File) {
		if path.Dir(file) == "internal/display" || strings.HasPrefix(file, "internal/fakeaws") {
			return
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := ""
			switch f := c.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			for _, a := range c.Args {
				if slices.Contains(tells, name) && isSpan(a) {
					t.Errorf("%s tells a length of time without internal/display, in a call of %s", file, name)
				}
			}
			return true
		})
	})
}
