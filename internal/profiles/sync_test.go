package profiles

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func stanza(name, role string) Stanza {
	return Stanza{name, SyncedSettings(SSO{Session: "corp", Account: "111122223333", Role: role}, "eu-west-1", "vault export "+name+" --format json")}
}

// sync plans and writes, and returns the file.
func syncs(t *testing.T, path string, prune bool, want ...Stanza) (*Sync, string) {
	t.Helper()
	s, err := PlanSync(path, "corp", want, prune)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(); err != nil {
		t.Fatal(err)
	}
	return s, read(t, path)
}

const session = "[sso-session corp]\nsso_start_url = https://d-1.awsapps.com/start\nsso_region = eu-west-1\n"

func TestABlockOfProfilesReadsBackAsIdentityCenter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, session, 0o600)
	s, _ := syncs(t, path, false, stanza("b", "Ops"), stanza("a", "Admin"))
	if strings.Join(s.Added, " ") != "a b" {
		t.Errorf("added %v", s.Added)
	}
	set, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.Resolve("a", Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	sso := p.Source.SSO
	if sso == nil || sso.Role != "Admin" || sso.Account != "111122223333" || sso.Session != "corp" || sso.StartURL == "" || p.Region != "eu-west-1" {
		t.Errorf("%+v", p.Source)
	}
}

func TestABlockIsChangedInPlaceAndTheRestStaysByteForByte(t *testing.T) {
	for name, text := range map[string]string{
		"plain":          session + "# mine\n",
		"no end of line": session + "[profile z]\nregion = eu-west-1",
		"empty":          "",
		"windows":        strings.ReplaceAll(session+"# mine\n", "\n", "\r\n"),
		"odd":            "  # indented\n\n\n[profile q]\n  s3 =\n    max = 1\n\n",
	} {
		path := filepath.Join(t.TempDir(), "config")
		write(t, path, text, 0o640)
		_, first := syncs(t, path, true, stanza("a", "Admin"))
		if !strings.HasPrefix(first, text) {
			t.Errorf("%s: the beginning has changed:\n%q", name, first)
		}
		end := "\n"
		if name == "windows" {
			end = "\r\n"
			if strings.Count(first, "\n") != strings.Count(first, "\r\n") {
				t.Errorf("line ends are mixed: %q", first)
			}
		}
		write(t, path, first+"# after"+end, 0o640)
		s, second := syncs(t, path, true, stanza("a", "Ops"), stanza("b", "Ops"))
		if strings.Join(s.Changed, " ") != "a" || strings.Join(s.Added, " ") != "b" || !strings.HasPrefix(second, text) || !strings.HasSuffix(second, "# after"+end) {
			t.Errorf("%s: %v %v\n%q", name, s.Changed, s.Added, second)
		}
		if s, third := syncs(t, path, true, stanza("b", "Ops"), stanza("a", "Ops")); !s.Empty() || third != second {
			t.Errorf("%s: the same again changes something", name)
		}
		if s, last := syncs(t, path, true); strings.Join(s.Removed, " ") != "a b" || strings.Contains(last, "vault sso sync") || !strings.HasSuffix(last, "# after"+end) {
			t.Errorf("%s: %v\n%q", name, s.Removed, last)
		}
		if mode(t, path).Perm() != 0o640 && filepath.Separator == '/' {
			t.Errorf("%s: mode %v", name, mode(t, path))
		}
	}
}

func TestWithoutPruningAProfileStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	syncs(t, path, false, stanza("a", "Admin"), stanza("b", "Ops"))
	s, text := syncs(t, path, false, stanza("c", "Ops"))
	if len(s.Removed) != 0 || !strings.Contains(text, "[profile a]") || !strings.Contains(text, "[profile c]") {
		t.Errorf("%v\n%s", s.Removed, text)
	}
}

func TestAForeignProfileIsNeverWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, "[profile 'a']\nregion = us-east-1\n", 0o600)
	s, text := syncs(t, path, true, stanza("a", "Admin"), stanza("b", "Ops"))
	if strings.Join(s.Foreign, " ") != "a" || strings.Count(text, "Admin") != 0 {
		t.Errorf("%v\n%s", s.Foreign, text)
	}
}

func TestADamagedBlockIsNotGuessedAt(t *testing.T) {
	for _, text := range []string{
		begins("corp") + "\n[profile a]\n",
		endsWith("corp") + "\n",
		begins("corp") + "\n" + endsWith("corp") + "\n" + begins("corp") + "\n" + endsWith("corp") + "\n",
	} {
		path := filepath.Join(t.TempDir(), "config")
		write(t, path, text, 0o600)
		if _, err := PlanSync(path, "corp", []Stanza{stanza("a", "Admin")}, true); err == nil {
			t.Errorf("%q: no error", text)
		}
		if read(t, path) != text {
			t.Errorf("%q was changed", text)
		}
	}
}

func TestAFileThatChangedMeanwhileIsNotWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, session, 0o600)
	s, err := PlanSync(path, "corp", []Stanza{stanza("a", "Admin")}, true)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, session+"# by an editor\n", 0o600)
	if err := s.Write(); err == nil || read(t, path) != session+"# by an editor\n" {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTwoProfilesOfOneNameAreAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if _, err := PlanSync(path, "corp", []Stanza{stanza("a", "Admin"), stanza("a", "Ops")}, true); err == nil {
		t.Error("no error")
	}
	if _, err := PlanSync(path, "corp", []Stanza{stanza("a]\n[profile evil", "Admin")}, true); err == nil {
		t.Error("a name that breaks out of its line was written")
	}
}

func TestFiveThousandRolesAreSyncedInOnePass(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	var want []Stanza
	for i := range 5000 {
		want = append(want, stanza(fmt.Sprintf("team-%04d-Admin", i), "Admin"))
	}
	began := time.Now()
	syncs(t, path, true, want...)
	s, _ := syncs(t, path, true, want[:4999]...)
	if len(s.Removed) != 1 || len(s.Changed) != 0 {
		t.Errorf("%d removed, %d changed", len(s.Removed), len(s.Changed))
	}
	if took := time.Since(began); took > 5*time.Second { // quadratic work takes minutes
		t.Errorf("it took %v", took)
	}
}

func TestAnSSOSessionResolvesWithoutAProfile(t *testing.T) {
	set := Parse("config", []byte(session+"vault_sso_flow = device\n[sso-session half]\nsso_region = eu-west-1\n"))
	s, extra, err := set.SSOSession("corp")
	if err != nil || s.Session != "corp" || s.Region != "eu-west-1" || extra["vault_sso_flow"] != "device" {
		t.Errorf("%+v %v %v", s, extra, err)
	}
	if _, _, err := set.SSOSession("half"); err == nil || !strings.Contains(err.Error(), "sso_start_url is missing") {
		t.Errorf("%v", err)
	}
	var missing *NotFoundError
	if _, _, err := set.SSOSession("crop"); !errors.As(err, &missing) || len(missing.Nearest) != 1 {
		t.Errorf("%v", err)
	}
}
