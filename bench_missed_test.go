package main

// This file says whether a row of docs/performance.md keeps its budget, why one does not, and what
// else the machine did while it was measured.

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// verdicts collects the names of the rows that miss their budget. The zero value has none.
type verdicts struct{ missed []string }

func (v *verdicts) of(name string, met bool) string {
	if met {
		return "met"
	}
	if !slices.Contains(v.missed, name) {
		v.missed = append(v.missed, name)
	}
	return "**missed**"
}

// reasons are the sentences about what was missed, as a list. Each is there for a row that may
// miss; where there is none for a row, the page says so.
func (v *verdicts) reasons() string {
	var t strings.Builder
	var told []string
	for _, name := range v.missed {
		text := reasonOf(name)
		if !slices.Contains(told, text) {
			told = append(told, text)
			t.WriteString("- " + text + "\n")
		}
	}
	if len(told) == 0 {
		return "Nothing does.\n"
	}
	return t.String()
}

// reasonOf finds the reason by the longest beginning of a row's name.
func reasonOf(name string) string {
	best := ""
	for begin := range whyMissed {
		if strings.HasPrefix(name, begin) && len(begin) > len(best) {
			best = begin
		}
	}
	if best == "" {
		return "`" + name + "`: no reason is known."
	}
	return whyMissed[best]
}

// whyMissed has the reason for each row that has missed its budget on some machine.
var whyMissed = map[string]string{
	"cold-age": "**A cold command over an `age` store** decrypts the identity, the key's item and a list of recipients, and encrypts the " +
		"session: four operations on elliptic curves, each with a key derivation.",
	"cold": "**A cold command** derives a key from the passphrase, 1.1 ms of a core, calls AWS, and stores the session in a file, with which " +
		"every later command is faster. AWS's own clients take 0.3 ms of each start, for their tables, and 0.4 ms more of a call than " +
		"`net/http` with the same signature.",
	"behind": "**A program that caches nothing** is faster than the first `exec` with nothing cached: it takes no lock, stores no session and " +
		"tells no other terminal, about 0.6 ms; it has no command library, no list to choose from and no client for IAM, about 0.3 ms at the start. " +
		"Its second run costs what the first does; the second `exec` makes no call.",
	"list": "**A list of 5,000 profiles** shows account, role, region, guard and expiry of each. Of its time a sixth is the start, a fifth are 200 " +
		"profiles that are resolved to find out until when their sessions last, a sixth the lines of all sections, which are read in one pass on every " +
		"core, and a fifth page faults of the memory for all this. The names alone (`--profiles`) meet the budget.",
	"picker": "**The list to choose from** is drawn when its library has all rows, which it looks for every 10 to 15 ms; before that, every section " +
		"is read, for the accounts and roles that it shows.",
	"prompt": "**A prompt** is a few dozen steps of the shell's own language, and costs what such a step costs on the machine: where the " +
		"budget was set (2026-11-24) it took 11 and 28 µs in bash, 15 and 23 in zsh, 16 and 74 to 104 in fish, 27 and 49 in PowerShell. Of bash's " +
		"with a session, measured one by one where a call of an empty function in a loop takes 3.4 µs: 8 µs compare the variables with what the " +
		"hook has set, 4 the clock with two times, 3 keep the status in a local variable and give it back, 1 looks for the file; the rest is a " +
		"second function, and looking whether options or the prompt were changed. Nothing of that can be left out without showing a wrong account or time. " +
		"No prompt starts a process.",
	"project": "**The look-out for project directories** compares one text at each prompt. What a busy machine adds to two runs differs by more " +
		"than that costs.",
	"endpoint": "**The endpoint** is within what two runs differ: three of 100 turns each had 0.93, 0.96 and 1.00 of a bare handler on eight connections. " +
		"The client that asks takes most of the processors' time.",
	"size-hook": "**A hook's text** has the names of all commands in it and of all options that take a value, 400 bytes. Without them each is below 8,192, which a test holds.",
	"terminals": "**Many terminals at once**: after the one call, each of them is a warm `exec`, about 4.6 ms of a core, of which 2.2 are the start, 1.1 " +
		"the derivation of the key that opens the new session, and 0.5 `true`. On two cores twenty of them take 46 ms, and one cold command comes " +
		"before. With the agent, which derives no key, they take hardly less: it needs 0.7 ms for each.",
	"use":         "**A warm command** derives a key from the passphrase, 1.1 ms of a core, which a busy machine stretches.",
	"exec":        "**A warm command** derives a key from the passphrase, 1.1 ms of a core, which a busy machine stretches.",
	"agent-use":   "**A command through the agent** waits for another process, which a busy machine lets wait.",
	"agent-exec":  "**A command through the agent** waits for another process, which a busy machine lets wait.",
	"version":     startReason,
	"hook":        startReason,
	"tab":         "**Completion** reads the whole config file, whose pages a busy machine has to find again.",
	"exec-server": "**The endpoint's start** waits for goroutines that a busy machine lets wait.",
}

const startReason = "**A start** is page faults of a large program and the tables of AWS's clients and of the list to choose from, 0.8 ms; a busy " +
	"machine stretches it, and `vault version` and the hooks differ by less than two runs of one of them."

// times are what the processors have done, in ticks of a hundredth of a second: all of it, and for
// this process with its children. known is false where the system does not tell as Linux does.
type times struct {
	busy, all, own int
	known          bool
}

func usage() (u times) {
	stat, err := os.ReadFile("/proc/stat")
	self, err2 := os.ReadFile("/proc/self/stat")
	line, _, _ := strings.Cut(string(stat), "\n")
	f := strings.Fields(line)
	_, rest, _ := strings.Cut(string(self), ") ")
	g := strings.Fields(rest)
	if err != nil || err2 != nil || len(f) < 9 || len(g) < 15 {
		return u
	}
	for i, text := range f[1:9] { // user nice system idle iowait irq softirq steal
		n, _ := strconv.Atoi(text)
		u.all += n
		if i != 3 && i != 4 {
			u.busy += n
		}
	}
	for _, text := range g[11:15] { // user and system, and those of children that ended
		n, _ := strconv.Atoi(text)
		u.own += n
	}
	u.known = true
	return u
}

// others says how much of the processors' time other programs took since before.
func (u times) others(before times) string {
	if !u.known || !before.known || u.all <= before.all {
		return "What else the machine did is not known: compare ratios, not milliseconds."
	}
	share := 100 * float64(u.busy-before.busy-(u.own-before.own)) / float64(u.all-before.all)
	text := fmt.Sprintf("Other programs took %.0f %% of the time of its %d cores while the processes were measured", max(share, 0), runtime.NumCPU())
	if share > 10 {
		return "**" + text + ".** That is too much to judge a budget by: what misses one here may meet it on a machine that does nothing else."
	}
	return text + "."
}

func TestARowThatMissesItsBudgetHasAReason(t *testing.T) {
	var v verdicts
	if v.of("hook-zsh", true) != "met" || v.reasons() != "Nothing does.\n" {
		t.Errorf("%q", v.reasons())
	}
	for _, name := range []string{"cold-age", "cold-use", "list-json", "terminals", "terminals", "use-5000", "agent-use-10", "exec-10"} {
		if v.of(name, false) != "**missed**" || strings.Contains(reasonOf(name), "no reason") {
			t.Errorf("%s: %s", name, reasonOf(name))
		}
	}
	if text := v.reasons(); strings.Count(text, "\n") != 6 || strings.Count(text, "Many terminals") != 1 || reasonOf("cold-age") == reasonOf("cold-use") {
		t.Errorf("%s", text)
	}
	busy := times{busy: 900, all: 1000, own: 100, known: true}.others(times{known: true})
	quiet := times{busy: 120, all: 1000, own: 100, known: true}.others(times{known: true})
	if !strings.HasPrefix(busy, "**Other programs took 80 %") || !strings.HasPrefix(quiet, "Other programs took 2 %") {
		t.Errorf("%s\n%s", busy, quiet)
	}
}
