package cmd_test

// testdata/script has one transcript per behaviour. Besides testscript's own commands
// they have those below.

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

var update = flag.Bool("update", false, "rewrite what the scripts expect")

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: *update,
		Setup: setupScript, Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"vault": scriptVault, "run": scriptRun, "status": scriptStatus, "adopt": scriptAdopt,
			"user": scriptUser, "mfa": scriptMFA, "code": scriptCode, "role": scriptRole,
			"fault": scriptFault, "network": scriptNetwork, "calls": scriptCalls, "age": scriptAge, "mode": scriptMode,
			"env-is": scriptEnvIs, "same-env": scriptSameEnv, "key-csv": scriptCSV, "csv-of": scriptCSVOf, "key-ini": scriptINI, "key-at": scriptKeyAt,
			"on-terminal": scriptOnTerminal, "age-identity": scriptAgeIdentity, "hides": scriptHides,
		},
	})
}

type worldKey struct{}
type statusKey struct{}
type wireKey struct{}

func setupScript(e *testscript.Env) error {
	w, err := makeWorld(e.WorkDir, fakeaws.Options{})
	if err != nil {
		return err
	}
	e.Defer(func() { _ = w.aws.Close() })
	e.Values[worldKey{}], e.Values[statusKey{}], e.Values[wireKey{}] = w, new(int), new(wire)
	e.Vars = w.environ("WORK=" + e.WorkDir)
	return nil
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// condition knows [tool:NAME]; a tool that is required and missing is an error. [agent] is true
// if every program may have an agent.
func condition(c string) (bool, error) {
	switch c {
	case "root":
		return os.Getuid() == 0, nil
	case "agent":
		return withAgents() != "off", nil
	}
	tool, ok := strings.CutPrefix(c, "tool:")
	if !ok {
		return false, fmt.Errorf("unknown condition %q", c)
	}
	_, err := exec.LookPath(tool)
	if err != nil && testenv.Required(tool) {
		return false, fmt.Errorf("%s is required here and not installed", tool)
	}
	return err == nil, nil
}

// vault ARG… runs the program; "! vault" expects it to fail.
func scriptVault(ts *testscript.TestScript, neg bool, args []string) {
	scriptRun(ts, neg, append([]string{"vault"}, args...))
}

// run PROGRAM ARG… is exec with two additions: the status is kept, and no secret may
// be on standard error.
func scriptRun(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[0], args[1:]...)
	status := ts.Value(statusKey{}).(*int)
	*status = 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		*status = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if found := worldOf(ts).leak(ts.ReadFile("stderr")); found != "" {
		ts.Fatalf("a secret on standard error: %s", found)
	}
	if (*status != 0) != neg {
		ts.Fatalf("exit status %d", *status)
	}
}

// status N checks the exit status of the last vault or run.
func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if got := *ts.Value(statusKey{}).(*int); neg || strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// adopt ARG… runs "vault ARG… --shell bash" and lives on in the environment that a real
// bash has after evaluating what it printed, as if the hook had done it.
func scriptAdopt(ts *testscript.TestScript, neg bool, args []string) {
	scriptVault(ts, neg, append(slices.Clone(args), "--shell", "bash"))
	if neg {
		return
	}
	c := exec.Command("bash", "--noprofile", "--norc", "-c", `eval "$(cat)"; env -0`)
	c.Stdin, c.Env = strings.NewReader(ts.ReadFile("stdout")), environOf(ts)
	out, err := c.Output()
	ts.Check(err)
	for _, e := range strings.Split(string(out), "\x00") {
		name, value, _ := strings.Cut(e, "=")
		if name == env.StateVar {
			value = hookedState(value)
		}
		if strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "__VAULT_") {
			ts.Setenv(name, value)
		}
	}
}

// hookedState is the state of a shell in which the hook runs.
func hookedState(value string) string {
	state := must(base64.RawURLEncoding.DecodeString(value))
	return base64.RawURLEncoding.EncodeToString(bytes.Replace(state, []byte(`,"h":true`), nil, 1))
}

// environOf is as much of the script's environment as can be asked for.
func environOf(ts *testscript.TestScript) []string {
	list := []string{"PATH=" + ts.Getenv("PATH")}
	for _, n := range []string{env.StateVar, env.GenerationFile, env.ActiveProfile} {
		if v := ts.Getenv(n); v != "" {
			list = append(list, n+"="+v)
		}
	}
	return list
}

// user NAME [PROFILE] makes an IAM user with a key, $KEY_ID and $KEY_SECRET, and stores
// that for the profile.
func scriptUser(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	if len(args) > 1 {
		w.stored(args[0], args[1])
		return
	}
	_, k := w.user(args[0])
	ts.Setenv("KEY_ID", k.ID)
	ts.Setenv("KEY_SECRET", k.Secret.Reveal())
}

// mfa USER DEVICE gives the user a device.
func scriptMFA(ts *testscript.TestScript, _ bool, args []string) {
	worldOf(ts).mfa("arn:aws:iam::"+account+":user/"+args[0], args[1])
}

// code DEVICE puts a code that works now into $CODE and, as it is typed, into the file
// typed. "code wrong DEVICE" types a wrong one first.
func scriptCode(ts *testscript.TestScript, _ bool, args []string) {
	typed := ""
	if args[0] == "wrong" {
		typed, args = "000000\n", args[1:]
	}
	code := worldOf(ts).code(args[0])
	ts.Setenv("CODE", code)
	ts.Check(os.WriteFile(ts.MkAbs("typed"), []byte(typed+code+"\n"), 0o600))
}

// role NAME PRINCIPAL [mfa] [external=ID] [max=DURATION] makes a role that user/NAME or
// role/NAME may assume.
func scriptRole(ts *testscript.TestScript, _ bool, args []string) {
	r := fakeaws.Role{Account: account, Name: args[0], Trust: fakeaws.Trust{Principals: []string{"arn:aws:iam::" + account + ":" + args[1]}}}
	for _, a := range args[2:] {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "mfa":
			r.Trust.MFA = true
		case "external":
			r.Trust.ExternalID = value
		case "max":
			r.MaxSession = must(time.ParseDuration(value))
		default:
			ts.Fatalf("role: %q", a)
		}
	}
	_, err := worldOf(ts).aws.AddRole(r)
	ts.Check(err)
}

// fault ACTION CODE MESSAGE spoils all calls of an action until "fault none".
func scriptFault(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	if args[0] == "none" {
		w.aws.Heal()
		return
	}
	status := 400
	if args[1] == "AccessDenied" {
		status = 403
	}
	w.aws.Inject(args[0], fakeaws.Fault{Status: status, Code: args[1], Message: args[2], Times: -1})
}

// wire carries bytes between the program and AWS. It can be cut.
type wire struct {
	addr string // our end, the same when it is mended
	l    net.Listener
}

func (c *wire) mend(to string) error {
	l, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	c.l, c.addr = l, l.Addr().String()
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go carry(in, to)
		}
	}()
	return nil
}

func carry(in net.Conn, to string) {
	defer in.Close()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	go func() { _, _ = io.Copy(out, in) }()
	_, _ = io.Copy(in, out)
}

// network up|down: AWS is reached by a wire from here on, which is whole or cut.
func scriptNetwork(ts *testscript.TestScript, _ bool, args []string) {
	c := ts.Value(wireKey{}).(*wire)
	if args[0] == "down" {
		ts.Check(c.l.Close())
		return
	}
	if c.addr == "" {
		c.addr = "127.0.0.1:0"
		ts.Defer(func() { _ = c.l.Close() })
	}
	ts.Check(c.mend(strings.TrimPrefix(worldOf(ts).aws.URL(), "http://")))
	ts.Setenv("AWS_ENDPOINT_URL", "http://"+c.addr)
}

// calls ACTION N checks how often AWS was asked.
func scriptCalls(ts *testscript.TestScript, _ bool, args []string) {
	if got := worldOf(ts).aws.Calls(args[0]); strconv.Itoa(got) != args[1] {
		ts.Fatalf("%d calls of %s, want %s", got, args[0], args[1])
	}
}

// age PROFILE DURATION makes the cached sessions of a profile older.
func scriptAge(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(worldOf(ts).age(args[0], must(time.ParseDuration(args[1]))))
}

// mode FILE REGEXP checks a file's mode as ls shows it.
func scriptMode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Lstat(ts.MkAbs(args[0]))
	ts.Check(err)
	if regexp.MustCompile(args[1]).MatchString(info.Mode().String()) == neg {
		ts.Fatalf("%s is %s", args[0], info.Mode())
	}
}

// env-is NAME VALUE compares a variable of the script's environment.
func scriptEnvIs(ts *testscript.TestScript, neg bool, args []string) {
	if got := ts.Getenv(args[0]); (got == args[1]) == neg {
		ts.Fatalf("%s is %q", args[0], got)
	}
}

// same-env FILE checks that every line of FILE is a line of the last standard output,
// which is that of env.
func scriptSameEnv(ts *testscript.TestScript, _ bool, args []string) {
	got := strings.Split(ts.ReadFile("stdout"), "\n")
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if !slices.Contains(got, strings.TrimSuffix(line, "\n")) {
			ts.Fatalf("%q is missing", line)
		}
	}
}

// key-csv FILE writes $KEY_ID and $KEY_SECRET as the IAM console does.
func scriptCSV(ts *testscript.TestScript, _ bool, args []string) {
	text := "\ufeffAccess key ID,Secret access key\r\n" + ts.Getenv("KEY_ID") + "," + ts.Getenv("KEY_SECRET") + "\r\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// csv-of FILE LINE… writes a table as the IAM console does, with $KEY_ID and $KEY_SECRET
// filled in.
func scriptCSVOf(ts *testscript.TestScript, _ bool, args []string) {
	text := os.Expand("\ufeff"+strings.Join(args[1:], "\r\n")+"\r\n", ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// key-ini FILE SECTION [LINE…] appends a section with $KEY_ID and $KEY_SECRET, and more
// lines, to a file of AWS's.
func scriptINI(ts *testscript.TestScript, _ bool, args []string) {
	lines := append([]string{"[" + args[1] + "]", "aws_access_key_id = " + ts.Getenv("KEY_ID"), "aws_secret_access_key = " + ts.Getenv("KEY_SECRET")}, args[2:]...)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	ts.Check(errors.Join(err, f.Close()))
}

// key-at DIRECTORY PROFILE [PASSPHRASE] checks that $KEY_ID and $KEY_SECRET are stored
// there, in a file store.
func scriptKeyAt(ts *testscript.TestScript, neg bool, args []string) {
	pass := creds.New(append(args, passphrase)[2])
	s, err := store.Open(context.Background(), store.Options{Backend: "file", FileDir: ts.MkAbs(args[0]), FilePassphrase: &pass})
	ts.Check(err)
	k, err := store.GetKey(context.Background(), s, args[1])
	if same := err == nil && k.Equal(creds.Key{ID: ts.Getenv("KEY_ID"), Secret: creds.New(ts.Getenv("KEY_SECRET"))}); same == neg {
		ts.Fatalf("the key of %s is %s, %v", args[1], k.Tail(), err)
	}
}

// age-identity DIR PASSPHRASE begins an age store with an identity that costs little.
func scriptAgeIdentity(ts *testscript.TestScript, _ bool, args []string) {
	check(storetest.CheapIdentity(ts.MkAbs(args[0]), args[1]))
}

// hides FILE checks that $KEY_SECRET is not in a file, or in stdout.
func scriptHides(ts *testscript.TestScript, _ bool, args []string) {
	if secret := ts.Getenv("KEY_SECRET"); secret == "" || strings.Contains(ts.ReadFile(args[0]), secret) {
		ts.Fatalf("%s shows the secret", args[0])
	}
}

// on-terminal PROGRAM ARG… runs a program with a terminal for everything; what that
// shows is stdout.
func scriptOnTerminal(ts *testscript.TestScript, _ bool, args []string) {
	c := exec.Command(args[0], args[1:]...)
	if path, err := exec.LookPath(filepath.Join(bin, args[0])); err == nil {
		c.Path, c.Err = path, nil
	}
	c.Env, c.Dir = worldOf(ts).environ(), ts.MkAbs(".")
	tty, err := pty.Start(c)
	ts.Check(err)
	shown, _ := io.ReadAll(tty) // ends with an error: the terminal is gone
	_ = c.Wait()
	ts.Check(tty.Close())
	_, err = ts.Stdout().Write(shown)
	ts.Check(err)
}

func TestTheSearchForSecretsFindsThem(t *testing.T) {
	w := newWorld(t, "")
	_, k := w.user("alice")
	for text, want := range map[string]bool{
		"": false, "vault: prod until 15:04 (renews by itself)": false, "arn:aws:iam::111122223333:role/administrator": false,
		"at " + k.Secret.Reveal() + ".": true, "export X='" + passphrase + "'": true, strings.Repeat("Ab1/", 12): true,
		"read " + w.path("home/.aws/config"): false,
	} {
		if got := w.leak(text) != ""; got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
