package shells

import "strings"

// Fill returns a text in which every @NAME@ has the value of NAME. What is between two such
// marks and is not a name stays. Values are not searched.
func Fill(text string, values map[string]string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "@")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, rest, closed := strings.Cut(after, "@")
		if value, is := values[name]; is && closed {
			b.WriteString(value)
			text = rest
		} else {
			b.WriteString("@")
			text = after
		}
	}
}
