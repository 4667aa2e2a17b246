package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// run is one run of the program: the world, the global flags, and what has been
// opened so far.
type run struct {
	*app.World
	env  map[string]string // as it is
	wish map[string]string // as the user made it, without what we exported
	g    globals

	quiet    bool         // a hook or a background process: nobody is asked, nothing pops up
	mfaToken creds.Secret // a code given by flag
	signIn   signInOptions
	set      *profiles.Set
	store    store.Store
	unlocked bool // a person was asked for what opens the store
}

func newRun(w *app.World) *run {
	m := env.Parse(w.Environ)
	return &run{World: w, env: m, wish: env.Wishes(m)}
}

// say prints a line for a person.
func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.Stderr, "vault: "+format+"\n", args...)
}

func (r *run) hint(format string, args ...any) {
	fmt.Fprintf(r.Stderr, "vault: hint: "+format+"\n", args...)
}

// profiles reads the config file, once.
func (r *run) profiles() (*profiles.Set, error) {
	if r.set == nil {
		set, err := profiles.Load(r.configFile())
		if err != nil {
			return nil, err
		}
		r.set = set
	}
	return r.set, nil
}

func (r *run) configFile() string { return r.awsFile("AWS_CONFIG_FILE", "config") }

// awsFile is one of the files of the AWS tools: where the variable says, or in ~/.aws.
func (r *run) awsFile(variable, name string) string {
	if f := r.env[variable]; f != "" {
		return r.expanded(f)
	}
	return filepath.Join(r.home(), ".aws", name)
}

func (r *run) expanded(path string) string {
	if rest, home := strings.CutPrefix(path, "~/"); home {
		return filepath.Join(r.home(), rest)
	}
	return path
}

func (r *run) home() string {
	if h := r.env["HOME"]; h != "" {
		return h
	}
	return r.env["USERPROFILE"]
}

// keyring opens the store, once.
func (r *run) keyring(ctx context.Context) (store.Store, error) {
	if r.store == nil {
		s, err := r.OpenStore(ctx, r.storeOptions())
		if err != nil {
			return nil, err
		}
		r.store = s
	}
	return r.store, nil
}

func (r *run) storeOptions() store.Options {
	o := r.g.store
	o.Quiet = r.quiet
	o.FilePassphrase = r.given("AWS_VAULT_FILE_PASSPHRASE")
	o.AgePassphrase = r.given("AWS_VAULT_AGE_PASSPHRASE")
	if ask := r.asker(); ask != nil {
		o.Ask = func(ctx context.Context, question string) (creds.Secret, error) {
			r.unlocked = true
			return ask(ctx, question+": ")
		}
		o.Tell = func(line string) { r.say("%s", printable(line)) }
	}
	return o
}

// given is a secret that was set in the environment, if only to nothing; else nil.
func (r *run) given(variable string) *creds.Secret {
	v, ok := r.env[variable]
	if !ok {
		return nil
	}
	secret := creds.New(v)
	return &secret
}

// asker asks on the terminal. It is nil when nobody can be asked there.
func (r *run) asker() func(context.Context, string) (creds.Secret, error) {
	if r.quiet || r.Ask == nil {
		return nil
	}
	return func(ctx context.Context, question string) (creds.Secret, error) {
		return r.Ask(ctx, printable(question), true)
	}
}

func (r *run) runtime() refresh.Directory {
	return refresh.RuntimeDir(func(n string) string { return r.env[n] })
}

// resolve turns a request into a profile, with the user's own environment counted in.
func (r *run) resolve(ctx context.Context, q env.Request) (profiles.Profile, error) {
	set, err := r.profiles()
	if err != nil {
		return profiles.Profile{}, err
	}
	var locked error
	o := r.overrides(q)
	o.HasKey = func(name string) bool {
		var has bool
		has, locked = r.hasKey(ctx, name)
		return has
	}
	p, err := set.Resolve(q.Profile, o)
	if locked != nil {
		return p, locked
	}
	if err == nil {
		err = r.finish(&p)
	}
	return p, err
}

// resolveUnasked is resolve without the keyring: a name that has no section is taken
// for that of a key.
func (r *run) resolveUnasked(q env.Request) (profiles.Profile, error) {
	set, err := r.profiles()
	if err != nil {
		return profiles.Profile{}, err
	}
	o := r.overrides(q)
	o.HasKey = func(string) bool { return true }
	p, err := set.Resolve(q.Profile, o)
	if err == nil {
		err = r.finish(&p)
	}
	return p, err
}

// overrides is what a request asks of a profile, and what the user's environment does:
// theirs and not ours, or the last profile's region would be the next one's.
func (r *run) overrides(q env.Request) profiles.Overrides {
	return profiles.Overrides{
		Region: q.Region, Duration: time.Duration(q.Seconds) * time.Second, RoleARN: q.RoleARN,
		Policy: q.Policy, PolicyARNs: q.PolicyARNs, NoSession: q.NoSession, Env: r.wish,
	}
}

// finish fills in what profiles leaves to us.
func (r *run) finish(p *profiles.Profile) error {
	readOnly(p)
	return r.applyTTLs(p)
}

func (r *run) hasKey(ctx context.Context, name string) (bool, error) {
	s, err := r.keyring(ctx)
	if err != nil {
		return false, err
	}
	names, _, err := store.KeyNames(ctx, s, name)
	return slices.Contains(names, name), err
}

// keeper is the one door to sessions.
func (r *run) keeper(ctx context.Context) (*refresh.Keeper, error) {
	m, err := r.maker(ctx)
	if err != nil {
		return nil, err
	}
	return r.keeperOf(m), nil
}

// keeperOf keeps what m makes, and gives m its Base.
func (r *run) keeperOf(m *sessions.Maker) *refresh.Keeper {
	k := &refresh.Keeper{
		Store: m.Store, Make: m.Make, Note: note, Dir: r.runtime(), Policy: r.Policy, Now: r.Now,
		Waiting: func() { r.say("another terminal is signing in, waiting for it") },
	}
	if r.quiet {
		k.Waiting = nil
	}
	m.Base = func(ctx context.Context, base profiles.Profile) (creds.Session, error) {
		l, err := k.Fresh(ctx, base, refresh.Want{MinTTL: time.Minute})
		return l.Session, err
	}
	return k
}

// maker makes sessions, and keeps none. It lacks Base, which keeperOf gives it.
func (r *run) maker(ctx context.Context) (*sessions.Maker, error) {
	s, err := r.keyring(ctx)
	if err != nil {
		return nil, err
	}
	codes, err := r.codes()
	if err != nil {
		return nil, err
	}
	m := &sessions.Maker{
		Store: s, Endpoint: r.endpoint, Lock: r.lock, Ask: codes, Browser: r.browser, MFAToken: r.mfaToken,
		RunProcess: r.process, RunCredentials: r.credentials, Env: r.wish, LoginDir: r.loginDir(),
		SessionName: func() string { return sessions.DefaultSessionName(r.Who()) }, Now: r.Now,
	}
	if !r.quiet {
		m.Say = func(line string) { r.say("%s", printable(line)) }
	}
	return m, nil
}

// loginDir is where aws login keeps its files.
func (r *run) loginDir() string {
	if dir := r.env["AWS_LOGIN_CACHE_DIRECTORY"]; dir != "" {
		return r.expanded(dir)
	}
	return filepath.Join(r.home(), ".aws", "login", "cache")
}

// endpoint says where a service is: as profile and environment have it, or AWS's own.
func (r *run) endpoint(p profiles.Profile, service, region string) sessions.Endpoint {
	e := sessions.Endpoint{Region: region, Network: p.Network, URL: p.Network.Endpoints[strings.ToLower(service)]}
	if service == sessions.STS {
		e.URL = or(e.URL, p.Endpoint)
	}
	return e
}

// process runs a profile's mfa_process.
func (r *run) process(ctx context.Context, command string) (creds.Secret, error) {
	out, err := r.Process(ctx, command, env.Strip(r.Environ))
	if err != nil {
		return creds.Secret{}, fmt.Errorf("mfa_process failed: %w", err)
	}
	return out, nil
}
