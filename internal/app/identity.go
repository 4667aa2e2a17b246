package app

import (
	"context"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/refresh"
)

// Identity is what AWS says of a session, and what is known of it here.
type Identity struct {
	Profile string     `json:"profile"`
	Account string     `json:"account"`
	ARN     string     `json:"arn"`
	UserID  string     `json:"user_id"`
	Role    string     `json:"role,omitempty"`
	Region  string     `json:"region,omitempty"`
	Source  string     `json:"-"`
	Chain   []Hop      `json:"chain,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
}

// IdentityOf asks AWS who the session of a request is. It makes one if none is cached.
func IdentityOf(ctx context.Context, t *Task, q env.Request) (Identity, error) {
	p, l, err := t.Session(ctx, q, refresh.Want{})
	if err != nil {
		return Identity{}, err
	}
	who, err := WhoAmI(ctx, p, l.Session)
	if err != nil {
		return Identity{}, err
	}
	i := Identity{Profile: p.Name, Account: who.Account, ARN: who.ARN, UserID: who.UserID, Region: p.Region, Source: SourceText(p), Chain: Chain(p)}
	_, i.Role = RoleOf(who.ARN)
	if e := l.Session.Expires; !e.IsZero() {
		i.Expires = &e
	}
	return i, nil
}
