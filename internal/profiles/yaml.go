package profiles

import "strings"

// This file reads as much of YAML as the file of aws-sso-cli needs: mappings in lines of their own,
// with plain and quoted values. What it cannot read it says so of, and the program is run as
// before. A library for all of YAML would make every start of this program a tenth slower, and
// the program half a megabyte larger.

// yamlText is the values of a text by their paths, and the keys of each mapping.
type yamlText struct {
	values map[string]string
	below  map[string][]string
}

func yamlPath(path []string) string { return strings.Join(path, "\x00") }

// value is the value at a path, "" for none.
func (y yamlText) value(path ...string) string { return y.values[yamlPath(path)] }

// keys are those of the mapping at a path, in the order of the text.
func (y yamlText) keys(path ...string) []string { return y.below[yamlPath(path)] }

// yamlLevel is a mapping that is open: how far its keys are indented, and its path.
type yamlLevel struct {
	indent int
	path   []string
}

// readYAML reads a text; false for one in which a value has another form.
func readYAML(data []byte) (y yamlText, ok bool) {
	y = yamlText{map[string]string{}, map[string][]string{}}
	open := []yamlLevel{{indent: 0}}
	skip := -1        // lines that are indented deeper belong to a list or a block of text
	var last []string // the key in the line before, if it has no value
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, " \t\r\n")
		text := strings.TrimLeft(line, " ")
		indent := len(line) - len(text)
		switch {
		case text == "" || text[0] == '#' || indent == 0 && (text == "---" || text[0] == '%'):
			continue
		case skip >= 0 && (indent > skip || indent == skip && strings.HasPrefix(text, "- ")):
			continue
		case text == "-" || strings.HasPrefix(text, "- "):
			skip, last = indent, nil
			continue
		}
		skip = -1
		if last != nil && indent > open[len(open)-1].indent {
			open = append(open, yamlLevel{indent, last})
		}
		for len(open) > 1 && indent < open[len(open)-1].indent {
			open = open[:len(open)-1]
		}
		level := open[len(open)-1]
		key, value, isKey := yamlLine(text)
		if !isKey || indent != level.indent {
			return y, false
		}
		path := append(append([]string{}, level.path...), key)
		y.below[yamlPath(level.path)] = append(y.below[yamlPath(level.path)], key)
		y.values[yamlPath(path)], last = value, nil
		switch {
		case value == "":
			last = path
		case strings.ContainsRune("|>", rune(value[0])):
			skip = indent
		}
	}
	return y, true
}

// yamlLine splits a line of a mapping; false for one of another form.
func yamlLine(text string) (key, value string, ok bool) {
	key, rest, ok := yamlScalar(text, ":")
	if rest = strings.TrimLeft(rest, " \t"); !ok || !strings.HasPrefix(rest, ":") || len(rest) > 1 && rest[1] != ' ' && rest[1] != '\t' {
		return "", "", false
	}
	value, rest, ok = yamlScalar(strings.TrimSpace(rest[1:]), "")
	if rest = strings.TrimSpace(rest); rest != "" && rest[0] != '#' {
		return "", "", false
	}
	return key, value, ok && !strings.ContainsAny(key, "{}[]&*!")
}

// yamlScalar reads a value at the beginning of a text, and returns what follows it. A plain one ends at a
// comment, and a key at its colon.
func yamlScalar(text, end string) (value, rest string, ok bool) {
	if text == "" {
		return "", "", true
	}
	switch text[0] {
	case '\'':
		for i := 1; i < len(text); i++ {
			if text[i] != '\'' {
				continue
			}
			if i+1 < len(text) && text[i+1] == '\'' {
				i++
				continue
			}
			return strings.ReplaceAll(text[1:i], "''", "'"), text[i+1:], true
		}
		return "", "", false
	case '"':
		at := strings.IndexByte(text[1:], '"')
		if at < 0 || strings.Contains(text[1:at+1], `\`) {
			return "", "", false // none of the values that are needed has a backslash
		}
		return text[1 : at+1], text[at+2:], true
	}
	stop := len(text)
	for i := range text {
		if text[i] == '#' && (i == 0 || text[i-1] == ' ' || text[i-1] == '\t') ||
			end != "" && text[i] == ':' && (i+1 == len(text) || text[i+1] == ' ' || text[i+1] == '\t') {
			stop = i
			break
		}
	}
	return strings.TrimRight(text[:stop], " \t"), text[stop:], true
}
