package creds

import (
	"strings"
	"time"
)

// The parts of a time as ISO 8601 has them, and as mails and Unix's date have them.
var (
	dates = [...]string{"2006-01-02", "20060102", "2006/01/02"}
	hours = [...]string{"15:04:05", "15:04", "15", "150405", "1504"}
	zones = [...]string{"Z07:00", "Z0700", "Z07", " Z07:00", " Z0700", " -0700 MST", " MST", "MST", ""}
	words = [...]string{
		time.RFC1123, time.RFC1123Z, "Mon, _2 Jan 2006 15:04:05 MST", "Mon, _2 Jan 2006 15:04:05 -0700", time.RFC850,
		"_2 Jan 2006 15:04:05 MST", "_2 Jan 2006 15:04:05 -0700",
		time.UnixDate, time.RubyDate, "Mon Jan _2 03:04:05 PM MST 2006", "Jan _2, 2006 3:04:05 PM MST", time.ANSIC,
	}
)

// ParseTime reads a time in any form that botocore takes for the expiry of credentials.
// zoned is false for a time without a zone, which is taken for UTC. Of zones by name only
// UTC and GMT are known.
func ParseTime(text string) (at time.Time, zoned, ok bool) {
	text = strings.ToUpper(strings.TrimSpace(text))
	for _, form := range words {
		if at, err := time.Parse(form, text); err == nil && isKnownZone(at) {
			return at.UTC(), form != time.ANSIC, true
		}
	}
	for _, date := range dates {
		for _, separator := range [...]string{"T", " "} {
			for _, hour := range hours {
				for _, zone := range zones {
					if at, err := time.Parse(date+separator+hour+zone, text); err == nil && isKnownZone(at) {
						return at.UTC(), zone != "", true
					}
				}
			}
		}
	}
	return time.Time{}, false, false
}

// isKnownZone reports whether a time's zone is more than a name without an offset.
func isKnownZone(at time.Time) bool {
	name, offset := at.Zone()
	return offset != 0 || name == "UTC" || name == "GMT" || name == ""
}
