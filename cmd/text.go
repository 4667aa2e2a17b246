package cmd

import (
	"fmt"
	"strings"
	"time"
)

// last4 is what people know a key's id by, and all of it that is shown.
func last4(id string) string { return id[max(0, len(id)-4):] }

// clock is a moment as a person reads it today.
func clock(t, now time.Time) string {
	t = t.In(now.Location())
	switch d := t.Sub(now); {
	case d > 12*time.Hour:
		return t.Format("Mon 15:04")
	case d < 3*time.Minute:
		return t.Format("15:04:05")
	}
	return t.Format("15:04")
}

// left is a rounded-down span, as the prompt shows it.
func left(d time.Duration) string {
	switch m := int(d / time.Minute); {
	case d <= 0:
		return "expired"
	case m < 1:
		return "<1m"
	case m < 90:
		return fmt.Sprintf("%dm", m)
	default:
		return fmt.Sprintf("%dh%dm", m/60, m%60)
	}
}

// span is a duration without the zeros that Go writes.
func span(d time.Duration) string {
	s := strings.TrimSuffix(d.String(), "0s")
	if strings.HasSuffix(s, "h0m") {
		return strings.TrimSuffix(s, "0m")
	}
	return s
}
