package main

// This file measures whole processes against the budgets of docs/performance.md:
//
//	go test -run '^$' -bench 'Processes|List|Terminals' -benchtime 1x .
//
// All programs of a table run in turn, round after round, so that a machine that drifts
// drifts for all of them. What counts are the ratios to "floor", a hello-world of the
// same command library, built beside the program with the same flags; and to the same
// hello-world as a plain "go build" makes it where there is a C compiler.

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

const (
	rounds     = 60
	plainFloor = "floor-plain-build"
)

// row is a program in a table. floors is its budget in floors, 0 for none.
type row struct {
	name   string
	floors float64
	argv   []string
	env    []string
	before func() // each time, outside the measurement
	wall   []time.Duration
	cpu    []time.Duration
}

func (r *row) once(b *testing.B, null *os.File) (wall, cpu time.Duration) {
	if r.before != nil {
		r.before()
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

// tell reports the table, the first row being the floor.
func tell(b *testing.B, rows []*row) {
	floor, plain := median(rows[0].wall), time.Duration(0)
	for _, r := range rows {
		if r.name == plainFloor {
			plain = median(r.wall)
		}
	}
	for _, r := range rows {
		mid := median(r.wall)
		b.Run(r.name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(inMilliseconds(mid), "ms")
			b.ReportMetric(inMilliseconds(r.wall[0]), "min-ms")
			b.ReportMetric(inMilliseconds(median(r.cpu)), "cpu-ms")
			b.ReportMetric(float64(mid)/float64(floor), "floors")
			b.ReportMetric(float64(r.wall[0])/float64(rows[0].wall[0]), "min-floors")
			if plain > 0 {
				b.ReportMetric(float64(mid)/float64(plain), "plain-floors")
			}
			if r.floors > 0 {
				b.ReportMetric(r.floors, "budget-floors")
			}
		})
	}
}

// BenchmarkProcesses is the table of everything that has a budget in floors.
func BenchmarkProcesses(b *testing.B) {
	s := newStage(b)
	small, large, huge := s.config(10), s.config(5000), s.config(20000)
	rows := []*row{
		{name: "floor", argv: []string{compiled(b, "./internal/testdata/floor", releaseEnviron()...)}, env: s.environ(small)},
		s.row("version", 1.6, small, "version"),
		s.row("hook-zsh", 1.6, small, "hook", "zsh"),
		s.row("hook-pwsh", 1.6, small, "hook", "pwsh"),
		s.row("tab-10", 0, small, "__words", "zsh", "use", ""),
		s.row("tab-5000", 2.6, large, "__words", "zsh", "use", ""),
		s.row("tab-20000", 7, huge, "__words", "zsh", "use", ""),
		s.row("use-warm-10", 3, small, "use", "prod", "--shell", "zsh"),
		s.row("use-warm-5000", 3, large, "use", "prod", "--shell", "zsh"),
		s.row("exec-true-warm-10", 3, small, "exec", "prod", "--", "true"),
		s.row("exec-true-warm-5000", 3, large, "exec", "prod", "--", "true"),
		s.row("list-5000", 0, large, "list"),
	}
	if _, err := exec.LookPath("cc"); err == nil && runtime.GOOS == "linux" {
		rows = append(rows,
			&row{name: plainFloor, argv: []string{compiled(b, "./internal/testdata/floor", "CGO_ENABLED=1")}, env: s.environ(small)},
			&row{name: "version-plain-build", argv: []string{compiled(b, ".", "CGO_ENABLED=1"), "version"}, env: s.environ(small)},
		)
	}
	if path, err := exec.LookPath("true"); err == nil {
		rows = append(rows, &row{name: "true", argv: []string{path}, env: s.environ(small)})
	}
	s.warm(small)
	calls := s.aws.Calls("*")
	measure(b, rows)
	if n := s.aws.Calls("*") - calls; n != 0 {
		b.Errorf("warm commands made %d calls", n)
	}
	tell(b, rows)
}

// BenchmarkList measures the list of 5,000 profiles with fifty keys and two hundred
// sessions in the file back end, none of which is read. Its budget, 10 ms where the plain
// floor is 2.6 ms, is given in floors.
func BenchmarkList(b *testing.B) {
	const budget = 10 / 2.6
	s := newStage(b)
	config := s.config(5000)
	s.crowd(config, 50, 200)
	rows := []*row{
		{name: "floor", argv: []string{compiled(b, "./internal/testdata/floor", releaseEnviron()...)}, env: s.environ(config)},
		s.row("version", 1.6, config, "version"),
		s.row("list", budget, config, "list"),
		s.row("list-json", budget, config, "list", "--json"),
		s.row("list-profiles", budget, config, "list", "--profiles"),
		s.row("doctor-offline", 0, config, "doctor", "--offline"),
	}
	if _, err := exec.LookPath("cc"); err == nil && runtime.GOOS == "linux" {
		rows = append(rows, &row{name: plainFloor, argv: []string{compiled(b, "./internal/testdata/floor", "CGO_ENABLED=1")}, env: s.environ(config)})
	}
	measure(b, rows)
	tell(b, rows)
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

// BenchmarkColdUse measures the first use of a role beside the bare request it makes.
// Budget: one and a half bare requests and four milliseconds.
func BenchmarkColdUse(b *testing.B) {
	s := newStage(b)
	config := s.config(10)
	bare := &row{
		name: "bare", argv: []string{compiled(b, "./internal/testdata/roundtrip", releaseEnviron()...), s.aws.URL(), s.key.ID, s.role},
		env: append(s.environ(config), "ROUNDTRIP_KEY="+s.key.Secret.Reveal()),
	}
	cold := s.row("use", 0, config, "use", "prod", "--shell", "zsh")
	cold.before = s.forget
	calls := s.aws.Calls("*")
	measure(b, []*row{bare, cold})
	perUse := float64(s.aws.Calls("*")-calls)/(rounds+3) - 1
	budget := inMilliseconds(median(bare.wall))*1.5 + 4
	tell(b, []*row{bare, cold})
	b.Run("summary", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(inMilliseconds(median(cold.wall)), "ms")
		b.ReportMetric(budget, "budget-ms")
		b.ReportMetric(perUse, "calls/use")
	})
}

// BenchmarkTwentyTerminals starts the same command twenty times at once with nothing
// cached: one of them calls AWS. Budget: one and a half times one cold use and twenty
// starts.
func BenchmarkTwentyTerminals(b *testing.B) {
	s := newStage(b)
	config := s.config(10)
	cold := s.row("cold", 0, config, "exec", "prod", "--", "true")
	start := s.row("start", 0, config, "version")
	null := devNull(b)
	var alone, starts, together []time.Duration
	most := 0
	for range 10 {
		s.forget()
		one, _ := cold.once(b, null)
		alone = append(alone, one)
		starts = append(starts, atOnce(b, start, null))
		s.forget()
		before := s.aws.Calls("*")
		together = append(together, atOnce(b, cold, null))
		most = max(most, s.aws.Calls("*")-before)
	}
	if most != 1 {
		b.Errorf("twenty terminals made %d calls", most)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(inMilliseconds(median(together)), "ms")
	b.ReportMetric(inMilliseconds(together[0]), "min-ms")
	b.ReportMetric(1.5*inMilliseconds(median(alone)+median(starts)), "budget-ms")
	b.ReportMetric(float64(most), "calls")
}

// atOnce starts a program twenty times and waits for the last.
func atOnce(b *testing.B, r *row, null *os.File) time.Duration {
	var all []*os.Process
	start := time.Now()
	for range 20 {
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

// printOrigin prints what a table of figures must say of itself.
func printOrigin(b *testing.B) {
	commit, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		commit = []byte("unknown")
	}
	b.Logf("measured on %s, commit %s, %s %s/%s", time.Now().Format(time.DateOnly), strings.TrimSpace(string(commit)),
		runtime.Version(), runtime.GOOS, runtime.GOARCH)
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
	kept []string // the store's files that are no session
}

func newStage(b *testing.B) *stage {
	b.Helper()
	printOrigin(b)
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

func (s *stage) row(name string, floors float64, config string, args ...string) *row {
	return &row{name: name, floors: floors, argv: append([]string{s.bin}, args...), env: s.environ(config)}
}

// warm makes the session that the others find.
func (s *stage) warm(config string) {
	s.row("warm", 0, config, "use", "prod", "--shell", "zsh").once(s.b, devNull(s.b))
	if len(s.stored()) == len(s.kept) {
		s.b.Fatal("no session is stored")
	}
}
