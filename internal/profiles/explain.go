package profiles

// Explanation is a resolved profile with the origin of every setting that was used.
type Explanation struct {
	Profile Profile
	Steps   []*Step // from the profile itself to the one that its credentials come from
}

// Step is one profile of the chain.
type Step struct {
	Profile string
	Origins []Origin // in the order in which they were read
}

// Origin is a setting and where it was found. Without File, Variable and Default, the
// caller gave it.
type Origin struct {
	Key, Value string
	File       string
	Line       int
	Section    string // the header: profile x, sso-session x, default
	Variable   string // of the environment
	Default    bool   // it is set nowhere
}

// Explain is Resolve with the origin of each setting. When the profile cannot be resolved,
// it returns the error and what was read before it.
func (s *Set) Explain(name string, o Overrides) (Explanation, error) {
	x := &Explanation{}
	c := &chain{set: s, over: o, trace: x}
	p, err := c.resolve(name)
	x.Profile = p
	return *x, err
}

// step begins the next profile. It returns nil when there is no Explanation.
func (x *Explanation) step(profile string) *Step {
	if x == nil {
		return nil
	}
	s := &Step{Profile: profile}
	x.Steps = append(x.Steps, s)
	return s
}

// add records an origin, once.
func (s *Step) add(o Origin) {
	if s == nil {
		return
	}
	for _, known := range s.Origins {
		if known == o {
			return
		}
	}
	s.Origins = append(s.Origins, o)
}

// note records where a setting was found that is used.
func (v *view) note(key string, e found) {
	if v.trace == nil {
		return
	}
	o := Origin{Key: key, Value: e.Value, Variable: e.variable}
	if e.from.section != nil {
		o.File, o.Line, o.Section = e.from.file.path, e.Line, e.from.title()
	}
	v.trace.add(o)
}

// caller records a setting that the caller gave.
func (v *view) caller(key, value string) { v.trace.add(Origin{Key: key, Value: value}) }

// title is the header of a section, in its usual form.
func (p part) title() string {
	kind, name := p.file.meaning(p.section)
	switch {
	case kind == profileSection && name != "default" && !p.file.bare:
		return "profile " + name
	case kind == ssoSection:
		return "sso-session " + name
	case kind == servicesSection:
		return "services " + name
	case kind == sharedSection:
		return "DEFAULT"
	}
	return name
}
