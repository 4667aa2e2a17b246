package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/store"
)

// rootsItems is a store whose items root has left: this user may delete them but not read them.
type rootsItems struct {
	store.Store
	left map[string]bool
}

func (r *rootsItems) Get(ctx context.Context, name string) (creds.Secret, error) {
	if r.left[name] {
		return creds.Secret{}, fmt.Errorf("%w: %w", store.ErrUnavailable, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission})
	}
	return r.Store.Get(ctx, name)
}

func (r *rootsItems) Put(ctx context.Context, name string, v creds.Secret) error {
	if r.left[name] {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, &fs.PathError{Op: "write", Path: name, Err: &atomicfile.OwnerError{ID: 0}})
	}
	return r.Store.Put(ctx, name, v)
}

func (r *rootsItems) Delete(ctx context.Context, name string) error {
	if r.left[name] {
		delete(r.left, name)
		return nil
	}
	return r.Store.Delete(ctx, name)
}

func TestSessionsAndSignInsThatThisUserMayNotReadAreReplaced(t *testing.T) {
	ctx := t.Context()
	session, signIn, key := store.SessionName("prod", "x"), store.TokenName("https://corp.awsapps.com/start", "eu-west-1", nil), "base"
	s := &rootsItems{storetest.NewMemory(), map[string]bool{session: true, signIn: true, key: true}}
	if _, err := store.GetSession(ctx, s, session); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("session: %v", err)
	}
	if _, err := store.GetToken(ctx, s, signIn); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("sign-in: %v", err)
	}
	if err := store.PutSession(ctx, s, session, creds.Session{AccessKeyID: "ASIAFAKE", Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Errorf("put the session: %v", err)
	}
	if err := store.PutToken(ctx, s, signIn, store.Token{StartURL: "https://corp.awsapps.com/start"}); err != nil {
		t.Errorf("put the sign-in: %v", err)
	}
	if got, err := store.GetSession(ctx, s, session); err != nil || got.AccessKeyID != "ASIAFAKE" {
		t.Errorf("then the session is %v, %v", got.AccessKeyID, err)
	}
	if _, err := store.GetToken(ctx, s, signIn); err != nil {
		t.Errorf("then the sign-in is %v", err)
	}
	// A key cannot be made again.
	if _, err := store.GetKey(ctx, s, key); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("key: %v", err)
	}
	if err := store.PutKey(ctx, s, key, creds.Key{ID: "AKIAFAKE", Secret: creds.New("x")}); err == nil || !s.left[key] {
		t.Errorf("the key was replaced: %v", err)
	}
}
