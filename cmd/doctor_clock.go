package cmd

import (
	"context"
	"errors"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// clock asks AWS for the time, without a key, and says how far off ours is.
func (d *doctor) clock(ctx context.Context) []finding {
	ctx, cancel := context.WithTimeout(ctx, onePatience)
	defer cancel()
	p, err := d.usual()
	if err != nil {
		return []finding{warned("", "AWS was not asked for the time: %s", err)}
	}
	e := app.Endpoint(p, sessions.STS, p.Region)
	host, ahead, err := sessions.Time(ctx, e, d.Now)
	var call *sessions.CallError
	switch off := ahead.Abs(); {
	case errors.As(err, &call):
		return []finding{warned(app.CallHint(call)+"; or --offline", "%s did not say what time it is: %s", host, call.Reason())}
	case err != nil:
		return []finding{warned("", "AWS was not asked for the time: %s", err)}
	case off > 5*time.Minute:
		return []finding{wrong("set the clock", "%s: AWS refuses what is signed more than five minutes off", sessions.SkewText(ahead))}
	case off > sessions.MaxSkew:
		return []finding{warned("set the clock", "%s", sessions.SkewText(ahead))}
	}
	return []finding{fine("%s answers, and its clock agrees with this one", host)}
}

// usual is the profile that this shell would use, or what is true without any.
func (d *doctor) usual() (profiles.Profile, error) {
	if st, active := env.StateOf(d.task.Env.Current); active {
		if p, err := d.task.ResolveUnopened(st.Request); err == nil {
			return p, nil
		}
	}
	for _, name := range []string{d.task.Env.User["AWS_PROFILE"], "default"} {
		if name != "" && d.set.Has(name) {
			if p, err := d.task.ResolveUnopened(env.Request{Profile: name}); err == nil {
				return p, nil
			}
		}
	}
	return d.task.ResolveEmpty("default")
}
