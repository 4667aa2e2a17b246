package fakeaws

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// This file is the portal of Identity Center: it lists accounts and roles for an access
// token, and gives the credentials of a role that is assigned.

const (
	bearerHeader = "X-Amz-Sso_bearer_token"
	portalPage   = 20
	portalMax    = 100
)

var portalService = &service{
	name:  "awsssoportal",
	write: writePortal,
	unsigned: map[string]func(*Server, *call) (any, *apiError){
		"ListAccounts":       listAccounts,
		"ListAccountRoles":   listAccountRoles,
		"GetRoleCredentials": getRoleCredentials,
		"Logout":             logout,
	},
}

// bearer returns the session of the access token in the request.
func (s *Server) bearer(c *call) (*ssoSession, *apiError) {
	t := s.state.sso.access[c.request.Header.Get(bearerHeader)]
	if t == nil || !c.now.Before(t.expires) {
		return nil, refuse(http.StatusUnauthorized, "UnauthorizedException", "Session token not found or invalid")
	}
	return t.session, nil
}

func badPortalRequest(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "InvalidRequestException", format, args...)
}

func noAccess() *apiError {
	// Not in the API's model, but what the service answers.
	return refuse(http.StatusForbidden, "ForbiddenException", "No access")
}

func listAccounts(s *Server, c *call) (any, *apiError) {
	session, fail := s.bearer(c)
	if fail != nil {
		return nil, fail
	}
	accounts, next, fail := page(c, session.directory.accounts)
	if fail != nil {
		return nil, fail
	}
	list := []map[string]string{}
	for _, a := range accounts {
		list = append(list, map[string]string{"accountId": a.id, "accountName": a.name, "emailAddress": a.id + "@example.com"})
	}
	return withNext(map[string]any{"accountList": list}, next), nil
}

func listAccountRoles(s *Server, c *call) (any, *apiError) {
	session, fail := s.bearer(c)
	if fail != nil {
		return nil, fail
	}
	id := c.params.Get("account_id")
	if id == "" {
		return nil, badPortalRequest("Missing required parameter: account_id")
	}
	a := session.directory.byID[id]
	if a == nil {
		return nil, refuse(http.StatusNotFound, "ResourceNotFoundException", "Account not found")
	}
	roles, next, fail := page(c, a.roles)
	if fail != nil {
		return nil, fail
	}
	list := []map[string]string{}
	for _, r := range roles {
		list = append(list, map[string]string{"roleName": r.name, "accountId": id})
	}
	return withNext(map[string]any{"roleList": list}, next), nil
}

func withNext(reply map[string]any, next string) map[string]any {
	if next != "" {
		reply["nextToken"] = next
	}
	return reply
}

// page returns the part of a list that max_result and next_token ask for, and the token of
// the part after it.
func page[T any](c *call, all []T) (part []T, next string, fail *apiError) {
	n := portalPage
	if text := c.params.Get("max_result"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 || n > portalMax {
			return nil, "", badPortalRequest("maxResults must be between 1 and %d", portalMax)
		}
	}
	from := 0
	if text := c.params.Get("next_token"); text != "" {
		var ok bool
		if from, ok = readNext(c, text); !ok || from >= len(all) {
			return nil, "", badPortalRequest("Invalid next token")
		}
	}
	to := min(from+n, len(all))
	if to < len(all) {
		next = newNext(c, to)
	}
	return all[from:to], next, nil
}

// A next token names the list that it continues, so that a token of another list, or an
// invented number, is refused.
func newNext(c *call, at int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.action + c.params.Get("account_id") + " " + strconv.Itoa(at)))
}

func readNext(c *call, token string) (int, bool) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	_, number, _ := strings.Cut(string(text), " ")
	at, bad := strconv.Atoi(number)
	return at, err == nil && bad == nil && token == newNext(c, at)
}

func getRoleCredentials(s *Server, c *call) (any, *apiError) {
	session, fail := s.bearer(c)
	if fail != nil {
		return nil, fail
	}
	d, id, name := session.directory, c.params.Get("account_id"), c.params.Get("role_name")
	if id == "" || name == "" {
		return nil, badPortalRequest("Missing required parameter: account_id and role_name are needed")
	}
	a := d.byID[id]
	if a == nil || a.byName[name] == nil || a.byName[name].denied {
		return nil, noAccess()
	}
	r := a.byName[name].role
	k, fail := s.session(c, id, int(r.MaxSession.Seconds()))
	if fail != nil {
		return nil, fail
	}
	k.become(r, d.opts.User)
	return map[string]any{"roleCredentials": map[string]any{
		"accessKeyId":     k.id,
		"secretAccessKey": k.secret.Reveal(),
		"sessionToken":    k.token.Reveal(),
		"expiration":      k.expires.UnixMilli(),
	}}, nil
}

// logout ends the whole sign-in, the refresh token with it.
func logout(s *Server, c *call) (any, *apiError) {
	session, fail := s.bearer(c)
	if fail != nil {
		return nil, fail
	}
	delete(session.directory.sessions, session)
	s.state.sso.sweep()
	return struct{}{}, nil
}
