package cmd

import (
	"fmt"
	"time"

	"github.com/d44b7504/vault/internal/profiles"
)

// applyTTLs fills in the durations that neither flag nor file gives, from the
// variables AWS Vault has for them.
func (r *run) applyTTLs(p *profiles.Profile) error {
	session, key := "AWS_SESSION_TOKEN_TTL", p.Source
	role, err := r.ttl("AWS_ASSUME_ROLE_TTL")
	for key.Role != nil {
		session = "AWS_CHAINED_SESSION_TOKEN_TTL"
		if key.Role.Duration == 0 {
			key.Role.Duration = role
		}
		key = key.Role.Source
	}
	if w := key.WebIdentity; w != nil && w.Duration == 0 {
		w.Duration = role
	}
	if err == nil && key.Stored != nil && key.Stored.Duration == 0 {
		key.Stored.Duration, err = r.ttl(session)
	}
	return err
}

// ttl reads a duration from a variable; unset it is 0.
func (r *run) ttl(name string) (time.Duration, error) {
	v := r.env[name]
	if v == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s is %q: write it like 1h or 45m", name, v)
	}
	return d, nil
}

// minTTL is what must be left of a session that is handed out.
func (r *run) minTTL() (time.Duration, error) {
	d, err := r.ttl("AWS_MIN_TTL")
	if d == 0 {
		d = r.Policy.MinTTL
	}
	return d, err
}
