package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
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
	x := exec.Command("Xvfb", "-displayfd", "3", "-nolisten", "tcp", "-noreset", "-screen", "0", "640x480x24")
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

func xdotool(args ...string) string {
	out, _ := exec.Command("xdotool", args...).Output()
	return strings.TrimSpace(string(out))
}

// dialogShown waits for GNOME's own dialog and returns its window.
func dialogShown(t *testing.T) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if window, _, _ := strings.Cut(xdotool("search", "--onlyvisible", "--class", "gcr-prompter"), "\n"); window != "" {
			return window
		}
	}
	t.Error("no dialog appeared")
	return ""
}

// dialogGone waits for the window to close.
func dialogGone(t *testing.T, window string) {
	t.Helper()
	if window == "" {
		return
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if !strings.Contains(xdotool("search", "--onlyvisible", "--class", "gcr-prompter"), window) {
			return
		}
	}
	t.Error("the dialog stays")
}

// person answers the next dialog, in the background: each word is typed into one field,
// and "Escape" dismisses it. The channel closes when the dialog is gone.
func person(t *testing.T, words ...string) (done <-chan struct{}) {
	t.Helper()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		window := dialogShown(t)
		xdotool("windowfocus", "--sync", window) // there is no window manager to do it
		if len(words) == 1 && words[0] == "Escape" {
			xdotool("key", "Escape")
		} else {
			for i, word := range words {
				if i > 0 {
					xdotool("key", "Tab")
				}
				xdotool("type", word)
			}
			xdotool("key", "Return")
		}
		dialogGone(t, window)
	}()
	return gone
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
	t.Run("a dialog that nobody answers goes with its caller", func(t *testing.T) { nobodyAnswers(t, named) })
	t.Run("a dialog that makes the collection, dismissed", func(t *testing.T) { makingDismissed(t, named) })
	t.Run("the dialog that makes the collection", func(t *testing.T) {
		done := person(t, chosenPassword, chosenPassword)
		put(t, open(t, Options{FileDir: t.TempDir()}), "first", "value")
		<-done
		f := finding(t, Probe(soon(t), Options{FileDir: t.TempDir()}), "secret-service")
		if !f.Chosen || f.Items != 1 || f.Where != `collection "awsvault" of the Secret Service` || f.Remark != "" {
			t.Errorf("%+v", f)
		}
		if err := open(t, named).Delete(soon(t), "first"); err != nil {
			t.Error(err)
		}
	})
	t.Run("the collection made so conforms", func(t *testing.T) { conforms(t, open(t, named), 0, 1, 100, 100_000) })
	login := Options{Backend: "secret-service", Collection: "login"}
	t.Run("locked awsvault", func(t *testing.T) { lockedWithAPerson(t, named, chosenPassword) })
	t.Run("locked login through Docker's helper", func(t *testing.T) {
		testenv.Require(t, "helper", secretServiceHelper)
		s := open(t, Options{Helper: "secretservice"})
		put(t, s, "k", "v")
		lock(t, "login")
		done := person(t, "Escape")
		if err := getErr(t, s, "k"); !errors.Is(err, ErrLocked) {
			t.Errorf("dismissed: %v", err)
		}
		<-done
		done = person(t, "testpw")
		wantValue(t, s, "k", "v")
		<-done
		if err := s.Delete(soon(t), "k"); err != nil {
			t.Error(err)
		}
	})
	t.Run("locked login", func(t *testing.T) { lockedWithAPerson(t, login, "testpw") })
}

func makingDismissed(t *testing.T, o Options) {
	f := finding(t, Probe(soon(t), Options{FileDir: t.TempDir()}), "secret-service")
	if !f.Chosen || f.Items != 0 || !strings.Contains(f.Remark, "does not exist yet") {
		t.Errorf("%+v", f)
	}
	s := open(t, o)
	done := person(t, "Escape")
	if err := s.Put(soon(t), "k", creds.New("v")); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), `"awsvault" was not created, because the dialog for it was closed`) {
		t.Errorf("Put: %v", err)
	}
	<-done
	if err := getErr(t, s, "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if names, err := open(t, Options{Backend: "secret-service", Collection: "login"}).List(soon(t), ""); err != nil || len(names) != 0 {
		t.Errorf("in login are %q, %v", names, err)
	}
}

func lockedWithAPerson(t *testing.T, o Options, password string) {
	s := open(t, o)
	put(t, s, "k", "v")
	lock(t, o.Collection)
	quiet := o
	quiet.Quiet = true
	for call, err := range everyCall(soon(t), open(t, quiet)) {
		if want := call != "List"; errors.Is(err, ErrLocked) != want { // names are no secret to GNOME's keyring
			t.Errorf("quiet, %s: %v", call, err)
		}
	}
	if window := xdotool("search", "--onlyvisible", "--class", "gcr-prompter"); window != "" {
		t.Fatal("a dialog is shown")
	}
	for call, f := range map[string]func() error{
		"Get":    func() error { _, err := s.Get(soon(t), "k"); return err },
		"Put":    func() error { return s.Put(soon(t), "k", creds.New("other")) },
		"Delete": func() error { return s.Delete(soon(t), "k") },
	} {
		done := person(t, "Escape")
		if err := f(); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "was closed") {
			t.Errorf("dismissed, %s: %v", call, err)
		}
		<-done
	}
	done := person(t, password)
	wantValue(t, s, "k", "v")
	<-done
	if err := s.Delete(soon(t), "k"); err != nil {
		t.Error(err)
	}
}

func nobodyAnswers(t *testing.T, o Options) {
	ctx, cancel := context.WithCancel(soon(t))
	window := make(chan string, 1)
	go func() {
		window <- dialogShown(t)
		cancel()
	}()
	if err := open(t, o).Put(ctx, "k", creds.New("v")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	dialogGone(t, <-window)
}
