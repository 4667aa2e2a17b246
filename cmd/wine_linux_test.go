package cmd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

// onWindows is a home whose names have spaces and letters beyond ASCII, below Wine's drive for this system.
type onWindows struct {
	t       *testing.T
	wine    *testenv.Wine
	dir     string // on this system
	exe     string // the program
	caller  string // Wine.Caller's
	environ []string
	calls   []testenv.WineCall
	expect  []expectation
}

// expectation is what has to come of a call.
type expectation struct {
	name        string
	status      int
	has, hasNot []string
	check       func(r testenv.WineResult) error
}

func newOnWindows(t *testing.T) *onWindows {
	w := &onWindows{t: t, wine: testenv.NewWine(t, "cmd", os.Environ()), dir: filepath.Join(t.TempDir(), "Zoë's files")}
	check(os.MkdirAll(w.dir, 0o700))
	w.exe, w.caller = filepath.Join(w.dir, "vault.exe"), w.wine.Caller()
	w.wine.Go("build", "-C", "..", "-o", w.exe, ".")
	session := filepath.Join(w.dir, "session ö.json")
	check(os.WriteFile(session, fmt.Appendf(nil, "{\"Version\":1,\"AccessKeyId\":\"ASIAEXAMPLEEXAMPLE00\",\"SecretAccessKey\":\"example\",\"SessionToken\":\"it's\",\"Expiration\":%q}\r\n",
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), 0o600))
	check(os.WriteFile(w.path("config"), []byte("[profile prod]\r\nregion = eu-west-1\r\ncredential_process = cmd /c type \""+w.wine.Path(session)+"\"\r\n"), 0o600))
	w.environ = []string{"AWS_VAULT_BACKEND=file", "AWS_VAULT_FILE_PASSPHRASE=example", "AWS_VAULT_AGE_PASSPHRASE=example", "AWS_EC2_METADATA_DISABLED=true",
		"HOME=", "USERPROFILE=" + w.name(), "LOCALAPPDATA=" + w.name("local"), "AWS_CONFIG_FILE=" + w.name("config")}
	return w
}

// path is a file of the home on this system, name the same file on Windows.
func (w *onWindows) path(parts ...string) string {
	return filepath.Join(append([]string{w.dir}, parts...)...)
}
func (w *onWindows) name(parts ...string) string { return w.wine.Path(w.path(parts...)) }

// plan adds a call of the program, or of another one whose path is given as the first word.
func (w *onWindows) plan(e expectation, environ []string, argv ...string) *testenv.WineCall {
	if !strings.Contains(argv[0], `\`) {
		argv = append([]string{w.wine.Path(w.exe)}, argv...)
	}
	w.calls = append(w.calls, testenv.WineCall{Argv: argv, Environ: slices.Concat(w.environ, environ), Dir: w.name()})
	w.expect = append(w.expect, e)
	return &w.calls[len(w.calls)-1]
}

// carryOut makes all calls and looks at what came of them.
func (w *onWindows) carryOut() {
	w.t.Helper()
	for i, r := range w.wine.Calls(w.caller, w.calls) {
		e, said := w.expect[i], r.Out+r.Err
		var wrong []string
		if r.Status != e.status || r.Failed != "" {
			wrong = append(wrong, fmt.Sprintf("status %d %s", r.Status, r.Failed))
		}
		for _, s := range e.has {
			if !strings.Contains(said, s) {
				wrong = append(wrong, "there is no "+s)
			}
		}
		for _, s := range e.hasNot {
			if strings.Contains(said, s) {
				wrong = append(wrong, "there is "+s)
			}
		}
		if e.check != nil {
			if err := e.check(r); err != nil {
				wrong = append(wrong, err.Error())
			}
		}
		if len(wrong) > 0 {
			w.t.Errorf("%s: vault %q: %s\n%s\n%s", e.name, w.calls[i].Argv[1:], strings.Join(wrong, "; "), r.Out, r.Err)
		}
	}
}

var newKey = []string{"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=example"}

func TestTheProgramForWindowsUnderWine(t *testing.T) {
	testenv.OnlyLong(t, "builds the program for Windows")
	w := newOnWindows(t)
	w.planDay()
	w.planPlaces()
	w.planNames()
	w.planCommands()
	w.planAgent()
	w.planFilesInUse()
	w.carryOut()
	config := string(must(os.ReadFile(w.path("config"))))
	if strings.Count(config, "\n") != strings.Count(config, "\r\n") || !strings.Contains(config, "[profile work]\r\n") {
		t.Errorf("its ends of lines are not Windows's:\n%q", config)
	}
	w.console(t)
}

// The commands of a day, with each store that Windows has, a config file with CRLF, and paths with
// spaces, quotes and backslashes.
func (w *onWindows) planDay() {
	for _, backend := range []string{"file", "age", "wincred"} {
		in, e := []string{"AWS_VAULT_BACKEND=" + backend}, func(has ...string) expectation { return expectation{name: backend, has: has} }
		w.plan(e("stored the key"), append(in, newKey...), "add", "work", "--env", "--check=false")
		w.plan(e(`"profile":"prod"`, `"profile":"work","configured":true,"credential":true`), in, "list", "--json")
		w.plan(e(`"ASIAEXAMPLEEXAMPLE00"`, `"it's"`), in, "export", "prod", "--format", "json")
		w.plan(e("prod until", "set AWS_VAULT cHJvZA==", "set AWS_REGION ZXUtd2VzdC0x"), append(in, "__VAULT_SHELL=pwsh"), "use", "prod")
		w.plan(e("removed the key"), in, "remove", "work", "--yes")
		w.plan(e(), in, "clear") // Wine keeps what the Credential Manager has
	}
}

// Paths of shares, in both forms, and those that are relative to a drive. Only an absolute path is a home.
func (w *onWindows) planPlaces() {
	check(os.MkdirAll(w.path("share"), 0o700))
	w.wine.Share("files", w.path("share"))
	long := `\\?\UNC\server\files\` + strings.Repeat(`a long name\`, 30)
	for name, environ := range map[string][]string{
		"a share":                {`USERPROFILE=\\server\files\home`, `AWS_CONFIG_FILE=\\server\files\one\config`},
		"a share in long form":   {`USERPROFILE=\\?\UNC\server\files\home`, `AWS_CONFIG_FILE=\\?\UNC\server\files\two\config`},
		"a long path of a share": {`AWS_VAULT_FILE_DIR=` + long + `keys`, `AWS_CONFIG_FILE=` + long + `config`},
		"a long form of a path":  {`AWS_VAULT_FILE_DIR=\\?\` + w.name("other keys"), `AWS_CONFIG_FILE=\\?\` + w.name("other config")},
		"relative to a drive":    {`AWS_VAULT_FILE_DIR=Z:drive keys`, `AWS_CONFIG_FILE=Z:drive config`},
	} {
		w.plan(expectation{name: name, has: []string{"stored the key", "added a section"}}, append(environ, newKey...), "add", "place", "--env", "--check=false")
		w.plan(expectation{name: name, has: []string{`"profile":"place","configured":true,"credential":true`}}, environ, "list", "--json")
	}
}

// Names that Windows has for devices, or would change, are names of profiles like others. So are those that differ
// in case alone: neither gets, replaces or deletes the key of the other.
func (w *onWindows) planNames() {
	for backend, names := range map[string][]string{"file": {"CON", "nul.txt", "dot.", "dot", "Zoë-Łódź"}, "wincred": {"dot", "a:b", "Zoë-Łódź"}} {
		in := []string{"AWS_VAULT_BACKEND=" + backend, "AWS_CONFIG_FILE=" + w.name("config of "+backend), "AWS_REGION=us-east-1"}
		ends := func(has ...string) expectation { return expectation{name: backend, has: has} }
		for _, name := range names {
			w.plan(ends("stored the key"), append(in, "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", fmt.Sprintf("AWS_SECRET_ACCESS_KEY=of%x", name)), "add", name, "--env", "--check=false")
		}
		refused, missing := ends(`has "dot", and takes no notice of the case of letters`), ends("no key is stored")
		refused.status, missing.status = 1, 1
		w.plan(refused, append(in, newKey...), "add", "DOT", "--env", "--check=false")
		w.plan(missing, in, "remove", "DOT", "--yes")
		listed := ends(`"profile":"dot","configured":true,"credential":true`, `Zo\u00eb-\u0141\u00f3d\u017a`)
		listed.hasNot = []string{"ë"} // PowerShell would take it for something else
		w.plan(listed, in, "list", "--json")
		for _, name := range names {
			w.plan(ends(fmt.Sprintf("of%x", name)), in, "export", name, "--no-session", "--format", "json")
			w.plan(ends("removed the key"), in, "remove", name, "--yes")
		}
	}
}

// What vault exec runs: batch files with arguments that cmd.exe would act on, the status, the variables in any
// case, and programs on the PATH alone, which Windows spells Path.
func (w *onWindows) planCommands() {
	check(os.MkdirAll(w.path("bin of mine"), 0o700))
	check(os.WriteFile(w.path("bin of mine", "tool.cmd"), []byte("@echo off\r\n\""+w.wine.Path(w.caller)+"\" words %*\r\nexit /b 7\r\n"), 0o700))
	in := []string{"PATH=", `Path=C:\windows\system32;` + w.name("bin of mine")}
	for _, args := range [][]string{
		{"a&echo INJECTED", "b"}, {"a b", "x^y|z", ""}, {"a>out", "(b)"}, {`c:\d e\`, "!x!", "it's", "Zoë,ö;=1"},
	} {
		w.plan(expectation{name: "a batch file", status: 7, has: []string{fmt.Sprintf("%q\n", args)}}, in, append([]string{"exec", "prod", "--", "tool"}, args...)...)
	}
	w.plan(expectation{name: "quotes that try to end", status: 7, check: func(r testenv.WineResult) error {
		if !strings.HasPrefix(r.Out, "[") || strings.Count(r.Out, "\n") != 1 { // more than the words
			return fmt.Errorf("a command of its own has run")
		}
		return nil
	}}, in, "exec", "prod", "--", "tool", `b"&echo INJECTED&"`)
	w.plan(expectation{name: "a line break", status: 126, has: []string{"an argument of a batch file cannot have a line break"}}, in, "exec", "prod", "--", "tool", "a\nb")
	w.plan(expectation{name: "variables", has: []string{"[prod] eu-west-1 [%AWS_PROFILE%]"}, hasNot: []string{"leak"}},
		[]string{"aws_secret_access_key=leak", "Aws_Profile=leak"}, "exec", "prod", "--", "cmd", "/c", "echo [%AWS_VAULT%] %AWS_REGION% [%AWS_PROFILE%] %AWS_SECRET_ACCESS_KEY%")
	w.plan(expectation{name: "variables in small letters", has: []string{`"profile":"prod"`}}, []string{"AWS_CONFIG_FILE=", "aws_config_file=" + w.name("config")}, "list", "--json")
	w.plan(expectation{name: "the status", status: 0xffffffff}, nil, "exec", "prod", "--", "cmd", "/c", "exit -1")
	w.plan(expectation{name: "in this directory", status: 127, has: []string{"there is no such command", `write .\vault.exe`}}, nil, "exec", "prod", "--", "vault.exe", "version")
	w.plan(expectation{name: "doctor finds the PATH", hasNot: []string{"no program called vault is on the PATH"}},
		[]string{"PATH=", `Path=C:\windows\system32;` + w.name()}, "doctor", "--offline")
	check(os.WriteFile(w.path("token config"), []byte("[profile shell]\r\ncredential_process = \""+w.wine.Path(w.exe)+"\" version\r\n"+
		"[profile web]\r\nrole_arn = arn:aws:iam::123456789012:role/x\r\nregion = eu-west-1\r\nweb_identity_token_process = echo \"a token\"& echo \"not reached\">&2& exit 3\r\n"), 0o600))
	w.plan(expectation{name: "a command line for cmd.exe", status: 1, has: []string{`"not reached"`}}, []string{"AWS_CONFIG_FILE=" + w.name("token config")}, "export", "web")
}

// Where Windows, or this Wine, has no Unix sockets there is no agent: one sentence, and everything else works.
func (w *onWindows) planAgent() {
	shell := []string{"__VAULT_SHELL=pwsh", "__VAULT_PID=$PID"}
	none := "this system has no Unix sockets; Windows has them since version 1803 of Windows 10"
	either := func(without ...string) func(testenv.WineResult) error {
		return func(r testenv.WineResult) error {
			for _, s := range without {
				if r.Status != 0 && !strings.Contains(r.Err, s) {
					return fmt.Errorf("there is no %s", s)
				}
			}
			if lines := strings.Count(r.Err, "\n"); r.Status != 0 && lines != len(without) {
				return fmt.Errorf("%d lines say it", lines)
			}
			return nil
		}
	}
	failed := 1
	if w.hasUnixSockets() {
		failed = 0
	}
	w.plan(expectation{name: "agent start", status: failed, check: either("vault: start the agent: " + none)}, nil, "agent", "start")
	w.plan(expectation{name: "mode server", status: failed, check: either("vault: have the agent serve prod: "+none, "without an agent: vault exec --server prod -- COMMAND, or --mode env")}, shell, "use", "prod", "--mode", "server")
	w.plan(expectation{name: "served to one command", has: []string{"http://127.0.0.1:"}, hasNot: []string{"example"}}, nil,
		"exec", "--server", "prod", "--", "cmd", "/c", "echo %AWS_CONTAINER_CREDENTIALS_FULL_URI% %AWS_SECRET_ACCESS_KEY%")
	w.plan(expectation{name: "a prompt", hasNot: []string{"vault: "}}, shell, "refresh", "--if-due")
	w.plan(expectation{name: "stop"}, nil, "agent", "stop")
}

// hasUnixSockets asks once, with a call of its own.
func (w *onWindows) hasUnixSockets() bool {
	r := w.wine.Calls(w.caller, []testenv.WineCall{{Argv: []string{w.wine.Path(w.caller), "unix", w.name("s")}}})
	return r[0].Status == 0
}

// A file that another program has open for itself is waited for, a second at most, and then named.
func (w *onWindows) planFilesInUse() {
	const inUse = "another program has it open"
	for _, argv := range [][]string{{"list", "--json"}, {"add", "held", "--env", "--check=false"}} {
		w.plan(expectation{name: "open for a moment"}, newKey, argv...).Hold = w.name("config")
		w.calls[len(w.calls)-1].HoldFor = 500
	}
	w.plan(expectation{name: "open", status: 1, has: []string{inUse}}, nil, "list").Hold = w.name("config")
	w.plan(expectation{name: "open for a moment", has: []string{"AKIAIOSFODNN7EXAMPLE"}}, []string{"AWS_REGION=us-east-1"}, "export", "held", "--no-session").Hold = w.name(".awsvault", "keys", "held")
	w.calls[len(w.calls)-1].HoldFor = 500
	w.plan(expectation{name: "open", status: 1, has: []string{inUse}}, nil, "remove", "held", "--yes").Hold = w.name(".awsvault", "keys", "held")
	w.plan(expectation{name: "closed again", has: []string{"removed the key"}}, nil, "remove", "held", "--yes")
}

// atConsole runs the program at a console, types, each time after a text is on the screen, and returns the exit
// status and the screen. Wine gives it a home of its own.
func (w *onWindows) atConsole(t *testing.T, steps [][2]string, argv ...string) (status int, screen string) {
	t.Helper()
	c := w.wine.InTerminal([]string{"AWS_VAULT_BACKEND=wincred", "AWS_CONFIG_FILE=" + w.name("config")}, w.exe, argv...)
	c.Dir = w.dir
	x := shelltest.Open(t, c, 100, 20)
	for _, s := range steps {
		if !x.Await(time.Minute, func() bool { return strings.Contains(x.Text(), s[0]) }) || x.Send(s[1]) != nil {
			t.Fatalf("vault %q does not show %q:\n%s", argv, s[0], x.Text())
		}
	}
	_ = c.Wait()
	return c.ProcessState.ExitCode(), x.Text()
}

// Ctrl-C at a console is the program's that vault runs, however long that takes to end, and vault ends with its
// status.
func (w *onWindows) console(t *testing.T) {
	for _, how := range [][]string{{"exec", "prod"}, {"exec", "--server", "prod"}} {
		status, screen := w.atConsole(t, [][2]string{{"waiting", "\x03"}, {"interrupted", ""}}, append(how, "--", w.wine.Path(w.caller), "wait")...)
		if status != 9 {
			t.Errorf("vault %q: status %d\n%s", how, status, screen)
		}
	}
}
