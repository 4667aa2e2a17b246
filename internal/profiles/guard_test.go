package profiles

import (
	"errors"
	"testing"
	"time"
)

const guardConfig = `
[DEFAULT]
[profile base]
vault_max_duration = 2h
[profile strict]
vault_protected = TRUE
vault_read_only = yes
vault_auto_renew = false
vault_max_duration = 1800
vault_agents = Deny
[profile prod]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = base
vault_protected = true
[profile over]
role_arn = arn:aws:iam::111122223333:role/over
source_profile = prod
[profile alias]
source_profile = prod
vault_max_duration = 45m
[profile second]
source_profile = alias
[profile included]
include_profile = strict
role_arn = arn:aws:iam::111122223333:role/included
source_profile = base
vault_protected = false
`

func TestAProfileIsHeldByItsOwnSettingsAndByThoseOfWhatItIsAnotherNameOf(t *testing.T) {
	strict := Guard{Protected: true, ReadOnly: true, Lapses: true, Max: 30 * time.Minute, Agents: AgentsDeny, AgentsAt: "vault_agents in config:10"}
	included := strict
	included.Protected = false
	for name, want := range map[string]Guard{
		"base": {Max: 2 * time.Hour}, "prod": {Protected: true}, "over": {}, "alias": {Protected: true, Max: 45 * time.Minute},
		"second": {Protected: true, Max: 45 * time.Minute}, "included": included,
	} {
		if got := resolveWith(t, guardConfig, name, Overrides{HasKey: func(string) bool { return true }}).Guard; got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		if got := parse(t, guardConfig).GuardOf(name); got != want {
			t.Errorf("%s in a list: %+v, want %+v", name, got, want)
		}
	}
	if got := parse(t, guardConfig).GuardOf("strict"); got != strict {
		t.Errorf("strict: %+v", got)
	}
}

func TestAGuardThatCannotBeReadStopsTheProfile(t *testing.T) {
	for _, line := range []string{
		"vault_protected = ja", "vault_read_only = 2", "vault_auto_renew = never", "vault_agents = readonly", "vault_max_duration = 10m",
		"vault_max_duration = long", "vault_max_duration = 60", "vault_max_duration = -1h",
	} {
		var value *ValueError
		err := resolveError(t, "[profile x]\nrole_arn = "+roleARN+"x\ncredential_source = Environment\n"+line+"\n", "x", Overrides{})
		if !errors.As(err, &value) || value.Line != 4 {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestReadOnlyIsNeverAddedToAnotherPolicy(t *testing.T) {
	const config = "[profile x]\nrole_arn = " + roleARN + "x\ncredential_source = Environment\nvault_read_only = true\n[profile key]\nvault_read_only = true\n"
	read := "arn:aws:iam::aws:policy/ReadOnlyAccess"
	for _, o := range []Overrides{{}, {PolicyARNs: []string{read}}, {RoleARN: roleARN + "next"}} {
		p := resolveWith(t, config, "x", o)
		if got := p.Source.Role.PolicyARNs; len(got) != 1 || got[0] != read {
			t.Errorf("%+v: narrowed to %q", o, got)
		}
	}
	for _, o := range []Overrides{{Policy: "{}"}, {PolicyARNs: []string{read, "arn:aws:iam::aws:policy/AdministratorAccess"}}} {
		var e *PolicyError
		if err := resolveError(t, config, "x", o); !errors.As(err, &e) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	var e *NoRoleError
	if err := resolveError(t, config, "key", Overrides{}); !errors.As(err, &e) {
		t.Errorf("a key that cannot be narrowed: %v", err)
	}
}

func TestTheMaximumShortensWhatWouldLastLonger(t *testing.T) {
	for _, x := range []struct{ max, has, otherwise, want time.Duration }{
		{0, 0, time.Hour, 0}, {30, 0, 60, 30}, {60, 0, 60, 0}, {120, 0, 60, 0}, {30, 15, 60, 15}, {30, 45, 60, 30}, {120, 240, 60, 120},
	} {
		if got := (Guard{Max: x.max}).limit(x.has, x.otherwise); got != x.want {
			t.Errorf("%+v: %d", x, got)
		}
	}
}
