package server

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/creds"
)

// This file is the container-credentials endpoint: one GET, one JSON document. Whoever
// does not hold the token of a lease learns nothing, not even which leases there are.

// Error is a failure that a client may see, in the form of AWS's own endpoint.
type Error struct {
	Code    string // a word for programs, such as "SignInRequired"
	Message string // a sentence for the person who reads the client's error
	Retry   bool   // trying again without a person may help
}

func (e *Error) Error() string { return e.Message }

// answer handles every request.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	h, status := s.route(r)
	if status != http.StatusOK {
		refuse(w, status)
		return
	}
	a := h.fresh()
	if a == nil {
		var err error
		done := Working(r)
		a, err = h.get(r.Context())
		if done(); err != nil {
			fail(w, err)
			return
		}
	}
	send(w, jsonType, a.body)
}

// route finds what was asked for, or the status of the refusal.
func (s *Server) route(r *http.Request) (*held, int) {
	if !s.isHost(r.Host) || hasBody(r) { // another Host: a web page that rebinds its name to us
		return nil, http.StatusForbidden
	}
	if r.Method != http.MethodGet {
		return nil, http.StatusMethodNotAllowed
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/")
	name, arn, role := strings.Cut(path, rolePath)
	l := s.lease(name)
	if !ok || !s.admits(l, r.Header["Authorization"]) {
		return nil, http.StatusForbidden
	}
	if !role {
		return l.base, http.StatusOK
	}
	if h := l.roles[arn]; h != nil {
		return h, http.StatusOK
	}
	return nil, http.StatusNotFound
}

func (s *Server) isHost(name string) bool {
	return slices.Contains(s.options.Hosts, name) || s.options.AnyPort && loopback(name) == nil
}

// admits compares the token in constant time, also if there is no lease.
func (s *Server) admits(l *Lease, values []string) bool {
	want := s.unused
	if l != nil {
		want = l.token
	}
	return len(values) == 1 && want.Equal(creds.New(values[0])) && l != nil
}

func hasBody(r *http.Request) bool { return r.ContentLength != 0 || len(r.TransferEncoding) > 0 }

var (
	jsonType = []string{"application/json"}
	textType = []string{"text/plain"}
	hangUp   = []string{"close"}
)

func send(w http.ResponseWriter, contentType []string, body []byte) {
	w.Header()["Content-Type"] = contentType
	_, _ = w.Write(body)
}

// refuse rejects a request without a reason, and ends the connection.
func refuse(w http.ResponseWriter, status int) {
	text := http.StatusText(status)
	w.Header()["Connection"] = hangUp
	sendError(w, status, strings.ReplaceAll(text, " ", ""), text)
}

// fail tells a client that has the token why there is no session.
func fail(w http.ResponseWriter, err error) {
	var e *Error
	switch {
	case !errors.As(err, &e):
		sendError(w, http.StatusInternalServerError, "CredentialsUnavailable", err.Error())
	case e.Retry:
		sendError(w, http.StatusServiceUnavailable, e.Code, e.Message)
	default: // a status at which no client tries again by itself
		sendError(w, http.StatusBadRequest, e.Code, e.Message)
	}
}

func sendError(w http.ResponseWriter, status int, code, message string) {
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, _ = w.Write(encode(struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}{code, message}))
}
