package main

import (
	"cmp"
	"go/ast"
	"go/token"
	"os"
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

func TestEveryMessageWithACureIsInTheTroubleshootingPage(t *testing.T) {
	text, err := os.ReadFile("docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	page := flat(strings.NewReplacer("`", "", `\|`, "|", "*", "").Replace(string(text)))
	found := 0
	sources(t, func(file string, tree *ast.File) {
		for _, c := range curesIn(file, tree) {
			found++
			for _, part := range []string{c.message, c.cure} {
				if part = strings.ReplaceAll(part, "*", ""); !strings.Contains(page, part) {
					t.Errorf("%s: docs/troubleshooting.md has no %q (%q: %q)", c.at, part, c.message, c.cure)
				}
			}
		}
	})
	for _, m := range refresh.Meanings() {
		if row := flat("| " + string(m.Note) + " | " + m.Sentence + " | " + m.Advice() + " |"); !strings.Contains(page, row) {
			t.Errorf("docs/troubleshooting.md has no row %q", row)
		}
	}
	if found < 150 {
		t.Errorf("only %d messages were found", found)
	}
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

// flat is a text in one line, with one "…" for several.
func flat(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return regexp.MustCompile(`…(?: ?…)+`).ReplaceAllString(text, "…")
}
