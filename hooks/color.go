package hooks

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// colors are the names that a color may have, and their numbers among the 256 of terminals.
// The first sixteen are as the person has set them up.
var colors = map[string]int{
	"black": 0, "red": 1, "green": 2, "yellow": 3, "blue": 4, "magenta": 5, "cyan": 6, "white": 7, "gray": 8, "grey": 8,
	"orange": 208, "purple": 129, "pink": 213, "brown": 130, "turquoise": 45,
}

// The colors of a profile without one.
const usualColor, protectedColor = "cyan", "red"

// Style is how a prompt shows a session: three parameters of the terminal's "select graphic
// rendition", for the profile, for a time that is short, and for one that is over. nil: without
// colours.
type Style []string

// StyleOf is the style of a profile with a color, "" for the usual one: a name, bright- and a
// name, 0 to 255, or #rrggbb, of which a terminal that is not known to have all colours gets the
// nearest of its 256. What is protected is bold and underlined in any color. It fails for what is
// no color, and returns the usual style.
func StyleOf(color string, protected, trueColor bool) (Style, error) {
	usual := usualColor
	if protected {
		usual = protectedColor
	}
	own, err := parameters(cmp.Or(strings.TrimSpace(color), usual), trueColor)
	if err != nil {
		own, _ = parameters(usual, trueColor)
	}
	if protected {
		own = "1;4;" + own
	}
	return Style{own, "1;33", "1;7;31"}, err
}

func parameters(color string, trueColor bool) (string, error) {
	name := strings.ToLower(color)
	plain, bright := strings.CutPrefix(name, "bright-")
	number, known := colors[plain]
	if !known {
		n, err := strconv.ParseUint(name, 10, 8)
		number, known = int(n), err == nil
	}
	hex, isHex := strings.CutPrefix(name, "#")
	switch {
	case isHex && rgb(hex) != nil:
		return rgbParameters(rgb(hex), trueColor), nil
	case !known || bright && number > 7:
		return "", fmt.Errorf("%q is not a color: write a name like red, 0 to 255, or #rrggbb", color)
	case bright:
		return strconv.Itoa(90 + number), nil
	case number < 8:
		return strconv.Itoa(30 + number), nil
	case number < 16:
		return strconv.Itoa(90 + number - 8), nil
	}
	return "38;5;" + strconv.Itoa(number), nil
}

// rgb reads rrggbb or rgb; nil if it is neither.
func rgb(hex string) []int {
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 24)
	if len(hex) != 6 || err != nil {
		return nil
	}
	return []int{int(n >> 16), int(n >> 8 & 0xff), int(n & 0xff)}
}

// rgbParameters are those of a color, or of the nearest in the cube of 6×6×6 that 256 colors have.
func rgbParameters(c []int, trueColor bool) string {
	if trueColor {
		return fmt.Sprintf("38;2;%d;%d;%d", c[0], c[1], c[2])
	}
	steps, index := [...]int{0, 95, 135, 175, 215, 255}, 0
	for _, part := range c {
		near := 0
		for i, s := range steps {
			if abs(s-part) < abs(steps[near]-part) {
				near = i
			}
		}
		index = index*6 + near
	}
	return "38;5;" + strconv.Itoa(16+index)
}

func abs(n int) int { return max(n, -n) }
