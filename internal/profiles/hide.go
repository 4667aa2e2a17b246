package profiles

import "strings"

// Show is what may be seen of a setting's value: all of it, or, with whole false, a
// part that tells nothing. Keys stand in plain text in many a config file, commands
// hold passwords among their arguments, and a URL can hold both.
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

// mayHide goes by the words of a key, so that a setting nobody has heard of is judged
// as well.
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

// program is the first word of a command, where it is plainly a program's name.
func program(command string) (string, bool) {
	first, rest, _ := strings.Cut(trimSpace(command), " ")
	plain := strings.Trim(first, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./\\:~") == ""
	if !plain || len(first) > 200 {
		return "", false
	}
	return first, rest == ""
}
