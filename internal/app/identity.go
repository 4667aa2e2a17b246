package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

// Identity is what AWS says of a session, and what is known of it here.
type Identity struct {
	Profile string     `json:"profile,omitempty"` // "" for credentials that no profile gave
	Account string     `json:"account"`
	Name    string     `json:"account_name,omitempty"` // as Identity Center has it, or its alias
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
	who, err := whoAmI(ctx, p, l.Session)
	if err != nil {
		return Identity{}, sessions.NameGiver(p, err)
	}
	i := Identity{Profile: p.Name, Account: who.Account, ARN: who.ARN, UserID: who.UserID, Region: p.Region, Source: SourceText(p), Chain: Chain(p)}
	_, i.Role = roleOf(who.ARN)
	i.Name = t.accountName(ctx, p, l.Session, who.Account)
	if e := l.Session.Expires; !e.IsZero() {
		i.Expires = &e
	}
	return i, nil
}

// accountName is the name of a session's account. IAM is asked for its alias, once, if nothing else
// has told it.
func (t *Task) accountName(ctx context.Context, p profiles.Profile, s creds.Session, account string) string {
	return t.learnAlias(ctx, account, sessions.IAM{Endpoint: Endpoint(p, profiles.ServiceIAM, p.Region), Session: s})
}

// Given is where the environment has credentials of the caller's own, before any profile: ""
// where it has none.
type Given string

// The places where the AWS tools find credentials without a profile.
const (
	GivenKeys      Given = "keys in the environment"
	GivenToken     Given = "the web identity in the environment"
	GivenContainer Given = "the credential address in the environment"
)

// GivenIn looks for credentials of the caller's own, in the order of the AWS tools: keys go
// before the name of a profile, the others after it.
func GivenIn(e Environment) Given {
	user := e.User
	_, active := e.Active()
	switch {
	case user["AWS_ACCESS_KEY_ID"] != "" && user["AWS_SECRET_ACCESS_KEY"] != "":
		return GivenKeys
	case active, e.NamedProfile() != "":
		return ""
	case user["AWS_WEB_IDENTITY_TOKEN_FILE"] != "" && user["AWS_ROLE_ARN"] != "":
		return GivenToken
	case user["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] != "", user["AWS_CONTAINER_CREDENTIALS_FULL_URI"] != "":
		return GivenContainer
	}
	return ""
}

// IdentityGiven asks AWS whose the credentials in the environment are. It opens no keyring.
func IdentityGiven(ctx context.Context, t *Task, g Given) (Identity, error) {
	p, s, err := t.given(ctx, g)
	if err != nil {
		return Identity{}, err
	}
	who, err := whoAmI(ctx, p, s)
	if err != nil {
		return Identity{}, givenError(g, err)
	}
	i := Identity{Account: who.Account, ARN: who.ARN, UserID: who.UserID, Region: p.Region, Source: string(g), Chain: Chain(p)}
	_, i.Role = roleOf(who.ARN)
	i.Name = t.accountName(ctx, p, s, who.Account)
	if e := s.Expires; !e.IsZero() {
		i.Expires = &e
	}
	return i, nil
}

// given returns the credentials in the environment, and the profile without a name that they
// are like.
func (t *Task) given(ctx context.Context, g Given) (profiles.Profile, creds.Session, error) {
	p, err := t.ResolveEmpty("default")
	if err != nil {
		return p, creds.Session{}, err
	}
	p.Source = profiles.Source{Host: &profiles.Host{Kind: profiles.HostContainer}}
	switch g {
	case GivenKeys:
		p.Source.Host.Kind = profiles.HostEnvironment
		s := creds.Session{AccessKeyID: t.Env.User["AWS_ACCESS_KEY_ID"], SecretKey: creds.New(t.Env.User["AWS_SECRET_ACCESS_KEY"]), Token: creds.New(t.Env.User["AWS_SESSION_TOKEN"])}
		if at, err := time.Parse(time.RFC3339, t.Env.User[env.Expiration]); err == nil && !s.Token.IsZero() {
			s.Expires = at
		}
		return p, s, nil
	case GivenToken:
		p.Source = profiles.Source{WebIdentity: &profiles.WebIdentity{
			ARN: t.Env.User["AWS_ROLE_ARN"], SessionName: t.Env.User["AWS_ROLE_SESSION_NAME"],
			TokenFile: t.Env.settingPath(t.Env.User["AWS_WEB_IDENTITY_TOKEN_FILE"]), TokenFileAt: "AWS_WEB_IDENTITY_TOKEN_FILE",
		}}
	}
	s, err := t.unstored().Make(ctx, p)
	if err != nil {
		err = givenError(g, err)
	}
	return p, s, err
}

// unstored makes sessions that need nothing of the store.
func (t *Task) unstored() *sessions.Maker {
	return &sessions.Maker{
		Endpoint: Endpoint, Env: t.Env.User, Path: t.Env.settingPath, Now: t.Now, Started: t.Started,
		SessionName: func() string { return sessions.DefaultSessionName(t.Who()) },
	}
}

// givenError says what a failure is about where there is no profile to name.
func givenError(g Given, err error) error {
	var host *sessions.HostError
	var call *sessions.CallError
	if errors.As(err, &call) && g == GivenKeys && call.Kind == sessions.BadKey {
		return WithHint(err, "it is in AWS_ACCESS_KEY_ID of this shell: unset it, or export another")
	}
	if errors.As(err, &host) {
		return fmt.Errorf("%s: %s", g, host.Why)
	}
	return err
}
