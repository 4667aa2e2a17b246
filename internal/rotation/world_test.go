package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/rotation"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/store"
)

const account = "111122223333"

// world has an AWS with one user, whose key is stored as "base", and a clock.
type world struct {
	t     *testing.T
	aws   *fakeaws.Server
	user  string
	first creds.Key
	store store.Store
	dir   string
	now   time.Time
	slept time.Duration
	drops int // how often sessions were forgotten
	said  []rotation.Event
}

func newWorld(t *testing.T, o fakeaws.Options) *world {
	t.Helper()
	w := &world{t: t, store: storetest.NewMemory(), dir: filepath.Join(t.TempDir(), "rotate"), now: time.Now()}
	o.Now = func() time.Time { return w.now }
	var err error
	w.aws, err = fakeaws.Start(o)
	w.must(err)
	t.Cleanup(func() { _ = w.aws.Close() })
	w.user, err = w.aws.AddUser(account, "team/alice")
	w.must(err)
	w.first, err = w.aws.AddKey(w.user)
	w.must(err)
	w.must(store.PutKey(context.Background(), w.store, "base", w.first))
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// how says what happens to one operation of a run.
type how int

const (
	whole     how = iota // it succeeds
	dieBefore            // the process ends before the operation
	dieAfter             // the process ends right after it
	fails                // it fails and has done nothing
	loses                // it is done, and fails
)

func (h how) String() string {
	return [...]string{"nothing", "death before", "death after", "failure at", "loss of the answer of"}[h]
}

// machine is one process. Each call of AWS or of the store is an operation.
type machine struct {
	*world
	ops  []string
	at   int // the operation that is disturbed, from 1; 0 for none
	what how
}

// death is the value of the panic that ends a process.
type death struct{}

var errDisturbed = errors.New("disturbed")

// do makes an operation of f.
func (m *machine) do(name string, f func() error) error {
	m.ops = append(m.ops, name)
	what := whole
	if len(m.ops) == m.at {
		what = m.what
	}
	switch what {
	case dieBefore:
		panic(death{})
	case fails:
		return errDisturbed
	}
	err := f()
	switch what {
	case dieAfter:
		panic(death{})
	case loses:
		return errors.Join(errDisturbed, rotation.ErrUnsure)
	}
	return err
}

// wire is the store, with each call an operation of the machine.
type wire struct {
	m *machine
	store.Store
}

func (s wire) Get(ctx context.Context, k string) (v creds.Secret, err error) {
	failed := s.m.do("read "+part(k), func() error { v, err = s.Store.Get(ctx, k); return err })
	return v, failed
}

func (s wire) Put(ctx context.Context, k string, v creds.Secret) error {
	return s.m.do("store "+part(k), func() error { return s.Store.Put(ctx, k, v) })
}

func (s wire) Delete(ctx context.Context, k string) error {
	return s.m.do("unstore "+part(k), func() error { return s.Store.Delete(ctx, k) })
}

func part(name string) string { name, _, _ = strings.Cut(name, ","); return name }

// iam signs with the key that is stored at the moment.
func (m *machine) iam() sessions.IAM {
	k, err := store.GetKey(context.Background(), m.store, "base")
	m.must(err)
	return sessions.IAM{
		Endpoint: m.endpoint(), User: "alice",
		Session: creds.Session{AccessKeyID: k.ID, SecretKey: k.Secret},
	}
}

func (w *world) endpoint() sessions.Endpoint {
	return sessions.Endpoint{Region: "eu-west-1", URL: w.aws.URL()}
}

func (w *world) who(ctx context.Context, k creds.Key) (string, error) {
	id, err := sessions.WhoAmI(ctx, w.endpoint(), creds.Session{AccessKeyID: k.ID, SecretKey: k.Secret})
	return id.ARN, plain(err)
}

// plain turns AWS's errors into those of rotations.
func plain(err error) error {
	var call *sessions.CallError
	var unsure *sessions.UnsureError
	kinds := map[sessions.Kind]error{sessions.Gone: rotation.ErrGone, sessions.Denied: rotation.ErrDenied, sessions.BadKey: rotation.ErrRejected}
	switch {
	case errors.As(err, &unsure):
		return errors.Join(err, rotation.ErrUnsure)
	case errors.As(err, &call) && kinds[call.Kind] != nil:
		return fmt.Errorf("%w: %w", kinds[call.Kind], err)
	}
	return err
}

func (m *machine) rotation() *rotation.Rotation {
	ctx := context.Background()
	return &rotation.Rotation{
		Item: "base", Profile: "prod", Backend: "memory", Store: wire{m, m.store}, Book: rotation.Book{Dir: m.dir},
		AWS: rotation.Calls{
			Who: func(_ context.Context, k creds.Key) (arn string, err error) {
				err = m.do("who", func() error { arn, err = m.who(ctx, k); return err })
				return arn, err
			},
			List: func(context.Context) (list []rotation.Key, err error) {
				err = m.do("list", func() error {
					keys, err := m.iam().ListAccessKeys(ctx)
					for _, k := range keys {
						list = append(list, rotation.Key(k))
					}
					return plain(err)
				})
				return list, err
			},
			Create: func(context.Context) (k creds.Key, err error) {
				err = m.do("create", func() error { k, err = m.iam().CreateAccessKey(ctx); return plain(err) })
				if err != nil {
					return creds.Key{}, err
				}
				return k, nil
			},
			Deactivate: func(_ context.Context, id string) error {
				return m.do("deactivate", func() error { return plain(m.iam().DeactivateAccessKey(ctx, id)) })
			},
			Delete: func(_ context.Context, id string) error {
				return m.do("delete", func() error { return plain(m.iam().DeleteAccessKey(ctx, id)) })
			},
			LastUsed: func(_ context.Context, id string) (u rotation.Use, err error) {
				err = m.do("last used", func() error {
					use, err := m.iam().AccessKeyLastUsed(ctx, id)
					u = rotation.Use(use)
					return plain(err)
				})
				return u, err
			},
		},
		MakeRoom:   func(context.Context, []rotation.Owned) (string, error) { return "", errors.New("no room") },
		MayDiscard: func(_ context.Context, o rotation.Owned) error { return o.UseErr },
		Follow: func(_ context.Context, old string, now creds.Key) error {
			if old == now.ID || now.ID != m.stored().ID {
				m.t.Errorf("…%s is to be followed by …%s", old, now.ID)
			}
			return m.do("follow", func() error { m.drops++; return nil })
		},
		Say:  func(e rotation.Event, _ string) { m.said = append(m.said, e) },
		Now:  func() time.Time { return m.now },
		Hold: func() func() { return func() {} },
		Sleep: func(ctx context.Context, d time.Duration) error {
			m.now, m.slept = m.now.Add(d), m.slept+d
			return ctx.Err()
		},
	}
}

// run is one process from its start to its end, with one operation disturbed.
func (w *world) run(at int, what how, change func(*rotation.Rotation)) (res rotation.Result, m *machine, err error) {
	m = &machine{world: w, at: at, what: what}
	defer func() {
		switch p := recover(); p.(type) {
		case nil:
		case death:
			err = errors.New("the process has ended")
		default:
			panic(p)
		}
	}()
	r := m.rotation()
	if change != nil {
		change(r)
	}
	ctx := context.Background()
	if r.User, _, err = r.Identify(ctx); err != nil {
		return res, m, err
	}
	s, err := r.Look(ctx)
	if err != nil {
		return res, m, err
	}
	res, err = r.Run(ctx, s)
	return res, m, err
}

// stored is the key that is stored under the profile's name.
func (w *world) stored() creds.Key {
	w.t.Helper()
	k, err := store.GetKey(context.Background(), w.store, "base")
	w.must(err)
	return k
}

// safe checks what must be true at any moment: the stored key works.
func (w *world) safe(when string) {
	w.t.Helper()
	if arn, err := w.who(context.Background(), w.stored()); err != nil || arn != w.user {
		w.t.Errorf("%s: the stored key is that of %q: %v", when, arn, err)
	}
	for _, file := range w.journals() {
		text, err := os.ReadFile(file)
		w.must(err)
		if strings.Contains(string(text), w.first.Secret.Reveal()) || strings.Contains(string(text), w.stored().Secret.Reveal()) {
			w.t.Errorf("%s: a secret in the journal", when)
		}
	}
}

func (w *world) journals() []string {
	files, err := filepath.Glob(filepath.Join(w.dir, "*"))
	w.must(err)
	return files
}

// listed is what AWS lists, newest last.
func (w *world) listed() []sessions.AccessKey {
	w.t.Helper()
	list, err := (&machine{world: w}).iam().ListAccessKeys(context.Background())
	w.must(err)
	return list
}

// done checks what must be true at the end: AWS has one key, which is active, stored and
// new, and nothing is left over.
func (w *world) done(when string) {
	w.t.Helper()
	w.safe(when)
	list := w.listed()
	if len(list) != 1 || !list[0].Active || list[0].ID != w.stored().ID {
		w.t.Errorf("%s: AWS has %+v, the store …%s", when, list, w.stored().ID[16:])
	}
	if w.stored().ID == w.first.ID {
		w.t.Errorf("%s: the key was not replaced", when)
	}
	w.nothingLeft(when)
}

func (w *world) nothingLeft(when string) {
	w.t.Helper()
	names, err := w.store.List(context.Background(), "")
	w.must(err)
	if !slices.Equal(names, []string{"base"}) {
		w.t.Errorf("%s: the store has %q", when, names)
	}
	if left := w.journals(); len(left) != 0 {
		w.t.Errorf("%s: left behind: %q", when, left)
	}
}
