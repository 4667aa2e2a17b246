package app

import (
	"math"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
)

// This file remembers which profiles a person uses, so that a list can begin with those that
// are used often and lately. The file has a line for each profile: the seconds since 1970, how
// often it was used, and its name in quotes. It has no secrets, can be deleted at any time, and
// a line that cannot be read is skipped: a loss of power may have cut the file off.

const (
	recentMost   = 200              // profiles that are remembered
	recentName   = 512              // bytes of a name; a longer one is not remembered
	recentSize   = 256 << 10        // bytes of the file, more than we ever write
	recentPause  = 10 * time.Minute // a profile that is used again within it counts once
	recentHalves = 72 * time.Hour   // after which a use counts half
)

// visit is how often a profile was used, each time counting less the longer ago it was.
type visit struct {
	name  string
	last  time.Time
	score float64 // at the time of last
}

// at is the score at a later moment. A moment in the past or in the far future is taken for
// one of a clock that was wrong.
func (v visit) at(now time.Time) float64 {
	age := max(now.Sub(v.last), 0)
	return v.score * math.Exp2(-float64(age)/float64(recentHalves))
}

// recentFile is the file, "" where there is no home directory.
func (t *Task) recentFile() string {
	dir, err := t.Env.StateDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "recent")
}

// recent are the profiles that were used, the most used first. What cannot be read was not used.
func (t *Task) recent() (list []visit) {
	file := t.recentFile()
	if file == "" {
		return nil
	}
	text, err := atomicfile.Read(file, recentSize)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := readVisit(strings.TrimSuffix(line, "\n")); ok {
			list = append(list, v)
		}
	}
	now := t.Now()
	sort.SliceStable(list, func(i, j int) bool { return compareScores(list[j].at(now), list[i].at(now)) < 0 })
	return list[:min(len(list), recentMost)]
}

func compareScores(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func readVisit(line string) (v visit, ok bool) {
	seconds, rest, _ := strings.Cut(line, " ")
	score, quoted, _ := strings.Cut(rest, " ")
	last, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return v, false
	}
	v.last = time.Unix(last, 0)
	if v.score, err = strconv.ParseFloat(score, 64); err != nil || !(v.score > 0 && v.score < 1e9) {
		return v, false
	}
	v.name, err = strconv.Unquote(quoted)
	return v, err == nil && v.name != ""
}

// Used remembers that a person uses a profile. Nothing depends on it: where it cannot be
// written down, it is not. Of two processes that do so at a time, one may be forgotten.
func (t *Task) Used(name string) {
	file, now := t.recentFile(), t.Now()
	if file == "" || name == "" || len(name) > recentName {
		return
	}
	list := t.recent()
	at := slices.IndexFunc(list, func(v visit) bool { return v.name == name })
	if at >= 0 && now.Sub(list[at].last).Abs() < recentPause {
		return
	}
	v := visit{name: name, last: now, score: 1}
	if at >= 0 {
		v.score += list[at].at(now)
		list = slices.Delete(list, at, at+1)
	}
	list = append([]visit{v}, list[:min(len(list), recentMost-1)]...)
	var b []byte
	for _, v := range list {
		b = strconv.AppendInt(b, v.last.Unix(), 10)
		b = strconv.AppendFloat(append(b, ' '), v.score, 'g', 4, 64)
		b = append(strconv.AppendQuote(append(b, ' '), v.name), '\n')
	}
	_ = atomicfile.WriteCache(file, b)
}
