package fakeaws

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// This file holds the state: users with their keys and devices, roles, buckets, and all
// sessions that were made. A test or the demo sets it up with the exported methods; calls
// of IAM change it as they do at AWS.

// keysPerUser is how many access keys a user may have, active or not.
const keysPerUser = 2

// ErrTooManyKeys is returned by AddKey for a user who has two keys.
var ErrTooManyKeys = fmt.Errorf("a user has at most %d access keys", keysPerUser)

// state is guarded by Server.mu.
type state struct {
	users       map[string]*user       // by ARN
	roles       map[string]*role       // by ARN
	credentials map[string]*credential // by access key id
	buckets     map[string][]*bucket   // by account
	aliases     map[string]string      // by account
	denied      map[string]map[string]bool
	revoked     map[string]time.Time // sessions made until then have no permissions
	lastAssume  *AssumeRoleCall
	sso         ssoState
	issuers     map[string]*Issuer // by path
	lastWeb     *AssumeRoleCall
	signin      signinState
	console     consoleState
}

func newState() state {
	return state{
		users:       map[string]*user{},
		roles:       map[string]*role{},
		credentials: map[string]*credential{},
		buckets:     map[string][]*bucket{},
		aliases:     map[string]string{},
		denied:      map[string]map[string]bool{},
		revoked:     map[string]time.Time{},
		sso:         newSSOState(),
		issuers:     map[string]*Issuer{},
		signin:      newSigninState(),
		console:     newConsoleState(),
	}
}

type user struct {
	arn, id, account, path, name string

	created time.Time
	keys    []*credential
	devices []*device
}

type role struct {
	Role
	arn, id string
}

type bucket struct {
	name    string
	created time.Time
	objects map[string]object // by key
}

// credential is an access key or a session, which both can sign.
type credential struct {
	id            string
	secret, token creds.Secret // a key has no token
	active        bool
	created       time.Time
	expires       time.Time // zero for a key

	arn, userID, account string
	user                 *user // nil for a role's session
	role                 *role // nil for a user's key or session
	mfa                  bool
	federated, powerless bool // made by GetFederationToken; and without a policy
	sourceIdentity       string
	madeWith             *credential // of a session: what signed the call that made it
	settles              int         // calls that are still refused; see Options.KeysSettle

	lastUsed                time.Time
	lastService, lastRegion string
}

func (k *credential) expired(now time.Time) bool {
	return !k.expires.IsZero() && !now.Before(k.expires)
}

// ended reports whether a key that the session was made with, directly or by another
// session, does not exist any more or is inactive.
func (k *credential) ended(known map[string]*credential) bool {
	for by := k.madeWith; by != nil; by = by.madeWith {
		if !by.active || known[by.id] != by {
			return true
		}
	}
	return false
}

func (k *credential) temporary() bool     { return !k.token.IsZero() }
func (k *credential) isUserSession() bool { return k.user != nil && k.temporary() }

// permissionsARN returns the ARN of the user or role whose permissions the caller has.
func (k *credential) permissionsARN() string {
	if k.role != nil {
		return k.role.arn
	}
	return k.arn
}

// Patterns are compiled when they are first used, because this package is part of a program
// that must start fast.
var (
	accountID  = pattern(`^[0-9]{12}$`)
	entityName = pattern(`^[\w+=,.@-]+(/[\w+=,.@-]+)*$`)
)

func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// AddUser makes an IAM user and returns its ARN. The name may have a path before
// it ("team/dev"). There is no separate step for accounts.
func (s *Server) AddUser(account, name string) (arn string, err error) {
	arn, err = s.newARN(account, "user", name)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.users[arn] != nil {
		return "", fmt.Errorf("user %s exists", arn)
	}
	s.state.users[arn] = &user{
		arn:     arn,
		id:      newUniqueID(userID),
		account: account,
		path:    entityPath(name),
		name:    path.Base(name),
		created: s.opts.Now().UTC(),
	}
	return arn, nil
}

func (s *Server) newARN(account, kind, name string) (string, error) {
	if !accountID().MatchString(account) {
		return "", fmt.Errorf("account %q is not twelve digits", account)
	}
	if !entityName().MatchString(name) {
		return "", fmt.Errorf("%s name %q has characters IAM does not allow", kind, name)
	}
	return fmt.Sprintf("arn:%s:iam::%s:%s/%s", s.opts.Partition, account, kind, name), nil
}

func entityPath(name string) string {
	if dir := path.Dir(name); dir != "." {
		return "/" + dir + "/"
	}
	return "/"
}

// AddKey gives the user another access key, or returns ErrTooManyKeys.
func (s *Server) AddKey(userARN string) (creds.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.state.users[userARN]
	if u == nil {
		return creds.Key{}, fmt.Errorf("no user %s", userARN)
	}
	k, err := s.newKey(u)
	if err != nil {
		return creds.Key{}, err
	}
	return creds.Key{ID: k.id, Secret: k.secret}, nil
}

func (s *Server) newKey(u *user) (*credential, error) {
	if len(u.keys) >= keysPerUser {
		return nil, ErrTooManyKeys
	}
	k, err := s.issue(longLivedKey, u.account)
	if err != nil {
		return nil, err
	}
	k.arn, k.userID, k.user = u.arn, u.id, u
	u.keys = append(u.keys, k)
	return k, nil
}

// issue makes a credential without an owner.
func (s *Server) issue(prefix, account string) (*credential, error) {
	id, err := newKeyID(prefix, account)
	if err != nil {
		return nil, err
	}
	k := &credential{id: id, secret: newSecret(), active: true, account: account, created: s.opts.Now().UTC()}
	s.state.credentials[id] = k
	return k, nil
}

// Role is a role for AddRole.
type Role struct {
	Account string
	Name    string // may have a path before it
	Trust   Trust
	// MaxSession is the longest session of the role; 0 means one hour, and AWS
	// allows up to twelve.
	MaxSession time.Duration
}

// Trust says who may assume a role and under which conditions.
type Trust struct {
	// Principals are ARNs of users, roles, role sessions or account roots
	// ("arn:aws:iam::111122223333:root"), account ids, or "*".
	Principals []string
	// MFA asks for aws:MultiFactorAuthPresent.
	MFA bool
	// MFAAge, unless 0, is the condition aws:MultiFactorAuthAge: how long ago the code may
	// have been given. It implies MFA.
	MFAAge time.Duration
	// ExternalID, unless "", must be sent as it is.
	ExternalID string
	// Web, unless nil, allows AssumeRoleWithWebIdentity, for which none of the other
	// conditions count.
	Web *WebIdentity
}

// AddRole makes a role and returns its ARN.
func (s *Server) AddRole(r Role) (arn string, err error) {
	arn, err = s.newARN(r.Account, "role", r.Name)
	if err != nil {
		return "", err
	}
	if r.MaxSession == 0 {
		r.MaxSession = time.Hour
	}
	if r.MaxSession < 0 || r.MaxSession > maxRoleSession {
		return "", errors.New("a role's longest session is at most twelve hours")
	}
	r.Trust.Principals = slices.Clone(r.Trust.Principals)
	if r.Trust.Web != nil {
		web := *r.Trust.Web
		r.Trust.Web = &web
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.roles[arn] != nil {
		return "", fmt.Errorf("role %s exists", arn)
	}
	s.state.roles[arn] = &role{Role: r, arn: arn, id: newUniqueID(roleID)}
	return arn, nil
}

// Deny denies actions ("sts:AssumeRole", "iam:CreateAccessKey") to a user or a role, who
// may otherwise do everything. GetCallerIdentity cannot be denied, as at AWS.
func (s *Server) Deny(arn string, actions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	denied := maps.Clone(s.state.denied[arn])
	if denied == nil {
		denied = map[string]bool{}
	}
	for _, a := range actions {
		denied[a] = true
	}
	s.state.denied[arn] = denied
}

// RevokeSessions denies everything to the sessions of a user or a role that were made until
// now, as the policy AWSRevokeOlderSessions does.
func (s *Server) RevokeSessions(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.revoked[arn] = s.opts.Now().UTC()
}

// AddBucket makes a bucket that the account's callers list, read and write.
func (s *Server) AddBucket(account, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := append(s.state.buckets[account], &bucket{name, s.opts.Now().UTC(), map[string]object{}})
	slices.SortStableFunc(b, func(x, y *bucket) int { return strings.Compare(x.name, y.name) })
	s.state.buckets[account] = b
}

// Owner is the ARN of the user, or of the role's session, that an access key belongs to, ""
// if this AWS has not made it.
func (s *Server) Owner(accessKeyID string) (arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.state.credentials[accessKeyID]; k != nil {
		return k.arn
	}
	return ""
}

// Ends is when what belongs to an access key expires, by the clock of this AWS; zero for a key, and for
// what this AWS has not made.
func (s *Server) Ends(accessKeyID string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.state.credentials[accessKeyID]; k != nil {
		return k.expires
	}
	return time.Time{}
}

// Secrets lists every secret and token that this AWS has issued.
func (s *Server) Secrets() (list []creds.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.state.credentials {
		list = append(list, k.secret)
		if k.token.Reveal() != "" {
			list = append(list, k.token)
		}
	}
	return list
}
