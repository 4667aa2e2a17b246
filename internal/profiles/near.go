package profiles

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Near returns the names that were probably meant by one that does not exist, as
// NotFoundError has them of profiles. The names may be of any kind.
func Near(name string, names []string) []string { return near(name, names) }

// near returns the names that were probably meant, at most three, best first: those that
// differ in a few keystrokes, then those that begin with what was typed or contain it.
func near(name string, names []string) []string {
	type match struct {
		name  string
		score int
	}
	var best []match
	m := newMatcher(name)
	for _, candidate := range names {
		score := m.score(candidate)
		if score < 0 || len(best) == 3 && score >= best[2].score {
			continue
		}
		at := len(best)
		for at > 0 && best[at-1].score > score {
			at--
		}
		best = slices.Insert(best, at, match{candidate, score})
		if best = best[:min(len(best), 3)]; len(best) == 3 {
			m.limit = min(m.limit, best[2].score/2)
		}
	}
	var found []string
	for _, b := range best {
		found = append(found, b.name)
	}
	return found
}

// matcher compares one name with many. It reuses its memory.
type matcher struct {
	name             []rune
	text             string
	limit            int // how many keystrokes may differ
	older, prev, cur []int
	runes            []rune
}

const longestName = 64 // longer ones are not typed by hand

func newMatcher(name string) *matcher {
	text := strings.ToLower(name)
	if utf8.RuneCountInString(text) > longestName {
		return &matcher{}
	}
	runes := []rune(text)
	n := len(runes) + 1
	return &matcher{
		name: runes, text: text, limit: min(3, (len(runes)+1)/3),
		older: make([]int, n), prev: make([]int, n), cur: make([]int, n),
	}
}

// score says how similar a name is: lower is more similar, and -1 is not similar at all.
func (m *matcher) score(candidate string) int {
	if len(m.name) == 0 || len(candidate) > 4*longestName {
		return -1
	}
	candidate = lower(candidate)
	if d := m.distance(candidate); d <= m.limit {
		return 2 * d
	}
	switch {
	case len(m.name) < 2 || len(candidate) < 2:
		return -1
	case strings.HasPrefix(candidate, m.text), strings.HasPrefix(m.text, candidate):
		return 3
	case len(m.name) > 2 && strings.Contains(candidate, m.text):
		return 7
	}
	return -1
}

// distance counts the insertions, deletions, changes and swaps of neighbours between two
// names. It stops as soon as the count is above the limit. It first leaves out what both
// begin and end with, because the names of one organisation are often alike.
func (m *matcher) distance(candidate string) int {
	over := m.limit + 1
	if diff := utf8.RuneCountInString(candidate) - len(m.name); diff > m.limit || -diff > m.limit {
		return over
	}
	m.runes = m.runes[:0]
	for _, r := range candidate {
		m.runes = append(m.runes, r)
	}
	a, b := middle(m.name, m.runes)
	for i := range len(a) + 1 {
		m.prev[i] = i
	}
	for i := range b {
		if m.row(a, b, i) > m.limit {
			return over
		}
		m.older, m.prev, m.cur = m.prev, m.cur, m.older
	}
	return m.prev[len(a)]
}

// middle returns two texts without what both begin and end with.
func middle(a, b []rune) ([]rune, []rune) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b
}

// row fills cur with the distances between the beginnings of a and the first i+1 runes of
// b, and returns the smallest of them.
func (m *matcher) row(a, b []rune, i int) int {
	m.cur[0] = i + 1
	least := i + 1
	for j, r := range a {
		cost := 1
		if r == b[i] {
			cost = 0
		}
		d := min(m.prev[j]+cost, m.prev[j+1]+1, m.cur[j]+1)
		if i > 0 && j > 0 && r == b[i-1] && a[j-1] == b[i] {
			d = min(d, m.older[j-1]+1)
		}
		m.cur[j+1] = d
		least = min(least, d)
	}
	return least
}
