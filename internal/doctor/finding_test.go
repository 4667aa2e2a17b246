package doctor

import (
	"fmt"
	"testing"
)

func TestAReportIsSummedUpInALine(t *testing.T) {
	for _, c := range []struct {
		found  []Finding
		want   string
		failed bool
	}{
		{nil, "no problem found", false},
		{[]Finding{ok("a"), note("", "b")}, "no problem found", false},
		{[]Finding{warning("", "a"), ok("b")}, "1 warning", false},
		{[]Finding{problem("", "a"), warning("", "b"), problem("", "c")}, "2 problems and 1 warning", true},
	} {
		if got := Summary(c.found); got != c.want || Failed(c.found) != c.failed {
			t.Errorf("%v: %q, failed %v", c.found, got, Failed(c.found))
		}
	}
}

func TestManyFindingsOfOneLevelAreCounted(t *testing.T) {
	var list []Finding
	for i := range mostListed + 3 {
		list = append(list, problem("", "%d", i))
	}
	list = append(list, warning("", "alone"))
	got := shorten(list, mostListed)
	if len(got) != mostListed+2 || got[mostListed].Message != "alone" || got[mostListed+1] != (Finding{Level: Problem, Message: fmt.Sprintf("and %d more like these", 3)}) {
		t.Errorf("%q", got)
	}
}

func TestAPathWithSpecialCharactersIsTakenLiterally(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if got, want := literal("a*[b]?"), "a[*][[]b][?]"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := read(dir); got != nil {
		t.Errorf("a folder was read: %q", got)
	}
}
