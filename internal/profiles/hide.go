package profiles

import "strings"

// Show returns what may be shown of a setting's value: all of it or, if whole is false, a
// part that is not secret. Config files often contain keys in plain text, commands with
// passwords among their arguments, and URLs with either.
func Show(key, value string) (text string, whole bool) {
	switch {
	case isCommand(key):
		return program(value)
	case mayHide(key), strings.Contains(value, "@") && strings.Contains(value, "://"):
		return "", false
	}
	for _, line := range strings.Split(value, "\n") {
		inner, rest, ok := strings.Cut(strings.Replace(line, ":", "=", 1), "=")
		if ok && rest != "" && strings.Contains(value, "\n") && (mayHide(inner) || isCommand(inner)) {
			return "", false
		}
	}
	return value, true
}

func isCommand(key string) bool {
	key = lower(key)
	return strings.Contains(key, "process") || strings.Contains(key, "command")
}

// mayHide reports whether the value of a setting may be secret. It looks for words in the
// key, so that it can judge settings that are not known.
func mayHide(key string) bool {
	key = lower(trimSpace(key))
	if key == "web_identity_token_file" {
		return false // a path
	}
	for _, word := range [...]string{"secret", "passw", "passphrase", "passcode", "token", "access_key", "api_key", "apikey", "private", "credentials"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// program returns the first word of a command, if that looks like the name of a program,
// and whether it is all of the command.
func program(command string) (string, bool) {
	first, rest, _ := strings.Cut(trimSpace(command), " ")
	plain := strings.Trim(first, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./\\:~") == ""
	if !plain || len(first) > 200 {
		return "", false
	}
	return first, rest == ""
}
