package store

// Windows takes at most 2560 bytes in one credential, which a session with its
// token can exceed. A larger item is kept in parts: the item itself then names
// them. A set of parts is written before the item that names it, and an old one
// deleted after, so that a reader always finds a whole value.

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/99designs/keyring"
)

// partsHead begins an item that only names its parts, "vault.parts SET COUNT". A
// value that begins so by itself is kept in parts too.
const partsHead = "vault.parts "

const (
	partPrefix = "vault.part,"
	mostParts  = 1000
)

// parted is a driver over one that holds no more than size bytes in an item.
type parted struct {
	driver
	size int
}

func (p *parted) get(ctx context.Context, key string) ([]byte, error) {
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

func (p *parted) put(ctx context.Context, item keyring.Item) error {
	old, _ := p.driver.get(ctx, item.Key)
	if len(item.Data) > p.size || strings.HasPrefix(string(item.Data), partsHead) {
		head, err := p.putParts(ctx, item)
		if err != nil {
			return err
		}
		item.Data = head
	}
	if err := p.driver.put(ctx, item); err != nil {
		p.removeParts(ctx, item.Key, item.Data)
		return err
	}
	p.removeParts(ctx, item.Key, old)
	return nil
}

// putParts writes the parts and returns what the item itself has to say.
func (p *parted) putParts(ctx context.Context, item keyring.Item) ([]byte, error) {
	chunks := slices.Collect(slices.Chunk(item.Data, p.size))
	if len(chunks) > mostParts {
		return nil, fmt.Errorf("the item has %d bytes, more than fit in %d parts", len(item.Data), mostParts)
	}
	head := []byte(fmt.Sprintf("%s%s %d", partsHead, rand.Text(), len(chunks)))
	for i, name := range partNames(item.Key, head) {
		part := item
		part.Key, part.Data = name, chunks[i]
		if err := p.driver.put(ctx, part); err != nil {
			p.removeParts(ctx, item.Key, head)
			return nil, err
		}
	}
	return head, nil
}

func (p *parted) remove(ctx context.Context, key string) error {
	head, _ := p.driver.get(ctx, key)
	if err := p.driver.remove(ctx, key); err != nil {
		return err
	}
	p.removeParts(ctx, key, head)
	return nil
}

// removeParts deletes what it can: a part nobody names any more does no harm.
func (p *parted) removeParts(ctx context.Context, key string, head []byte) {
	for _, name := range partNames(key, head) {
		_ = p.driver.remove(ctx, name)
	}
}

func (p *parted) keys(ctx context.Context) ([]string, error) {
	names, err := p.driver.keys(ctx)
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, partPrefix) }), err
}

// partNames returns the names of an item's parts, nil when it is whole by itself.
// AWS Vault takes them for sessions of a distant expiry and leaves them alone.
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
		names = append(names, partPrefix+base64.RawURLEncoding.EncodeToString([]byte(key))+","+part+",4102444800")
	}
	return names
}
