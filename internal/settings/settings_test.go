package settings

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/settings.md again")

const docs = "../../docs"

func TestASettingIsThereOnceAndSaysWhatItDoesInAFewWords(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range All() {
		if seen[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		seen[s.Name] = true
		if s.What == "" || strings.HasSuffix(s.What, ".") || len(s.What) > 120 {
			t.Errorf("%s: %q", s.Name, s.What)
		}
		page, _, _ := strings.Cut(s.Page, "#")
		if _, err := os.Stat(filepath.Join(docs, page)); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if found, is := Find(s.Name); !is || found != s {
			t.Errorf("%s is not found: %v", s.Name, found)
		}
	}
	if found, _ := Find("aws_vault_prompt"); found.Name != "AWS_VAULT_PROMPT" {
		t.Errorf("%+v", found)
	}
	if len(seen) < 100 {
		t.Errorf("there are only %d settings", len(seen))
	}
}

func TestThePageOfTheSettingsIsWhatTheTableSays(t *testing.T) {
	file := filepath.Join(docs, "settings.md")
	if *update {
		if err := os.WriteFile(file, []byte(page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != page() {
		t.Errorf("docs/settings.md is not up to date: go test ./internal/settings -update (%v)", err)
	}
}

// page is docs/settings.md.
func page() string {
	var b strings.Builder
	b.WriteString(`# Settings

<!-- Written by go test ./internal/settings -update, from the table in that package. -->

Every variable of the environment and every key of the AWS config file that ` + "`vault`" + ` reads. ` + "`vault help settings`" + `
shows them in a terminal, ` + "`vault help settings NAME`" + ` one of them, and ` + "`vault show PROFILE`" + ` which of them a profile has, and where.
A flag goes before a variable, a variable before the profile, and the profile before those that it includes. A duration is
written as ` + "`1h30m`" + `.

`)
	for _, part := range []struct {
		title  string
		groups []Group
	}{{"Variables", Variables()}, {"Keys of the AWS config file", Keys()}} {
		fmt.Fprintf(&b, "## %s\n\n", part.title)
		for _, g := range part.groups {
			fmt.Fprintf(&b, "### %s\n\n%s\n", g.Title, table(g.Settings))
		}
	}
	b.WriteString("## Files\n\n| Where | |\n| --- | --- |\n")
	for _, f := range Files() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", f.Place, f.What)
	}
	b.WriteString("\nThe names of variables that `vault` sets in a shell are in [exec.md](exec.md#what-is-exported), and those of\nevery identity that it takes out in [identity-variables.md](identity-variables.md).\n")
	return b.String()
}

func table(list []Setting) string {
	rows := []string{"| Name | Flag | Value | Without it | |", "| --- | --- | --- | --- | --- |"}
	for _, s := range list {
		name, flag, what := "`"+s.Name+"`", s.Flag, s.What
		if flag != "" {
			flag = "`" + flag + "`"
		}
		if s.Page != "" {
			what += " ([more](" + s.Page + "))"
		}
		rows = append(rows, "| "+strings.Join([]string{name, flag, s.Values, s.Default, what}, " | ")+" |")
	}
	for i, r := range rows {
		rows[i] = strings.ReplaceAll(strings.ReplaceAll(r, "|  |", "| |"), "|  |", "| |")
	}
	return strings.Join(slices.Concat(rows, []string{""}), "\n")
}
