package doctor

import (
	"context"
	"os"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/project"
)

// project looks at the file that names the profile of this directory, if there is one.
func (x *examination) project(context.Context) []Finding {
	dir, err := os.Getwd()
	if err != nil {
		return nil
	}
	p := x.ProjectIn(dir)
	switch {
	case p == nil, p.Verdict == project.Ignored:
		return nil
	case p.Usable() != nil:
		return []Finding{warning(app.Hint(p.Usable()), "%s", app.OneLine(p.Usable()))}
	}
	if _, err := x.ResolveUnopened(env.Request{Profile: p.Profile}); err != nil {
		return []Finding{warning(app.Hint(err), "%s: %s", p.Shown, app.OneLine(err))}
	}
	return []Finding{ok("%s names %q, and is trusted", p.Shown, p.Profile)}
}
