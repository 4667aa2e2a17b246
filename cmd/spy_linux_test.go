package cmd_test

// What leaves the program is watched from outside: every command is run under strace,
// with the programs it starts, and each word of an argument list, an environment, a
// path and a write is searched for every secret there is, in every form it may take.

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

// The ways out. A secret may take one only where a case says so.
const (
	viaArgv    = "an argument"
	viaEnviron = "the environment of another program"
	viaName    = "the name of a file"
	viaFile    = "a file"
	viaStdout  = "standard output"
	viaStderr  = "standard error"
	viaTTY     = "the terminal"
	viaCode    = "the hook's descriptor"
	viaPipe    = "a pipe to another program"
	viaUnix    = "a socket of this machine"
	viaTCP     = "the network"
)

// sighting is a secret on its way out.
type sighting struct{ secret, way, program, line string }

// secret is one that is looked for: by name, in all forms.
type secret struct {
	name  string
	forms []string
}

// formsOf are a text, and that text inside of what is encoded. In base64 it looks
// different at each of three positions, and its ends depend on what is around it.
func formsOf(s string) []string {
	forms := []string{s, hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s)))}
	if q := url.QueryEscape(s); q != s {
		forms = append(forms, q)
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := enc.EncodeToString([]byte(strings.Repeat("x", before) + s))
			skip := []int{0, 2, 3}[before]
			if form := text[skip : len(text)-2]; !slices.Contains(forms, form) {
				forms = append(forms, form)
			}
		}
	}
	return forms
}

// known are all secrets of the world: what was made for it, and each session that is in
// the store by now.
func (w *world) known(s store.Store) []secret {
	w.mu.Lock()
	list := make([]secret, 0, len(w.secrets))
	for i, text := range w.secrets {
		list = append(list, secret{fmt.Sprintf("long-lived %d", i), formsOf(text)})
	}
	w.mu.Unlock()
	ctx := context.Background()
	keys, _, _ := store.KeyNames(ctx, s, "base", "new", "plain")
	for _, n := range keys {
		if k, err := store.GetKey(ctx, s, n); err == nil {
			list = append(list, secret{"long-lived key of " + n, formsOf(k.Secret.Reveal())})
		}
	}
	names, _ := s.List(ctx, store.SessionPrefix)
	for _, n := range names {
		v := must(store.GetSession(ctx, s, n))
		list = append(list, secret{"session key", formsOf(v.SecretKey.Reveal())}, secret{"session token", formsOf(v.Token.Reveal())})
	}
	return list
}

// Standard output and error are files of these names, to be told from pipes between
// programs.
const spiedOut, spiedErr = "spied-stdout", "spied-stderr"

// spied runs a program under strace and returns where secrets were seen. What the
// program itself was given in its environment does not count.
func (w *world) spied(t *testing.T, s store.Store, environ []string, typed []exchange, argv ...string) (result, []sighting) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	trace := append([]string{
		"-f", "-Y", "-qq", "-yy", "-v", "-s", "1000000", "-e", "signal=none", "-o", log,
		// A program that hides its memory would hide from strace what it writes.
		"-e", "inject=prctl:retval=0",
		"-e", "trace=prctl,execve,write,writev,pwrite64,sendto,sendmsg,openat,rename,renameat,renameat2,mkdirat",
	}, argv...)
	var r result
	if typed != nil {
		r, _ = w.converse(t, environ, typed, "strace", trace...)
	} else {
		r = w.toFiles(t, dir, environ, "strace", trace...)
	}
	return r, w.sightings(string(must(os.ReadFile(log))), w.known(s))
}

// toFiles runs a program with standard output and error in files of their own.
func (w *world) toFiles(t *testing.T, dir string, environ []string, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	out, errs := must(os.Create(filepath.Join(dir, spiedOut))), must(os.Create(filepath.Join(dir, spiedErr)))
	c.Env, c.Dir, c.Stdout, c.Stderr, c.WaitDelay = environ, w.dir, out, errs, time.Second
	if err := c.Run(); c.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("%q: %v, %v", args, err, ctx.Err())
	}
	_, _ = out.Close(), errs.Close()
	return result{string(must(os.ReadFile(out.Name()))), string(must(os.ReadFile(errs.Name()))), c.ProcessState.ExitCode()}
}

func (w *world) sightings(log string, secrets []secret) (list []sighting) {
	for i, line := range strings.Split(log, "\n") {
		m := lineRE.FindStringSubmatch(line)
		if m == nil || i == 0 { // the first is what we started ourselves
			continue
		}
		program, call := m[1], m[2]
		if m := execRE.FindStringSubmatch(call); m != nil {
			program = filepath.Base(m[1])
		}
		for _, part := range waysOf(call) {
			for _, x := range secrets {
				if slices.ContainsFunc(x.forms, func(f string) bool { return strings.Contains(part.text, f) }) {
					list = append(list, sighting{x.name, part.way, program, call[:min(len(call), 200)]})
				}
			}
		}
	}
	return list
}

var (
	lineRE  = regexp.MustCompile(`^\d+<(.*?)> +(.*)$`) // strace cuts the name at 15 bytes
	execRE  = regexp.MustCompile(`^execve\("([^"]*)", \[`)
	writeRE = regexp.MustCompile(`^(?:write|writev|pwrite64|sendto|sendmsg)\((\d+)(?:<(.*?)>)?, `)
)

type part struct{ way, text string }

// waysOf takes a call apart by where its words go.
func waysOf(call string) []part {
	if execRE.MatchString(call) {
		argv, environ, _ := strings.Cut(call, `], [`)
		return []part{{viaArgv, argv}, {viaEnviron, environ}}
	}
	if m := writeRE.FindStringSubmatch(call); m != nil {
		return []part{{wayOf(m[1], m[2]), call}}
	}
	return []part{{viaName, call}}
}

// wayOf says what a descriptor is.
func wayOf(fd, on string) string {
	switch {
	case strings.HasPrefix(on, "/dev/tty"), strings.HasPrefix(on, "/dev/pts/"):
		return viaTTY
	case filepath.Base(on) == spiedOut:
		return viaStdout
	case filepath.Base(on) == spiedErr:
		return viaStderr
	case fd == "3" && strings.HasPrefix(on, "pipe:"):
		return viaCode
	case strings.HasPrefix(on, "pipe:"):
		return viaPipe
	case strings.HasPrefix(on, "UNIX"):
		return viaUnix
	case strings.HasPrefix(on, "TCP"):
		return viaTCP
	}
	return viaFile
}

// route is what a secret may do, as "SECRET by WAY of PROGRAM"; a word left empty allows
// any.
type route struct{ secret, way, program string }

// strayed returns the sightings that no route allows.
func strayed(seen []sighting, allowed []route) (list []sighting) {
	for _, s := range seen {
		fits := func(r route) bool {
			return strings.HasPrefix(s.secret, r.secret) && (r.way == "" || r.way == s.way) && (r.program == "" || r.program == s.program)
		}
		if !slices.ContainsFunc(allowed, fits) {
			list = append(list, s)
		}
	}
	return list
}

// always: a session's token goes to AWS in a header of each request, as AWS wants it.
var always = []route{{"session token", viaTCP, "vault"}}

// spyCase is one run of the program, and where secrets may be seen on the way.
type spyCase struct {
	name  string
	argv  []string
	extra []string   // environment
	typed []exchange // at a terminal
	may   []route
	fails bool
}

// keeping is a back end, and the ways on which its items travel to what keeps them.
type keeping struct {
	environ []string
	store   store.Store
	may     []route
}

// spy runs one case and tells of every secret that strayed.
func (w *world) spy(t *testing.T, k keeping, c spyCase) {
	t.Helper()
	environ := with(k.environ, c.extra...)
	r, seen := w.spied(t, k.store, environ, c.typed, c.argv...)
	if (r.status != 0) != c.fails {
		t.Fatalf("%s: status %d\n%s", c.name, r.status, r.err)
	}
	for _, x := range strayed(seen, slices.Concat(always, k.may, c.may)) {
		t.Errorf("%s: %s leaves %s by %s: %s", c.name, x.secret, x.program, x.way, w.masked(x.line))
	}
}

// masked keeps the secrets of a test out of its own log.
func (w *world) masked(line string) string { return likeSecret.ReplaceAllString(line, "(secret)") }

// A spy that sees nothing proves nothing.
func TestTheSpySeesASecretOnEveryWay(t *testing.T) {
	testenv.Require(t, "strace")
	w := newWorld(t, "")
	_, k := w.user("alice")
	s := storetest.NewMemory()
	text := k.Secret.Reveal()
	for way, script := range map[string]string{
		viaArgv: `/bin/true "$S"`, viaEnviron: `/bin/true`, viaName: "", viaFile: `echo "$S" >"$W/f"`,
		viaStdout: `echo "$S"`, viaStderr: `echo "$S" >&2`, viaPipe: `echo "$S" | cat >/dev/null`,
	} {
		environ := w.environ("S="+text, "W="+w.dir)
		if way != viaEnviron {
			script = "T=$S; unset S; S=$T; " + script
		}
		if way == viaName {
			script = `: >"$W/$(printf %s "$S" | od -An -tx1 | tr -d ' \n')"`
		}
		_, seen := w.spied(t, s, environ, nil, "bash", "--norc", "-c", script)
		if !slices.ContainsFunc(seen, func(x sighting) bool { return x.way == way }) {
			t.Errorf("%s was not seen: %+v", way, seen)
		}
	}
	// Of the program itself, which hides its memory, all is seen too.
	check(store.PutKey(context.Background(), w.keyring(), "base", k))
	_, seen := w.spied(t, w.keyring(), w.environ(), nil, filepath.Join(bin, "vault"), "export", "base", "--no-session")
	if !slices.ContainsFunc(seen, func(x sighting) bool { return x.way == viaStdout && x.program == "vault" }) {
		t.Errorf("what the program printed was not seen: %+v", seen)
	}
	if seen := w.sightings("1<x> execve(\"v\", [], []) = 0\n1<vault> write(3<pipe:[7]>, \""+text+"\", 9) = 9\n", w.known(s)); len(seen) != 1 || seen[0].way != viaCode {
		t.Errorf("%+v", seen)
	}
	for _, form := range []string{text, base64.StdEncoding.EncodeToString([]byte(`{"a":"` + text + `"}`)), base64.StdEncoding.EncodeToString([]byte("xy" + text + "z")), hex.EncodeToString([]byte(text))} {
		log := "1<x> execve(\"/bin/vault\", [\"vault\"], [\"A=b\"]) = 0\n1<vault> write(5</tmp/f>, \"" + form + "\", 9) = 9\n"
		if seen := w.sightings(log, w.known(s)); len(seen) == 0 || seen[0].way != viaFile || seen[0].program != "vault" {
			t.Errorf("%+v", seen)
		}
	}
}
