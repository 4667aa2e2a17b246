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
	// Err is why it cannot be used, nil when it can.
	Err error
	// Where its items are, for people: a folder, a collection, a wallet. "" when
	// it cannot be used.
	Where string
	// Remark is one more thing to know before keeping keys there, or "".
	Remark string
	// Items is how many items there are, those of other programs in the same
	// place included; -1 when that takes a person, or cannot be known.
	Items int
}

// surveyor is a driver that can describe itself. It asks nobody, unlocks nothing and
// decrypts nothing; it heeds ctx. items is -1 when it does not know.
type surveyor interface {
	survey(ctx context.Context) (where string, items int, remark string)
}

// Probe looks at every back end of Backends, in that order, and says of each whether
// it can be used. Like Open it may start a keyring's daemon and asks nothing, and it
// never takes longer than Options.Deadline twice: they are looked at side by side.
func Probe(ctx context.Context, o Options) []Finding {
	o.Quiet = true
	o = o.withDefaults()
	all := platform()
	found := make([]Finding, len(all))
	var wg sync.WaitGroup
	for i, b := range all {
		wg.Go(func() { found[i] = probe(ctx, b, o) })
	}
	wg.Wait()
	choose(found, all, o)
	return found
}

func probe(ctx context.Context, b backend, o Options) Finding {
	f := Finding{Backend: b.name, Items: -1}
	s, err := openOne(ctx, b, o, o.Backend != b.name && !b.explicit)
	if err != nil {
		f.Err = err
		return f
	}
	d, ok := s.d.(surveyor)
	if !ok {
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, o.Deadline)
	defer cancel()
	seen, err := within(ctx, func() (Finding, error) {
		g := f
		g.Where, g.Items, g.Remark = d.survey(ctx)
		return g, nil
	})
	if err != nil {
		return f
	}
	return seen
}

// choose marks the one that Open would open: the one named, or the first that works.
func choose(found []Finding, all []backend, o Options) {
	for i := range found {
		named := o.Backend == all[i].name
		if found[i].Err == nil && (named || o.Backend == "" && !all[i].explicit) {
			found[i].Chosen = true
			return
		}
	}
}
