package profiles

import (
	"regexp"
	"strings"
	"sync"
)

// This file checks values that AWS would refuse with an answer that names neither the
// setting nor its line.

const inQuotes = "it is in quotation marks, and the AWS tools take those for a part of it"

// quoted says that a text is in quotation marks, "" when it is not.
func quoted(text string) string {
	if strings.HasPrefix(text, `"`) || strings.HasPrefix(text, "'") {
		return inQuotes
	}
	return ""
}

// What AWS allows in the name of a session and in a source identity, and in the serial
// number or ARN of an MFA device.
var (
	nameForm   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w+=,.@-]{2,64}$`) })
	serialForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w+=/:,.@-]+$`) })
)

// sessionName reads role_session_name.
func (v *view) sessionName() string { return v.named("role_session_name") }

// named reads a setting that becomes a name at AWS.
func (v *view) named(key string) string {
	text := v.str(key)
	if text != "" && !nameForm().MatchString(text) {
		v.rejectKey(key, or(quoted(text), "it must have 2 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -"))
		return ""
	}
	return text
}

// serial reads mfa_serial.
func (v *view) serial() string {
	text := v.str("mfa_serial")
	if text != "" && !serialForm().MatchString(text) {
		v.rejectKey("mfa_serial", or(quoted(text), "it must be an ARN, or the number of a device, without white space"))
		return ""
	}
	return text
}
