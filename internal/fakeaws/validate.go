package fakeaws

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checks collects the errors in a request's parameters, which AWS reports all at once.
type checks []string

func (v *checks) add(field, value, constraint string, args ...any) {
	*v = append(*v, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: Member must %s", value, field, fmt.Sprintf(constraint, args...)))
}

// required records an error if a parameter was not sent.
func (v *checks) required(field, value string) {
	if value == "" {
		*v = append(*v, fmt.Sprintf("Value null at '%s' failed to satisfy constraint: Member must not be null", field))
	}
}

// text checks an optional string. The pattern need not be anchored.
func (v *checks) text(field, value string, shortest, longest int, pattern string) {
	if value == "" {
		return
	}
	if n := utf8.RuneCountInString(value); n < shortest {
		v.add(field, value, "have length greater than or equal to %d", shortest)
	} else if n > longest {
		v.add(field, value, "have length less than or equal to %d", longest)
	}
	if !regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(value) {
		v.add(field, value, "satisfy regular expression pattern: %s", pattern)
	}
}

// between checks a number.
func (v *checks) between(field string, n, least, most int) {
	if n < least {
		v.add(field, strconv.Itoa(n), "have value greater than or equal to %d", least)
	}
	if n > most {
		v.add(field, strconv.Itoa(n), "have value less than or equal to %d", most)
	}
}

// count checks how many members a list has.
func (v *checks) count(field string, n, most int) {
	if n > most {
		v.add(field, "["+strconv.Itoa(n)+" members]", "have length less than or equal to %d", most)
	}
}

// fail returns the errors as one, nil if there are none.
func (v checks) fail() *apiError {
	switch len(v) {
	case 0:
		return nil
	case 1:
		return invalid("1 validation error detected: %s", v[0])
	}
	return invalid("%d validation errors detected: %s", len(v), strings.Join(v, "; "))
}

func invalid(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "ValidationError", format, args...)
}

// number reads an optional integer parameter.
func (c *call) number(name string, otherwise int) (int, *apiError) {
	text := c.params.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, refuse(http.StatusBadRequest, "MalformedInput", "Invalid Integer")
	}
	return n, nil
}

// members reads a list of the query protocol: Name.member.1, or Name.member.1.Field for a
// list of structures.
func members(params url.Values, name, field string) []string {
	var list []string
	for i := 1; ; i++ {
		key := name + ".member." + strconv.Itoa(i)
		if field != "" {
			key += "." + field
		}
		if !params.Has(key) {
			return list
		}
		list = append(list, params.Get(key))
	}
}
