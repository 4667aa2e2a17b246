package fakeaws

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// This file is the endpoint by which temporary credentials open the console: it exchanges
// them for a token, which signs a browser in once and within fifteen minutes. The console is
// one page that says who is signed in. Its errors are pages, as AWS's are.

const (
	signinTokenLife   = 15 * time.Minute
	minConsoleSession = 15 * time.Minute
	maxConsoleSession = 12 * time.Hour
	consoleCookie     = "fake-aws-console"
)

var consoleService = &service{
	name:  "console",
	write: writePage,
	unsigned: map[string]func(*Server, *call) (any, *apiError){
		"getSigninToken": getSigninToken,
		"login":          consoleLogin,
		"logout":         consoleLogout,
		"console":        showConsole,
	},
}

// consoleAction is the action of a request to one of the addresses of this service: its
// parameter Action, which may be in a form.
func (c *call) consoleAction() string {
	if c.request.URL.Path == "/console" {
		return "console"
	}
	if form, err := url.ParseQuery(string(c.body)); err == nil && c.request.Method == http.MethodPost {
		for name, values := range form {
			c.params[name] = append(c.params[name], values...)
		}
	}
	return c.params.Get("Action")
}

type consoleState struct {
	tokens   map[string]*signinToken
	browsers map[string]*consoleSession // by the value of the cookie
	last     SigninTokenCall
}

func newConsoleState() consoleState {
	return consoleState{tokens: map[string]*signinToken{}, browsers: map[string]*consoleSession{}}
}

type signinToken struct {
	session consoleSession
	expires time.Time
}

type consoleSession struct {
	arn, account string
	ends         time.Time
}

// SigninTokenCall is a request for a token that signs a browser in to the console.
type SigninTokenCall struct {
	ARN      string // whose the credentials are; "" if they were refused
	Method   string // GET has the credentials in its address
	Duration time.Duration
}

// LastSigninToken returns the last request for a token.
func (s *Server) LastSigninToken() SigninTokenCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.console.last
}

func badConsole(text string) *apiError {
	return refuse(http.StatusBadRequest, "InvalidRequest", "%s", text)
}

func getSigninToken(s *Server, c *call) (any, *apiError) {
	s.state.console.last = SigninTokenCall{Method: c.request.Method}
	var session map[string]string
	if json.Unmarshal([]byte(c.params.Get("Session")), &session) != nil {
		return nil, badConsole("Invalid session parameter")
	}
	k := s.state.credentials[session["sessionId"]]
	if k == nil || !k.active || !k.temporary() || k.expired(c.now) ||
		!k.secret.Equal(creds.New(session["sessionKey"])) || !k.token.Equal(creds.New(session["sessionToken"])) {
		return nil, badConsole("Invalid credentials parameter")
	}
	if k.isUserSession() && !k.federated { // "single sign-on to console is not allowed" for these
		return nil, badConsole("Invalid credentials parameter")
	}
	length, fail := k.consoleDuration(c)
	if fail != nil {
		return nil, fail
	}
	s.state.console.last.ARN, s.state.console.last.Duration = k.arn, length
	ends := k.expires
	if length > 0 {
		ends = c.now.Add(length)
	}
	token := randomWord(300)
	s.state.console.tokens[token] = &signinToken{consoleSession{k.arn, k.account, ends}, c.now.Add(signinTokenLife)}
	return map[string]string{"SigninToken": token}, nil
}

// consoleDuration reads SessionDuration: for a role only, whose session was not made with
// temporary credentials.
func (k *credential) consoleDuration(c *call) (time.Duration, *apiError) {
	if !c.params.Has("SessionDuration") {
		return 0, nil
	}
	seconds, err := strconv.Atoi(c.params.Get("SessionDuration"))
	length := time.Duration(seconds) * time.Second
	chained := k.madeWith != nil && k.madeWith.temporary()
	if err != nil || k.federated || chained || length < minConsoleSession || length > maxConsoleSession {
		return 0, badConsole("Invalid session duration parameter")
	}
	return length, nil
}

// consoleHost reports whether a host is one of the console's in this server's partition.
func (s *Server) consoleHost(host string) bool {
	domain := map[string]string{
		"aws": "aws.amazon.com", "aws-cn": "amazonaws.cn", "aws-us-gov": "amazonaws-us-gov.com", "aws-eusc": "amazonaws-eusc.eu",
	}[s.opts.Partition]
	return domain != "" && (host == "console."+domain || strings.HasSuffix(host, ".console."+domain))
}

func consoleLogin(s *Server, c *call) (any, *apiError) {
	if c.request.Method != http.MethodGet {
		return nil, refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "Request method 'POST' not supported")
	}
	to, err := url.Parse(c.params.Get("Destination"))
	if err != nil || to.Scheme != "https" || !s.consoleHost(to.Host) {
		return nil, badConsole("Invalid destination parameter")
	}
	if was := s.consoleSession(c); was != nil {
		if t := s.state.console.tokens[c.params.Get("SigninToken")]; t != nil && t.session.arn != was.arn {
			return nil, badConsole("You must first log out before logging into a different AWS account")
		}
	}
	t := s.state.console.tokens[c.params.Get("SigninToken")]
	delete(s.state.console.tokens, c.params.Get("SigninToken"))
	if t == nil || !c.now.Before(t.expires) {
		return nil, badConsole("Invalid token parameter")
	}
	id := randomWord(40)
	s.state.console.browsers[id] = &t.session
	return &view{
		location: "/console?" + url.Values{"destination": {to.String()}}.Encode(),
		cookie:   &http.Cookie{Name: consoleCookie, Value: id, Path: "/", HttpOnly: true, MaxAge: int(t.session.ends.Sub(c.now).Seconds())},
	}, nil
}

// consoleSession is that of the browser, nil if it is not signed in.
func (s *Server) consoleSession(c *call) *consoleSession {
	cookie, err := c.request.Cookie(consoleCookie)
	if err != nil {
		return nil
	}
	session := s.state.console.browsers[cookie.Value]
	if session == nil || !c.now.Before(session.ends) {
		return nil
	}
	return session
}

func consoleLogout(s *Server, c *call) (any, *apiError) {
	if cookie, err := c.request.Cookie(consoleCookie); err == nil {
		delete(s.state.console.browsers, cookie.Value)
	}
	v := &view{title: "Signed out", cookie: &http.Cookie{Name: consoleCookie, Path: "/", MaxAge: -1}}
	if to, err := url.Parse(c.params.Get("redirect_uri")); err == nil && to.Host == c.request.Host && to.Path == "/federation" {
		v.location = to.String()
	}
	return v, nil
}

func showConsole(s *Server, c *call) (any, *apiError) {
	session := s.consoleSession(c)
	if session == nil {
		return nil, refuse(http.StatusForbidden, "Forbidden", "You are not signed in.")
	}
	return &view{title: "Console", text: fmt.Sprintf("%s in account %s until %s at %s",
		session.arn, session.account, session.ends.Format(time.RFC3339), c.params.Get("destination"))}, nil
}

// consolePaths are the addresses of this service.
var consolePaths = []string{"GET /federation", "POST /federation", "GET /oauth", "GET /console"}

func isConsole(r *http.Request) bool {
	return slices.Contains(consolePaths, r.Method+" "+r.URL.Path)
}
