package project

import (
	"os"
	"strings"
	"testing"
	"unicode"
)

// Whatever is in the file of a directory, it names one profile that can be shown, or there is a reason that does not
// quote it; and whatever is in its record, only one with the hash of this content trusts it.
func FuzzFile(f *testing.F) {
	for _, text := range []string{"prod\n", "# the team's\n\n prod \n", "\ufeffprod", "a\nb", "\x1b[31m", "\xff\xfe", "-n", "$(id)", ""} {
		f.Add([]byte(text), []byte(`{"path":"/x/.vault-profile","sha256":"1","at":"2026-01-01T00:00:00Z"}`))
		f.Add([]byte(text), []byte(`{"ignored":true}`))
	}
	f.Fuzz(func(t *testing.T, text, record []byte) {
		dir := t.TempDir()
		file := File{Dir: dir}
		if err := os.WriteFile(file.Path(), text, 0o600); err != nil {
			t.Fatal(err)
		}
		file = Read(dir)
		if name := file.Profile; file.Problem == nil && (name == "" || strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) })) {
			t.Errorf("%q names %q", text, name)
		}
		if file.Problem != nil && (file.Profile != "" || strings.ContainsAny(file.Problem.Error(), "\n\x1b\x00")) {
			t.Errorf("%q: %q, %v", text, file.Profile, file.Problem)
		}
		records := Records{Dir: t.TempDir()}
		if err := os.WriteFile(records.File(file.Path()), record, 0o600); err != nil {
			t.Fatal(err)
		}
		if v := records.Of(file); v == Trusted && !strings.Contains(string(record), file.Hash) {
			t.Errorf("%q is %s by the record %q", text, v, record)
		}
		_, _ = records.List()
	})
}
