package doctor

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/store"
)

// keyrings says of each back end whether it can be used, and which one is.
func (x *examination) keyrings(ctx context.Context) []Finding {
	o := x.storeOptions()
	probed := x.Probe(ctx, o)
	var list []Finding
	chosen := false
	for _, f := range probed {
		chosen = chosen || f.Chosen
		list = append(list, x.backend(f, o.Backend))
		if b, _ := store.Lookup(f.Backend); b.WeakPassphrase && f.Items > 0 {
			list = append(list, x.weakPassphrase(f))
		} else if f.Remark != "" && (f.Chosen || f.Items > 0) {
			list = append(list, note("", "%s: %s", f.Backend, f.Remark))
		}
	}
	if !chosen {
		list = append(list, noBackend(o, probed))
	}
	return append(list, x.readableByOthers(o)...)
}

func (x *examination) storeOptions() store.Options {
	o := x.StoreOptions()
	o.Deadline = waitTimeout
	return o
}

// backend says whether one back end can be used. named is the one that was asked for.
func (x *examination) backend(f store.Finding, named string) Finding {
	what := f.Backend
	if f.Where != "" {
		what += ", " + x.Env.Tilde(f.Where)
	}
	if f.Items >= 0 && f.Err == nil {
		what += ", " + display.Count(f.Items, "item")
	}
	switch {
	case f.Err != nil && f.Backend == named:
		return problem("", "%s cannot be used: %s", what, app.OneLine(f.Err))
	case f.Err != nil:
		return note("", "%s is not available: %s", what, app.OneLine(f.Err))
	case f.Chosen && f.Unlisted != nil:
		return problem("", "%s is in use, but its items cannot be listed: %s", what, app.OneLine(f.Unlisted))
	case f.Chosen && named != "":
		return ok("%s: in use, because --backend or AWS_VAULT_BACKEND names it", what)
	case f.Chosen:
		return ok("%s: in use, the first one that is available", what)
	}
	return ok("%s: available with --backend %s", what, f.Backend)
}

// weakPassphrase warns of a format that is AWS Vault's, so that its strength is fixed.
func (x *examination) weakPassphrase(f store.Finding) Finding {
	return warning("vault migrate --from "+f.Backend+" --to age",
		"the keys in %s are derived from the passphrase with 8,192 rounds of PBKDF2, as AWS Vault needs it: whoever has the files can guess a short passphrase", x.Env.Tilde(f.Where))
}

func noBackend(o store.Options, probed []store.Finding) Finding {
	var names []string
	for _, f := range probed {
		if f.Backend == o.Backend {
			return problem("without AWS_VAULT_BACKEND and --backend the first one that is available is used", "there is no keyring to use: %s was asked for, and it cannot be used", f.Backend)
		}
		names = append(names, f.Backend)
	}
	if o.Backend != "" {
		return problem("choose one of "+strings.Join(names, ", "), "there is no back end called %q on this system", o.Backend)
	}
	return problem("", "there is no keyring to use")
}

// readableByOthers finds folders of items that other users can read. The items are
// encrypted; their names are not, and whoever can write there can delete one.
func (x *examination) readableByOthers(o store.Options) []Finding {
	var list []Finding
	for _, place := range store.Settings() {
		if place.Kind != store.OwnFolder {
			continue
		}
		path := cmp.Or(*place.Value(&o), place.Default)
		if rest, is := strings.CutPrefix(path, "~"); is && (rest == "" || rest[0] == '/' || rest[0] == filepath.Separator) {
			path = x.Env.InHome(rest)
		}
		if mode, known := modeOf(path); known && mode&0o077 != 0 {
			list = append(list, warning("chmod 700 "+app.Word(path), "other users can read the folder %s (%s)", x.Env.Tilde(path), mode))
		}
	}
	return list
}
