package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

// screen starts an X server of the test's own, and makes this process and what its bus
// starts show their windows there.
func screen(t *testing.T) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	// -r: on a machine that hangs for a moment, a key that is held down would be repeated, into the next dialog too.
	x := exec.Command("Xvfb", "-displayfd", "3", "-nolisten", "tcp", "-noreset", "-r", "-screen", "0", "640x480x24")
	x.ExtraFiles = []*os.File{w}
	x.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // when this test does not come to its end
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = x.Process.Signal(syscall.SIGTERM)
		_ = x.Wait()
	})
	_ = w.Close()
	_ = r.SetReadDeadline(time.Now().Add(20 * time.Second))
	number, err := io.ReadAll(r)
	if len(bytes.TrimSpace(number)) == 0 {
		t.Fatalf("the X server has no display: %v", err)
	}
	display := ":" + string(bytes.TrimSpace(number))
	t.Setenv("DISPLAY", display)
	environ := map[string]string{"DISPLAY": display, "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1"}
	if err := privateBus(t).BusObject().Call("org.freedesktop.DBus.UpdateActivationEnvironment", 0, environ).Err; err != nil {
		t.Fatal(err)
	}
}

func xdotool(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "xdotool", args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("xdotool %q: %w: %s", args[0], err, errs.String())
	}
	return strings.TrimSpace(string(out)), err
}

// typed has xdotool do something of which it is seen later whether it had an effect.
func typed(t *testing.T, args ...string) {
	t.Helper()
	if _, err := xdotool(args...); err != nil {
		t.Log(err)
	}
}

// dialogs returns the windows of GNOME's own dialog that are shown. The search fails when any
// window goes during it, so only an answer, or a failure without a word, which is xdotool's
// way to say that it found nothing, counts.
func dialogs() []string {
	for {
		found, err := xdotool("search", "--onlyvisible", "--class", "gcr-prompter")
		if err == nil || strings.HasSuffix(err.Error(), ": ") {
			return strings.Fields(found)
		}
	}
}

// dialogShown waits for GNOME's own dialog and returns its window, or "" when ctx ends.
func dialogShown(ctx context.Context) string {
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if windows := dialogs(); len(windows) > 0 {
			return windows[0]
		}
	}
	return ""
}

// dialogGone waits until the window is closed, and reports whether it was within the time.
func dialogGone(window string, within time.Duration) bool {
	for end := time.Now().Add(within); slices.Contains(dialogs(), window); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// escape closes a dialog, and asks again while it stays.
func escape(t *testing.T, window string) {
	t.Helper()
	for range 5 {
		typed(t, "key", "Escape")
		if dialogGone(window, 4*time.Second) {
			return
		}
	}
	t.Error("Escape does not close the dialog")
}

// answer types each word into one field of the dialog. It reports whether the dialog has
// closed then; one that lacks something of what was typed stays, and is dismissed.
func answer(t *testing.T, window string, words ...string) bool {
	t.Helper()
	for i, word := range words {
		if i > 0 {
			typed(t, "key", "Tab")
		}
		typed(t, "type", word)
	}
	typed(t, "key", "Return")
	if dialogGone(window, 10*time.Second) {
		return true
	}
	escape(t, window)
	return false
}

// person makes a call, and does with its dialog, when it is shown, what act does. It
// returns what the call returned, after act has come to its end. No dialog is shown then.
func person(t *testing.T, call func(context.Context) error, act func(window string)) error {
	t.Helper()
	waiting, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		window := dialogShown(waiting)
		if window == "" {
			return
		}
		typed(t, "windowfocus", "--sync", window) // there is no window manager to do it
		act(window)
	}()
	err := call(soon(t))
	stop()
	<-done
	return err
}

// dismissing makes a call whose dialog a person closes.
func dismissing(t *testing.T, call func(context.Context) error) error {
	t.Helper()
	closed := false
	err := person(t, call, func(window string) { escape(t, window); closed = true })
	if !closed {
		t.Errorf("no dialog was shown: %v", err)
	}
	return err
}

// agreeing makes a call whose dialog a person answers. Where the dialog did not take the
// answer, or GNOME did not show it, the person tries again, as people do.
func agreeing(t *testing.T, call func(context.Context) error, words ...string) {
	t.Helper()
	var err error
	for range 3 {
		answered := false
		if err = person(t, call, func(window string) { answered = answer(t, window, words...) }); answered && err == nil {
			return
		}
		t.Logf("the dialog was answered: %v; the call: %v", answered, err)
		if err == nil {
			break
		}
	}
	t.Fatalf("a dialog that is answered: %v", err)
}

const chosenPassword = "correct-horse-battery-staple" // a weak one is asked about once more

// GNOME's keyring with its real dialog, and a person in front of it.
func TestSecretServiceWithAPerson(t *testing.T) {
	testenv.Require(t, "secret-service", "gnome-keyring-daemon", "Xvfb", "xdotool")
	if _, err := os.Stat("/usr/libexec/gcr-prompter"); err != nil {
		testenv.Missing(t, "secret-service", "GNOME's dialog is not installed")
	}
	if !onABus(t, "secret-service") {
		return
	}
	unlockedLogin(t)
	screen(t)
	t.Setenv("DISABLE_KWALLET", "1") // with a screen it would be started, and stay
	named := Options{Backend: "secret-service", Collection: "awsvault"}
	t.Run("a dialog that nobody answers goes with its caller", func(t *testing.T) { unanswered(t, named) })
	t.Run("a dialog that makes the collection, dismissed", func(t *testing.T) { makingDismissed(t, named) })
	if !t.Run("the dialog that makes the collection", func(t *testing.T) { makingAgreed(t, named) }) {
		return // every call from here would show that dialog again, and no one would answer it
	}
	t.Run("the collection made so conforms", func(t *testing.T) { conforms(t, open(t, named), 0, 1, 100, 100_000) })
	login := Options{Backend: "secret-service", Collection: "login"}
	t.Run("locked awsvault", func(t *testing.T) { lockedWithAPerson(t, named, chosenPassword) })
	t.Run("locked login through Docker's helper", lockedHelper)
	t.Run("locked login", func(t *testing.T) { lockedWithAPerson(t, login, "testpw") })
}

// putting is a call that writes an item.
func putting(s Store, key, value string) func(context.Context) error {
	return func(ctx context.Context) error { return s.Put(ctx, key, creds.New(value)) }
}

// getting is a call that reads an item, which has the value.
func getting(s Store, key, value string) func(context.Context) error {
	return func(ctx context.Context) error {
		got, err := s.Get(ctx, key)
		if err == nil && got.Reveal() != value {
			err = errors.New("another value was read")
		}
		return err
	}
}

func deleting(s Store, key string) func(context.Context) error {
	return func(ctx context.Context) error { return s.Delete(ctx, key) }
}

func makingDismissed(t *testing.T, o Options) {
	f := finding(t, Probe(soon(t), Options{FileDir: t.TempDir()}), "secret-service")
	if !f.Chosen || f.Items != 0 || !strings.Contains(f.Remark, "does not exist yet") {
		t.Errorf("%+v", f)
	}
	s := open(t, o)
	if err := dismissing(t, putting(s, "k", "v")); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), `"awsvault" was not created, because the dialog for it was closed`) {
		t.Errorf("Put: %v", err)
	}
	if err := getErr(t, s, "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if err := s.Delete(soon(t), "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Delete: %v", err)
	}
	if names, err := open(t, Options{Backend: "secret-service", Collection: "login"}).List(soon(t), ""); err != nil || len(names) != 0 {
		t.Errorf("in login are %q, %v", names, err)
	}
}

func makingAgreed(t *testing.T, o Options) {
	agreeing(t, putting(open(t, Options{FileDir: t.TempDir()}), "first", "value"), chosenPassword, chosenPassword)
	f := finding(t, Probe(soon(t), Options{FileDir: t.TempDir()}), "secret-service")
	if !f.Chosen || f.Items != 1 || f.Where != `collection "awsvault" of the Secret Service` || f.Remark != "" {
		t.Errorf("%+v", f)
	}
	if err := open(t, o).Delete(soon(t), "first"); err != nil {
		t.Error(err)
	}
}

func lockedHelper(t *testing.T) {
	testenv.Require(t, "helper", secretServiceHelper)
	s := open(t, Options{Helper: "secretservice"})
	put(t, s, "k", "v")
	lock(t, "login")
	if err := dismissing(t, getting(s, "k", "v")); !errors.Is(err, ErrLocked) {
		t.Errorf("dismissed: %v", err)
	}
	agreeing(t, getting(s, "k", "v"), "testpw")
	if err := s.Delete(soon(t), "k"); err != nil {
		t.Error(err)
	}
}

func lockedWithAPerson(t *testing.T, o Options, password string) {
	s := open(t, o)
	put(t, s, "k", "v")
	lock(t, o.Collection)
	quiet := o
	quiet.Quiet = true
	for call, err := range everyCall(soon(t), open(t, quiet)) {
		if want := call != "List"; errors.Is(err, ErrLocked) != want { // GNOME's keyring does not keep names secret
			t.Errorf("quiet, %s: %v", call, err)
		}
	}
	if shown := dialogs(); len(shown) > 0 {
		t.Fatal("a dialog is shown")
	}
	for name, call := range map[string]func(context.Context) error{
		"Get": getting(s, "k", "v"), "Put": putting(s, "k", "other"), "Delete": deleting(s, "k"),
	} {
		if err := dismissing(t, call); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "was closed") {
			t.Errorf("dismissed, %s: %v", name, err)
		}
	}
	agreeing(t, getting(s, "k", "v"), password)
	if err := s.Delete(soon(t), "k"); err != nil {
		t.Error(err)
	}
}

func unanswered(t *testing.T, o Options) {
	ctx, cancel := context.WithCancel(soon(t))
	window := make(chan string, 1)
	go func() {
		window <- dialogShown(ctx)
		cancel()
	}()
	if err := open(t, o).Put(ctx, "k", creds.New("v")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if shown := <-window; shown == "" || !dialogGone(shown, 20*time.Second) {
		t.Errorf("the dialog %q stays, or was not shown", shown)
	}
}
