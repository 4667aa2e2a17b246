package app

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

// Task is one request being carried out: the core, the caller, and what has been opened
// for it so far.
type Task struct {
	*Core
	Caller
	// Unlocked is true once a person was asked for what opens the store: a renewal in the
	// background could not open it.
	Unlocked bool

	giveUp      func() bool   // whether not to wait for another process, which stops waiting; nil: wait
	typed       *creds.Secret // what was typed last to open the store
	set         *profiles.Set
	awsSSOTexts map[string][]byte // by file
	store       store.Store

	handed sync.WaitGroup // the passphrase is being given to the agent
	asks   bool           // the agent's keeper asks for the passphrase, and gives it to the agent itself
}

// say tells the caller a line.
func (t *Task) say(format string, args ...any) {
	if t.Say != nil {
		t.Say(fmt.Sprintf(format, args...))
	}
}

// sayAndTell tells the caller a line, and the person if that reads something else.
func (t *Task) sayAndTell(line string) {
	t.say("%s", line)
	if t.Tell != nil {
		t.Tell(line)
	}
}

// Profiles reads the config file and the credentials file, once.
func (t *Task) Profiles() (*profiles.Set, error) {
	if t.set == nil {
		file, err := known(t.Env.ConfigFile())
		if err != nil {
			return nil, err
		}
		set, err := t.LoadProfiles(file, t.Env.CredentialsFile())
		if err != nil {
			return nil, err
		}
		t.set = set
	}
	return t.set, nil
}

// UseProfiles takes a set for that of the config file.
func (t *Task) UseProfiles(set *profiles.Set) { t.set = set }

// Keyring opens the store, once.
func (t *Task) Keyring(ctx context.Context) (store.Store, error) {
	if t.store == nil {
		s, err := t.open(ctx, t.StoreOptions())
		if err != nil {
			return nil, err
		}
		t.store = s
	}
	return t.store, nil
}

// open opens a store. What a person types to open its items is given to the agent.
func (t *Task) open(ctx context.Context, o store.Options) (s store.Store, err error) {
	o.Opened = func(typed creds.Secret) { t.handOver(s, o, typed) }
	s, err = t.OpenStore(ctx, o)
	return s, err
}

// StoreOptions says which store to open, and who may be asked for what opens it.
func (t *Task) StoreOptions() store.Options {
	o := t.Store
	o.Quiet = t.Quiet
	o.Changed = func() { t.Env.Runtime().Changed() }
	o.Turn = t.Env.Runtime().Turn
	o.SetPassphrases(func(variable string) *creds.Secret {
		if given := t.Env.Secret(variable); given != nil || !t.Quiet {
			return given
		}
		return t.typed
	})
	if ask := t.askHidden(); ask != nil {
		o.Ask = func(ctx context.Context, question string) (creds.Secret, error) {
			t.Unlocked = true
			answer, err := ask(ctx, question+": ")
			t.typed = &answer
			return answer, err
		}
		o.Tell = t.sayAndTell
	}
	return o
}

// askHidden asks for a secret on the terminal. It is nil when nobody can be asked there.
func (t *Task) askHidden() func(ctx context.Context, question string) (creds.Secret, error) {
	if t.Quiet || t.Ask == nil {
		return nil
	}
	return func(ctx context.Context, question string) (creds.Secret, error) { return t.Ask(ctx, question, true) }
}

// hasKey reports whether a key is stored under a name. It opens the store, and decrypts
// nothing.
func (t *Task) hasKey(ctx context.Context, name string) (bool, error) {
	s, err := t.Keyring(ctx)
	if err != nil {
		return false, err
	}
	names, _, err := store.KeyNames(ctx, s, name)
	return slices.Contains(names, name), err
}
