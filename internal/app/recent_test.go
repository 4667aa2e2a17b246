package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
)

// recentWorld is a task in a home directory with a config file, and a clock to set.
func recentWorld(t *testing.T, config string) (task *app.Task, now *time.Time, file string) {
	t.Helper()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	core := app.Core{Now: func() time.Time { return at }, LoadProfiles: profiles.LoadFiles}
	task = core.Task(app.Caller{Env: app.NewEnvironment([]string{
		"HOME=" + home, "AWS_CONFIG_FILE=" + filepath.Join(home, "config"), "XDG_STATE_HOME=" + home, "XDG_RUNTIME_DIR=" + home,
	}, nil)})
	return task, &at, filepath.Join(home, "vault", "recent")
}

func namesOf(t *testing.T, task *app.Task) (names []string) {
	t.Helper()
	list, err := task.Choices()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		names = append(names, c.Name)
	}
	return names
}

const someProfiles = "[default]\nregion = eu-west-1\n[profile a]\n[profile b]\n[profile c]\n[profile d]\n"

func TestProfilesThatAreUsedOftenAndLatelyComeFirst(t *testing.T) {
	task, now, file := recentWorld(t, someProfiles)
	if got := namesOf(t, task); !slices.Equal(got, []string{"a", "b", "c", "d", "default"}) {
		t.Errorf("at first: %q", got)
	}
	for range 5 { // in an hour each, so each counts
		task.Used("c")
		*now = now.Add(time.Hour)
	}
	task.Used("d")
	if got := namesOf(t, task); !slices.Equal(got, []string{"c", "d", "a", "b", "default"}) {
		t.Errorf("often: %q", got)
	}
	*now = now.Add(30 * 24 * time.Hour)
	task.Used("b")
	task.Used("removed since")
	if got := namesOf(t, task); !slices.Equal(got, []string{"b", "c", "d", "a", "default"}) {
		t.Errorf("lately: %q", got)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	*now = now.Add(time.Minute)
	task.Used("b")
	if after, _ := os.ReadFile(file); string(after) != string(before) {
		t.Error("a second use within minutes was written down")
	}
}

func TestAFileOfUsesThatIsCutOffOrDamagedDoesNoHarm(t *testing.T) {
	task, now, file := recentWorld(t, someProfiles)
	task.Used("c")
	task.Used("d\n\x1b[2J\"")
	task.Used("b")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(file); info.Mode().Perm()&0o077 != 0 || strings.ContainsAny(string(whole), "\x1b") || strings.Count(string(whole), "\n") != 3 {
		t.Errorf("%v %q", info.Mode(), whole)
	}
	for end := range whole {
		if err := os.WriteFile(file, whole[:end], 0o600); err != nil {
			t.Fatal(err)
		}
		if got := namesOf(t, task); len(got) != 5 {
			t.Fatalf("cut off at %d: %q", end, got)
		}
	}
	for _, text := range []string{
		"\x00\xff", "1 NaN \"a\"\n", "1 +Inf \"a\"\n", "1 -5 \"a\"\n", "99999999999999 1 \"a\"\n", "1 1 a\n", "1 1 \"\"\n", strings.Repeat("1 1 \"a\"\n", 50), strings.Repeat("x", 1<<20),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := namesOf(t, task); len(got) != 5 {
			t.Errorf("%.20q: %q", text, got)
		}
	}
	if err := os.WriteFile(file, []byte("99999999999999 1 \"a\"\n"), 0o600); err != nil { // a clock that was wrong
		t.Fatal(err)
	}
	*now = now.Add(time.Hour)
	task.Used("c")
	*now = now.Add(time.Hour)
	task.Used("c")
	if got := namesOf(t, task); got[0] != "c" {
		t.Errorf("a use in the future stays the first: %q", got)
	}
}

func TestTheFileOfUsesIsBounded(t *testing.T) {
	task, now, file := recentWorld(t, someProfiles)
	for i := range 300 {
		task.Used(fmt.Sprintf("p%d", i))
		*now = now.Add(time.Second)
	}
	task.Used(strings.Repeat("x", 10000))
	text, err := os.ReadFile(file)
	if n := strings.Count(string(text), "\n"); err != nil || n != 200 || !strings.Contains(string(text), `"p299"`) {
		t.Errorf("%d lines, %v", n, err)
	}
	if err := os.Chmod(filepath.Dir(file), 0o500); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(filepath.Dir(file), 0o700) }()
	task.Used("a") // a directory that cannot be written to is not an error
}

func TestAListToChooseFromSaysWhatEachProfileIs(t *testing.T) {
	task, _, _ := recentWorld(t, `
[profile base]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = x
[profile role]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/path/admin
vault_description = the real thing
vault_protected = true
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
[profile center]
sso_session = corp
sso_account_id = 444455556666
sso_role_name = Reader
[profile synced]
credential_process = vault export synced --format json
vault_sso_session = corp
vault_sso_account_id = 444455556666
vault_sso_role_name = Writer
[profile process]
credential_process = /bin/true
[profile included]
include_profile = role
[profile mine]
`)
	list, err := task.Choices()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range list {
		got = append(got, strings.Join([]string{c.Name, c.Account, c.Role, c.Source, c.Text, fmt.Sprint(c.Protected)}, "|"))
	}
	want := []string{
		"base|||file||false", "role|111122223333|path/admin|over base|the real thing|true", "center|444455556666|Reader|corp||false",
		"synced|444455556666|Writer|corp||false", "process|||process||false", "included|111122223333|admin|included||false", "mine|||key||false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
