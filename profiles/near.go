package profiles

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// near picks the names that were probably meant, at most three, best first: those a
// few keystrokes away, then those that begin or go on with what was typed.
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
		best = best[:min(len(best), 3)]
	}
	var found []string
	for _, b := range best {
		found = append(found, b.name)
	}
	return found
}

// matcher compares one name with many; its rows are reused.
type matcher struct {
	name             []rune
	text             string
	limit            int // most keystrokes that still count as a slip
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

// score is -1 for a name that has nothing to do with ours. Lower is nearer.
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

// distance counts insertions, deletions, changes and swaps of neighbours; it stops
// as soon as the count is over the limit.
func (m *matcher) distance(candidate string) int {
	over := m.limit + 1
	count := utf8.RuneCountInString(candidate)
	if diff := count - len(m.name); diff > m.limit || -diff > m.limit {
		return over
	}
	m.runes = append(m.runes[:0], []rune(candidate)...)
	for i := range m.prev {
		m.prev[i] = i
	}
	for i := range m.runes {
		if m.row(i) > m.limit {
			return over
		}
		m.older, m.prev, m.cur = m.prev, m.cur, m.older
	}
	return m.prev[len(m.name)]
}

// row fills cur for the first i+1 runes of the candidate and returns its least value.
func (m *matcher) row(i int) int {
	m.cur[0] = i + 1
	least := i + 1
	for j, r := range m.name {
		cost := 1
		if r == m.runes[i] {
			cost = 0
		}
		d := min(m.prev[j]+cost, m.prev[j+1]+1, m.cur[j]+1)
		if i > 0 && j > 0 && r == m.runes[i-1] && m.name[j-1] == m.runes[i] {
			d = min(d, m.older[j-1]+1)
		}
		m.cur[j+1] = d
		least = min(least, d)
	}
	return least
}
