package profiles

import (
	"slices"
	"strings"
)

// areas are the first parts of regions' names for which people write a single letter, or two.
var areas = map[string]string{"us": "u", "eu": "e", "ap": "a", "ca": "c", "sa": "s", "us-gov": "ug"}

// RegionNamed is the region that a person means by its name or by a short form of it: ue1 and
// use1 are us-east-1, apse2 is ap-southeast-2. Without its number it is the first one there. Any
// other text is returned as it is.
func RegionNamed(text string) string {
	if strings.Contains(text, "-") || text == "" {
		return text
	}
	short := strings.ToLower(text)
	for i := range regions {
		for _, form := range shortForms(regions[i].Name) {
			if form == short {
				return regions[i].Name
			}
		}
	}
	return text
}

// CheckRegion returns an error with near matches if a text cannot be the name of a region. A region
// that is newer than the table passes where its area and its direction are words that AWS uses.
func CheckRegion(text string) error {
	if text == "" || strings.HasSuffix(text, "-global") || slices.ContainsFunc(Regions(), func(g Region) bool { return g.Name == text }) {
		return nil
	}
	if rest, number, ok := cutLast(text, "-"); ok && len(number) < 3 && strings.Trim(number, "0123456789") == "" && number != "" {
		if area, direction, ok := cutLast(rest, "-"); ok && usedByRegions(area, direction) {
			return nil
		}
	}
	return &RegionError{nearRegions(text)}
}

// nearRegions are those whose name, or a short form of it, is nearly what was typed.
func nearRegions(text string) (list []string) {
	of := map[string]string{}
	var names []string
	for _, g := range Regions() {
		words := []string{g.Name}
		if !strings.Contains(text, "-") {
			words = append(words, shortForms(g.Name)...)
		}
		for _, w := range words {
			of[w] = g.Name
		}
		names = append(names, words...)
	}
	for _, w := range near(text, names) {
		if !slices.Contains(list, of[w]) {
			list = append(list, of[w])
		}
	}
	return list
}

// usedByRegions reports whether regions of the table have this area, and this direction.
func usedByRegions(area, direction string) bool {
	a, d := false, false
	for _, g := range Regions() {
		rest, _, _ := cutLast(g.Name, "-")
		was, way, _ := cutLast(rest, "-")
		a, d = a || was == area, d || way == direction
	}
	return a && d
}

// RegionError says that a text is not the name of a region.
type RegionError struct {
	Nearest []string // regions that were probably meant
}

func (e *RegionError) Error() string {
	return "no region has this name or this short form; short forms are like ue1 for us-east-1"
}

// shortForms are those of a region: one or two letters for the area, the beginnings of the
// directions, the number.
func shortForms(region string) []string {
	rest, number, ok := cutLast(region, "-")
	area, direction, also := cutLast(rest, "-")
	if !ok || !also {
		return nil
	}
	way := ""
	for _, word := range [...]string{"north", "south", "east", "west", "central"} {
		if after, is := strings.CutPrefix(direction, word); is {
			way, direction = way+word[:1], after
		}
	}
	for _, word := range [...]string{"east", "west"} {
		if direction == word {
			way, direction = way+word[:1], ""
		}
	}
	if direction != "" {
		return nil
	}
	var forms []string
	for _, a := range [...]string{strings.ReplaceAll(area, "-", ""), areas[area]} {
		if a == "" {
			continue
		}
		forms = append(forms, a+way+number)
		if number == "1" {
			forms = append(forms, a+way)
		}
	}
	return forms
}
