package main

// This file measures whole processes against the budgets of docs/performance.md, and prints
// tables; bench_page_test.go writes that page:
//
//	go test -run '^$' -bench . -benchtime 1x .
//
// All programs of a table run in turn, round after round, so that a machine that drifts
// drifts for all of them. What counts are the ratios to "floor", a hello-world of the same
// command library as a plain "go build" makes it, and of these the ones of the least times:
// what else the machine does can only add to a time. The program itself is built as a
// release is, and all programs are copied as an installation does.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

const rounds = 60

// row is a program in a table.
type row struct {
	name   string // in the output of go test
	what   string // in the table
	argv   []string
	env    []string
	before func() // each time, outside the measurement
	screen string // it runs on a terminal, and is ended when this is shown

	// The budget: in floors, or a time that is known once all was measured. Neither: none.
	floors float64
	limit  func() time.Duration

	wall []time.Duration // in order, when measured
	cpu  []time.Duration
}

func (r *row) once(b *testing.B, null *os.File) (wall, cpu time.Duration) {
	if r.before != nil {
		r.before()
	}
	if r.screen != "" {
		return firstScreen(b, r)
	}
	start := time.Now()
	p, err := os.StartProcess(r.argv[0], r.argv, &os.ProcAttr{Env: r.env, Files: []*os.File{null, null, null}})
	if err != nil {
		b.Fatal(err)
	}
	state, err := p.Wait()
	wall = time.Since(start)
	if err != nil || !state.Success() {
		b.Fatalf("%s: %v, %v", r.name, state, err)
	}
	return wall, state.UserTime() + state.SystemTime()
}

func (r *row) least() time.Duration { return r.wall[0] }

// budget is the most that the least time may be, 0 for no budget.
func (r *row) budget(floor time.Duration) time.Duration {
	if r.limit != nil {
		return r.limit()
	}
	return time.Duration(r.floors * float64(floor))
}

// median leaves the times in order: the first is then the least.
func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// measure runs the rows in turn. The first rounds are not counted.
func measure(b *testing.B, rows []*row) {
	null := devNull(b)
	for round := range rounds + 3 {
		for _, r := range rows {
			wall, cpu := r.once(b, null)
			if round >= 3 {
				r.wall, r.cpu = append(r.wall, wall), append(r.cpu, cpu)
			}
		}
	}
	for _, r := range rows {
		slices.Sort(r.wall)
		slices.Sort(r.cpu)
	}
}

func devNull(b *testing.B) *os.File {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = null.Close() })
	return null
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// tell prints the table in Markdown and reports its figures, the first row being the floor.
func tell(b *testing.B, title string, rows []*row) {
	floor := rows[0]
	times := func(a, b time.Duration) string { return fmt.Sprintf("%.2f", float64(a)/float64(b)) }
	var text strings.Builder
	fmt.Fprintf(&text, "\n## %s\n\n%s\n\n", title, origin())
	text.WriteString("| what | least | median | CPU, least | × floor, least | × floor, median | budget |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range rows {
		least, mid := r.least(), median(r.wall)
		budget := ""
		if most := r.budget(floor.least()); most > 0 {
			budget = "≤ " + times(most, floor.least())
			if r.limit != nil {
				budget += fmt.Sprintf(" (%.1f ms)", inMilliseconds(most))
			}
			if least > most {
				budget += ", missed"
			}
		}
		fmt.Fprintf(&text, "| %s | %.2f ms | %.2f ms | %.2f ms | %s | %s | %s |\n", r.what, inMilliseconds(least), inMilliseconds(mid),
			inMilliseconds(r.cpu[0]), times(least, floor.least()), times(mid, median(floor.wall)), budget)
		b.Run(r.name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(inMilliseconds(mid), "ms")
			b.ReportMetric(inMilliseconds(least), "min-ms")
			b.ReportMetric(float64(least)/float64(floor.least()), "min-floors")
			if most := r.budget(floor.least()); most > 0 {
				b.ReportMetric(float64(most)/float64(floor.least()), "budget-floors")
			}
		})
	}
	fmt.Println(text.String())
}

// origin is what a table of figures must say of itself.
var origin = sync.OnceValue(func() string {
	commit, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		commit = []byte("unknown")
	}
	return fmt.Sprintf("Measured on %s, commit `%s`, %s %s/%s, %d cores; %d rounds in turn.", time.Now().Format(time.DateOnly),
		strings.TrimSpace(string(commit)), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), rounds)
})

// floorRow is the hello-world that all is compared with. Without a C compiler it is the one
// that a release would be.
func (s *stage) floorRow(config string) *row {
	environ := []string{"CGO_ENABLED=1"}
	if _, err := exec.LookPath("cc"); err != nil {
		environ = releaseEnviron()
	}
	return &row{
		name: "floor", what: "floor: hello-world, plain build",
		argv: []string{compiled(s.b, "./internal/testdata/floor", environ...)}, env: s.environ(config),
	}
}

// BenchmarkProcesses is the table of everything that has a budget in floors.
func BenchmarkProcesses(b *testing.B) {
	s := newStage(b)
	rows := s.budgetRows()
	calls := s.aws.Calls("*")
	measure(b, rows)
	if n := s.aws.Calls("*") - calls; n != 0 {
		b.Errorf("warm commands made %d calls", n)
	}
	tell(b, "A process", rows)
}

// throughAgent are the warm commands when a person has typed the passphrase into another
// terminal and an agent keeps the store open.
func (s *stage) throughAgent(small, large string) []*row {
	typed := func(config string) []string {
		return slices.DeleteFunc(s.environ(config), func(e string) bool { return strings.HasPrefix(e, "AWS_VAULT_FILE_PASSPHRASE=") })
	}
	if err := unlockAgent(s.b, s.bin, typed(small)); err != nil {
		s.b.Logf("not measured through the agent: %v", err)
		return nil
	}
	var rows []*row
	for _, x := range []struct {
		name, what, config string
		floors             float64
		args               []string
	}{
		{"agent-use-10", "`use prod` through the agent, 10 profiles", small, 2.2, []string{"use", "prod", "--shell", "zsh"}},
		{"agent-use-5000", "`use prod` through the agent, 5,000", large, 2.6, []string{"use", "prod", "--shell", "zsh"}},
		{"agent-exec-10", "`exec prod -- true` through the agent, 10", small, 2.2, []string{"exec", "prod", "--", "true"}},
		{"agent-exec-5000", "`exec prod -- true` through the agent, 5,000", large, 2.6, []string{"exec", "prod", "--", "true"}},
	} {
		r := s.row(x.name, x.what, x.floors, x.config, x.args...)
		r.env = typed(x.config)
		rows = append(rows, r)
	}
	return rows
}

// BenchmarkList measures the list of 5,000 profiles with fifty keys and two hundred
// sessions in the file back end, none of which is read. Its budget, 10 ms where the plain
// floor is 2.6 ms, is given in floors.
func BenchmarkList(b *testing.B) {
	s := newStage(b)
	rows := append([]*row{s.floorRow(s.config(10))}, s.listRows()...)
	measure(b, rows)
	tell(b, "A list", rows)
}

// crowd fills the store: keys for some profiles and a session each for others.
func (s *stage) crowd(config string, keys, cached int) {
	pass := creds.New(passphrase)
	items, err := store.Open(s.b.Context(), store.Options{Backend: "file", FileDir: s.path("keys"), FilePassphrase: &pass})
	if err != nil {
		s.b.Fatal(err)
	}
	set, err := profiles.Load(config)
	if err != nil {
		s.b.Fatal(err)
	}
	run := refresh.Directory{Path: s.path("run/vault")}
	names := set.Names()[2:]
	for _, name := range names[:keys-1] { // base has one already
		err = errors.Join(err, store.PutKey(s.b.Context(), items, name, s.key))
	}
	for i, name := range names[:cached] {
		p, failed := set.Resolve(name, profiles.Overrides{Env: map[string]string{"AWS_ENDPOINT_URL": s.aws.URL()}})
		v := creds.Session{
			Profile: name, AccessKeyID: fmt.Sprintf("ASIA%016d", i), SecretKey: s.key.Secret, Token: creds.New(strings.Repeat("t", 400)),
			Issued: time.Now(), Expires: time.Now().Add(time.Hour),
		}
		_, marked := run.Set(refresh.Key(p), v, "")
		err = errors.Join(err, failed, marked, store.PutSession(s.b.Context(), items, store.SessionName(name, p.CacheKey()), v))
	}
	if err != nil {
		s.b.Fatal(err)
	}
}

// BenchmarkCold measures the first use of a role beside the bare request it makes, and
// beside a program that keeps no session. Budget: one and a half bare requests and four
// milliseconds.
func BenchmarkCold(b *testing.B) {
	s := newStage(b)
	rows := append([]*row{s.floorRow(s.config(10))}, s.coldRows()...)
	calls := s.aws.Calls("*")
	measure(b, rows)
	if n, want := s.aws.Calls("*")-calls, (rounds+3)*(len(rows)-1); n != want {
		b.Errorf("%d calls, not %d: one each time", n, want)
	}
	tell(b, "A call to AWS", rows)
}

// ageStore makes an age store with the same key. Its identity has a passphrase that is fast
// to try: with the program's own, nearly all of the time would be that.
func (s *stage) ageStore(config string) (environ []string, forget func()) {
	dir := s.path("age")
	err := storetest.CheapIdentity(dir, passphrase)
	pass := creds.New(passphrase)
	items, opened := store.Open(s.b.Context(), store.Options{Backend: "age", AgeDir: dir, AgePassphrase: &pass})
	if err = errors.Join(err, opened); err == nil {
		err = store.PutKey(s.b.Context(), items, "base", s.key)
	}
	if err != nil {
		s.b.Fatal(err)
	}
	environ = slices.DeleteFunc(s.environ(config), func(e string) bool { return strings.HasPrefix(e, "AWS_VAULT_BACKEND=") })
	return append(environ, "AWS_VAULT_BACKEND=age", "AWS_VAULT_AGE_DIR="+dir, "AWS_VAULT_AGE_PASSPHRASE="+passphrase), func() {
		names, err := items.List(context.Background(), store.SessionPrefix)
		for _, name := range names {
			err = errors.Join(err, items.Delete(context.Background(), name))
		}
		if err != nil {
			s.b.Fatal(err)
		}
	}
}

// BenchmarkTwentyTerminals starts the same command twenty times at once with nothing
// cached: one of them calls AWS. Budget: one and a half times one cold use and twenty
// starts.
func BenchmarkTwentyTerminals(b *testing.B) {
	s := newStage(b)
	config := s.config(10)
	cold := s.row("cold", "", 0, config, "exec", "prod", "--", "true")
	start := s.row("start", "", 0, config, "version")
	null := devNull(b)
	var alone, starts, together []time.Duration
	most := 0
	for range 10 {
		s.forget()
		one, _ := cold.once(b, null)
		alone = append(alone, one)
		starts = append(starts, atOnce(b, start, null, 20))
		s.forget()
		before := s.aws.Calls("*")
		together = append(together, atOnce(b, cold, null, 20))
		most = max(most, s.aws.Calls("*")-before)
	}
	if most != 1 {
		b.Errorf("twenty terminals made %d calls", most)
	}
	budget := inMilliseconds(median(alone)+median(starts)) * 1.5
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(inMilliseconds(median(together)), "ms")
	b.ReportMetric(inMilliseconds(together[0]), "min-ms")
	b.ReportMetric(budget, "budget-ms")
	b.ReportMetric(float64(most), "calls")
	fmt.Printf("\n## Twenty terminals\n\n%s\n\n| what | median | least | budget |\n| --- | --- | --- | --- |\n"+
		"| the same command in twenty terminals at once, nothing cached: %d call | %.0f ms | %.0f ms | ≤ %.0f ms |\n\n",
		origin(), most, inMilliseconds(median(together)), inMilliseconds(together[0]), budget)
}

// atOnce starts a program n times and waits for the last.
func atOnce(b *testing.B, r *row, null *os.File, n int) time.Duration {
	var all []*os.Process
	start := time.Now()
	for range n {
		p, err := os.StartProcess(r.argv[0], r.argv, &os.ProcAttr{Env: r.env, Files: []*os.File{null, null, null}})
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, p)
	}
	for _, p := range all {
		if state, err := p.Wait(); err != nil || !state.Success() {
			b.Errorf("%s: %v, %v", r.name, state, err)
		}
	}
	return time.Since(start)
}

// stage is an AWS on loopback with one role, a store of files with one key, and the
// program.
type stage struct {
	b    *testing.B
	aws  *fakeaws.Server
	dir  string
	bin  string
	key  creds.Key
	role string
	kept []string // the store's files that are not sessions
}

func newStage(b *testing.B) *stage {
	b.Helper()
	aws, err := fakeaws.Start(fakeaws.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = aws.Close() })
	s := &stage{b: b, aws: aws, dir: b.TempDir(), bin: built(b)}
	user, err := aws.AddUser("111122223333", "you")
	if err == nil {
		s.key, err = aws.AddKey(user)
	}
	if err == nil {
		s.role, err = aws.AddRole(fakeaws.Role{
			Account: "111122223333", Name: "admin", Trust: fakeaws.Trust{Principals: []string{user}},
		})
	}
	if err == nil {
		err = os.Mkdir(s.path("run"), 0o700)
	}
	if err == nil {
		err = s.storeKey()
	}
	if err != nil {
		b.Fatal(err)
	}
	s.kept = s.stored()
	return s
}

const passphrase = "not a real passphrase"

func (s *stage) storeKey() error {
	pass := creds.New(passphrase)
	keys, err := store.Open(s.b.Context(), store.Options{Backend: "file", FileDir: s.path("keys"), FilePassphrase: &pass})
	if err != nil {
		return err
	}
	return store.PutKey(s.b.Context(), keys, "base", s.key)
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) stored() []string {
	files, err := filepath.Glob(s.path("keys/*"))
	if err != nil {
		s.b.Fatal(err)
	}
	return files
}

// forget removes every session and leaves the key.
func (s *stage) forget() {
	for _, f := range s.stored() {
		if !slices.Contains(s.kept, f) {
			if err := os.Remove(f); err != nil {
				s.b.Fatal(err)
			}
		}
	}
}

// config writes a config file of n profiles: one stored key, roles over it, and "prod",
// the last one, which the emulator knows.
func (s *stage) config(n int) string {
	var text strings.Builder
	text.WriteString("[default]\nregion = eu-west-1\n\n[profile base]\n")
	role := func(name, arn string) {
		fmt.Fprintf(&text, "\n[profile %s]\nrole_arn = %s\nsource_profile = base\nregion = eu-west-1\noutput = json\n", name, arn)
	}
	for i := range n - 3 {
		role(fmt.Sprintf("team%02d-svc%05d-admin", i%100, i), fmt.Sprintf("arn:aws:iam::%012d:role/admin", 100000000000+i))
	}
	role("prod", s.role)
	file := s.path("config-" + strconv.Itoa(n))
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		s.b.Fatal(err)
	}
	return file
}

func (s *stage) environ(config string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "XDG_RUNTIME_DIR=" + s.path("run"),
		"AWS_CONFIG_FILE=" + config, "AWS_SHARED_CREDENTIALS_FILE=" + s.path("credentials"),
		"AWS_ENDPOINT_URL=" + s.aws.URL(), "AWS_EC2_METADATA_DISABLED=true",
		"AWS_VAULT_BACKEND=file", "AWS_VAULT_FILE_DIR=" + s.path("keys"), "AWS_VAULT_FILE_PASSPHRASE=" + passphrase,
		"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent",
	}
}

func (s *stage) row(name, what string, floors float64, config string, args ...string) *row {
	return &row{name: name, what: what, floors: floors, argv: append([]string{s.bin}, args...), env: s.environ(config)}
}

// warm makes the session that the others find.
func (s *stage) warm(config string) {
	s.row("warm", "", 0, config, "use", "prod", "--shell", "zsh").once(s.b, devNull(s.b))
	if len(s.stored()) == len(s.kept) {
		s.b.Fatal("no session is stored")
	}
}
