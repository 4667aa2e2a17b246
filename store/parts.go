package store

// Some keyrings hold little in one item: Windows 2560 bytes, and a session with its token
// can be larger. Such an item is stored in parts, and the item itself names them. A set of
// parts is written before the item that names it, and the old set is deleted after that, so
// that a reader always finds a whole value. Parts that a killed process left are deleted the
// next time the same item is written or deleted.

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/keyring"
)

// partsHead begins an item that only names its parts, "vault.parts SET COUNT". A value that
// begins with it is stored in parts too, whatever its size.
const partsHead = "vault.parts "

const (
	partPrefix = "vault.part,"
	mostParts  = 1000
)

// abandoned is the age at which parts that no item names are taken for a killed process's:
// no call takes as long.
const abandoned = 10 * time.Minute

// partsDriver stores items of any size with a driver that holds at most size bytes in one.
type partsDriver struct {
	driver
	size int
}

func (p *partsDriver) get(ctx context.Context, key string) ([]byte, error) {
	head, err := p.driver.get(ctx, key)
	if err != nil {
		return nil, err
	}
	names := partNames(key, head)
	if names == nil {
		return head, nil
	}
	var whole []byte
	for _, name := range names {
		part, err := p.driver.get(ctx, name)
		if errors.Is(err, ErrNotFound) || errors.Is(err, keyring.ErrKeyNotFound) {
			return nil, errors.New("a part of the item is missing")
		}
		if err != nil {
			return nil, err
		}
		whole = append(whole, part...)
	}
	return whole, nil
}

func (p *partsDriver) put(ctx context.Context, item keyring.Item) error {
	stale := p.stale(ctx, item.Key)
	if len(item.Data) > p.size || strings.HasPrefix(string(item.Data), partsHead) {
		head, err := p.putParts(ctx, item)
		if err != nil {
			return err
		}
		item.Data = head
	}
	if err := p.driver.put(ctx, item); err != nil {
		p.removeAll(ctx, partNames(item.Key, item.Data))
		return err
	}
	p.removeAll(ctx, stale)
	return nil
}

// putParts writes the parts of an item and returns the data that names them.
func (p *partsDriver) putParts(ctx context.Context, item keyring.Item) ([]byte, error) {
	chunks := slices.Collect(slices.Chunk(item.Data, p.size))
	if len(chunks) > mostParts {
		return nil, fmt.Errorf("the item has %d bytes, more than fit in %d parts", len(item.Data), mostParts)
	}
	head := []byte(fmt.Sprintf("%s%s %d", partsHead, newSet(time.Now()), len(chunks)))
	names := partNames(item.Key, head)
	for i, name := range names {
		part := item
		part.Key, part.Data = name, chunks[i]
		if err := p.driver.put(ctx, part); err != nil {
			p.removeAll(ctx, names)
			return nil, err
		}
	}
	return head, nil
}

func (p *partsDriver) remove(ctx context.Context, key string) error {
	stale := p.stale(ctx, key)
	if err := p.driver.remove(ctx, key); err != nil {
		return err
	}
	p.removeAll(ctx, stale)
	return nil
}

// stale returns the parts to delete when the item is replaced or removed: those that it
// names, and those that a killed process left. Any others belong to another process that is
// about to write the same item. The item itself is not read if it has no parts.
func (p *partsDriver) stale(ctx context.Context, key string) []string {
	all, err := p.driver.keys(ctx, "")
	if err != nil {
		return nil
	}
	all = slices.DeleteFunc(all, func(name string) bool { return !strings.HasPrefix(name, partsOf(key)) })
	if len(all) == 0 {
		return nil
	}
	head, _ := p.driver.get(ctx, key)
	own := partNames(key, head)
	return slices.DeleteFunc(all, func(name string) bool {
		return !slices.Contains(own, name) && time.Since(written(name)) < abandoned
	})
}

// removeAll deletes parts. It ignores errors: a part that no item names does no harm.
func (p *partsDriver) removeAll(ctx context.Context, names []string) {
	for _, name := range names {
		_ = p.driver.remove(ctx, name)
	}
}

func (p *partsDriver) keys(ctx context.Context, prefix string) ([]string, error) {
	names, err := p.driver.keys(ctx, prefix)
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, partPrefix) }), err
}

// survey counts an item that is in parts as one.
func (p *partsDriver) survey(ctx context.Context) survey {
	s := p.driver.survey(ctx)
	if s.items > 0 {
		s.items = listed(ctx, s.place, p).items
	}
	return s
}

// partNames returns the names of an item's parts, or nil when it is not in parts. AWS Vault
// takes them for sessions that expire in the far future, and leaves them alone.
func partNames(key string, head []byte) []string {
	rest, ok := strings.CutPrefix(string(head), partsHead)
	set, count, found := strings.Cut(rest, " ")
	n, err := strconv.Atoi(count)
	if !ok || !found || err != nil || n < 1 || n > mostParts {
		return nil
	}
	names := make([]string, 0, n)
	for i := range n {
		part := base64.RawURLEncoding.EncodeToString([]byte(set + "." + strconv.Itoa(i)))
		names = append(names, partsOf(key)+part+noExpiry)
	}
	return names
}

// partsOf begins the names of all parts of an item, in every set.
func partsOf(key string) string { return partPrefix + digest(key) + "," }

// newSet returns a new name for a set of parts. It has the time of writing in it.
func newSet(now time.Time) string {
	return strconv.FormatInt(now.Unix(), 36) + "-" + rand.Text()[:16]
}

// written returns when a part was written; the zero time if its name does not say.
func written(name string) time.Time {
	fields := strings.Split(name, ",")
	if len(fields) != 4 {
		return time.Time{}
	}
	set, _ := base64.RawURLEncoding.DecodeString(fields[2])
	when, _, _ := strings.Cut(string(set), "-")
	seconds, err := strconv.ParseInt(when, 36, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
