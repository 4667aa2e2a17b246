package store

// This file encrypts and decrypts items, with age's plugins. Everyone who knows the
// recipients can write an item, so that an item can be decrypted does not prove who wrote it.
// The item's name is inside, so that no item can be put in the place of another one.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/host"
)

// ageItem is what an item's file contains: name and value.
type ageItem struct {
	name string
	data []byte
}

// An item begins with the line `vault item "NAME" for DIGEST`, where DIGEST is that of the
// recipients it was encrypted to. The value follows.
const (
	itemHead = "vault item "
	itemFor  = " for "
)

var (
	errUnreadable = errors.New("it is not encrypted to this identity, or is damaged")
	errNoItem     = errors.New("it can be decrypted, but is not an item")
)

func (a *ageFiles) seal(ctx context.Context, it ageItem, list recipients) ([]byte, error) {
	return a.withDeadline(ctx, func(ctx context.Context) ([]byte, error) {
		to := make([]age.Recipient, 0, len(list.all))
		for _, r := range list.all {
			one, err := toRecipient(r.Recipient, func() *plugin.ClientUI { return a.ui(ctx) })
			if err != nil {
				return nil, err
			}
			to = append(to, one)
		}
		text := append([]byte(itemHead+strconv.Quote(it.name)+itemFor+list.digest()+"\n"), it.data...)
		defer clear(text)
		sealed, err := encryptAge(text, to...)
		return sealed, missingPlugin(err)
	})
}

// open decrypts an item with the identity here.
func (a *ageFiles) open(ctx context.Context, sealed []byte) (ageItem, error) {
	id, err := a.unlock(ctx)
	if err != nil {
		return ageItem{}, err
	}
	it, err := a.openWith(ctx, sealed, id)
	return it.ageItem, err
}

// decryptedItem is an item with the digest in its first line.
type decryptedItem struct {
	ageItem
	digest string // of the recipients it was encrypted to
}

func (a *ageFiles) openWith(ctx context.Context, sealed []byte, id *identity) (decryptedItem, error) {
	text, err := a.withDeadline(ctx, func(ctx context.Context) ([]byte, error) {
		with, err := a.identitiesOf(ctx, id)
		if err != nil {
			return nil, err
		}
		out, err := age.Decrypt(bytes.NewReader(sealed), with...)
		if err != nil {
			return nil, err
		}
		return readAll(out)
	})
	if err != nil {
		return decryptedItem{}, a.explain(err, id)
	}
	head, data, _ := bytes.Cut(text, []byte("\n"))
	quoted, marked := strings.CutPrefix(string(head), itemHead)
	quoted, digest, whole := cutLast(quoted, itemFor)
	name, err := strconv.Unquote(quoted)
	if !marked || !whole || err != nil {
		clear(text)
		return decryptedItem{}, errNoItem
	}
	return decryptedItem{ageItem{name, data}, digest}, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func readAll(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// withDeadline runs f, in which a plugin may hang, for as long as one operation may take.
func (a *ageFiles) withDeadline(ctx context.Context, f func(context.Context) ([]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, a.o.limit())
	defer cancel()
	out, err := within(ctx, func() ([]byte, error) { return f(ctx) })
	if ctx.Err() != nil {
		host.EndLibraryPrograms() // a plugin that hangs, which age would leave
	}
	return out, err
}

// explain returns errUnreadable if the identity does not decrypt the item, and ErrLocked if a
// plugin may have needed a person.
func (a *ageFiles) explain(err error, id *identity) error {
	var none *age.NoIdentityMatchError
	var missing *plugin.NotFoundError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, ErrLocked):
		return err
	case errors.As(err, &missing):
		return missingPlugin(err)
	case errors.As(err, &none) || len(id.plugins) == 0:
		return errUnreadable
	case a.o.Ask == nil:
		return fmt.Errorf("%w: %w", ErrLocked, err) // with a person to ask it might have worked
	}
	return err
}

// missingPlugin puts into words that a plugin is missing; any other error stays as it is.
func missingPlugin(err error) error {
	var missing *plugin.NotFoundError
	if errors.As(err, &missing) {
		return fmt.Errorf("the program age-plugin-%s is not on the PATH", missing.Name)
	}
	return err
}

// identitiesOf returns the keys and plugins that decrypt for an identity. With Options.Quiet
// it is an error to need a plugin on a desktop, where it could show a dialog of its own.
func (a *ageFiles) identitiesOf(ctx context.Context, id *identity) ([]age.Identity, error) {
	all := slices.Clone(id.native)
	if len(id.plugins) > 0 && a.o.Quiet && hasDesktop() {
		return nil, fmt.Errorf("%w: a plugin of age may need a person", ErrLocked)
	}
	for _, text := range id.plugins {
		one, err := plugin.NewIdentity(text, a.ui(ctx))
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// ui passes a plugin's questions on to whoever can be asked; without a person they
// fail. Every plugin is given one before it starts, and age starts it, not host.Run.
func (a *ageFiles) ui(ctx context.Context) *plugin.ClientUI {
	host.LibraryPrograms("age-plugin-", env.Keeper)
	ask := func(name, question string) (creds.Secret, error) {
		if a.o.Ask == nil || ctx.Err() != nil {
			return creds.Secret{}, ErrLocked
		}
		return a.o.Ask(ctx, "age-plugin-"+name+": "+question)
	}
	return &plugin.ClientUI{
		DisplayMessage: func(name, message string) error {
			a.tell("age-plugin-" + name + ": " + message)
			return nil
		},
		RequestValue: func(name, question string, _ bool) (string, error) {
			answer, err := ask(name, question)
			return answer.Reveal(), err
		},
		Confirm: func(name, question, yes, no string) (bool, error) {
			return confirm(ask, name, question, yes, no)
		},
		WaitTimer: func(name string) { a.tell("waiting for age-plugin-" + name) },
	}
}

// confirm asks a question with the plugin's two answers: y is the first one, n the second.
// Without a second answer, Enter is the first.
func confirm(ask func(name, question string) (creds.Secret, error), name, question, yes, no string) (bool, error) {
	if no == "" {
		_, err := ask(name, question+" (Enter: "+yes+")")
		return err == nil, err
	}
	answer, err := ask(name, question+" (y: "+yes+", n: "+no+")")
	for _, y := range []string{"y", "Y", yes} {
		if answer.Equal(creds.New(y)) {
			return true, err
		}
	}
	return false, err
}

func (a *ageFiles) tell(line string) {
	if a.o.Tell != nil {
		a.o.Tell(line)
	}
}
