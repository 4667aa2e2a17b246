package profiles

import "strings"

// A sectionKind says what a header is about.
type sectionKind uint8

const (
	otherSection sectionKind = iota
	profileSection
	ssoSection      // [sso-session NAME]
	servicesSection // [services NAME]
	sharedSection   // [DEFAULT], whose settings every section has
)

// readHeader says what the text between the brackets names. The prefix is compared
// loosely and the name is split as a shell would, quotes and backslashes included,
// because that is how the AWS CLI does it: [profile "a b"] is a b.
func readHeader(text string) (sectionKind, string) {
	kind := otherSection
	switch {
	case text == "DEFAULT":
		return sharedSection, text
	case text == "default":
		return profileSection, text
	case strings.HasPrefix(text, "profile"):
		kind = profileSection
	case strings.HasPrefix(text, "sso-session"):
		kind = ssoSection
	case strings.HasPrefix(text, "services"):
		kind = servicesSection
	default:
		return otherSection, ""
	}
	if name, ok := secondOfTwo(text); ok {
		return kind, name
	}
	return otherSection, ""
}

const (
	wordSpace   = " \t\r\n"
	wordSpecial = `'"\`
)

// secondOfTwo returns the second word of a text that has exactly two.
func secondOfTwo(text string) (string, bool) {
	if !strings.ContainsAny(text, wordSpecial) { // nearly always: nothing to unquote, nothing to copy
		text = strings.Trim(text, wordSpace)
		cut := strings.IndexAny(text, wordSpace)
		if cut < 0 {
			return "", false
		}
		name := strings.Trim(text[cut:], wordSpace)
		return name, !strings.ContainsAny(name, wordSpace)
	}
	words, ok := splitWords(text)
	if !ok || len(words) != 2 {
		return "", false
	}
	return words[1], true
}

// splitWords splits as a POSIX shell does, without expansions; false when a quote or
// a backslash is left open.
func splitWords(s string) (words []string, ok bool) {
	var word strings.Builder
	started := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case strings.IndexByte(wordSpace, c) >= 0:
			if started {
				words, started = append(words, word.String()), false
				word.Reset()
			}
			continue
		case c == '\\':
			if i++; i == len(s) {
				return nil, false
			}
			word.WriteByte(s[i])
		case c == '\'' || c == '"':
			end, closed := quotedPart(&word, s[i+1:], c)
			if !closed {
				return nil, false
			}
			i += end + 1
		default:
			word.WriteByte(c)
		}
		started = true
	}
	if started {
		words = append(words, word.String())
	}
	return words, true
}

// quotedPart writes what stands before the closing quote and returns its offset.
func quotedPart(word *strings.Builder, s string, quote byte) (end int, closed bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == quote {
			return i, true
		}
		if c == '\\' && quote == '"' {
			if i++; i == len(s) {
				return 0, false
			}
			if s[i] != '"' && s[i] != '\\' {
				word.WriteByte('\\')
			}
			c = s[i]
		}
		word.WriteByte(c)
	}
	return 0, false
}
