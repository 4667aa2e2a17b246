package profiles

// Explanation is a resolved profile with the origin of every setting that counted.
type Explanation struct {
	Profile Profile
	Steps   []*Step // from the profile asked for down to the one credentials come from
}

// Step is one profile of the chain.
type Step struct {
	Profile string
	Origins []Origin // in the order they were asked for
}

// Origin is a setting and where it was found. Without file, variable and Default it is
// the caller's own.
type Origin struct {
	Key, Value string
	File       string
	Line       int
	Section    string // as it is written: profile x, sso-session x, default
	Variable   string // of the environment
	Default    bool   // nobody said anything
}

// Explain is Resolve with its reasons. When the profile cannot be resolved it returns
// the error with what was read until then.
func (s *Set) Explain(name string, o Overrides) (Explanation, error) {
	x := &Explanation{}
	c := &chain{set: s, over: o, trace: x}
	p, err := c.resolve(name)
	x.Profile = p
	return *x, err
}

// step begins the next profile; nil when nobody asks.
func (x *Explanation) step(profile string) *Step {
	if x == nil {
		return nil
	}
	s := &Step{Profile: profile}
	x.Steps = append(x.Steps, s)
	return s
}

// add notes an origin, once.
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

// note remembers where a setting that counts was found.
func (v *view) note(key string, e found) {
	if v.trace == nil {
		return
	}
	o := Origin{Key: key, Value: e.Value, Variable: e.variable}
	if e.section != nil {
		o.File, o.Line, o.Section = v.set.path, e.Line, e.section.title()
	}
	v.trace.add(o)
}

// caller notes a setting that came with the call.
func (v *view) caller(key, value string) { v.trace.add(Origin{Key: key, Value: value}) }

// title is a section's header in its usual form.
func (s *section) title() string {
	switch {
	case s.kind == profileSection && s.name != "default":
		return "profile " + s.name
	case s.kind == ssoSection:
		return "sso-session " + s.name
	case s.kind == servicesSection:
		return "services " + s.name
	case s.kind == sharedSection:
		return "DEFAULT"
	}
	return s.name
}
