package fakeaws

import (
	"encoding/json"
	"net/http"
	"strings"
)

// This file is the way in and out of the APIs that tell actions apart by method
// and path and speak JSON: Identity Center, its OIDC half, and sign-in.

// route is where a method and path lead.
type route struct {
	service *service
	action  string
}

func routes() map[string]route {
	return map[string]route{
		"POST /client/register":       {oidcService, "RegisterClient"},
		"POST /device_authorization":  {oidcService, "StartDeviceAuthorization"},
		"POST /token":                 {oidcService, "CreateToken"},
		"GET /assignment/accounts":    {portalService, "ListAccounts"},
		"GET /assignment/roles":       {portalService, "ListAccountRoles"},
		"GET /federation/credentials": {portalService, "GetRoleCredentials"},
		"POST /logout":                {portalService, "Logout"},
		"POST /v1/token":              {signinService, "CreateOAuth2Token"},
		"GET /authorize":              {pageService, "Authorize"},
		"POST /authorize":             {pageService, "AnswerAuthorize"},
		"GET /device":                 {pageService, "Device"},
		"POST /device":                {pageService, "AnswerDevice"},
	}
}

// restRoute finds the action of a request that is not at the root.
func restRoute(r *http.Request) (route, bool) {
	if r.URL.Path == "/" {
		return route{}, false
	}
	if action := issuerAction(r); action != "" {
		return route{issuerService, action}, true
	}
	to, ok := routes()[r.Method+" "+r.URL.Path]
	return to, ok
}

// fields is a JSON object as it arrived. Names are looked up as they are spelled:
// AWS does not take ClientId for clientId, and encoding/json would.
type fields map[string]json.RawMessage

func (c *call) readJSON() (fields, bool) {
	var f fields
	return f, json.Unmarshal(c.body, &f) == nil && f != nil
}

// text is a string, or "" when it is absent or something else.
func (f fields) text(name string) string {
	var s string
	_ = json.Unmarshal(f[name], &s) // "" then, and every caller looks for that
	return s
}

// list is a list of strings, or nil when it is absent or something else.
func (f fields) list(name string) []string {
	var l []string
	if json.Unmarshal(f[name], &l) != nil {
		return nil
	}
	return l
}

// missing names the first of the fields that is not there.
func (f fields) missing(names ...string) string {
	for _, n := range names {
		if f.text(n) == "" {
			return n
		}
	}
	return ""
}

func writeJSON(w http.ResponseWriter, c *call, status int, doc any) {
	body, err := json.Marshal(doc)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Amzn-Requestid", c.id)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone; there is nobody to tell
}

// writeOIDC words errors as RFC 6749 does, with AWS's type in a header.
func writeOIDC(w http.ResponseWriter, c *call, result any, fail *apiError) {
	if fail == nil {
		writeJSON(w, c, http.StatusOK, result)
		return
	}
	w.Header().Set("X-Amzn-Errortype", fail.code)
	writeJSON(w, c, fail.status, map[string]string{"error": oauthWord(fail.code), "error_description": fail.message})
}

// oauthWord is AuthorizationPendingException as RFC 6749 spells it:
// authorization_pending.
func oauthWord(code string) string {
	var b strings.Builder
	for i, r := range strings.TrimSuffix(code, "Exception") {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

func writePortal(w http.ResponseWriter, c *call, result any, fail *apiError) {
	if fail == nil {
		writeJSON(w, c, http.StatusOK, result)
		return
	}
	w.Header().Set("X-Amzn-Errortype", fail.code)
	writeJSON(w, c, fail.status, map[string]string{"message": fail.message, "__type": "com.amazonaws.switchboard.portal#" + fail.code})
}
