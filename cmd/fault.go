package cmd

import (
	"fmt"
	"io"
	"path"
	"runtime"
	"strings"
)

// stopped is called by Main when a function has panicked. It says so in one sentence, with the place and
// without the value, which may be anything, and returns the exit status.
func stopped(stderr io.Writer, name string) int {
	_, _ = fmt.Fprintf(stderr, "%s: an error in this program itself has stopped the command, at %s\n%s: hint: report that place and the command, without what is secret in it\n", name, panicPlace(), name)
	return exitFailed
}

// panicPlace is the file and line of the function that has panicked.
func panicPlace() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	panicked := false
	for {
		f, more := frames.Next()
		switch own := strings.HasPrefix(f.Function, "runtime."); {
		case own:
			panicked = panicked || f.Function == "runtime.gopanic"
		case panicked:
			return fmt.Sprintf("%s/%s:%d", path.Base(path.Dir(f.File)), path.Base(f.File), f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}
