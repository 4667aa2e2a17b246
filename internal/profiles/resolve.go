package profiles

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Overrides is what flags and the environment set. A flag goes before the environment, and
// the environment before the profile. The zero value sets nothing. Region and Env are for
// every profile of the chain, the other fields for the last call of AWS.
type Overrides struct {
	Region     string
	NoSession  bool // use the long-lived key itself
	Duration   time.Duration
	RoleARN    string   // one more role to assume: an ARN or ACCOUNT:ROLE
	Policy     string   // inline session policy, JSON
	PolicyARNs []string // managed session policies
	Console    bool     // the session is to open the console: for a key, one of GetFederationToken
	// SessionName changes the name of the last role's session, "" if the profile has none; nil: it
	// stays.
	SessionName func(string) string

	// Env is the environment, without what this program has exported. Only variables that
	// stand for a setting of a profile are used, such as AWS_REGION and AWS_MFA_SERIAL.
	Env map[string]string

	// Path completes the path of a file in a setting: a ~ at its beginning is a home
	// directory. nil: paths stay as they are.
	Path func(string) string

	// AWSSSO returns the text of aws-sso-cli's file, nil if there is none. It is called for
	// profiles whose credential_process is that program, with the file that the line names, "" for the usual one.
	AWSSSO func(file string) []byte

	// HasKey reports whether a key is stored under a name that has no section: such a name
	// is a profile too. It is called for names without a section only; nil is always false.
	HasKey func(name string) bool

	// HasOwnKey says whether a key is stored under the name of a profile that has another
	// source, before which a stored key goes: a credential_process, a login_session, a
	// temporary key in a file, or a source_profile without a role. nil: it is not known, and
	// the other source counts. It is not called otherwise.
	HasOwnKey func(name string) bool
}

// Resolve finds out what a profile means. It follows include_profile and source_profile to
// the end, so the Profile that it returns is complete. Of [default] it takes the region
// only. Its errors are *NotFoundError, *LoopError, *SyntaxError, *ValueError and
// *NoRoleError.
func (s *Set) Resolve(name string, o Overrides) (Profile, error) {
	c := &chain{set: s, over: o}
	return c.resolve(name)
}

func (c *chain) resolve(name string) (Profile, error) {
	p, err := c.profile(name)
	return p, c.explained(err)
}

// explained adds to an error what else a person should know of the files: the other lines
// that cannot be read, and the settings that were ignored.
func (c *chain) explained(err error) error {
	var syntax *SyntaxError
	var value *ValueError
	switch {
	case errors.As(err, &syntax):
		return c.set.unreadable(syntax)
	case errors.As(err, &value):
		value.Ignored = c.misspelt
	}
	return err
}

// profile is resolve with the bare error.
func (c *chain) profile(name string) (Profile, error) {
	link, err := c.follow(name, "")
	if err != nil {
		return Profile{}, err
	}
	p := Profile{Name: name, Source: link.source, Extra: link.view.extra(), Guard: link.guard}
	if p.Region, err = c.region(link.view); err != nil {
		return Profile{}, err
	}
	if p.Network, err = c.network(link.view); err != nil {
		return Profile{}, err
	}
	p.Endpoint = p.Network.Endpoints[ServiceSTS]
	if err = c.apply(&p, link.view); err != nil {
		return Profile{}, err
	}
	c.regionless(&p, link.view)
	if c.set.unread != nil {
		c.warnings = append(c.warnings, Warning{Profile: name, Why: c.set.unread.Error()})
	}
	p.Warnings = append(c.misspelt, c.warnings...)
	return p, nil
}

// chain follows a profile to where its credentials come from.
type chain struct {
	set      *Set
	over     Overrides
	path     []string        // the names so far, to find a loop
	on       map[string]bool // the same names, to find one of them fast
	warnings []Warning
	misspelt []Warning       // keys that nearly are a setting
	ownKeys  map[string]bool // what HasOwnKey has said
	trace    *Explanation    // nil for Resolve
}

// link is one profile of the chain, with everything that its credentials come from.
type link struct {
	view       *view
	source     Source
	mfaProcess string // of this profile, or of the one that its credentials come from
	guard      Guard  // of this profile, and of the one that it is another name of
}

// follow resolves a profile, and those that its credentials come from. key is the setting
// that names it, "" for the first.
func (c *chain) follow(name, key string) (link, error) {
	v, err := c.enter(name, key)
	if err != nil {
		return link{}, err
	}
	below, err := c.base(v)
	if err != nil {
		return link{}, err
	}
	l := link{view: v, source: below.source, mfaProcess: v.str("mfa_process"), guard: v.guard()}
	if !v.has("role_arn") { // the same credentials by another name
		l.guard = l.guard.with(below.guard)
	}
	if l.mfaProcess == "" {
		l.mfaProcess = below.mfaProcess
	}
	if v.has("role_arn") && !v.bearsToken() {
		l.source, err = c.role(v, below.source, l.mfaProcess)
	}
	if err == nil {
		err = v.err
	}
	return l, err
}

// enter opens the settings of a profile and adds it to the path.
func (c *chain) enter(name, key string) (*view, error) {
	if c.on[name] {
		from := slices.Index(c.path, name)
		return nil, &LoopError{Kind: key, Path: append(slices.Clone(c.path[from:]), name)}
	}
	v, err := c.view(name, key)
	if err != nil {
		return nil, err
	}
	if c.on == nil {
		c.on = map[string]bool{}
	}
	c.path, c.on[name] = append(c.path, name), true
	for _, l := range v.layers {
		c.misspelt = append(c.misspelt, l.misspelt()...)
	}
	for _, x := range c.set.ignoredFor("profile", name) {
		cure := fmt.Sprintf("write %s in place of [%s] in %s", x.Write, short(x.Header), x.At)
		c.warnings = append(c.warnings, Warning{Profile: name, Why: x.String(), Cure: cure})
	}
	c.warnings = append(c.warnings, v.warnings()...)
	return v, nil
}

// view opens the settings of a profile.
func (c *chain) view(name, key string) (*view, error) {
	v := &view{set: c.set, name: name, given: given(c.over.Env, len(c.path) == 0), trace: c.trace.step(name)}
	if !c.set.Has(name) {
		if role := c.set.directoryRole(name); role != nil {
			v.given = append(role, v.given...)
			return v, nil
		}
		if c.over.HasKey != nil && c.over.HasKey(name) {
			return v, nil
		}
		e := c.set.NotFound(name)
		if len(c.path) > 0 {
			e.Profile, e.Key = c.path[len(c.path)-1], key
		}
		return nil, e
	}
	return v, v.collect()
}

// base finds the source that the role of a profile is assumed with, or that of a profile
// without a role. With a role, source_profile goes before a source of the profile's own;
// without one it is the other way round, and a key stored under its name is such a source.
// A web identity goes before both, because its role is part of it.
func (c *chain) base(v *view) (link, error) {
	role := v.has("role_arn")
	from, named := v.find("source_profile")
	if !named || from.Value == v.name || v.bearsToken() || !role && (c.ownKey(v) != "" || c.hasOwnKey(v.name)) {
		return c.own(v)
	}
	if role && v.has("credential_source") {
		v.rejectKey("credential_source", "a role has either this or a source_profile")
		return link{}, v.err
	}
	source := v.str("source_profile")
	if v.err != nil {
		return link{}, v.err
	}
	below, err := c.follow(source, "source_profile")
	if err != nil || role {
		return below, err
	}
	// A profile without a role is another name for its source_profile. Its own mfa_serial
	// is for that key.
	if key := below.source.Stored; key != nil && v.has("mfa_serial") {
		own := *key
		own.MFASerial = v.serial()
		below.source.Stored = &own
	}
	return below, nil
}

// hasOwnKey asks, once for each profile, whether a key is stored under its name.
func (c *chain) hasOwnKey(name string) bool {
	if c.over.HasOwnKey == nil {
		return false
	}
	has, asked := c.ownKeys[name]
	if !asked {
		if c.ownKeys == nil {
			c.ownKeys = map[string]bool{}
		}
		has = c.over.HasOwnKey(name)
		c.ownKeys[name] = has
	}
	return has
}

// role makes the source that assumes a profile's role with the credentials of another
// source.
func (c *chain) role(v *view, below Source, mfaProcess string) (Source, error) {
	r := &Role{
		Profile:           v.name,
		ARN:               v.roleARN(),
		ExternalID:        v.str("external_id"),
		SessionName:       v.sessionName(),
		MFASerial:         v.serial(),
		MFAProcess:        mfaProcess,
		Duration:          v.seconds("duration_seconds"),
		Tags:              v.tags("session_tags"),
		TransitiveTagKeys: v.list("transitive_session_tags"),
		SourceIdentity:    v.named("source_identity"),
		Source:            below,
	}
	if v.err != nil {
		return Source{}, v.err
	}
	region, err := c.region(v)
	r.Region = regionFor(r.ARN, region)
	return Source{Role: r}, err
}

// apply applies the overrides that are for the last call.
func (c *chain) apply(p *Profile, v *view) error {
	if c.over.RoleARN != "" {
		if err := c.hop(p, v); err != nil {
			return err
		}
	}
	c.rename(p)
	o, err := c.lasting(v)
	if err == nil && p.Guard.ReadOnly {
		o, err = o.narrow(p.Name)
	}
	if err != nil {
		return err
	}
	switch s := p.Source; {
	case s.Role != nil:
		s.Role.Duration = or(o.Duration, s.Role.Duration)
		s.Role.Policy, s.Role.PolicyARNs = o.Policy, o.PolicyARNs
	case s.WebIdentity != nil:
		s.WebIdentity.Duration = or(o.Duration, s.WebIdentity.Duration)
		s.WebIdentity.Policy, s.WebIdentity.PolicyARNs = o.Policy, o.PolicyARNs
	case s.Stored != nil && o.Console:
		s.Stored.Duration, s.Stored.Federation = o.Duration, &Federation{o.Policy, o.PolicyARNs}
	case o.Policy != "" || len(o.PolicyARNs) > 0: // no call takes a policy
		what := "session policy"
		if p.Guard.ReadOnly {
			what += ", as vault_read_only demands,"
		}
		return &NoRoleError{Profile: p.Name, What: what}
	case s.Stored != nil:
		s.Stored.Duration = o.Duration
	case c.over.Duration != 0:
		c.warnings = append(c.warnings, Warning{
			Profile: p.Name, Key: "duration", Why: "it has no effect, because the source of these credentials decides how long they last",
		})
	}
	return nil
}

// rename gives the session of the last role the name that the caller wants.
func (c *chain) rename(p *Profile) {
	switch s := p.Source; {
	case c.over.SessionName == nil:
	case s.Role != nil:
		s.Role.SessionName = c.over.SessionName(s.Role.SessionName)
	case s.WebIdentity != nil:
		s.WebIdentity.SessionName = c.over.SessionName(s.WebIdentity.SessionName)
	}
}

// lasting returns the overrides with the duration that is asked for: by the caller, or for
// every profile by AWS Vault's variable.
func (c *chain) lasting(v *view) (Overrides, error) {
	o, e := c.over, found{Setting: Setting{Key: "duration", Value: c.over.Env[durationVariable]}, variable: durationVariable}
	switch {
	case o.Duration != 0:
		v.caller("duration", o.Duration.String())
	case e.Value != "":
		v.note("duration", e)
		o.Duration = v.duration(e)
	}
	return o, v.err
}

// or returns the first value that is not zero.
func or[T comparable](first, second T) T {
	var zero T
	if first != zero {
		return first
	}
	return second
}

// hop adds the role of the overrides at the end of the chain. It gets the session name of
// the profile and, if the profile is a key, the MFA device of that.
func (c *chain) hop(p *Profile, v *view) error {
	r := &Role{Profile: p.Name, Source: p.Source, SessionName: v.sessionName(), Duration: v.givenDuration()}
	if key := p.Source.Stored; key != nil {
		r.MFASerial, r.MFAProcess = key.MFASerial, key.MFAProcess
	}
	if r.ARN = expandRole(c.over.RoleARN, partitionOf(p)); r.ARN == "" {
		return &ValueError{Profile: p.Name, Key: "role", Value: c.over.RoleARN, Why: wantRole + ", or ACCOUNT:NAME"}
	}
	v.caller("role_arn", r.ARN)
	r.Region = regionFor(r.ARN, p.Region)
	p.Source = Source{Role: r}
	return v.err
}
