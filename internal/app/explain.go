package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// Explanation is what a profile resolves to, and why. Its JSON form is documented in the help
// of "vault show".
type Explanation struct {
	Profile  string         `json:"profile"`
	Region   string         `json:"region,omitempty"`
	Chain    []Hop          `json:"chain"`
	Needs    []Need         `json:"needs"`
	Guard    *GuardFacts    `json:"guard,omitempty"`
	Network  *Network       `json:"network,omitempty"`
	CacheKey string         `json:"cache_key,omitempty"`
	Origins  []SettingFrom  `json:"origins"`
	Settings map[string]any `json:"settings"`
	Hidden   []string       `json:"hidden"`
	Warnings []string       `json:"warnings"`
	Error    string         `json:"error,omitempty"`
}

// SettingFrom is a setting that counts and where it comes from.
type SettingFrom struct {
	Profile  string `json:"profile"`
	Key      string `json:"key"`
	Value    string `json:"value"`
	Hidden   bool   `json:"hidden,omitempty"` // the value, or all of it but a program's name
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Section  string `json:"section,omitempty"`
	Variable string `json:"variable,omitempty"`
	Flag     string `json:"flag,omitempty"`
	Default  bool   `json:"default,omitempty"`
}

// Network is how AWS is reached.
type Network struct {
	Endpoints   map[string]string `json:"endpoints,omitempty"`
	FIPS        bool              `json:"use_fips_endpoint,omitempty"`
	DualStack   bool              `json:"use_dualstack_endpoint,omitempty"`
	CABundle    string            `json:"ca_bundle,omitempty"`
	LegacySTS   bool              `json:"legacy_sts,omitempty"`
	MaxAttempts int               `json:"max_attempts,omitempty"`
	RetryMode   string            `json:"retry_mode,omitempty"`
}

// Explain resolves a request and says where each setting comes from. It reads the config
// file and the environment alone. With an error the explanation is as far as it came.
func Explain(t *Task, q env.Request) (Explanation, error) {
	e := Explanation{Profile: q.Profile, Chain: []Hop{}, Needs: []Need{}, Origins: []SettingFrom{}, Warnings: []string{}}
	set, err := t.Profiles()
	if err != nil {
		return e, err
	}
	e.Settings, e.Hidden = settingsOf(set, q.Profile)
	if text := t.Env.NoConfigFile(); text != "" {
		e.Warnings = append(e.Warnings, text)
	}
	for _, p := range set.Problems() {
		e.Warnings = append(e.Warnings, p.Error()+"; the AWS CLI rejects the whole file because of it")
	}
	p, err := e.explainSteps(set, q.Profile, overrides(t, q))
	if err == nil {
		before := Chain(p)
		if err = finish(t, &p); err == nil {
			limited(&p, time.Duration(q.Seconds)*time.Second)
			e.fill(p)
			e.Origins = append(e.Origins, durationsFrom(before, e.Chain)...)
		}
	}
	if err != nil {
		e.Error, err = Text(err), withoutFiles(t, err)
	}
	return e, err
}

// explainSteps resolves the profile without the store and notes where its settings come from.
func (e *Explanation) explainSteps(set *profiles.Set, name string, o profiles.Overrides) (profiles.Profile, error) {
	assumed := map[string]bool{} // sources without a section
	o.HasKey = func(source string) bool {
		assumed[source] = source != name
		return source != name
	}
	ownKey := map[string]bool{} // profiles that a key of their own would change
	o.HasOwnKey = func(source string) bool {
		ownKey[source] = true
		return false
	}
	x, err := set.Explain(name, o)
	for _, step := range x.Steps {
		for _, from := range step.Origins {
			e.Origins = append(e.Origins, settingFrom(step.Profile, from))
		}
		if assumed[step.Profile] {
			e.Warnings = append(e.Warnings, fmt.Sprintf("profile %q has no section, so it must be the name of a stored key", step.Profile))
		}
		if ownKey[step.Profile] {
			e.Warnings = append(e.Warnings, fmt.Sprintf("if a key is stored for profile %q, it goes before this source", step.Profile))
		}
	}
	return x.Profile, err
}

func (e *Explanation) fill(p profiles.Profile) {
	e.Region, e.Chain, e.Needs, e.CacheKey = p.Region, Chain(p), needs(p), p.CacheKey()[:12]
	e.Guard = guardFacts(p.Guard)
	n := p.Network
	e.Network = &Network{nil, n.FIPS, n.DualStack, n.CABundle, n.LegacySTS, n.MaxAttempts, n.RetryMode}
	for service, url := range n.Endpoints {
		if e.Network.Endpoints == nil {
			e.Network.Endpoints = map[string]string{}
		}
		e.Network.Endpoints[service], _ = profiles.Show("endpoint_url", url)
	}
	for _, w := range p.Warnings {
		e.Warnings = append(e.Warnings, w.String())
	}
	if key := Origin(p).Stored; key != nil && key.ForItself {
		e.Warnings = append(e.Warnings, fmt.Sprintf("the credential_process of %q asks vault for the same profile: it begins with the key that is stored for it", key.Profile))
	}
	if key := Origin(p).Stored; key != nil && key.InFile != (profiles.Place{}) {
		e.Warnings = append(e.Warnings, fmt.Sprintf("the key of %q is in plain text in %s: vault import moves it into the keyring", key.Profile, key.InFile))
	}
}

// settingsOf is a profile's section as AWS's tools read it, without what may be secret.
func settingsOf(set *profiles.Set, name string) (settings map[string]any, hidden []string) {
	settings, hidden = map[string]any{}, []string{}
	for _, x := range set.Settings(name) {
		text, whole := profiles.Show(x.Key, x.Value)
		switch block := x.Nested(); {
		case !whole:
			settings[x.Key] = nil
			hidden = append(hidden, x.Key)
		case block != nil:
			settings[x.Key] = block
		default:
			settings[x.Key] = text
		}
	}
	slices.Sort(hidden)
	return settings, hidden
}

func settingFrom(profile string, x profiles.Origin) SettingFrom {
	key, _, _ := strings.Cut(x.Key, " ")
	value, whole := profiles.Show(key, x.Value)
	s := SettingFrom{
		Profile: profile, Key: x.Key, Value: value, Hidden: !whole, File: x.File, Line: x.Line, Section: x.Section,
		Variable: x.Variable, Default: x.Default,
	}
	if x.File == "" && x.Variable == "" && !x.Default {
		s.Flag = flagOf(x.Key)
	}
	return s
}

// flagOf is the flag by which a setting is given, "" when there is none.
func flagOf(key string) string {
	switch key {
	case "region":
		return "--region"
	case "role_arn":
		return "--role-arn"
	case "duration":
		return "--duration"
	case "sso_session":
		return "--sso"
	case "sso_account_id":
		return "--account"
	case "sso_role_name":
		return "--role"
	}
	return ""
}

// durationsFrom says where those durations come from that the file does not give.
func durationsFrom(before, after []Hop) []SettingFrom {
	var list []SettingFrom
	for i, h := range after {
		s := SettingFrom{Profile: h.Profile, Key: "duration", Value: display.Duration(time.Duration(h.Seconds) * time.Second)}
		switch stored := h.Kind == HopStored; {
		case before[i].Seconds != 0 || h.Kind != HopRole && h.Kind != HopWeb && !stored:
			continue // said already, or decided elsewhere
		case h.Seconds == 0 && stored:
			continue // depends on what it is used for
		case h.Seconds == 0:
			s.Value, s.Default = display.Duration(sessions.RoleDefault), true
		case stored && i > 0:
			s.Variable = "AWS_CHAINED_SESSION_TOKEN_TTL"
		default:
			s.Variable = "AWS_SESSION_TOKEN_TTL"
		}
		list = append(list, s)
	}
	return list
}
