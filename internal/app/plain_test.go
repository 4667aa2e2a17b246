package app

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// programmers are words that mean nothing to a person who only uses the program.
var programmers = regexp.MustCompile(`\bEOF\b|\bdial\b|\berrno|lstat|\bopenat?\b /|strconv|json:|cannot unmarshal|invalid character|deadline|context |exec:|fork/exec|no such file|x509:|tls:|base64|encoding/|parsing time|\$PATH|[a-z]+\.[A-Z][a-zA-Z]+|%!|0x[0-9a-f]+|<nil>`)

// Each error is made by what makes it in the program.
func TestNoErrorHasTheWordsOfTheSystemOrOfALibrary(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "a b", "config")
	plainFile := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plainFile, []byte("not a program"), 0o700); err != nil {
		t.Fatal(err)
	}
	expired, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := w.(http.Hijacker).Hijack()
		_ = c.Close()
	}))
	defer gone.Close()
	var number struct{ N int }
	errOf := func(_ any, err error) error { return err }
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a file that does not exist":    {errOf(os.ReadFile(missing)), missing + " does not exist"},
		"a folder that does not exist":  {os.WriteFile(missing, nil, 0o600), missing + " does not exist"},
		"a directory that was removed":  {os.NewSyscallError("getwd", syscall.ENOENT), "the current directory does not exist any more"},
		"a rename":                      {os.Rename(missing, plainFile), plainFile + " does not exist"},
		"a directory":                   {errOf(os.ReadFile(t.TempDir())), "cannot be read: it is a directory"},
		"a file in the place of one":    {errOf(os.ReadFile(filepath.Join(plainFile, "x"))), "cannot be read"},
		"a file that exists":            {os.Mkdir(plainFile, 0o700), plainFile + " exists already"},
		"permission":                    {&fs.PathError{Op: "open", Path: "/x", Err: fs.ErrPermission}, "/x cannot be read: permission denied"},
		"permission to write":           {&fs.PathError{Op: "mkdir", Path: "/x", Err: fs.ErrPermission}, "/x cannot be written: permission denied"},
		"nothing listens":               {errOf(net.Dial("tcp", "127.0.0.1:1")), "connect to 127.0.0.1:1: the connection was refused"},
		"no socket":                     {errOf(net.Dial("unix", filepath.Join(t.TempDir(), "s"))), "nothing answers there"},
		"a connection that is closed":   {errOf(http.Get(gone.URL)), "it ended too early"},
		"a request that takes too long": {errOf(http.DefaultClient.Do(must(t)(http.NewRequestWithContext(expired, "GET", gone.URL, nil)))), "no answer in time"},
		"a deadline":                    {expired.Err(), "no answer in time"},
		"the end of a file":             {io.EOF, "it ended too early"},
		"half a file":                   {io.ErrUnexpectedEOF, "it ended too early"},
		"a program that does not exist": {errOf(exec.LookPath("no-such-program")), `there is no program "no-such-program"`},
		"a file that is not a program":  {exec.Command(plainFile).Run(), "it is not a program for this machine"},
		"no JSON":                       {json.Unmarshal([]byte("<html>"), &number), "it is not valid JSON"},
		"half a JSON":                   {json.Unmarshal([]byte(`{"N":`), &number), "it is not valid JSON"},
		"another JSON":                  {json.Unmarshal([]byte(`{"N":"x"}`), &number), "not of the form that is expected"},
		"a number":                      {errOf(strconv.Atoi("x1")), `"x1" is not a number`},
		"a large number":                {errOf(strconv.ParseInt("99999999999999999999", 10, 64)), "is not a number"},
		"a yes":                         {errOf(strconv.ParseBool("maybe")), `"maybe" is neither true nor false`},
		"a moment":                      {errOf(time.Parse(time.RFC3339, "soon")), `"soon" is not a time`},
		"base64":                        {errOf(base64.StdEncoding.DecodeString("?")), "it is damaged"},
		"hex":                           {errOf(hex.DecodeString("zz")), "it is damaged"},
	} {
		if c.err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, err := range []error{c.err, fmt.Errorf("read the policy: %w", c.err), errors.Join(errors.New("nothing was changed"), c.err), errors.New("the endpoint: " + c.err.Error())} {
			text := OneLine(err)
			said := strings.NewReplacer(missing, "", plainFile, "").Replace(text)
			if programmers.MatchString(said) {
				t.Errorf("%s: %q has %q", name, text, programmers.FindString(said))
			}
		}
		if text := Text(c.err); !strings.Contains(text, c.want) {
			t.Errorf("%s: %q, without %q", name, text, c.want)
		}
	}
	// what is in a person's own words stays
	for _, text := range []string{"the storage: message of age: it is locked", "vault store age: http://127.0.0.1:1"} {
		if got := Text(errors.New(text)); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func must(t *testing.T) func(*http.Request, error) *http.Request {
	return func(r *http.Request, err error) *http.Request {
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}
