package hooks

// This file is the program the hooks call in these tests: the test binary itself, under
// the name of the command. It speaks the hooks' protocol and nothing else, and notes
// each call, so that a test can count processes.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/shells"
)

const stubDir = "HOOK_STUB_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(stubDir); dir != "" && filepath.Ext(os.Args[0]) != ".test" {
		os.Exit(stub{dir: dir}.run(os.Args[1:]))
	}
	testenv.ReceiveInterrupts()
	os.Exit(m.Run())
}

// plan is what a test wants the next session to be. Times are seconds from now.
type plan struct {
	Life, Due   int64  // of the next use
	Life2, Due2 int64  // of the next renewal
	Note, Label string // shown in the prompt
	Style       []string
	Fail        bool  // every refresh fails
	Set, Set2   int64 // how far the clock is set back after the answer to "use", and after that to a refresh
}

// held is the session in the stub's store.
type held struct {
	Name, Label, Note string
	Exp, Ref          int64
	Gen               int
	from              int64 // see __vault_set
}

type stub struct{ dir string }

func (s stub) path(name string) string { return filepath.Join(s.dir, name) }

func (s stub) run(args []string) int {
	s.note(args)
	for len(args) > 2 && (args[0] == "--backend" || args[0] == "--keychain") {
		args = args[2:]
	}
	if len(args) == 0 {
		return 0
	}
	switch args[0] {
	case "use":
		return s.use(args[1:])
	case "off":
		return s.off()
	case "refresh":
		return s.refresh(strings.Join(args[1:], " "))
	case "echo": // a filter with a status of its own
		_, _ = io.Copy(os.Stdout, os.Stdin)
		return 7
	case "read": // a program that talks to the person at its terminal
		tellContinued()
		fmt.Println("reading")
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Println("read:" + strings.TrimSpace(line))
		return 0
	}
	fmt.Printf("%q shell=%q\n", args, os.Getenv(env.Shell))
	return 0
}

func (s stub) note(args []string) {
	f, err := os.OpenFile(s.path("log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	shell := os.Getenv(env.Shell)
	if sub := os.Getenv(env.Subshell); sub != "" {
		shell += "+" + sub
	}
	fmt.Fprintf(f, "%s: %s\n", shell, strings.Join(args, " "))
	if lacks, told := os.LookupEnv(env.Lacks); told {
		check(os.WriteFile(s.path("lacks"), []byte(lacks), 0o600))
	}
}

func (s stub) use(args []string) int {
	if args[0] == "typo" {
		fmt.Fprintln(os.Stderr, "no such profile")
		return 1
	}
	words := strings.Join(args[1:], " ")
	if strings.Contains(words, "--stdin") {
		b, _ := io.ReadAll(os.Stdin)
		fmt.Printf("stdin=%s\n", b)
	}
	if strings.Contains(words, "--ask") && !s.asked() {
		return 1
	}
	if strings.Contains(words, "--fail-late") {
		s.emit(held{Name: args[0], Gen: 99}, true)
		return 5
	}
	p := s.plan()
	h := held{Name: args[0], Label: p.Label, Note: p.Note}
	if h.Label == "" {
		h.Label = h.Name
	}
	s.emit(s.renewed(h, p.Life, p.Due).before(p.Set), os.Getenv(env.GenerationFile) == "")
	fmt.Fprintln(os.Stderr, "stub: using "+h.Name)
	return 0
}

// asked puts a question to the terminal, whatever the standard streams are.
func (s stub) asked() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer tty.Close()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	go func() { <-interrupted; os.Exit(130) }()
	fmt.Fprint(tty, "code? ")
	_, err = bufio.NewReader(tty).ReadString('\n')
	return err == nil
}

func (s stub) off() int {
	var changes []env.Change
	for _, n := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_VAULT", env.GenerationFile} {
		changes = append(changes, env.Change{Name: n, Unset: true})
	}
	s.code(func(sh *shells.Shell) string {
		return must(sh.Hook.Render(changes)) + must(sh.Hook.Call("__vault_unstash", env.Secrets...)) + must(sh.Hook.Call("__vault_set", "0", "0", "", "", "", strconv.FormatInt(time.Now().Unix()-1, 10)))
	})
	return 0
}

func (s stub) refresh(flags string) int {
	if strings.Contains(flags, "--if-due") {
		for exists(s.path("hold")) {
			time.Sleep(5 * time.Millisecond)
		}
	}
	l := flock.New(s.path("lock")) // one at a time, as the program does it
	check(l.Lock())
	defer func() { _ = l.Close() }()
	p, h := s.plan(), s.held()
	if p.Fail || h.Gen == 0 {
		return 1
	}
	if strings.Contains(flags, "--if-due") && h.Ref != 0 && h.Ref <= time.Now().Unix() {
		h = s.renewed(h, p.Life2, p.Due2)
	}
	if strings.Contains(flags, "--env") {
		s.publish(h)
		s.emit(h.before(p.Set2), false)
	}
	return 0
}

// before is the session as an answer says it by a clock that is then set back by so many seconds.
func (h held) before(set int64) held {
	h.from = time.Now().Unix() + set - 1
	if h.Exp != 0 {
		h.Exp += set
	}
	return h
}

// renewed stores a new generation of h and removes the old one's file.
func (s stub) renewed(h held, life, due int64) held {
	now := time.Now().Unix()
	old := s.held()
	h.Gen, h.Exp, h.Ref = old.Gen+1, now+life, now+due
	if life == 0 {
		h.Exp = 0
	}
	if due == 0 {
		h.Ref = 0
	}
	s.publish(h)
	check(os.WriteFile(s.path("session"), must(json.Marshal(h)), 0o600))
	_ = os.Remove(s.token(old))
	return h
}

func (s stub) token(h held) string { return s.path("run/" + strconv.Itoa(h.Gen)) }

// publish makes the generation file; its time is the expiry.
func (s stub) publish(h held) {
	check(os.MkdirAll(s.path("run"), 0o700))
	check(os.WriteFile(s.token(h), nil, 0o600))
	at := time.Unix(h.Exp, 0)
	check(os.Chtimes(s.token(h), at, at))
}

func (s stub) emit(h held, stash bool) {
	gen := strconv.Itoa(h.Gen)
	set := func(name, value string) env.Change { return env.Change{Name: name, Value: creds.New(value)} }
	changes := []env.Change{
		set("AWS_ACCESS_KEY_ID", "FAKEID"+gen), set("AWS_SECRET_ACCESS_KEY", secretOf(h.Gen)), set("AWS_SESSION_TOKEN", secretOf(h.Gen)+"-token"),
		set("AWS_VAULT", h.Name), set(env.GenerationFile, s.token(h)),
		{Name: "AWS_PROFILE", Unset: true}, {Name: "AWS_SECURITY_TOKEN", Unset: true},
	}
	s.code(func(sh *shells.Shell) string {
		text := Drawing(sh, os.Getenv(env.Draw))
		if stash {
			text += must(sh.Hook.Call("__vault_stash", env.Secrets...))
		}
		return text + must(sh.Hook.Render(changes)) +
			must(sh.Hook.Call("__vault_set", strconv.FormatInt(h.Exp, 10), strconv.FormatInt(h.Ref, 10), h.Note, h.Label, "", strconv.FormatInt(h.from, 10))) + s.style(sh)
	})
}

// style is as the plan wants it, for a hook that draws.
func (s stub) style(sh *shells.Shell) string {
	if style := s.plan().Style; len(style) > 0 && os.Getenv(env.Draw) != "" {
		return must(sh.Hook.Call("__vault_style", style...))
	}
	return ""
}

// code writes to fd 3 at once, when a hook is listening.
func (s stub) code(text func(*shells.Shell) string) {
	if name := os.Getenv(env.Shell); name != "" {
		_, err := io.WriteString(os.NewFile(3, "code"), text(must(shells.For(name))))
		check(err)
	}
}

func (s stub) plan() plan { return decoded[plan](s.path("plan")) }
func (s stub) held() held { return decoded[held](s.path("session")) }

func secretOf(gen int) string { return "not-a-real-secret-" + strconv.Itoa(gen) }

func decoded[T any](path string) (v T) {
	b, err := os.ReadFile(path)
	if err == nil {
		check(json.Unmarshal(b, &v))
	}
	return v
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
