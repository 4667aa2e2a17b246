package app

// The spacing of MFA codes, with a clock of its own.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// spacerOf is a spacer whose clock moves only by sleeping.
type spacerOf struct {
	codeSpacer
	clock time.Time
	slept []time.Duration
	said  []string
}

func newSpacer(second int) *spacerOf {
	d := &spacerOf{clock: time.Date(2026, 5, 4, 12, 0, second, 0, time.UTC)}
	d.now = func() time.Time { return d.clock }
	d.sleep = func(_ context.Context, by time.Duration) error {
		d.clock, d.slept = d.clock.Add(by), append(d.slept, by)
		return nil
	}
	d.say = func(format string, args ...any) { d.said = append(d.said, fmt.Sprintf(format, args...)) }
	return d
}

// typist answers every question after a while.
func (d *spacerOf) typist(takes time.Duration, typed bool) func() {
	ask := d.ask(func(context.Context, string, string) (creds.Secret, bool, error) {
		d.clock = d.clock.Add(takes)
		return creds.New("123456"), typed, nil
	})
	return func() { _, _, _ = ask(context.Background(), "serial", "code: ") }
}

func TestASpentCodeIsWaitedOutToTheNextHalfMinute(t *testing.T) {
	for _, c := range []struct {
		second int
		takes  time.Duration
		want   time.Duration
	}{
		{4, 0, 27 * time.Second}, {29, 0, 2 * time.Second}, {30, 0, 31 * time.Second}, {59, 0, 2 * time.Second},
		{4, 20 * time.Second, 7 * time.Second}, // the person took her time
	} {
		d := newSpacer(c.second)
		ask := d.typist(c.takes, true)
		ask()
		d.markUsed()
		ask()
		if len(d.slept) != 1 || d.slept[0] != c.want || len(d.said) != 1 || !strings.HasPrefix(d.said[0], "waiting ") {
			t.Errorf("at second %d: slept %v, want %v; said %q", c.second, d.slept, c.want, d.said)
		}
	}
}

func TestThereIsNoWaitForAFirstCodeNorAfterATypoNorInANewHalfMinute(t *testing.T) {
	d := newSpacer(4)
	ask := d.typist(0, true)
	ask()
	ask() // the first was mistyped: AWS has taken none
	d.markUsed()
	d.clock = d.clock.Add(40 * time.Second)
	ask()
	if len(d.slept) != 0 {
		t.Errorf("slept %v", d.slept)
	}
	d.markUsed()
	d.clock = d.clock.Add(-time.Hour) // a clock that is set back must not make it wait for an hour
	ask()
	if len(d.slept) != 0 {
		t.Errorf("slept %v after the clock was set back", d.slept)
	}
}

func TestAProcessIsWaitedForLikeAPersonAndCtrlCEndsTheWait(t *testing.T) {
	d := newSpacer(4)
	run := d.run(func(context.Context, string) (creds.Secret, error) { return creds.New("123456"), nil })
	if _, err := run(context.Background(), "code"); err != nil || d.typed {
		t.Fatal(err)
	}
	d.markUsed()
	d.sleep = func(context.Context, time.Duration) error { return context.Canceled }
	if _, err := run(context.Background(), "code"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if d.ask(nil) != nil {
		t.Error("a person can be asked")
	}
}

// Another command has used the code that mfa_process gives now. Nobody has typed it, so
// nobody is to blame, and the next one is waited for.
func TestACodeThatAMachineHasGivenBeforeIsWaitedOut(t *testing.T) {
	clock := time.Now().Truncate(codeLife).Add(5 * time.Second)
	now := func() time.Time { return clock }
	aws, err := fakeaws.Start(fakeaws.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = aws.Close() }()
	arn, _ := aws.AddUser("111122223333", "alice")
	key, _ := aws.AddKey(arn)
	phone, err := aws.AddMFA(arn, "phone")
	if err != nil {
		t.Fatal(err)
	}
	keys := storetest.NewMemory()
	ctx := context.Background()
	if err := store.PutKey(ctx, keys, "base", key); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	var slept time.Duration
	w := &World{Policy: refresh.Default, World: &host.World{
		Now: now,
		Sleep: func(_ context.Context, d time.Duration) error {
			clock, slept = clock.Add(d), slept+d
			return nil
		},
		Run: func(context.Context, host.Child) (host.Output, error) {
			code, err := totp.GenerateCode(phone.Seed.Reveal(), clock)
			return host.Output{Stdout: []byte(code)}, err
		},
		Who: func() (string, string) { return "alice", "laptop" },
	}}
	caller := Caller{
		Env: NewEnvironment([]string{"XDG_RUNTIME_DIR=" + t.TempDir()}, nil),
		Say: func(line string) { said.WriteString("vault: " + line + "\n") },
	}
	w.OpenStore = func(context.Context, store.Options) (store.Store, error) { return keys, nil }
	p, err := profiles.Parse("", []byte("[profile base]\nregion = eu-west-1\nmfa_process = device\nmfa_serial = "+phone.Serial+"\n")).
		Resolve("base", profiles.Overrides{Env: map[string]string{"AWS_ENDPOINT_URL": aws.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	for run, want := range []time.Duration{0, 26 * time.Second} {
		s, err := w.Core().Task(caller).NewSigner(ctx, p, arn, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.obtain(ctx, true); err != nil || slept != want {
			t.Errorf("run %d: %v after %v, want %v: %s", run, err, slept, want, said.String())
		}
	}
	if got := said.String(); got != "vault: waiting 26 s for the next MFA code: each works once\n" || aws.Calls("GetSessionToken") != 3 {
		t.Errorf("%d calls, said %q", aws.Calls("GetSessionToken"), got)
	}
	// One that stays wrong is not tried for ever.
	w.Run = func(context.Context, host.Child) (host.Output, error) {
		return host.Output{Stdout: []byte("000000")}, nil
	}
	s, err := w.Core().Task(caller).NewSigner(ctx, p, arn, false)
	if err != nil {
		t.Fatal(err)
	}
	var call *sessions.CallError
	if err := s.obtain(ctx, true); !errors.As(err, &call) || call.Kind != sessions.WrongCode || aws.Calls("GetSessionToken") != 6 {
		t.Errorf("%v after %d calls", err, aws.Calls("GetSessionToken")-3)
	}
}
