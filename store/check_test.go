package store

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

func defects(r CheckReport) map[string]Problem {
	found := map[string]Problem{}
	for _, d := range r.Defects {
		found[d.Where] = d.Problem
	}
	return found
}

// checked is a file store with an item of each kind.
func checked(t *testing.T) Options {
	t.Helper()
	o := fileOptions(t, "pp")
	s := open(t, o)
	if err := PutKey(soon(t), s, "prod", fakeKey); err != nil {
		t.Fatal(err)
	}
	if err := PutKey(soon(t), s, StagedName("prod"), fakeKey); err != nil {
		t.Fatal(err)
	}
	if err := PutSession(soon(t), s, SessionName("prod", "k"), creds.Session{Profile: "prod", AccessKeyID: "ASIA"}); err != nil {
		t.Fatal(err)
	}
	if err := PutToken(soon(t), s, TokenName("https://x", "r", nil), Token{StartURL: "https://x"}); err != nil {
		t.Fatal(err)
	}
	put(t, s, "oidc:https://x", "AWS Vault's")
	put(t, s, "vault.later,x", "of a later version")
	return o
}

func TestItemsSayWhatEachIs(t *testing.T) {
	items, unreadable, err := Items(soon(t), open(t, checked(t)))
	want := []Item{
		{"oidc:https://x", AWSVaultItem}, {"prod", KeyItem}, {"vault.later,x", UnknownItem},
		{StagedName("prod"), StagedItem}, {SessionName("prod", "k"), SessionItem}, {TokenName("https://x", "r", nil), SignInItem},
	}
	if err != nil || len(unreadable) != 0 || !slices.Equal(items, want) {
		t.Errorf("%q, %v, %v", items, unreadable, err)
	}
}

func TestCheckReadsAndDecodesEveryItem(t *testing.T) {
	o := checked(t)
	if r, err := Check(soon(t), open(t, o), nil); err != nil || r.Items != 6 || !r.Read || r.Skipped != 0 || len(r.Defects) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	s := open(t, o)
	put(t, s, "mail", "hunter2")
	put(t, s, SessionName("prod", "k"), "half a sess")
	damaged, left := filepath.Join(o.FileDir, "damaged"), filepath.Join(o.FileDir, tempName)
	then := time.Now().Add(-time.Hour)
	if err := errors.Join(os.WriteFile(damaged, []byte("eyJ"), 0o600), os.WriteFile(left, nil, 0o600), os.Chtimes(left, then, then), os.Chmod(o.FileDir, 0o755)); err != nil {
		t.Fatal(err)
	}
	r, err := Check(soon(t), open(t, o), nil)
	want := map[string]Problem{
		"mail": ProblemForeign, SessionName("prod", "k"): ProblemUnreadable, "damaged": ProblemUnreadable,
		left: ProblemLeftover, o.FileDir: ProblemExposed,
	}
	if runtime.GOOS == "windows" {
		delete(want, o.FileDir)
	}
	got := defects(r)
	if err != nil || len(got) != len(want) {
		t.Errorf("%+v, %v", r, err)
	}
	for where, problem := range want {
		if got[where] != problem {
			t.Errorf("%s is %q, want %q", where, got[where], problem)
		}
	}
}

func TestCheckReadsNoItemOfAnotherProgram(t *testing.T) {
	o := checked(t)
	put(t, open(t, o), "mail", "hunter2")
	r, err := Check(soon(t), open(t, o), func(name string) bool { return name == "prod" })
	if err != nil || r.Skipped != 1 || len(r.Defects) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCheckSaysThatItCouldNotReadWithoutAPerson(t *testing.T) {
	o := checked(t)
	o.FilePassphrase = nil
	if r, err := Check(soon(t), open(t, o), nil); err != nil || r.Read || r.Items != 6 {
		t.Errorf("%+v, %v", r, err)
	}
	o.FilePassphrase = phrase("wrong")
	if _, err := Check(soon(t), open(t, o), nil); !errors.Is(err, ErrLocked) {
		t.Errorf("with a wrong passphrase: %v", err)
	}
}
