package creds

import (
	"testing"
	"time"
)

func TestATimeIsReadInTheFormsThatBotocoreTakes(t *testing.T) {
	want := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for _, text := range []string{
		"2026-01-02T15:04:05Z", "2026-01-02t15:04:05z", "20260102T150405Z", "2026-01-02 15:04:05+00:00", "2026-01-02T15:04:05.999999999Z",
		"2026-01-02T15:04:05,5Z", "2026-01-02T15:04:05+0000", "2026-01-02T07:04:05-08", "2026-01-02T15:04:05 UTC", "2026-01-02T15:04:05UTC",
		"2026-01-02T17:04:05 +0200", "2026/01/02 15:04:05Z", "2026-01-02T16:04:05.000+01:00", "2026-01-02 15:04:05 +0000 UTC",
		"Fri, 02 Jan 2026 15:04:05 GMT", "Fri, 2 Jan 2026 15:04:05 +0000", "Fri Jan  2 15:04:05 UTC 2026", "Fri Jan 2 03:04:05 PM UTC 2026",
		"02 Jan 2026 15:04:05 +0000", "Friday, 02-Jan-26 15:04:05 GMT", "Jan 2, 2026 3:04:05 PM UTC", " 2026-01-02T15:04:05Z\n",
	} {
		at, zoned, ok := ParseTime(text)
		if !ok || !zoned || !at.Truncate(time.Second).Equal(want) {
			t.Errorf("%q: %v, with a zone %v, %v", text, at, zoned, ok)
		}
	}
	for text, minutes := range map[string]int{"2026-01-02T15:04Z": 4, "20260102T1504Z": 4, "2026-01-02T15Z": 0} {
		if at, zoned, ok := ParseTime(text); !ok || !zoned || !at.Equal(want.Truncate(time.Hour).Add(time.Duration(minutes)*time.Minute)) {
			t.Errorf("%q: %v", text, at)
		}
	}
	for _, text := range []string{"2026-01-02T15:04:05", "2026-01-02 15:04:05", "Fri Jan  2 15:04:05 2026"} {
		if at, zoned, ok := ParseTime(text); !ok || zoned || !at.Equal(want) {
			t.Errorf("%q: %v, with a zone %v", text, at, zoned)
		}
	}
	for _, text := range []string{"", "tomorrow", "1767366245", "2026-01-02", "2026-01-02T15:04:05 XYZ", "2026-13-02T15:04:05Z"} {
		if at, _, ok := ParseTime(text); ok {
			t.Errorf("%q is not a time, and was read as %v", text, at)
		}
	}
}
