package hooks

import "github.com/d44b7504/vault/internal/display"

// labelWidth is how many characters of a name a prompt shows.
const labelWidth = 32

// Label returns a profile's name as a prompt shows it: cleaned and shortened.
func Label(name string) string {
	runes := []rune(display.Clean(name))
	if len(runes) > labelWidth {
		runes = append(runes[:labelWidth-1], '…')
	}
	return string(runes)
}
