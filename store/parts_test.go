package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/creds"
)

// small is a driver in memory that holds at most size bytes in an item, as Windows
// does. It refuses to write anything more when left is used up.
type small struct {
	items map[string]keyring.Item
	size  int
	left  int
}

// newMemory is a store in memory that holds items of any size.
func newMemory() *bounded {
	s := &small{items: map[string]keyring.Item{}, size: 1 << 30, left: 1 << 30}
	return newBounded(Backend{Name: "memory"}, s, time.Minute)
}

const smallSize = 100

func (s *small) get(_ context.Context, key string) ([]byte, error) {
	item, ok := s.items[key]
	if !ok {
		return nil, keyring.ErrKeyNotFound
	}
	return slices.Clone(item.Data), nil
}

func (s *small) put(_ context.Context, item keyring.Item) error {
	if s.left--; len(item.Data) > s.size || s.left < 0 {
		return errors.New("the stub received bad data")
	}
	item.Data = slices.Clone(item.Data)
	s.items[item.Key] = item
	return nil
}

func (s *small) remove(_ context.Context, key string) error {
	if _, ok := s.items[key]; !ok {
		return keyring.ErrKeyNotFound
	}
	delete(s.items, key)
	return nil
}

func (s *small) survey(ctx context.Context) survey { return listed(ctx, "memory", s) }

func (s *small) keys(context.Context, string) ([]string, error) {
	var names []string
	for name := range s.items {
		names = append(names, name)
	}
	return names, nil
}

func smallStore() (*small, Store) {
	s := &small{items: map[string]keyring.Item{}, size: smallSize, left: 1 << 20}
	return s, newBounded(Backend{Name: "small"}, &partsDriver{s, smallSize}, time.Minute)
}

func TestPartsConform(t *testing.T) {
	under, s := smallStore()
	conforms(t, s, 0, smallSize, smallSize+1, 100*smallSize)
	if len(under.items) != 0 {
		t.Errorf("%d items are left behind", len(under.items))
	}
}

func TestPartsRefuseWhatNeedsTooMany(t *testing.T) {
	under, s := smallStore()
	err := s.Put(soon(t), "k", creds.New(strings.Repeat("v", smallSize*mostParts+1)))
	if !errors.Is(err, ErrUnavailable) || len(under.items) != 0 {
		t.Errorf("%d items, %v", len(under.items), err)
	}
}

func TestPartsKeepAKeyInOneItemAsAWSVaultDoes(t *testing.T) {
	under, s := smallStore()
	put(t, s, "prod", strings.Repeat("v", smallSize))
	if len(under.items) != 1 || string(under.items["prod"].Data) != strings.Repeat("v", smallSize) {
		t.Errorf("%d items", len(under.items))
	}
	put(t, s, "prod", partsHead+"X 3")
	wantValue(t, s, "prod", partsHead+"X 3")
}

func TestPartsAreSessionsToAWSVault(t *testing.T) {
	under, s := smallStore()
	put(t, s, "prod", strings.Repeat("v", 5*smallSize))
	for name := range under.items {
		if name != "prod" && !isAWSVaultSession(name) {
			t.Errorf("%s would be listed as a credential", name)
		}
	}
}

func TestPartsOfAnInterruptedPutLeaveTheOldValue(t *testing.T) {
	under, s := smallStore()
	old := strings.Repeat("o", 3*smallSize)
	put(t, s, "k", old)
	items := len(under.items)
	for after := range 7 {
		under.left = after
		if err := s.Put(soon(t), "k", creds.New(strings.Repeat("n", 6*smallSize))); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Put that fails after %d writes: %v", after, err)
		}
		wantValue(t, s, "k", old)
		if len(under.items) != items {
			t.Errorf("%d items are left where %d were, after %d writes", len(under.items), items, after)
		}
	}
}

func TestAMissingPartIsAnErrorAndNotAShorterValue(t *testing.T) {
	under, s := smallStore()
	put(t, s, "k", strings.Repeat("v", 3*smallSize))
	for name := range under.items {
		if name != "k" {
			delete(under.items, name)
			break
		}
	}
	if err := getErr(t, s, "k"); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// A process that is killed while it writes parts leaves some that no item names. They
// are deleted after an hour; younger ones may be about to be named by another process.
func TestPartsAKilledProcessLeftGoWithTheNextPut(t *testing.T) {
	under, s := smallStore()
	left := func(age time.Duration) string {
		head := fmt.Sprintf("%s%s 1", partsHead, newSet(time.Now().Add(-age)))
		name := partNames("k", []byte(head))[0]
		under.items[name] = keyring.Item{Key: name, Data: []byte("half a token")}
		return name
	}
	old, young := left(2*time.Hour), left(time.Minute)
	other := strings.Replace(old, digest("k"), digest("other"), 1)
	under.items[other] = under.items[old]
	for _, step := range []func() error{
		func() error { return s.Put(soon(t), "k", creds.New("v")) },
		func() error { return s.Delete(soon(t), "k") },
	} {
		under.items[old] = keyring.Item{Key: old}
		if err := step(); err != nil {
			t.Fatal(err)
		}
		_, oldThere := under.items[old]
		_, youngThere := under.items[young]
		_, otherThere := under.items[other]
		if oldThere || !youngThere || !otherThere {
			t.Errorf("old there: %v, young: %v, another item's: %v", oldThere, youngThere, otherThere)
		}
	}
}
