package fakeaws

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// This file holds the state of Identity Center: directories, the permission sets of the one
// person in each directory, and that person's sign-ins; also the clients that registered,
// with their codes and tokens.

// DirectoryOptions are the options of AddDirectory. A duration of zero stands for AWS's
// own value.
type DirectoryOptions struct {
	Name string // the first label of the start URL; "" means a random one
	User string // the person's name, which role sessions carry; "" means "person@example.com"

	SessionLife time.Duration // from sign-in to the next one; 0: eight hours
	// TokenLife is how long an access token works; 0: one hour for a client that
	// can refresh it, and otherwise as long as the session.
	TokenLife  time.Duration
	DeviceLife time.Duration // of a device code; 0: ten minutes
	Interval   time.Duration // between polls, in whole seconds; 0: one second
}

// Directory is an instance of Identity Center and the person in it.
type Directory struct {
	server *Server
	opts   DirectoryOptions

	// Guarded by Server.mu:
	answer   Answer
	accounts []*ssoAccount
	byID     map[string]*ssoAccount
	sessions map[*ssoSession]bool
}

// Answer is what the person does when a browser shows a page.
type Answer int

const (
	// Ask leaves it to the person who sees the page, or to Approve and Refuse.
	Ask Answer = iota
	// Yes approves as soon as the page is opened, so that any program that can fetch a
	// URL can stand for a browser.
	Yes
	// No refuses as soon as the page is opened.
	No
)

type ssoAccount struct {
	id, name string
	roles    []*assignment
	byName   map[string]*assignment
}

// assignment is a permission set of the person in an account.
type assignment struct {
	name   string
	role   *role
	denied bool
}

// ssoState is the part of the state that belongs to Identity Center.
type ssoState struct {
	directories map[string]*Directory  // by start URL
	clients     map[string]*oidcClient // by id
	devices     map[string]*deviceGrant
	userCodes   map[string]*deviceGrant
	codes       map[string]*codeGrant
	access      map[string]*ssoToken
	refresh     map[string]*ssoToken
}

func newSSOState() ssoState {
	return ssoState{
		directories: map[string]*Directory{},
		clients:     map[string]*oidcClient{},
		devices:     map[string]*deviceGrant{},
		userCodes:   map[string]*deviceGrant{},
		codes:       map[string]*codeGrant{},
		access:      map[string]*ssoToken{},
		refresh:     map[string]*ssoToken{},
	}
}

// ssoSession is one sign-in of the person, from whichever program.
type ssoSession struct {
	directory *Directory
	ends      time.Time
}

// ssoToken is an access or a refresh token of a session.
type ssoToken struct {
	session *ssoSession
	client  *oidcClient
	expires time.Time
}

// AddDirectory makes an Identity Center with one person and no accounts.
func (s *Server) AddDirectory(o DirectoryOptions) (*Directory, error) {
	if o.SessionLife < 0 || o.TokenLife < 0 || o.DeviceLife < 0 || o.Interval < 0 || o.Interval%time.Second != 0 {
		return nil, errors.New("a directory's times are not negative and its interval is in whole seconds")
	}
	o.Name = cmp.Or(o.Name, "d-"+strings.ToLower(newUniqueID("")[:10]))
	o.User = cmp.Or(o.User, "person@example.com")
	o.SessionLife = cmp.Or(o.SessionLife, 8*time.Hour)
	o.DeviceLife = cmp.Or(o.DeviceLife, 10*time.Minute)
	o.Interval = cmp.Or(o.Interval, time.Second)
	d := &Directory{server: s, opts: o, byID: map[string]*ssoAccount{}, sessions: map[*ssoSession]bool{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.sso.directories[d.StartURL()] != nil {
		return nil, fmt.Errorf("directory %s exists", o.Name)
	}
	s.state.sso.directories[d.StartURL()] = d
	return d, nil
}

// StartURL returns the value for sso_start_url. Nothing is served there: clients only send
// it to the server's URL.
func (d *Directory) StartURL() string { return "https://" + d.opts.Name + ".awsapps.com/start" }

// directory finds a directory by its start URL. What a browser's address bar appends to
// the URL is ignored.
func (s *Server) directory(startURL string) *Directory {
	return s.state.sso.directories[strings.TrimRight(startURL, "/#")]
}

// AddAccount adds an account to the directory, or renames it. Assign adds one too, with
// the id as its name.
func (d *Directory) AddAccount(id, name string) error {
	if !accountID().MatchString(id) {
		return fmt.Errorf("account %q is not twelve digits", id)
	}
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	d.account(id).name = name
	return nil
}

func (d *Directory) account(id string) *ssoAccount {
	a := d.byID[id]
	if a == nil {
		a = &ssoAccount{id: id, name: id, byName: map[string]*assignment{}}
		d.byID[id] = a
		d.accounts = append(d.accounts, a)
	}
	return a
}

// Assign gives the person a permission set in an account, and returns the ARN of its role.
// The role is like one of AddRole, and other roles may trust it. Its sessions last an
// hour.
func (d *Directory) Assign(account, permissionSet string) (roleARN string, err error) {
	roleName := "aws-reserved/sso.amazonaws.com/AWSReservedSSO_" + permissionSet + "_" + sha256Hex([]byte(d.opts.Name + permissionSet))[:16]
	arn, err := d.server.newARN(account, "role", roleName)
	if err != nil {
		return "", err
	}
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	a := d.account(account)
	if a.byName[permissionSet] != nil {
		return "", fmt.Errorf("%s is assigned in %s", permissionSet, account)
	}
	r := &role{Role: Role{Account: account, Name: roleName, MaxSession: time.Hour}, arn: arn, id: newUniqueID(roleID)}
	d.server.state.roles[arn] = r
	a.byName[permissionSet] = &assignment{name: permissionSet, role: r}
	a.roles = append(a.roles, a.byName[permissionSet])
	return arn, nil
}

// Forbid leaves the permission set in the lists but refuses its credentials, as happens
// while an assignment is being removed.
func (d *Directory) Forbid(account, permissionSet string) error {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	if d.byID[account] == nil || d.byID[account].byName[permissionSet] == nil {
		return fmt.Errorf("%s is not assigned in %s", permissionSet, account)
	}
	d.byID[account].byName[permissionSet].denied = true
	return nil
}

// SetAnswer sets what the person does with the pages that open from now on.
func (d *Directory) SetAnswer(a Answer) {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	d.answer = a
}

// RevokeSessions ends all sign-ins of the person, as an administrator does: access and
// refresh tokens do not work any more. Sessions of roles stay valid.
func (d *Directory) RevokeSessions() {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	clear(d.sessions)
	d.server.state.sso.sweep()
}

// ExpireAccessTokens makes all access tokens of the directory expire now. Refresh tokens
// stay valid.
func (d *Directory) ExpireAccessTokens() {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	maps.DeleteFunc(d.server.state.sso.access, func(_ string, t *ssoToken) bool { return t.session.directory == d })
}

// ForgetClients ends the client registrations of all directories, as if their ninety days
// had passed.
func (s *Server) ForgetClients() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.state.sso.clients)
}

// sweep deletes the tokens whose session has ended.
func (st *ssoState) sweep() {
	over := func(_ string, t *ssoToken) bool { return !t.session.directory.sessions[t.session] }
	maps.DeleteFunc(st.access, over)
	maps.DeleteFunc(st.refresh, over)
}

// signIn starts a session and returns its first tokens.
func (s *Server) signIn(c *call, d *Directory, client *oidcClient) tokensJSON {
	session := &ssoSession{directory: d, ends: c.now.Add(d.opts.SessionLife)}
	d.sessions[session] = true
	return s.tokens(c, session, client)
}

// tokens makes a new access token and, for a client that may refresh, a new refresh
// token.
func (s *Server) tokens(c *call, session *ssoSession, client *oidcClient) tokensJSON {
	left := session.ends.Sub(c.now)
	life := session.directory.opts.TokenLife
	if life == 0 && client.refreshes() {
		life = time.Hour
	}
	life = min(cmp.Or(life, left), left).Truncate(time.Second)
	access := newBearer("aoa")
	s.state.sso.access[access.Reveal()] = &ssoToken{session, client, c.now.Add(life)}
	reply := tokensJSON{AccessToken: access.Reveal(), TokenType: "Bearer", ExpiresIn: int(life.Seconds())}
	if client.refreshes() {
		refresh := newBearer("aor")
		s.state.sso.refresh[refresh.Reveal()] = &ssoToken{session, client, session.ends}
		reply.RefreshToken = refresh.Reveal()
	}
	return reply
}

// tokensJSON is the shape CreateTokenResponse.
type tokensJSON struct {
	AccessToken  string `json:"accessToken"`
	TokenType    string `json:"tokenType"`
	ExpiresIn    int    `json:"expiresIn"`
	RefreshToken string `json:"refreshToken,omitempty"`
}

func newBearer(prefix string) creds.Secret { return creds.New(prefix + randomWord(48)) }
