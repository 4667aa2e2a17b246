package completions

import (
	"strings"
	"testing"

	"github.com/d44b7504/vault/shells"
)

// Whatever is typed, an answer to TAB is a line for each candidate, and nothing that a shell or
// a terminal would act on.
func FuzzCompletion(f *testing.F) {
	f.Add("use\x1fpr", `"pr`, "prod")
	f.Add("use\x1f--region\x1f", "'", "a b\nc")
	f.Add("\x00", "$(", "\x1b[2J")
	f.Fuzz(func(t *testing.T, line, typed, candidate string) {
		for _, sh := range shells.All() {
			q, err := ReadRequest(append([]string{sh.Name, typed}, strings.Split(line, "\x1f")...), line)
			if err != nil {
				continue
			}
			text := string(q.Text(Answer{Kind: Words, Candidates: []string{candidate}}))
			if strings.Count(text, "\n") > 2 {
				t.Errorf("%s: %q became %q", sh.Name, candidate, text)
			}
			if strings.ContainsAny(text, "\x00\x1b\a\r") {
				t.Errorf("%s: %q acts on a terminal", sh.Name, text)
			}
		}
	})
}
