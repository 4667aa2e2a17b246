package hooks

import "github.com/d44b7504/vault/internal/display"

// labelWidth is how many characters of a name a prompt shows.
const labelWidth = 32

// Label returns a profile's name as a prompt shows it: cleaned and shortened. qualifier
// says how the session differs from the profile's own, "" if it does not; it is shown even
// if little of the name is left.
func Label(name, qualifier string) string {
	if qualifier == "" {
		return shortened(name, labelWidth)
	}
	qualifier = shortened(qualifier, labelWidth*2/3)
	return shortened(name, labelWidth-1-len([]rune(qualifier))) + " " + qualifier
}

func shortened(text string, width int) string {
	runes := []rune(display.Clean(text))
	if len(runes) > width {
		runes = append(runes[:width-1], '…')
	}
	return string(runes)
}
