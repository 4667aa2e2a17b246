package cmd

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/store"
)

// keyrings says of each back end whether it can be used, and which one is.
func (d *doctor) keyrings(ctx context.Context) []finding {
	o := d.task.StoreOptions()
	o.Deadline = onePatience
	probed := d.Probe(ctx, o)
	var list []finding
	chosen := false
	for _, f := range probed {
		chosen = chosen || f.Chosen
		list = append(list, d.backendFinding(f, o.Backend))
		if b, _ := store.Lookup(f.Backend); b.WeakPassphrase && f.Items > 0 {
			list = append(list, d.weakPassphrase(f))
		} else if f.Remark != "" && (f.Chosen || f.Items > 0) {
			list = append(list, noted("", "%s: %s", f.Backend, f.Remark))
		}
	}
	if !chosen {
		list = append(list, d.noBackend(o, probed))
	}
	return append(list, d.openFolders(o)...)
}

func (d *doctor) backendFinding(f store.Finding, named string) finding {
	what := f.Backend
	if f.Where != "" {
		what += ", " + d.tilde(f.Where)
	}
	if f.Items >= 0 && f.Err == nil {
		what += ", " + numberOf(f.Items, "item", "items")
	}
	switch {
	case f.Err != nil && f.Backend == named:
		return wrong("", "%s cannot be used: %s", what, f.Err)
	case f.Err != nil:
		return noted("", "%s is passed over: %s", what, f.Err)
	case f.Chosen && named != "":
		return fine("%s: in use, because --backend or AWS_VAULT_BACKEND names it", what)
	case f.Chosen:
		return fine("%s: in use, the first of all that can be", what)
	}
	return fine("%s: could be used with --backend %s", what, f.Backend)
}

// weakPassphrase warns of a format that is AWS Vault's, so that its strength is fixed.
func (d *doctor) weakPassphrase(f store.Finding) finding {
	return warned("vault migrate --from "+f.Backend+" --to age",
		"the keys in %s are derived from the passphrase with 8,192 rounds of PBKDF2, because AWS Vault has to read them: whoever has the files can guess a short passphrase", d.tilde(f.Where))
}

func (d *doctor) noBackend(o store.Options, probed []store.Finding) finding {
	var names []string
	for _, f := range probed {
		if f.Backend == o.Backend {
			return wrong("leave AWS_VAULT_BACKEND and --backend out, and the first that works is taken", "there is no keyring to use: %s was asked for, and it does not work", f.Backend)
		}
		names = append(names, f.Backend)
	}
	if o.Backend != "" {
		return wrong("choose one of "+strings.Join(names, ", "), "there is no back end called %q on this system", o.Backend)
	}
	return wrong("", "there is no keyring to use")
}

// openFolders finds folders of items that others can look into. The items are
// encrypted; their names are not, and whoever can write can take one away.
func (d *doctor) openFolders(o store.Options) []finding {
	var list []finding
	for _, place := range store.Settings() {
		if place.Kind != store.OwnFolder {
			continue
		}
		path := cmp.Or(*place.Value(&o), place.Default)
		if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || rest[0] == '/' || rest[0] == filepath.Separator) {
			path = d.below(rest)
		}
		if mode, ok := modeOf(path); ok && mode&0o077 != 0 {
			list = append(list, warned("chmod 700 "+app.Word(path), "others on this machine can look into %s (%s)", d.tilde(path), mode))
		}
	}
	return list
}

// keys looks at what is stored, by name: for whom, and for whom nothing is.
func (d *doctor) keys(ctx context.Context) []finding {
	o := d.task.StoreOptions()
	o.Deadline = onePatience
	s, err := d.OpenStore(ctx, o)
	if err != nil {
		return nil // keyrings says why
	}
	n, err := store.ReadNames(ctx, s, d.guesses)
	if err != nil {
		return []finding{warned("", "the names in the keyring cannot be read, so it is not known who lacks a key: %s", err)}
	}
	keys, users := d.standing()
	list := d.unusedKeys(n, users, store.Of(s).Shared(o))
	return append(list, d.missingKeys(n, keys, users)...)
}
