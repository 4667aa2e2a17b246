package main

import (
	"cmp"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/d44b7504/vault/refresh"
)

// cured is a message of the program and what it says to do about it. One of the two is "" where
// it is not a text in the code, but made of others. A "…" stands for what is filled in.
type cured struct{ at, message, cure string }

// cureVariables and cureFunctions are where the code has cures beside the calls and the fields
// that give one: variables, and functions that return nothing else.
var (
	cureVariables = []string{"cure", "hint"}
	cureFunctions = regexp.MustCompile(`(?:Hint|Cure|^nearSetting|^DidYouMean)$`)
)

// troubleshootingPage is docs/troubleshooting.md in one line.
func troubleshootingPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	return flat(strings.ReplaceAll(string(text), `\|`, "|"))
}

func TestEveryMessageWithACureIsInTheTroubleshootingPage(t *testing.T) {
	page := troubleshootingPage(t)
	plain := joined(page)
	found := 0
	sources(t, func(file string, tree *ast.File) {
		for _, c := range curesIn(file, tree) {
			found++
			for _, part := range []string{c.message, c.cure} {
				if !strings.Contains(plain, joined(part)) {
					t.Errorf("%s: docs/troubleshooting.md has no %q (%q: %q)", c.at, part, c.message, c.cure)
				}
			}
		}
	})
	for _, m := range refresh.Meanings() {
		if row := flat("| `" + string(m.Note) + "` | " + m.Sentence + " | " + m.Advice() + " |"); !strings.Contains(page, row) {
			t.Errorf("docs/troubleshooting.md has no row %q", row)
		}
	}
	if found < 150 {
		t.Errorf("only %d messages were found", found)
	}
}

// adviceRE finds a text that says by itself what to do: a verb that asks for it after a break, or
// a command of this program.
var adviceRE = regexp.MustCompile(`[;:,] (?:then )?(?:run|try|use|set|unset|name|choose|give|write|delete|remove|add|leave|start|open|copy|put|see|type|make|replace)\b` +
	`|vault (?:use|off|refresh|add|import|list|show|init|doctor|rotate|lock|clear|remove|migrate|store|sso|login|export|exec|serve|agent|proxy|project|help|hook)\b`)

// notAdvice are texts that adviceRE finds and that are no message, or say nothing to do, and why.
var notAdvice = map[string]string{
	"a file that others read": `# begin: written by vault init; vault init --undo removes it|# end: written by vault init|` +
		`# begin: profiles written by vault sso sync for|# end: profiles written by vault sso sync for|` +
		`# Who can read the items of this store. Change it with vault store age add-recipient`,
	"what vault status and vault agent status say of a session, with nothing wrong": `by itself: vault exec serves it while this shell lives|` +
		`in one vault exec, which exit leaves|… deep in vault exec, and each exit leaves one|when you run vault refresh, which|` +
		`, locked by vault lock until vault refresh there, or vault use`,
	"a question": `the key … was …. To delete it nevertheless, type its last four characters:|Number, name, or a part of it:|vault store age remove-recipient|` +
		`vault store age reencrypt|vault sso sync`,
	"what is done, or would be": `, remove it from the file|vault init has written nothing that is still there; nothing was changed|` +
		`…, served to the programs of this shell until … (then vault refresh …)|the session of aws-vault, of …, comes back with vault off|` +
		`a sub-shell with …; leave it with exit|a sub-shell with …, inside a session of aws-vault, of …; leave it with exit`,
	"what vault init offers for the beginning": `vault use chooses a profile|vault add NAME stores an access key|` +
		`vault sso login --start-url URL signs in to your company's Identity Center`,
	"a command line": `vault login`,
}

// talkative are the files whose texts are for a page of help, a demonstration or a shell, and no messages.
var talkative = []string{"cmd/demo.go", "cmd/demo_play_other.go", "cmd/demo_play_unix.go", "cmd/examples.go", "cmd/help.go", "hooks/project.go", "shells/posix.go"}

// A message that says what to do without WithHint, in the same sentence, is in the page too.
func TestEveryMessageThatSaysWhatToDoIsInTheTroubleshootingPage(t *testing.T) {
	page := joined(troubleshootingPage(t))
	other, seen := map[string]bool{}, map[string]bool{}
	for _, texts := range notAdvice {
		for _, text := range strings.Split(texts, "|") {
			other[text] = true
		}
	}
	sources(t, func(file string, tree *ast.File) {
		if isOutside(file) || strings.HasPrefix(file, "internal/fakeaws/") || strings.HasPrefix(file, "internal/settings/") || slices.Contains(talkative, file) {
			return
		}
		for _, text := range adviceIn(tree) {
			seen[text] = true
			if !other[text] && !strings.Contains(page, joined(text)) {
				t.Errorf("%s: docs/troubleshooting.md has no %q", file, text)
			}
		}
	})
	for _, text := range adviceOfHooks(t) {
		if !strings.Contains(page, joined(text)) {
			t.Errorf("hooks: docs/troubleshooting.md has no %q", text)
		}
	}
	for text := range other {
		if !seen[text] {
			t.Errorf("no code has %q: take it out of the list above", text)
		}
	}
}

// bindsFlag finds the name of a function that is given the description of a flag.
var bindsFlag = regexp.MustCompile(`(?:Var|VarP|Flag)$`)

var joints = regexp.MustCompile("[`*|]|[;:,.](?: |$)")

// joined is a text in lower case without what joins its parts: the page has the two halves of a sentence in two cells.
func joined(text string) string {
	return flat(strings.ToLower(joints.ReplaceAllString(text, " ")))
}

// adviceIn are the texts of a file that say what to do, without those of flags and of help.
func adviceIn(tree *ast.File) (list []string) {
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			key, ok := n.Key.(*ast.Ident)
			return !ok || !slices.Contains([]string{"Short", "Long", "Example"}, key.Name)
		case *ast.ValueSpec:
			return !strings.HasSuffix(n.Names[0].Name, "Help")
		case *ast.CallExpr:
			return !bindsFlag.MatchString(called(n))
		case *ast.BasicLit:
			if text := flat(template(n)); adviceRE.MatchString(text) {
				list = append(list, text)
			}
		}
		return true
	})
	return list
}

// hookMessage is what a hook says by itself.
var hookMessage = regexp.MustCompile(`["'](@NAME@:? [^"']{6,}(?:'\S+'[^"']*)?)["']`)

// adviceOfHooks are the texts of the hooks that say what to do.
func adviceOfHooks(t *testing.T) (list []string) {
	t.Helper()
	files, err := filepath.Glob("hooks/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range hookMessage.FindAllStringSubmatch(string(text), -1) {
			if filepath.Ext(file) != ".go" && adviceRE.MatchString(m[1]) {
				list = append(list, strings.TrimPrefix(strings.Replace(m[1], "@NAME@", "vault", 1), "vault: "))
			}
		}
	}
	if len(list) < 2 {
		t.Errorf("only %q were found", list)
	}
	return list
}

// curesIn are the messages with cures of a file.
func curesIn(file string, tree *ast.File) (list []cured) {
	if isOutside(file) || strings.HasPrefix(file, "internal/fakeaws/") {
		return nil
	}
	function := ""
	add := func(message, cure ast.Expr) {
		if c := (cured{file + ": " + function, flat(template(message)), flat(template(cure))}); worth(c.message) || worth(c.cure) {
			list = append(list, c)
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			function = n.Name.Name
		case *ast.CallExpr:
			cureOfCall(file, n, add)
		case *ast.CompositeLit:
			if cure := field(n, "Cure"); cure != nil {
				add(field(n, "What"), cure)
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if name, ok := left.(*ast.Ident); ok && slices.Contains(cureVariables, name.Name) && len(n.Lhs) == len(n.Rhs) {
					add(nil, n.Rhs[i])
				}
			}
		case *ast.ReturnStmt:
			switch {
			case cureFunctions.MatchString(function) && len(n.Results) == 1:
				add(nil, n.Results[0])
			case function == "problemWords" && len(n.Results) == 2:
				add(n.Results[0], n.Results[1])
			}
		}
		return true
	})
	return list
}

// field is a field of a value that names its fields, nil if it has none of that name.
func field(x *ast.CompositeLit, name string) ast.Expr {
	for _, e := range x.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			if key, is := pair.Key.(*ast.Ident); is && key.Name == name {
				return pair.Value
			}
		}
	}
	return nil
}

// cureOfCall calls add for a call that gives a cure.
func cureOfCall(file string, call *ast.CallExpr, add func(message, cure ast.Expr)) {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	doctor := strings.HasPrefix(file, "internal/doctor/")
	switch {
	case name == "WithHint" && len(call.Args) > 1:
		add(call.Args[0], call.Args[1])
	case name == "hint" && len(call.Args) > 0:
		add(nil, call.Args[0])
	case doctor && slices.Contains([]string{"note", "warning", "problem"}, name) && len(call.Args) > 1 && template(call.Args[0]) != "":
		add(call.Args[1], call.Args[0])
	}
}

// worth reports whether a template says more than what is filled in.
func worth(text string) bool { return strings.Trim(text, "… ;,:.") != "" }

// verbRE is what is filled in.
var verbRE = regexp.MustCompile(`%[-+#0-9.]*[a-zA-Z]`)

// template is the text of an expression, with "…" for what is not known before the program runs;
// "" where nothing is.
func template(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.BasicLit:
		if x.Kind == token.STRING {
			text, _ := strconv.Unquote(x.Value)
			return verbRE.ReplaceAllString(text, "…")
		}
	case *ast.BinaryExpr:
		return cmp.Or(template(x.X), "…") + cmp.Or(template(x.Y), "…")
	case *ast.CallExpr:
		if f, ok := x.Fun.(*ast.SelectorExpr); ok && len(x.Args) > 0 {
			if owner, is := f.X.(*ast.Ident); is && (owner.Name == "errors" && f.Sel.Name == "New" || owner.Name == "fmt" && strings.HasSuffix(f.Sel.Name, "rrorf") || owner.Name == "fmt" && f.Sel.Name == "Sprintf") {
				return template(x.Args[0])
			}
		}
		if f, ok := x.Fun.(*ast.Ident); ok && f.Name == "usage" && len(x.Args) == 2 {
			return template(x.Args[1])
		}
	case *ast.ParenExpr:
		return template(x.X)
	}
	return ""
}

var manyRE = regexp.MustCompile(`…(?: ?…)+`)

// flat is a text in one line, with one "…" for several.
func flat(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return manyRE.ReplaceAllString(text, "…")
}
