package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// clock asks AWS for the time, without a key, and says how far off the clock here is.
func (x *examination) clock(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	p, err := x.usualProfile()
	if err != nil {
		return []Finding{warning("", "AWS was not asked for the time: %s", app.Text(err))}
	}
	e := app.Endpoint(p, sessions.STS, p.Region)
	host, ahead, err := sessions.Time(ctx, e, x.Now)
	var call *sessions.CallError
	switch off := ahead.Abs(); {
	case errors.As(err, &call):
		return []Finding{warning(app.CallHint(call)+"; --offline leaves this check out", "%s did not tell the time: %s", host, app.Plain(call.Reason()))}
	case err != nil:
		return []Finding{warning("", "AWS was not asked for the time: %s", app.Text(err))}
	case off > 5*time.Minute:
		return []Finding{problem("set the clock", "%s: AWS refuses a request whose time is more than five minutes off", sessions.SkewText(ahead))}
	case off > sessions.MaxSkew:
		return []Finding{warning("set the clock", "%s", sessions.SkewText(ahead))}
	}
	return []Finding{ok("%s answers, and its clock agrees with this one", host)}
}

// usualProfile is the profile that this shell would use, or, without any, what the
// environment says of every profile.
func (x *examination) usualProfile() (profiles.Profile, error) {
	if st, active := env.StateOf(x.Env.Current); active {
		if p, err := x.ResolveUnopened(st.Request); err == nil {
			return p, nil
		}
	}
	for _, name := range []string{x.Env.User["AWS_PROFILE"], "default"} {
		if name != "" && x.set.Has(name) {
			if p, err := x.ResolveUnopened(env.Request{Profile: name}); err == nil {
				return p, nil
			}
		}
	}
	return x.ResolveEmpty("default")
}
