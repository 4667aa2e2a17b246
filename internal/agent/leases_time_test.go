package agent

import (
	"net/http"
	"testing"
	"time"

	"github.com/d44b7504/vault/store"
)

// The time of a store, or its end with a suspended machine, takes away what renews a session. What is served
// already is served until it ends, and goes on at its address once a person has unlocked the store.
func TestALeaseOutlivesTheTimeOfItsStoreAndGoesOnOnceItIsUnlocked(t *testing.T) {
	for name, c := range map[string]struct {
		suspended     bool
		awake, asleep time.Duration
	}{
		"the time runs out":        {awake: 31 * time.Minute},
		"the machine is suspended": {suspended: true, awake: time.Minute, asleep: 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := leaseStage(t, 0)
			if opens, err := s.unlock(passphrase, 30*time.Minute, c.suspended); !opens {
				t.Fatal(err)
			}
			had, err := s.leaseOf(1, "one", "prod", time.Hour)
			s.check(err)
			s.clock.move(c.awake, c.asleep)
			if now, err := s.client().Status(t.Context()); err != nil || len(now.Stores) != 0 || len(now.Leases) != 1 {
				t.Fatalf("%+v, %v", now, err)
			}
			answers(t, had.Endpoint, http.StatusOK)
			s.clock.move(time.Hour-c.awake+time.Minute, 0)
			if body := answers(t, had.Endpoint, http.StatusBadRequest); body["code"] != "KeyringLocked" || body["message"] != "prod: the keyring is locked; run in another terminal: vault use prod" {
				t.Errorf("a program is told %v", body)
			}
			if opens, err := s.unlock(passphrase, time.Hour, false); !opens {
				t.Fatal(err)
			}
			p := mfaProfile("prod")
			s.check(store.PutSession(t.Context(), s.agent.Store(s.ref), store.SessionName(p.Name, p.CacheKey()), s.made("prod", 2*time.Hour)))
			s.clock.move(time.Minute, 0)
			answers(t, had.Endpoint, http.StatusOK)
		})
	}
}
