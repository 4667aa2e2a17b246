//go:build !windows

package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// countingHelper keeps each item in a file, and adds a line to $COUNT for each that it reads.
const countingHelper = `
place() { printf %s "$ITEMS/"; printf %s "$1" | tr -c 'a-z0-9\n' _; }
case $1 in
store) in=$(cat); printf %s "$in" > "$(place "$(printf %s "$in" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/')")" ;;
get) url=$(cat); echo "$url" >>"$COUNT"; cat "$(place "$url")" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
erase) rm -f "$(place "$(cat)")" ;;
list) echo '{}' ;;
esac`

// A store without stamps, of which a process remembers the sessions: many calls at a time read
// one once, what another process changes is seen at once, what another program changes within
// a minute, and a key is read each time.
func TestASessionOfAHelperIsReadOnceUntilItChanges(t *testing.T) {
	t.Setenv("ITEMS", t.TempDir())
	t.Setenv("COUNT", filepath.Join(t.TempDir(), "count"))
	changes := "1"
	other := standIn(t, countingHelper, Options{Changed: func() { changes += "1" }})
	s := standIn(t, countingHelper, Options{Quiet: true})
	Remember(s, func() string { return changes })
	now := time.Now()
	s.(*bounded).memory.now = func() time.Time { return now }
	session, key := SessionName("prod", "x"), "prod"
	reads := func(want int) {
		t.Helper()
		text, _ := os.ReadFile(os.Getenv("COUNT"))
		if got := strings.Count(string(text), "\n"); got != want {
			t.Errorf("it was read %d times, not %d", got, want)
		}
		_ = os.Remove(os.Getenv("COUNT"))
	}
	get := func(name, want string) {
		t.Helper()
		v, err := s.Get(soon(t), name)
		if v.Reveal() != want || (want == "") != errors.Is(err, ErrNotFound) {
			t.Errorf("%q, %v", v.Reveal(), err)
		}
	}
	together := func(want string) {
		t.Helper()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { get(session, want) })
		}
		all.Wait()
		reads(1)
	}
	together("") // that there is none is remembered too
	put(t, other, session, "first")
	together("first")
	put(t, s, session, "second") // by this process itself
	get(session, "second")
	reads(0)
	put(t, other, session, "third")
	together("third")
	before := changes
	put(t, other, session, "fourth")
	changes = before // as if another program had put it there
	get(session, "third")
	now = now.Add(unstamped)
	get(session, "fourth")
	reads(1)
	put(t, other, key, "a key")
	get(key, "a key")
	get(key, "a key")
	reads(2)
}
