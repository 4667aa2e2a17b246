package hooks

import (
	"strings"
	"testing"
)

func TestAPromptShowsThatASessionIsNotTheProfilesOwn(t *testing.T) {
	long := strings.Repeat("profile", 10)
	for _, c := range []struct{ name, qualifier, want string }{
		{"prod", "", "prod"},
		{"prod", "read-only", "prod read-only"},
		{"prod", "narrowed > deploy", "prod narrowed > deploy"},
		{"p\x1b[31m", "> d\x1b]0;x\a", "p?[31m > d?]0;x?"},
	} {
		if got := Label(c.name, c.qualifier); got != c.want {
			t.Errorf("%q: %q, want %q", c.name+" "+c.qualifier, got, c.want)
		}
	}
	for _, qualifier := range []string{"", "read-only", "narrowed > " + long} {
		got := Label(long, qualifier)
		words, _, _ := strings.Cut(qualifier, " >")
		if n := len([]rune(got)); n > labelWidth || !strings.Contains(got, words) || !strings.HasPrefix(got, "profil") {
			t.Errorf("%d characters: %q", n, got)
		}
	}
}
