package profiles

import "strings"

// sectionKind is what a section is about.
type sectionKind uint8

const (
	otherSection sectionKind = iota
	profileSection
	ssoSection      // [sso-session NAME]
	servicesSection // [services NAME]
	sharedSection   // [DEFAULT], whose settings every section has
)

// readHeader reads the text between the brackets of a header. As the AWS CLI does, it
// compares only the beginning of the first word, and splits the words as a shell does, with
// quotes and backslashes: [profile "a b"] is the profile "a b".
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

const wordSpecial = `'"\`

// isBreak reports whether a byte is white space for a shell, which is ASCII only.
func isBreak(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// trimBreaks removes these from the end of a text.
func trimBreaks(text string) string {
	for text != "" && isBreak(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

// isSpecial reports whether a byte has a meaning of its own within a word.
func isSpecial(c byte) bool {
	const low = 1<<' ' | 1<<'\t' | 1<<'\r' | 1<<'\n' | 1<<'"' | 1<<'\''
	return c < 64 && uint64(low)>>c&1 != 0 || c == '\\'
}

// secondOfTwo returns the second word of a text that has exactly two.
func secondOfTwo(text string) (string, bool) {
	if name, ok, plain := plainSecond(text); plain {
		return name, ok
	}
	words, ok := splitWords(text)
	if !ok || len(words) != 2 {
		return "", false
	}
	return words[1], true
}

// plainSecond is secondOfTwo for a text without quotes, which is the usual case; a file may
// have 20,000 of them. It looks once at each byte. plain is false for a text with quotes.
func plainSecond(text string) (name string, ok, plain bool) {
	words, start := 0, 0
	inWord := false
	for i := range len(text) {
		c := text[i]
		if inWord && !isSpecial(c) {
			continue
		}
		switch {
		case c == '\'' || c == '"' || c == '\\':
			return "", false, false
		case isBreak(c):
			if inWord && words == 2 {
				name = text[start:i]
			}
			inWord = false
		case !inWord:
			inWord, start = true, i
			words++
		}
	}
	if inWord {
		name = text[start:]
	}
	return name, words == 2, true
}

// splitWords splits a text as a POSIX shell does, without expansions. It is false if a quote
// is not closed, or the text ends with a backslash.
func splitWords(s string) (words []string, ok bool) {
	var word strings.Builder
	started := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isBreak(c):
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

// quotedPart writes the text before the closing quote and returns the offset of that.
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
