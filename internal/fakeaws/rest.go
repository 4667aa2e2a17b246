package fakeaws

import (
	"encoding/json"
	"net/http"
	"strings"
)

// This file decodes and encodes for the APIs that name actions by method and path and use
// JSON: Identity Center, its OIDC service, and sign-in.

// route is the action of a method and path.
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

// fields is a JSON object as it arrived. Names are case-sensitive: AWS does not accept
// ClientId for clientId, and encoding/json would.
type fields map[string]json.RawMessage

func (c *call) readJSON() (fields, bool) {
	var f fields
	return f, json.Unmarshal(c.body, &f) == nil && f != nil
}

// text returns a string, "" if it is absent or has another type.
func (f fields) text(name string) string {
	var s string
	_ = json.Unmarshal(f[name], &s) // leaves "", which every caller checks
	return s
}

// list returns a list of strings, nil if it is absent or has another type.
func (f fields) list(name string) []string {
	var l []string
	if json.Unmarshal(f[name], &l) != nil {
		return nil
	}
	return l
}

// missing returns the name of the first field that is absent, "" if all are there.
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
	_, _ = w.Write(body) // fails only if the client has disconnected
}

// writeOIDC writes errors in the form of RFC 6749, with AWS's type in a header.
func writeOIDC(w http.ResponseWriter, c *call, result any, fail *apiError) {
	if fail == nil {
		writeJSON(w, c, http.StatusOK, result)
		return
	}
	w.Header().Set("X-Amzn-Errortype", fail.code)
	writeJSON(w, c, fail.status, map[string]string{"error": oauthWord(fail.code), "error_description": fail.message})
}

// oauthWord turns the name of an exception into that of RFC 6749:
// AuthorizationPendingException into authorization_pending.
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
