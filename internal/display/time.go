package display

import (
	"fmt"
	"strings"
	"time"
)

// Clock is a moment as a person reads it today, in the time zone of now.
func Clock(t, now time.Time) string {
	t = t.In(now.Location())
	switch d := t.Sub(now); {
	case d > 12*time.Hour:
		return t.Format("Mon 15:04")
	case d < -12*time.Hour:
		return t.Format("2006-01-02 15:04")
	case d < 3*time.Minute:
		return t.Format("15:04:05")
	}
	return t.Format("15:04")
}

// Left is how much of a session is left, rounded down, as the prompt shows it.
func Left(d time.Duration) string {
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

// Duration is a duration without the zeros that Go writes: "1h", not "1h0m0s".
func Duration(d time.Duration) string {
	s := strings.TrimSuffix(d.String(), "0s")
	if strings.HasSuffix(s, "h0m") {
		return strings.TrimSuffix(s, "0m")
	}
	return s
}

// Span is a length of time as it is spoken, about as exact as it is short: "45 seconds",
// "20 minutes", "8 hours", "3 days".
func Span(d time.Duration) string {
	d = d.Abs()
	hours, minutes := int(d/time.Hour), int(d.Round(time.Minute)%time.Hour/time.Minute)
	switch {
	case d < time.Second:
		return Count(int(d/time.Millisecond), "millisecond")
	case d < 2*time.Minute && d != time.Minute:
		return Count(int(d.Round(time.Second)/time.Second), "second")
	case d < 2*time.Hour && d.Round(time.Minute) != time.Hour:
		return Count(int(d.Round(time.Minute)/time.Minute), "minute")
	case d >= 48*time.Hour:
		return Count(int(d.Round(24*time.Hour)/(24*time.Hour)), "day")
	case minutes == 0:
		return Count(int(d.Round(time.Hour)/time.Hour), "hour")
	}
	return Count(hours, "hour") + " " + Count(minutes, "minute")
}

// Ago is how long ago something was, roughly: "3 days ago".
func Ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return Count(int(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return Count(int(d/time.Hour), "hour") + " ago"
	}
	return Count(int(d/(24*time.Hour)), "day") + " ago"
}
