package doctor

import (
	"fmt"

	"github.com/d44b7504/vault/internal/display"
)

// Finding is one thing a check has to say.
type Finding struct {
	Check   string `json:"check"`
	Level   Level  `json:"level"`
	Message string `json:"message"`
	Cure    string `json:"cure,omitempty"` // what to do about it, a command line where one does it
}

// Level is how bad a finding is.
type Level string

// The levels. Only a problem makes the command fail.
const (
	OK      Level = "ok"
	Note    Level = "note"
	Warning Level = "warning"
	Problem Level = "problem"
)

func ok(format string, args ...any) Finding {
	return Finding{Level: OK, Message: fmt.Sprintf(format, args...)}
}

func note(cure, format string, args ...any) Finding {
	return Finding{Level: Note, Cure: cure, Message: fmt.Sprintf(format, args...)}
}

func warning(cure, format string, args ...any) Finding {
	return Finding{Level: Warning, Cure: cure, Message: fmt.Sprintf(format, args...)}
}

func problem(cure, format string, args ...any) Finding {
	return Finding{Level: Problem, Cure: cure, Message: fmt.Sprintf(format, args...)}
}

// Summary sums a report up in a line.
func Summary(found []Finding) string {
	problems, warnings := count(found, Problem), count(found, Warning)
	var parts []string
	if problems > 0 {
		parts = append(parts, display.Count(problems, "problem"))
	}
	if warnings > 0 {
		parts = append(parts, display.Count(warnings, "warning"))
	}
	if len(parts) == 0 {
		return "no problem found"
	}
	return display.List(parts)
}

// Failed reports whether there is a problem among the findings.
func Failed(found []Finding) bool { return count(found, Problem) > 0 }

func count(found []Finding, level Level) (n int) {
	for _, f := range found {
		if f.Level == level {
			n++
		}
	}
	return n
}

// mostListed is how many findings of one level are told one by one.
const mostListed = 10

// shorten keeps a broken file of thousands of profiles from filling the screen. most is how
// many findings of one level are kept.
func shorten(list []Finding, most int) []Finding {
	kept, left := []Finding{}, map[Level]int{}
	for _, f := range list {
		if left[f.Level]++; left[f.Level] <= most {
			kept = append(kept, f)
		}
	}
	for _, level := range []Level{Problem, Warning} {
		if n := left[level] - most; n > 0 {
			kept = append(kept, Finding{Level: level, Message: fmt.Sprintf("and %d more like these", n)})
		}
	}
	return kept
}
