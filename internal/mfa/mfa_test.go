package mfa

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

const serial = "arn:aws:iam::111122223333:mfa/phone"

// exit is the end of a program with a status.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
func (e exit) ExitCode() int { return int(e) }

// ending is how a program behaves when it is run.
type ending struct {
	out, said string
	err       error
	hang      bool // until it is given up
}

// bench is an Asker over programs that exist by name alone.
type bench struct {
	*Asker
	ends map[string]ending
	ran  []Program
}

func newBench(t *testing.T, order string, ends map[string]ending) *bench {
	t.Helper()
	if runtime.GOOS == "windows" {
		testenv.Missing(t, "unix", "programs are found by other names on Windows")
	}
	dir := t.TempDir()
	for name := range ends {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	names, err := Parse(order)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Asker: &Asker{Order: names, Env: map[string]string{}}, ends: ends}
	b.Run = func(ctx context.Context, p Program) (creds.Secret, string, error) {
		b.ran = append(b.ran, p)
		end := ends[p.Argv[0]]
		if end.hang {
			<-ctx.Done()
			return creds.Secret{}, "", exit(-1)
		}
		return creds.New(end.out), end.said, end.err
	}
	return b
}

// names lists what was run.
func (b *bench) names() string {
	var names []string
	for _, p := range b.ran {
		names = append(names, p.Argv[0])
	}
	return strings.Join(names, " ")
}

func (b *bench) code(t *testing.T) (string, bool, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	code, typed, err := b.Code(ctx, serial, "MFA code for phone: ")
	return code.Reveal(), typed, err
}

func (b *bench) types(code string, err error) {
	b.Terminal = func(context.Context, string) (creds.Secret, error) { return creds.New(code), err }
}

func TestAListOfDriversKeepsItsOrder(t *testing.T) {
	for list, want := range map[string][]string{
		"":                           nil,
		" , ":                        nil,
		"zenity":                     {zenity},
		"ykman, terminal,ykman":      {ykman, terminal},
		strings.Join(Drivers(), ","): Drivers(),
	} {
		if got, err := Parse(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", list, got, err)
		}
	}
	var unknown *UnknownError
	if _, err := Parse("terminal,Zenity"); !errors.As(err, &unknown) || unknown.Name != "Zenity" {
		t.Error(err)
	}
	if _, err := Parse("terminal,pass"); !errors.Is(err, errPass) {
		t.Error(err)
	}
}

func TestTheUsualOrderIsTheKeyTheTerminalTheDesktop(t *testing.T) {
	for _, row := range []struct{ system, env, want string }{
		{"linux", "", "terminal"},
		{"linux", "DISPLAY", "terminal zenity kdialog"},
		{"freebsd", "WAYLAND_DISPLAY", "terminal zenity kdialog"},
		{"linux", "YKMAN_OATH_CREDENTIAL_NAME DISPLAY", "ykman terminal zenity kdialog"},
		{"linux", "YKMAN_OATH_DEVICE_SERIAL", "terminal"},
		{"linux", "DISPLAY SSH_CONNECTION", "terminal zenity kdialog"}, // a forwarded one is the person's
		{"darwin", "", "terminal osascript"},
		{"darwin", "SSH_CONNECTION", "terminal"},
		{"windows", "", "terminal wincredui"},
		{"windows", "SSH_CONNECTION", "terminal"},
	} {
		env := map[string]string{}
		for _, name := range strings.Fields(row.env) {
			env[name] = "x"
		}
		if got := strings.Join(defaultOrder(row.system, env), " "); got != row.want {
			t.Errorf("%s with %q: %s, not %s", row.system, row.env, got, row.want)
		}
	}
}

func TestIfADriverIsAbsentOrFailsTheNextIsTried(t *testing.T) {
	b := newBench(t, "osascript,ykman,zenity,kdialog,terminal", map[string]ending{
		ykman:   {err: exit(1)},
		zenity:  {said: "\n(zenity:1): Gtk-WARNING **: cannot open display: \n", err: exit(1)},
		kdialog: {err: exit(134)},
	})
	b.types("123456", nil)
	if code, typed, err := b.code(t); code != "123456" || !typed || err != nil {
		t.Errorf("%q, typed %v: %v", code, typed, err)
	}
	if got := b.names(); got != "ykman zenity kdialog" {
		t.Errorf("ran %s", got)
	}
}

func TestTheFirstAnswerCounts(t *testing.T) {
	b := newBench(t, "kdialog,zenity,terminal", map[string]ending{kdialog: {out: "111111"}, zenity: {out: "222222"}})
	b.types("333333", nil)
	if code, typed, err := b.code(t); code != "111111" || !typed || err != nil || b.names() != "kdialog" {
		t.Errorf("%q, typed %v, ran %s: %v", code, typed, b.names(), err)
	}
}

func TestCancellingEndsTheQuestion(t *testing.T) {
	for name, end := range map[string]ending{
		zenity:    {said: "Gtk-Message: noise", err: exit(cancelled)},
		kdialog:   {said: "noise", err: exit(1)},
		osascript: {said: "0:1: execution error: User canceled. (-128)", err: exit(1)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, name+",terminal", map[string]ending{name: end})
			b.types("123456", nil)
			if code, _, err := b.code(t); code != "" || !errors.Is(err, context.Canceled) {
				t.Errorf("%q, %v", code, err)
			}
		})
	}
	t.Run("another zenity", func(t *testing.T) {
		b := newBench(t, "zenity,terminal", map[string]ending{zenity: {err: exit(1)}})
		b.types("123456", nil)
		if _, _, err := b.code(t); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("the terminal", func(t *testing.T) {
		b := newBench(t, "terminal,zenity", map[string]ending{zenity: {out: "123456"}})
		b.types("", context.Canceled)
		if _, _, err := b.code(t); !errors.Is(err, context.Canceled) || b.names() != "" {
			t.Errorf("ran %s: %v", b.names(), err)
		}
	})
}

func TestCtrlCEndsTheQuestionThoughTheProgramEndsFirst(t *testing.T) {
	b := newBench(t, "ykman,zenity", map[string]ending{ykman: {}, zenity: {out: "123456"}})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	run := b.Run
	b.Run = func(ctx context.Context, p Program) (creds.Secret, string, error) {
		_, _, _ = run(ctx, p)
		time.AfterFunc(5*time.Millisecond, cancel) // the signal arrives there first
		return creds.Secret{}, "", exit(1)
	}
	if _, _, err := b.Code(ctx, serial, "?"); !errors.Is(err, context.Canceled) || b.names() != "ykman" {
		t.Errorf("ran %s: %v", b.names(), err)
	}
}

func TestADialogThatHangsEndsWithTheDeadline(t *testing.T) {
	b := newBench(t, "zenity,terminal", map[string]ending{zenity: {hang: true}})
	b.types("123456", nil)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := b.Code(ctx, serial, "?"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestIfTheKeyIsNotTouchedTheNextDriverIsTried(t *testing.T) {
	b := newBench(t, "ykman,terminal", map[string]ending{ykman: {hang: true}})
	b.Touch = 10 * time.Millisecond
	b.types("123456", nil)
	if code, _, err := b.code(t); code != "123456" || err != nil {
		t.Errorf("%q, %v", code, err)
	}
}

func TestACodeOfTheKeyIsNotTyped(t *testing.T) {
	b := newBench(t, "", map[string]ending{ykman: {out: "123456"}})
	b.Env["YKMAN_OATH_CREDENTIAL_NAME"] = "aws"
	if code, typed, err := b.code(t); code != "123456" || typed || err != nil {
		t.Errorf("%q, typed %v: %v", code, typed, err)
	}
	if !b.ran[0].Terminal {
		t.Error("the request to touch the key cannot be seen")
	}
	b.ends[ykman] = ending{}
	if code, _, err := b.code(t); err == nil || code != "" {
		t.Errorf("nothing was taken for a code: %v", err)
	}
}

func TestYkmanIsCalledAsItsVersionWants(t *testing.T) {
	const name, device, version = "YKMAN_OATH_CREDENTIAL_NAME", "YKMAN_OATH_DEVICE_SERIAL", "AWS_VAULT_YKMAN_VERSION"
	for _, row := range []struct {
		env  map[string]string
		want string
	}{
		{nil, "ykman oath accounts code --single " + serial},
		{map[string]string{name: "my aws"}, "ykman oath accounts code --single my aws"},
		{map[string]string{device: "123"}, "ykman --device 123 oath accounts code --single " + serial},
		{map[string]string{version: "4"}, "ykman oath accounts code --single " + serial},
		{map[string]string{version: "1"}, "ykman oath code --single " + serial},
		{map[string]string{version: "2", device: "1"}, "ykman --device 1 oath code --single " + serial},
		{map[string]string{version: "3", name: "x"}, "ykman oath code --single x"},
		{map[string]string{name: "--help"}, "ykman oath accounts code --single -- --help"},
	} {
		if got := strings.Join(ykmanLine(row.env, serial), " "); got != row.want {
			t.Errorf("%v: %s", row.env, got)
		}
	}
}

func TestAHostileQuestionIsPlainTextInEveryDialog(t *testing.T) {
	hostile := "--no <b>x</b> & \\n \x1b[31m\u202e\n$(id) `id` \" end \" my_phone\xff"
	const shown = " --no ?b?x?/b? ? ?n ?[31m??$(id) `id` \" end \" my_phone\ufffd"
	for name, want := range map[string]string{
		zenity:    "--text=" + strings.Replace(shown, "_", "__", 1),
		kdialog:   shown,
		osascript: shown,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, name, map[string]ending{name: {out: "123456"}})
			if _, _, err := b.Code(context.Background(), serial, hostile); err != nil {
				t.Fatal(err)
			}
			argv := b.ran[0].Argv
			if got := argv[len(argv)-1]; got != want {
				t.Errorf("%q, not %q", got, want)
			}
			for _, arg := range argv[:len(argv)-1] {
				if strings.Contains(arg, "phone") {
					t.Errorf("a part of the question is in %q", arg)
				}
			}
		})
	}
}

func TestTheErrorNamesEachDriverAndWhyItFailed(t *testing.T) {
	b := newBench(t, "ykman,terminal,wincredui,zenity", map[string]ending{
		zenity: {said: "cannot open display\nmore", err: exit(1)},
	})
	_, _, err := b.code(t)
	var failed *FailedError
	const want = "no MFA prompt works here: ykman: not available here; terminal: not available here; " +
		"wincredui: not available here; zenity: exit status 1: cannot open display"
	if !errors.As(err, &failed) || err.Error() != want {
		t.Error(err)
	}
	if !errors.Is(err, exit(1)) {
		t.Error("the cause is lost")
	}
}

func TestNothingIsPossibleWithoutATerminalOrADesktop(t *testing.T) {
	b := newBench(t, "", map[string]ending{zenity: {}})
	if b.Possible() {
		t.Error("there is no display")
	}
	b.Env["DISPLAY"] = ":1"
	if runtime.GOOS != "darwin" && !b.Possible() {
		t.Error("there is a dialog")
	}
	b.Env = nil
	b.types("", nil)
	if !b.Possible() {
		t.Error("there is a terminal")
	}
	b.Order, b.Terminal = []string{kdialog}, nil
	if !b.Possible() {
		t.Error("a list that was made is not tried")
	}
}
