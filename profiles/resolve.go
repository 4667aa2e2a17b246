package profiles

import (
	"slices"
	"time"
)

// Overrides is what flags and environment ask for. They win over the file. The zero
// value asks for nothing. Only Region and MFASerial reach further than the last call:
// the first is where everything is asked, the second is the person's one device.
type Overrides struct {
	Region          string
	Endpoint        string // STS endpoint
	IgnoreEndpoints bool   // endpoints named in the file do not count
	NoSession       bool   // the long-lived key is used as it is
	MFASerial       string // for every profile of the chain

	Duration          time.Duration // of the last call of the chain
	RoleARN           string        // one more role on top: an ARN or ACCOUNT:ROLE
	SessionName       string
	SourceIdentity    string
	Tags              []Tag
	TransitiveTagKeys []string
	Policy            string // inline session policy, JSON
	PolicyARNs        []string

	// HasKey says whether a key is stored under a name that has no section. Such a
	// name is a profile too. nil: only sections are. It is not called otherwise.
	HasKey func(name string) bool
}

// Resolve says what a profile means. It follows include_profile and source_profile to
// the end, so a Profile that comes back is complete, and never falls back to
// [default]: that section lends its region and nothing else. The errors are
// *NotFoundError, *LoopError, *SyntaxError, *ValueError, *UnsupportedError and
// *NoRoleError.
func (s *Set) Resolve(name string, o Overrides) (Profile, error) {
	c := &chain{set: s, over: o}
	link, err := c.follow(name)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{Name: name, Source: link.source, Extra: link.view.extra(), Warnings: c.warnings}
	if p.Region, err = c.region(link.view); err != nil {
		return Profile{}, err
	}
	if p.Endpoint, err = c.endpoint(link.view); err != nil {
		return Profile{}, err
	}
	return p, c.apply(&p)
}

// chain walks from a profile down to where its credentials come from.
type chain struct {
	set      *Set
	over     Overrides
	path     []string        // names from the top, to tell a loop
	on       map[string]bool // the same names, for a chain that is very long
	warnings []Warning
}

// link is one profile of the chain with everything below it.
type link struct {
	view       *view
	source     Source
	mfaProcess string // inherited by the profile above when it has none
}

func (c *chain) follow(name string) (link, error) {
	v, err := c.enter(name)
	if err != nil {
		return link{}, err
	}
	below, err := c.base(v)
	if err != nil {
		return link{}, err
	}
	l := link{view: v, source: below.source, mfaProcess: v.str("mfa_process")}
	if l.mfaProcess == "" {
		l.mfaProcess = below.mfaProcess
	}
	if v.has("role_arn") {
		l.source, err = c.role(v, below.source, l.mfaProcess)
	}
	if err == nil {
		err = v.err
	}
	return l, err
}

// enter opens a profile's settings and notes that it is on the path.
func (c *chain) enter(name string) (*view, error) {
	if c.on[name] {
		from := slices.Index(c.path, name)
		return nil, &LoopError{Kind: "source_profile", Path: append(slices.Clone(c.path[from:]), name)}
	}
	v, err := c.view(name)
	if err != nil {
		return nil, err
	}
	if c.on == nil {
		c.on = map[string]bool{}
	}
	c.path, c.on[name] = append(c.path, name), true
	c.warnings = append(c.warnings, v.warnings()...)
	return v, nil
}

func (c *chain) view(name string) (*view, error) {
	if !c.set.Has(name) {
		if c.over.HasKey != nil && c.over.HasKey(name) {
			return &view{set: c.set, name: name}, nil
		}
		e := &NotFoundError{Name: name, Nearest: near(name, c.set.profiles.names)}
		if len(c.path) > 0 {
			e.Profile, e.Key = c.path[len(c.path)-1], "source_profile"
		}
		return nil, e
	}
	return c.set.view(name)
}

// base finds what a profile's role, if it has one, stands on. With a role the
// source_profile is asked first; without one, a source of the profile's own.
func (c *chain) base(v *view) (link, error) {
	from, role := v.str("source_profile"), v.has("role_arn")
	if v.err != nil {
		return link{}, v.err
	}
	if from == "" || from == v.name || !role && ownKey(v) != "" {
		source, err := c.own(v)
		return link{source: source}, err
	}
	if role && v.has("credential_source") {
		v.rejectKey("credential_source", "a role has either this or a source_profile")
		return link{}, v.err
	}
	below, err := c.follow(from)
	if err != nil || role {
		return below, err
	}
	// A profile without a role is its source under another name. MFA that it asks
	// for itself is meant for that key.
	if key := below.source.Stored; key != nil && c.serial(v) != "" {
		own := *key
		own.MFASerial = c.serial(v)
		below.source.Stored = &own
	}
	return below, nil
}

func (c *chain) serial(v *view) string {
	if c.over.MFASerial != "" {
		return c.over.MFASerial
	}
	return v.str("mfa_serial")
}

// role puts a profile's role on top of a source.
func (c *chain) role(v *view, below Source, mfaProcess string) (Source, error) {
	r := &Role{
		Profile:           v.name,
		ARN:               v.str("role_arn"),
		ExternalID:        v.str("external_id"),
		SessionName:       v.str("role_session_name"),
		MFASerial:         c.serial(v),
		MFAProcess:        mfaProcess,
		Duration:          v.seconds("duration_seconds"),
		Tags:              v.tags("session_tags"),
		TransitiveTagKeys: v.list("transitive_session_tags"),
		SourceIdentity:    v.str("source_identity"),
		Source:            below,
	}
	if v.err == nil && !isRoleARN(r.ARN) {
		v.rejectKey("role_arn", wantRole)
	}
	if v.err != nil {
		return Source{}, v.err
	}
	region, err := c.region(v)
	r.Region = regionFor(r.ARN, region)
	return Source{Role: r}, err
}

// regionFor is the region whose STS can assume a role: the one that is wanted, unless
// the role belongs to another partition, which knows nothing of that region.
func regionFor(arn, region string) string {
	partition := arnPartition(arn)
	if region == "" || Partition(region) != partition {
		return DefaultRegion(partition)
	}
	return region
}

// region is the override, the profile's own, or that of [default].
func (c *chain) region(v *view) (string, error) {
	if region := c.over.Region; region != "" {
		if !isLabel(region) {
			return "", &ValueError{Profile: v.name, Key: "region", Value: region, Why: "that is no region's name"}
		}
		return region, nil
	}
	if region := v.region(); region != "" || v.err != nil {
		return region, v.err
	}
	at, ok := c.set.profiles.at["default"]
	if !ok || v.name == "default" {
		return "", nil
	}
	sec := &c.set.sections[at]
	if err := c.set.damage(sec); err != nil {
		return "", err
	}
	lender := &view{set: c.set, name: "default", sections: []*section{sec}}
	return lender.region(), lender.err
}

// apply puts the overrides of the last call onto the end of the chain.
func (c *chain) apply(p *Profile) error {
	if c.over.RoleARN != "" {
		if err := c.hop(p); err != nil {
			return err
		}
	}
	if p.Source.Role == nil {
		return c.applyToKey(p)
	}
	o, r := c.over, p.Source.Role
	r.Duration = or(o.Duration, r.Duration)
	r.SessionName = or(o.SessionName, r.SessionName)
	r.SourceIdentity = or(o.SourceIdentity, r.SourceIdentity)
	r.Policy, r.PolicyARNs = o.Policy, o.PolicyARNs
	if o.Tags != nil {
		r.Tags = o.Tags
	}
	if o.TransitiveTagKeys != nil {
		r.TransitiveTagKeys = o.TransitiveTagKeys
	}
	return nil
}

func or[T comparable](first, second T) T {
	var zero T
	if first != zero {
		return first
	}
	return second
}

// applyToKey refuses a policy: there is no call that could narrow the key.
func (c *chain) applyToKey(p *Profile) error {
	if c.over.Policy != "" || len(c.over.PolicyARNs) > 0 {
		return &NoRoleError{Profile: p.Name, What: "session policy"}
	}
	p.Source.Stored.Duration = c.over.Duration
	return nil
}

// hop assumes the role of the overrides on top of everything.
func (c *chain) hop(p *Profile) error {
	partition := Partition(p.Region)
	r := &Role{Profile: p.Name, Source: p.Source}
	if below := p.Source.Role; below != nil {
		partition = arnPartition(below.ARN)
	} else {
		r.MFASerial, r.MFAProcess = p.Source.Stored.MFASerial, p.Source.Stored.MFAProcess
	}
	if r.ARN = expandRole(c.over.RoleARN, partition); r.ARN == "" {
		return &ValueError{Profile: p.Name, Key: "role", Value: c.over.RoleARN, Why: wantRole + ", or ACCOUNT:NAME"}
	}
	r.Region = regionFor(r.ARN, p.Region)
	p.Source = Source{Role: r}
	return nil
}
