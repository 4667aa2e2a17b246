package app

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"sync"
)

// This file replaces the words of the system and of libraries in an error by those of a
// person. Errors are wrapped on their way up, so these words can be anywhere in a text.

// plain is the text of an error without words that only a programmer knows.
func plain(err error) string {
	text := err.Error()
	eachError(err, func(e error) {
		if words := fileWords(e); words != "" {
			text = strings.ReplaceAll(text, e.Error(), words)
		}
	})
	return Plain(text)
}

// Plain is a text that says why something failed, without the words of the system and of
// libraries. Text does this for an error.
func Plain(text string) string {
	for _, p := range phrases() {
		text = p.from.ReplaceAllString(text, p.to)
	}
	return text
}

// eachError calls f for an error and all that it wraps.
func eachError(err error, f func(error)) {
	if err == nil {
		return
	}
	f(err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		eachError(e.Unwrap(), f)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			eachError(inner, f)
		}
	}
}

// fileWords says what happened to a file, "" for an error that is about none.
func fileWords(err error) string {
	var file, op string
	switch e := err.(type) {
	case *fs.PathError:
		file, op, err = e.Path, e.Op, e.Err
	case *os.LinkError:
		file, op, err = e.New, "write", e.Err
	default:
		return ""
	}
	done := "read"
	switch op {
	case "write", "create", "createtemp", "mkdir", "chmod", "chown", "truncate", "sync", "remove", "unlink", "fsync":
		done = "written"
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return file + " does not exist"
	case errors.Is(err, fs.ErrExist):
		return file + " exists already"
	case errors.Is(err, fs.ErrPermission):
		return file + " cannot be " + done + ": permission denied"
	}
	return file + " cannot be " + done + ": " + err.Error()
}

// phrase is a text of the system or of a library, and what it means.
type phrase struct {
	from *regexp.Regexp
	to   string
}

// phrases are compiled when the first error is told.
var phrases = sync.OnceValue(func() (list []phrase) {
	for _, p := range [...][2]string{
		{`context deadline exceeded(?: \(Client\.Timeout[^)]*\))?|i/o timeout`, "no answer in time"},
		{`context canceled|signal: interrupt`, "it was interrupted"},
		{`(?:read|write) (?:tcp|udp|unix) [^ ]+: `, ""},
		{`dial (?:tcp|udp|unix)(?: ([^ ]+))?: `, "connect to $1: "},
		{`lookup ([^ ]+)(?: on [^ ]+)?: (?:no such host|server misbehaving)`, "the name $1 is not known"},
		{`connect: no such file or directory`, "nothing answers there"},
		{`(^|: )is a directory`, "${1}it is a directory"},
		{`(^|: )not a directory`, "${1}a part of its path is not a directory"},
		{`getwd: no such file or directory`, "the current directory does not exist any more"},
		{`(?:connect: )?connection refused`, "the connection was refused"},
		{`(?:\w+: )?connection reset by peer|(?:\w+: )?broken pipe`, "the connection was cut off"},
		{`unexpected EOF|\bEOF\b`, "it ended too early"},
		{`exec: "([^"]*)": executable file not found in \$?%?PATH%?`, `there is no program "$1"`},
		{`fork/exec ([^ ]+): `, "start $1: "},
		{`exec format error`, "it is not a program for this machine"},
		{`no such file or directory|The system cannot find the (?:file|path) specified\.?`, "it does not exist"},
		{`no space left on device|There is not enough space on the disk\.?`, "the disk is full"},
		{`disk quota exceeded`, "your part of the disk is full"},
		{`read-only file system`, "the disk is read-only"},
		{`input/output error`, "the disk failed"},
		{`too many levels of symbolic links`, "its links lead in a circle"},
		{`operation not permitted`, "the system does not allow it"},
		{`resource temporarily unavailable`, "it is in use"},
		{`strconv\.Parse(?:Int|Uint|Float): parsing ("[^"]*"): (?:invalid syntax|value out of range)|strconv\.Atoi: parsing ("[^"]*"): (?:invalid syntax|value out of range)`, "$1$2 is not a number that is possible here"},
		{`strconv\.ParseBool: parsing ("[^"]*"): invalid syntax`, "$1 is neither true nor false"},
		{`json: cannot unmarshal .*`, "it is JSON, but not of the form that is expected"},
		{`invalid character .* (?:looking for|after|in) [^;]*|unexpected end of JSON input|invalid character .*`, "it is not valid JSON"},
		{`parsing time ("[^"]*").*`, "$1 is not a time"},
		{`illegal base64 data at input byte \d+|encoding/hex: [^;]*`, "it is damaged"},
		{`(^|: )(?:x509|tls|http|net/http|smithy|csv|asn1|pem|user|base64|hex): `, "$1"},
	} {
		list = append(list, phrase{regexp.MustCompile(p[0]), p[1]})
	}
	return list
})
