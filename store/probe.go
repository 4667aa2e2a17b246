package store

import (
	"context"
	"sync"
)

// Finding is what Probe found out about one back end.
type Finding struct {
	Backend string
	// Chosen says that Open with these options would open it.
	Chosen bool
	// Err is why it cannot be used; nil when it can.
	Err error
	// Where is the place of its items, for people: a folder, a collection, a wallet. It is
	// empty when the back end cannot be used.
	Where string
	// Remark is one more thing to know before keeping keys there, or "".
	Remark string
	// Unlisted is why the items cannot be listed; nil when they can, or are not counted.
	Unlisted error
	// Items is how many items there are, with those of other programs in the same place; -1
	// when counting needs a person, or is not possible.
	Items int
}

// Probe reports for every back end of All, in that order, whether it can be used. Like Open
// it may start a keyring's daemon, and asks nothing. It looks at all of them at the same
// time, and takes at most twice Options.Deadline.
func Probe(ctx context.Context, o Options) []Finding {
	o.Quiet = true
	o = o.withDefaults()
	all := All()
	found := make([]Finding, len(all))
	var wg sync.WaitGroup
	for i, b := range all {
		wg.Go(func() { found[i] = probe(ctx, b, o) })
	}
	wg.Wait()
	choose(found, all, o)
	return found
}

func probe(ctx context.Context, b Backend, o Options) Finding {
	f := Finding{Backend: b.Name, Items: -1}
	s, err := openOne(ctx, b, o, o.Backend != b.Name && b.isAutomatic())
	if err != nil {
		f.Err = err
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, o.Deadline)
	defer cancel()
	seen, err := within(ctx, func() (survey, error) { return s.d.survey(ctx), nil })
	if err != nil {
		return f
	}
	f.Where, f.Items, f.Remark, f.Unlisted = seen.place, seen.items, seen.remark, seen.err
	switch {
	case f.Remark != "":
	case b.Volatile:
		f.Remark = "a restart of the machine loses every item"
	case b.WeakPassphrase && f.Items > 0:
		f.Remark = "a short passphrase can be guessed: it is turned into a key with few iterations, so that AWS Vault can read the items"
	}
	return f
}

// choose marks the one that Open would open: the one that o names, or the first that works.
func choose(found []Finding, all []Backend, o Options) {
	for i, b := range all {
		if found[i].Err == nil && (o.Backend == b.Name || o.Backend == "" && b.isAutomatic()) {
			found[i].Chosen = true
			return
		}
	}
}
