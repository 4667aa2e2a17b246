package display

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestHowLongAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "just now", 0: "just now", time.Minute: "1 minute ago", 119 * time.Minute: "119 minutes ago", 2 * time.Hour: "2 hours ago",
		47 * time.Hour: "47 hours ago", 48 * time.Hour: "2 days ago", 93 * 24 * time.Hour: "93 days ago",
	} {
		if got := Ago(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestALengthOfTimeIsTold(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 milliseconds", 200 * time.Millisecond: "200 milliseconds", time.Second: "1 second", -45 * time.Second: "45 seconds", time.Minute: "1 minute", 119 * time.Second: "119 seconds",
		1199 * time.Second: "20 minutes", 20 * time.Minute: "20 minutes", 90 * time.Minute: "90 minutes", time.Hour: "1 hour", 3599 * time.Second: "1 hour",
		8 * time.Hour: "8 hours", 8*time.Hour + 30*time.Minute: "8 hours 30 minutes", 12*time.Hour - time.Second: "12 hours", 3 * 24 * time.Hour: "3 days",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestCountsAndListsAreSpoken(t *testing.T) {
	for got, want := range map[string]string{
		Count(1, "key"): "1 key", Count(0, "key"): "0 keys", CountOf(2, "key of yours", "keys of yours"): "2 keys of yours",
		List(nil): "", List([]string{"a"}): "a", List([]string{"a", "b"}): "a and b", List([]string{"a", "b", "c"}): "a, b and c",
		ShortList(strings.Fields("a b c d e f")): "a, b, c, d, e and f", ShortList(strings.Fields("a b c d e f g")): "a, b, c, d, e and 2 more",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDurationsAndMomentsAreShort(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for got, want := range map[string]string{
		Duration(time.Hour): "1h", Duration(90 * time.Minute): "1h30m", Duration(45 * time.Minute): "45m", Duration(time.Second): "1s", Duration(0): "",
		Left(0): "expired", Left(59 * time.Second): "<1m", Left(89 * time.Minute): "89m", Left(90 * time.Minute): "1h30m",
		Clock(now.Add(time.Minute), now): "12:01:00", Clock(now.Add(time.Hour), now): "13:00", Clock(now.Add(13*time.Hour), now): "Tue 01:00", Clock(now.AddDate(0, -1, 0), now): "2026-04-04 12:00",
		Clock(now.Add(time.Hour).In(time.FixedZone("x", 3600)), now): "13:00",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestATableIsAlignedAndHarmless(t *testing.T) {
	var b bytes.Buffer
	table := Table{Indent: "> "}
	table.Row("é", "b\x1b[2J", "c")
	table.Row("long", "", "x")
	table.PaintedRow(func(s string) string { return "<" + s + ">" }, "a", "b", "c\n")
	table.Row("alone")
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := "> é     b?[2J  c\n> long         x\n> a     b      <c?>\n> alone\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
}

func TestAStringInJSONIsWhatTheLibraryReads(t *testing.T) {
	for _, s := range []string{"", "prod", `a "b" \ <c> é ` + "\u2028\x00\xff\x1b[2J"} {
		var got string
		want := strings.ToValidUTF8(s, "\ufffd")
		if err := json.Unmarshal(AppendJSONString(nil, s), &got); err != nil || got != want {
			t.Errorf("%q came back as %q, %v", s, got, err)
		}
	}
}

func TestCleanLeavesNothingThatATerminalActsOn(t *testing.T) {
	for s, want := range map[string]string{"prod é 字": "prod é 字", "a\x1b[31m\r\n\tb\u202e\u200b\xff": "a?[31m???b???", "": ""} {
		if got := Clean(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestJSONHasNothingThatATerminalActsOn(t *testing.T) {
	const hostile = "é \x1b[2J \u009b31m \u202e \u200b \x7f \U000e0001 \U0001f600"
	var b bytes.Buffer
	if err := JSON(&b, map[string]string{"a": hostile}); err != nil {
		t.Fatal(err)
	}
	text := append(b.Bytes(), AppendJSONString(nil, hostile)...)
	for _, line := range strings.Split(string(text), "\n") {
		if Clean(line) != line {
			t.Errorf("%q", line)
		}
	}
	var got map[string]string
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got["a"] != hostile {
		t.Errorf("%q, %v", got["a"], err)
	}
}
