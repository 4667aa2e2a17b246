package profiles

import "strings"

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
