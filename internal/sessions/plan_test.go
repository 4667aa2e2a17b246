package sessions

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/profiles"
)

// chainOf is a profile over a key stored for base: one role for each serial, from the key
// outwards, the last of which wants the duration.
func chainOf(baseMFA string, noSession bool, last time.Duration, serials ...string) profiles.Profile {
	p := profiles.Profile{Name: "prod", Region: "eu-west-1"}
	p.Source.Stored = &profiles.Stored{Profile: "base", MFASerial: baseMFA, NoSession: noSession}
	if len(serials) == 0 {
		p.Name, p.Source.Stored.Duration = "base", last
	}
	for i, serial := range serials {
		r := &profiles.Role{Profile: fmt.Sprint("hop", i+1), ARN: fmt.Sprint("role", i+1), MFASerial: serial, Source: p.Source}
		if i == len(serials)-1 {
			r.Profile, r.Duration = "prod", last
		}
		p.Source = profiles.Source{Role: r}
	}
	return p
}

// describe writes a plan on one line: what is signed with what, and where a code is asked.
func describe(p Plan) string {
	mfa := func(serial string) string {
		if serial == "" {
			return ""
		}
		return " mfa=" + serial
	}
	parts := []string{"key " + p.Key}
	if p.Session != nil {
		parts = append(parts, fmt.Sprintf("session %v%s", p.Session.Duration, mfa(p.Session.MFASerial)))
	}
	if p.Base != nil {
		s := NewPlan(*p.Base).Session
		parts = append(parts, fmt.Sprintf("base %s %v%s", p.Base.Name, s.Duration, mfa(s.MFASerial)))
	}
	for _, r := range p.Roles {
		text := fmt.Sprintf("%s %v", r.ARN, r.Duration)
		if r.Wanted > 0 {
			text += fmt.Sprintf(" of %v", r.Wanted)
		}
		parts = append(parts, text+mfa(r.MFASerial))
	}
	return strings.ReplaceAll(strings.Join(parts, " > "), "0m0s", "")
}

func TestAPlanReads(t *testing.T) {
	h := time.Hour
	for _, c := range []struct {
		p    profiles.Profile
		want string
	}{
		{chainOf("", false, 0), "key base > session 1h"},
		{chainOf("A", false, 0), "key base > session 1h mfa=A"},
		{named("alias", chainOf("A", false, 0)), "key base > base base 1h mfa=A"},
		{named("alias", chainOf("A", false, h)), "key base > session 1h mfa=A"},
		{named("alias", chainOf("", false, 0)), "key base > session 1h"},
		{chainOf("A", false, 12*h), "key base > session 12h mfa=A"},
		{chainOf("A", true, 0), "key base"},

		{chainOf("", false, 0, ""), "key base > role1 1h"},
		{chainOf("", false, 4*h, ""), "key base > role1 4h"}, // directly with the key: no limit of one hour
		{chainOf("", false, 0, "A"), "key base > role1 1h mfa=A"},
		{chainOf("A", false, 0, ""), "key base > role1 1h"}, // the role does not ask for what the key's profile has
		{chainOf("A", false, 0, "A"), "key base > base base 8h mfa=A > role1 1h"},
		{chainOf("A", false, 4*h, "A"), "key base > role1 4h mfa=A"}, // longer than over a session: directly
		{chainOf("A", false, h, "A"), "key base > base base 8h mfa=A > role1 1h"},
		{chainOf("A", false, 0, "B"), "key base > role1 1h mfa=B"},
		{chainOf("A", true, 0, "A"), "key base > role1 1h mfa=A"},

		{chainOf("", false, 4*h, "", ""), "key base > role1 1h > role2 1h of 4h"},
		{chainOf("A", false, 0, "A", "A"), "key base > base base 8h mfa=A > role1 1h > role2 1h"},
		{chainOf("A", false, 0, "", "A"), "key base > base base 8h mfa=A > role1 1h > role2 1h"},
		{chainOf("A", false, 4*h, "A", ""), "key base > base base 8h mfa=A > role1 1h > role2 1h of 4h"},
		{chainOf("", false, 0, "", "", ""), "key base > role1 1h > role2 1h > role3 1h"},
	} {
		if got := describe(NewPlan(c.p)); got != c.want {
			t.Errorf("%s\n\twant %s", got, c.want)
		}
	}
}

func named(name string, p profiles.Profile) profiles.Profile {
	p.Name = name
	return p
}

// The rules hold for every combination, not only for those above.
func TestEveryPlanKeepsAWSsLimits(t *testing.T) {
	serials := map[string][2]string{ // of the key's profile, of every role
		"none": {"", ""}, "key only": {"A", ""}, "roles only": {"", "A"}, "the same": {"A", "A"}, "different": {"A", "B"},
	}
	for what, s := range serials {
		for hops := range 4 {
			for _, d := range []time.Duration{0, 30 * time.Minute, time.Hour, 4 * time.Hour} {
				for _, noSession := range []bool{false, true} {
					p := chainOf(s[0], noSession, d, slices.Repeat([]string{s[1]}, hops)...)
					t.Run(fmt.Sprintf("%s/%d hops/%v/%v", what, hops, d, noSession), func(t *testing.T) {
						keepsLimits(t, p, NewPlan(p), hops, d, noSession)
					})
				}
			}
		}
	}
}

func keepsLimits(t *testing.T, p profiles.Profile, plan Plan, hops int, wanted time.Duration, noSession bool) {
	text := describe(plan)
	if plan.Key != "base" || len(plan.Roles) != hops {
		t.Fatal(text)
	}
	if (plan.Session != nil) != (hops == 0 && !noSession) {
		t.Errorf("a session of its own: %s", text)
	}
	if plan.Base != nil && (noSession || hops == 0 || plan.Base.Source.Stored.MFASerial == "") {
		t.Errorf("a shared session without reason: %s", text)
	}
	carried := ""
	if plan.Base != nil {
		carried = plan.Base.Source.Stored.MFASerial
	}
	roles := profileRoles(p)
	for i, r := range plan.Roles {
		asked := max(roles[i].Duration, 0)
		if asked == 0 {
			asked = RoleDefault
		}
		temporary := plan.Base != nil || i > 0
		if r.Duration > asked || temporary && r.Duration > time.Hour || !temporary && r.Duration != asked {
			t.Errorf("role %d lasts %v: %s", i+1, r.Duration, text)
		}
		if (r.Wanted > 0) != (r.Duration < asked) || r.Wanted > 0 && r.Wanted != asked {
			t.Errorf("role %d wanted %v: %s", i+1, r.Wanted, text)
		}
		if r.MFASerial != roles[i].MFASerial && (r.MFASerial != "" || roles[i].MFASerial != carried) {
			t.Errorf("role %d has MFA %q: %s", i+1, r.MFASerial, text)
		}
	}
	if hops == 1 && wanted > time.Hour && plan.Roles[0].Duration != wanted {
		t.Errorf("a single role gets %v of %v: %s", plan.Roles[0].Duration, wanted, text)
	}
}

// profileRoles are the roles from the key outwards.
func profileRoles(p profiles.Profile) []profiles.Role {
	var list []profiles.Role
	for s := p.Source; s.Role != nil; s = s.Role.Source {
		list = append([]profiles.Role{*s.Role}, list...)
	}
	return list
}

func TestTwoRolesOverAKeyShareItsSession(t *testing.T) {
	a, b := NewPlan(chainOf("A", false, 0, "A")), NewPlan(chainOf("A", false, 30*time.Minute, "A", ""))
	if a.Base == nil || b.Base == nil || a.Base.CacheKey() != b.Base.CacheKey() || a.Base.Name != b.Base.Name {
		t.Error("each has a session of its own, and asks for a code of its own")
	}
}

func TestAPlanIsSilentWhenThereIsNoSecondQuestion(t *testing.T) {
	process := chainOf("", false, 0, "A")
	process.Source.Role.MFAProcess = "print-code"
	for _, c := range []struct {
		p    profiles.Profile
		want bool
	}{
		{chainOf("", false, 0), true}, {chainOf("A", false, 0), false}, {chainOf("A", true, 0), true},
		{chainOf("", false, 0, ""), true}, {chainOf("", false, 0, "A"), false}, {process, true},
		{chainOf("A", false, 0, "A"), true}, // for the day that the shared session lasts
		{chainOf("A", false, 4*time.Hour, "A"), false},
		{named("alias", chainOf("A", false, 0)), false},
	} {
		if got := NewPlan(c.p).Silent(); got != c.want {
			t.Errorf("%s: %v", describe(NewPlan(c.p)), got)
		}
	}
}
