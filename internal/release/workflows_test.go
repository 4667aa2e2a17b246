package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is what these tests read of a file of GitHub's workflows.
type workflow struct {
	On          yaml.Node
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Uses        string // another workflow
		Needs       yaml.Node
		Steps       []step
		Timeout     int `yaml:"timeout-minutes"`
		Strategy    struct{ Matrix map[string][]string }
	}
}

type step struct {
	Uses yaml.Node
	Run  string
	With map[string]string
	Env  map[string]string
}

// granted are the permissions of the jobs that can do more than read the source.
var granted = map[string]map[string]string{
	"release.yml publish": {"contents": "write", "id-token": "write", "attestations": "write"},
}

var (
	// pinned is an action of someone else's at one commit, and the version that a person knows it by.
	pinned        = regexp.MustCompile(`^[\w.-]+/[\w.-]+(/[\w./-]+)?@[0-9a-f]{40}$`)
	pinnedVersion = regexp.MustCompile(`^# v\d+\.\d+\.\d+$`)
	expression    = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)
)

// wrongWorkflow says what a workflow may not do. Its name is that of the file.
func wrongWorkflow(name, text string) (all []string) {
	var w workflow
	if err := yaml.Unmarshal([]byte(text), &w); err != nil {
		return []string{err.Error()}
	}
	if w.Permissions == nil || !reads(w.Permissions) {
		all = append(all, fmt.Sprintf("it has the permissions %v", w.Permissions))
	}
	if strings.Contains(text, "pull_request_target") || strings.Contains(text, "workflow_run") || strings.Contains(text, "secrets.") {
		all = append(all, "it runs another's code where a secret can be reached, or reads a secret")
	}
	for id, job := range w.Jobs {
		at := name + " " + id
		if want := granted[at]; !reads(job.Permissions) && !maps.Equal(job.Permissions, want) || want != nil && !maps.Equal(job.Permissions, want) {
			all = append(all, fmt.Sprintf("%s has the permissions %v", at, job.Permissions))
		}
		if job.Uses != "" && !strings.HasPrefix(job.Uses, "./.github/workflows/") || job.Uses == "" && job.Timeout == 0 {
			all = append(all, at+" uses a workflow of someone else's, or has no end")
		}
		for _, s := range job.Steps {
			all = append(all, s.wrong(at)...)
		}
	}
	return all
}

// reads reports whether permissions are for reading the source, or none.
func reads(permissions map[string]string) bool {
	return len(permissions) == 0 || len(permissions) == 1 && permissions["contents"] == "read"
}

func (s step) wrong(at string) (all []string) {
	if action := s.Uses.Value; action != "" && (!pinned.MatchString(action) || !pinnedVersion.MatchString(s.Uses.LineComment)) {
		all = append(all, fmt.Sprintf("%s: %s %s is not pinned by the hash of a version", at, action, s.Uses.LineComment))
	}
	if strings.HasPrefix(s.Uses.Value, "actions/checkout@") && s.With["persist-credentials"] != "false" {
		all = append(all, at+" keeps the credentials of the checkout")
	}
	for _, m := range expression.FindAllStringSubmatch(s.Run, -1) {
		if !strings.HasPrefix(m[1], "matrix.") {
			all = append(all, fmt.Sprintf("%s puts %s into a command", at, m[1]))
		}
	}
	return all
}

func workflowText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", ".github", "workflows", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWorkflowsArePinnedByHashAndHaveTheLeastPermissions(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", ".github", "workflows", "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	actions := map[string]string{}
	for _, file := range files {
		text := workflowText(t, filepath.Base(file))
		if wrong := wrongWorkflow(filepath.Base(file), text); len(wrong) > 0 {
			t.Errorf("%s: %s", file, strings.Join(wrong, "\n"))
		}
		for _, m := range regexp.MustCompile(`uses: (\S+)@(.*)`).FindAllStringSubmatch(text, -1) {
			if before := actions[m[1]]; before != "" && before != m[2] {
				t.Errorf("%s is there as %s and as %s", m[1], before, m[2])
			}
			actions[m[1]] = m[2]
		}
	}
}

// wrongRelease says what is missing in the workflow that makes a release of a tag.
func wrongRelease(text string) (all []string) {
	var w workflow
	if err := yaml.Unmarshal([]byte(text), &w); err != nil {
		return []string{err.Error()}
	}
	build, publish := w.Jobs["build"], w.Jobs["publish"]
	systems := build.Strategy.Matrix["os"]
	if len(w.On.Content) != 2 || textOf(&w.On, "push", "branches") != "" || valueOf(&w.On, "push", "tags") == nil || len(systems) != 2 {
		return []string{"it is not only for tags, or not built on two systems"}
	}
	var needs []string
	if err := publish.Needs.Decode(&needs); err != nil || !slices.Equal(needs, []string{"test", "build"}) || w.Jobs["test"].Uses != "./.github/workflows/test.yml" {
		all = append(all, "a release is published that is not tested and built")
	}
	// Each step of "publish", in this order.
	first := systems[0]
	for i, words := range [][]string{
		{"actions/download-artifact@"},
		{"diff -r " + systems[0] + " " + systems[1], "cd " + first, "sha256sum --check --strict SHA256SUMS"},
		{"actions/attest-build-provenance@", "subject-path=" + first + "/*;"},
		{"gh release create", "--verify-tag", "--draft", `--prerelease="$CANDIDATE"`, first + "/*"},
	} {
		if i >= len(publish.Steps) {
			return append(all, fmt.Sprintf("there is no step with %q", words))
		}
		s := publish.Steps[i]
		said := s.Uses.Value + " " + s.Run
		for name, value := range s.With {
			said += " " + name + "=" + value + ";"
		}
		for _, word := range words {
			if !strings.Contains(said, word) {
				all = append(all, fmt.Sprintf("step %d has no %q", i+1, word))
			}
		}
	}
	return all
}

func TestTheWorkflowOfATagTestsBuildsComparesSignsAndPublishes(t *testing.T) {
	text := workflowText(t, "release.yml")
	if wrong := wrongRelease(text); len(wrong) > 0 {
		t.Error(strings.Join(wrong, "\n"))
	}
	// The bytes depend on the version of Go, so that it is one.
	if !regexp.MustCompile(`go-version: "\d+\.\d+\.\d+"`).MatchString(text) || !strings.Contains(text, "GOTOOLCHAIN: local") {
		t.Error("it does not say with which version of Go it builds")
	}
}

func TestAMistakeInAWorkflowIsFound(t *testing.T) {
	text := workflowText(t, "release.yml")
	for _, m := range []struct{ old, new string }{
		{"checkout@11bd71901bbe5b1630ceea73d27597364c9af683", "checkout@v4"},
		{"checkout@11bd71901bbe5b1630ceea73d27597364c9af683", "checkout@11bd719"},
		{" # v4.2.2", ""},
		{"permissions: {}", "permissions: write-all"},
		{"permissions: {}", "permissions:\n  contents: write"},
		{"permissions: {}\n", ""},
		{"      contents: read\n    steps", "      contents: write\n    steps"},
		{"      attestations: write", "      attestations: write\n      packages: write"},
		{"persist-credentials: false", "persist-credentials: true"},
		{"timeout-minutes: 15", "name: publish"},
		{`"$GITHUB_REF_NAME" --repo`, "${{ github.ref_name }} --repo"},
		{"github.token", "secrets.TOKEN"},
		{"uses: ./.github", "uses: someone/else/.github"},
		{"  push:\n", "  pull_request_target:\n  push:\n"},
		{"needs: [test, build]", "needs: build"},
		{"os: [ubuntu-latest, macos-latest]", "os: [ubuntu-latest]"},
		{"diff -r", "echo"},
		{"sha256sum --check", "sha256sum"},
		{"subject-path: ubuntu-latest/*", "subject-path: ubuntu-latest/*.deb"},
		{"--draft ", ""},
	} {
		changed := strings.Replace(text, m.old, m.new, 1)
		if changed == text {
			t.Errorf("there is no %q", m.old)
		}
		if len(wrongWorkflow("release.yml", changed)) == 0 && len(wrongRelease(changed)) == 0 {
			t.Errorf("nothing is found with %q and not %q", m.new, m.old)
		}
	}
}
