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

// yamlReader reads a text line by line.
type yamlReader struct {
	text yamlText
	open []yamlLevel // the mappings around a line, from the outermost
	skip int         // lines that are indented deeper belong to a list or a block of text; -1: no such lines
	last []string    // the key in the line before, if it has no value
}

// readYAML reads a text; false for one in which a value has another form.
func readYAML(data []byte) (yamlText, bool) {
	r := yamlReader{text: yamlText{map[string]string{}, map[string][]string{}}, open: []yamlLevel{{indent: 0}}, skip: -1}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, " \t\r\n")
		text := strings.TrimLeft(line, " ")
		indent := len(line) - len(text)
		if !r.skips(text, indent) && !r.take(text, indent) {
			return r.text, false
		}
	}
	return r.text, true
}

// skips reports whether a line has no key: it is blank or a comment, begins a document, or
// belongs to a list or a block of text.
func (r *yamlReader) skips(text string, indent int) bool {
	switch {
	case text == "" || text[0] == '#' || indent == 0 && (text == "---" || text[0] == '%'):
		return true
	case r.skip >= 0 && (indent > r.skip || indent == r.skip && strings.HasPrefix(text, "- ")):
		return true
	case text == "-" || strings.HasPrefix(text, "- "):
		r.skip, r.last = indent, nil
		return true
	}
	return false
}

// take reads a line with a key; false for one of another form.
func (r *yamlReader) take(text string, indent int) bool {
	r.skip = -1
	if r.last != nil && indent > r.open[len(r.open)-1].indent {
		r.open = append(r.open, yamlLevel{indent, r.last})
	}
	for len(r.open) > 1 && indent < r.open[len(r.open)-1].indent {
		r.open = r.open[:len(r.open)-1]
	}
	level := r.open[len(r.open)-1]
	key, value, isKey := yamlLine(text)
	if !isKey || indent != level.indent {
		return false
	}
	path := append(append([]string{}, level.path...), key)
	r.text.below[yamlPath(level.path)] = append(r.text.below[yamlPath(level.path)], key)
	r.text.values[yamlPath(path)], r.last = value, nil
	switch {
	case value == "":
		r.last = path
	case strings.ContainsRune("|>", rune(value[0])):
		r.skip = indent
	}
	return true
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
