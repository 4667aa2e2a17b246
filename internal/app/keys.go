package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

// This file holds what the commands that store keys share: what is stored already, whom
// a key belongs to, and who may write a file now.

// StoredKey is what the keyring has under a profile's name. The zero value is nothing.
type StoredKey struct {
	Exists bool
	Unread bool      // it was not decrypted, so Key is empty
	Key    creds.Key // empty also when what is there is not an access key
}

// Shown names what is stored in words: the end of the key's id.
func (k StoredKey) Shown() string {
	switch {
	case k.Unread:
		return "the one that was there"
	case k.Key.ID == "":
		return "something that is not an access key"
	}
	return k.Key.Tail()
}

// StoredKey reads the key of a profile. It decrypts, and so may ask, only if there is one.
func (t *Task) StoredKey(ctx context.Context, name string) (StoredKey, error) {
	s, err := t.Keyring(ctx)
	if err != nil {
		return StoredKey{}, err
	}
	names, _, err := store.KeyNames(ctx, s, name)
	if err != nil || !slices.Contains(names, name) {
		return StoredKey{}, err
	}
	k, err := store.GetKey(ctx, s, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return StoredKey{}, nil
	case errors.Is(err, store.ErrForeign):
		return StoredKey{Exists: true}, nil
	}
	return StoredKey{Exists: true, Key: k}, err
}

// ReplacedKey is what a new key under a name will replace. In a store that stores without
// being unlocked it is not read: nobody is asked for a passphrase to add a key. An item
// that cannot be read can still be replaced; one that is locked cannot.
func (t *Task) ReplacedKey(ctx context.Context, name string) (StoredKey, error) {
	s, err := t.Keyring(ctx)
	if err != nil {
		return StoredKey{}, err
	}
	if store.Of(s).StoresUnasked {
		exists, err := t.hasKey(ctx, name)
		return StoredKey{Exists: exists, Unread: true}, err
	}
	before, err := t.StoredKey(ctx, name)
	damaged := errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrLocked) && !errors.Is(err, context.DeadlineExceeded)
	if damaged && ctx.Err() == nil {
		err = nil
	}
	return before, err
}

// CheckForeign returns a *store.ForeignError if the keyring has an item of another program,
// or an entry of the person's own, under this name.
func (t *Task) CheckForeign(ctx context.Context, name string) error {
	s, err := t.Keyring(ctx)
	if err != nil {
		return err
	}
	return store.CheckForeign(ctx, s, name)
}

// StoreKey stores a key on the disk: the person may delete it elsewhere then. It is read
// back, unless that would take what storing did not: a passphrase, which nobody should be
// asked for to add a key. It waits for another process that changes the key of that name.
// With overwrite it replaces an item of another program too.
func (t *Task) StoreKey(ctx context.Context, name string, k creds.Key, overwrite bool) error {
	s, err := t.Keyring(ctx)
	if err != nil {
		return err
	}
	unlock, err := t.lockKey(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	if overwrite {
		ctx = store.Overwriting(ctx)
	}
	if err := storeAndCompare(ctx, s, name, k); err != nil {
		return err
	}
	return store.Flush(ctx, s)
}

func storeAndCompare(ctx context.Context, s store.Store, name string, k creds.Key) error {
	if store.Of(s).StoresUnasked {
		return store.PutKey(ctx, s, name, k)
	}
	err := store.KeepKey(ctx, s, name, k)
	var unread *store.UnreadError
	if errors.As(err, &unread) && errors.Is(err, store.ErrLocked) {
		return nil
	}
	return err
}

// CheckKeyName refuses a name that cannot be a profile's, and a profile whose credentials
// come from another one: a key stored for it would never be used.
func CheckKeyName(set *profiles.Set, name string) error {
	if name == "" || strings.ContainsAny(name, "\x00\r\n") || !utf8.ValidString(name) {
		return fmt.Errorf("%q cannot be the name of a profile: it has to be one line of UTF-8 text", name)
	}
	for _, s := range set.Settings(name) {
		if s.Key == "source_profile" && s.Value != name {
			return WithHint(fmt.Errorf("%q takes its credentials from %q", name, s.Value), "vault add %s", Word(s.Value))
		}
	}
	return nil
}

// KeyOwner asks AWS whom a key belongs to, where the profile's own settings say that AWS
// is: in China it is not where it is elsewhere. region, if any, is asked instead. Where no
// region is set and AWS does not know the key, the other partitions are asked; elsewhere is
// a region of the one that knows it, otherwise "".
func (t *Task) KeyOwner(ctx context.Context, set *profiles.Set, name, region string, k creds.Key) (owner sessions.Identity, elsewhere string, err error) {
	p, err := t.keyProfile(set, name, region)
	if err != nil {
		return owner, "", err
	}
	by := creds.Session{Profile: name, AccessKeyID: k.ID, SecretKey: k.Secret}
	owner, err = whoAmI(ctx, p, by)
	var call *sessions.CallError
	if !p.Regionless || !errors.As(err, &call) || call.Kind != sessions.BadKey || call.WrongSecret() {
		return owner, "", err
	}
	if other, at := ownerElsewhere(ctx, p, by); at != "" {
		return other, at, nil
	}
	return owner, "", err
}

// keyProfile is what a profile says of where AWS is, for a key that may not be stored yet.
func (t *Task) keyProfile(set *profiles.Set, name, region string) (profiles.Profile, error) {
	o := overrides(t, env.Request{Region: region})
	o.HasKey = anyKey
	p, err := set.Resolve(name, o)
	if err != nil { // its section is wrong; the key may be right
		p, err = profiles.Parse("", nil).Resolve(name, o)
	}
	return p, err
}

// elsewhereTime is how long the other partitions may take to answer.
const elsewhereTime = 5 * time.Second

// ownerElsewhere asks the other partitions at the same time whom a key belongs to.
func ownerElsewhere(ctx context.Context, p profiles.Profile, by creds.Session) (owner sessions.Identity, region string) {
	ctx, cancel := context.WithTimeout(ctx, elsewhereTime)
	defer cancel()
	type answer struct {
		owner  sessions.Identity
		region string
	}
	others := profiles.OtherRegions(p.Region)
	answers := make(chan answer, len(others))
	for _, region := range others {
		at := p
		at.Region, at.Network.MaxAttempts = region, 1
		go func() {
			owner, err := whoAmI(ctx, at, by)
			if err != nil {
				at.Region = ""
			}
			answers <- answer{owner, at.Region}
		}()
	}
	for range others {
		if a := <-answers; a.region != "" {
			return a.owner, a.region
		}
	}
	return owner, ""
}

// CheckDevice asks AWS, with the key itself, whether an MFA device is one of its user's, and
// returns those that are. It is false if AWS would not say, which needs a permission.
func (t *Task) CheckDevice(ctx context.Context, set *profiles.Set, name, region string, k creds.Key) (devices []string, known bool) {
	p, err := t.keyProfile(set, name, region)
	if err != nil {
		return nil, false
	}
	c := sessions.IAM{
		Endpoint: Endpoint(p, profiles.ServiceIAM, p.Region), Session: creds.Session{Profile: name, AccessKeyID: k.ID, SecretKey: k.Secret},
	}
	devices, err = c.ListMFADevices(ctx)
	return devices, err == nil
}

// whoAmI asks STS whose credentials these are, where the profile says that STS is.
func whoAmI(ctx context.Context, p profiles.Profile, by creds.Session) (sessions.Identity, error) {
	return sessions.WhoAmI(ctx, Endpoint(p, sessions.STS, p.Region), by)
}

// CheckSurvivesRestart refuses a keyring that would be the only place of a key until the next
// restart.
func CheckSurvivesRestart(command string, b store.Backend) error {
	if !b.Volatile {
		return nil
	}
	return WithHint(Usage(command, fmt.Errorf("a restart of this machine loses what is in %s, and the keys would be nowhere else", b.Name)),
		"--volatile moves them nevertheless")
}

// LockFiles waits until no other vault changes these files, and removes what one that was
// killed left beside them. Two paths of one file are locked once. A file that does not exist
// is locked by its path.
func (t *Task) LockFiles(ctx context.Context, files ...string) (unlock func(), err error) {
	var unlocks []func()
	unlock = func() {
		for _, u := range unlocks {
			u()
		}
	}
	for _, target := range distinctTargets(files) {
		u, err := t.Env.Runtime().Lock(ctx, "write "+target, sync.OnceFunc(func() { t.say("another terminal is writing %s, waiting for it", target) }))
		if err != nil {
			unlock()
			return nil, err
		}
		unlocks = append(unlocks, u)
		atomicfile.Sweep(filepath.Dir(target))
	}
	return unlock, nil
}

// TellOtherNames reports that a file has other names (hard links), before it is replaced:
// they keep the old content.
func (t *Task) TellOtherNames(file string) {
	if info, err := atomicfile.Inspect(file); err == nil && info.Links > 1 {
		t.say("%s has %s (hard links), which will keep the old content", file, display.Count(info.Links-1, "other name"))
	}
}

// distinctTargets follows symlinks to the files themselves, each once, in an order that is
// the same for every process: two of them must not wait for each other.
func distinctTargets(files []string) []string {
	var targets []string
	for _, file := range files {
		if info, err := atomicfile.Inspect(file); err == nil {
			file = info.Target
		}
		if !slices.ContainsFunc(targets, func(t string) bool { return t == file || sameFile(t, file) }) {
			targets = append(targets, file)
		}
	}
	slices.Sort(targets)
	return targets
}

// sameFile reports whether two paths are hard links of one file.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, other := os.Stat(b)
	return err == nil && other == nil && os.SameFile(x, y)
}
