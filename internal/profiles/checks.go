package profiles

import (
	"regexp"
	"strings"
	"sync"
)

// This file checks values that AWS would refuse with an answer that names neither the
// setting nor its line.

const (
	inQuotes    = "it is in quotation marks, and the AWS tools take those for a part of it"
	withComment = "the comment at its end is a part of it for the AWS tools; a comment needs a line of its own"
)

// decorated says that a text is in quotation marks, or has a comment at its end, which AWS
// Vault takes away and the AWS tools do not; "" when it is not so.
func decorated(text string) string {
	switch {
	case strings.HasPrefix(text, `"`), strings.HasPrefix(text, "'"):
		return inQuotes
	case endComment().MatchString(text):
		return withComment
	}
	return ""
}

var (
	endComment = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\s[#;]`) })
	// nameForm is what AWS allows in the name of a session and in a source identity.
	nameForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w+=,.@-]{2,64}$`) })
)

// sessionName reads role_session_name.
func (v *view) sessionName() string { return v.named("role_session_name") }

// named reads a setting that becomes a name at AWS.
func (v *view) named(key string) string {
	text := v.str(key)
	if text != "" && !nameForm().MatchString(text) {
		v.rejectKey(key, or(decorated(text), "it must have 2 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -"))
		return ""
	}
	return text
}

// serial reads mfa_serial.
func (v *view) serial() string {
	text := v.str("mfa_serial")
	if why := decorated(text); why != "" {
		v.rejectKey("mfa_serial", why)
		return ""
	}
	return text
}
