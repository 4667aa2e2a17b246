package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// This file is the part of the EC2 instance metadata service that gives credentials,
// version 2: a PUT for a token that expires, then GETs that send it. Every program on this
// machine may ask; other machines, web pages and forwarding proxies are refused.

// MetadataAddr is where every AWS SDK looks for the service.
const MetadataAddr = "169.254.169.254"

// Instance is what the service answers with.
type Instance struct {
	Source Source // called for each request for credentials
	Role   string // the name of the role; "" is "vault"
	Region string // "": the service does not answer with a region
	V1     bool   // answer without a token too, as version 1 does
}

// Metadata answers as the instance metadata service. Its methods may be called from
// several goroutines at once.
type Metadata struct {
	Hosts []string         // accepted values of the Host header; nil is those of MetadataAddr
	Now   func() time.Time // nil is time.Now

	tenant atomic.Pointer[tenant]
}

// tenant is an Instance with the key that signs the tokens given out for it.
type tenant struct {
	Instance
	key []byte
}

// Set makes the service answer with i from now on; with nil it refuses every request.
// Tokens given out before are no longer valid.
func (m *Metadata) Set(i *Instance) {
	if i == nil {
		m.tenant.Store(nil)
		return
	}
	t := &tenant{*i, random(32)}
	if t.Role == "" {
		t.Role = "vault"
	}
	m.tenant.Store(t)
}

// Serve answers on l until ctx ends, and closes it.
func (m *Metadata) Serve(ctx context.Context, l net.Listener) error {
	s := NewHTTP(m)
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	err := s.Serve(limit(l))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

const (
	tokenPath   = "/latest/api/token"
	tokenHeader = "X-Aws-Ec2-Metadata-Token" //nolint:gosec // the name of a header
	ttlHeader   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	maxTTL      = 6 * 60 * 60
)

func (m *Metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := m.tenant.Load()
	switch {
	case !m.admits(r):
		refuse(w, http.StatusForbidden)
	case t == nil:
		refuse(w, http.StatusNotFound)
	case r.URL.Path == tokenPath:
		m.giveToken(w, r, t)
	case r.Method != http.MethodGet:
		refuse(w, http.StatusMethodNotAllowed)
	case !t.knows(r.Header[tokenHeader], m.now()):
		refuse(w, http.StatusUnauthorized)
	default:
		m.tell(w, r, t)
	}
}

// admits refuses what does not come from a program on this machine that speaks to the
// service itself: other machines and containers, web pages that rebind a name, proxies.
func (m *Metadata) admits(r *http.Request) bool {
	hosts := m.Hosts
	if hosts == nil {
		hosts = hostsOf(MetadataAddr + ":80")
	}
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || ip != MetadataAddr && !net.ParseIP(ip).IsLoopback() {
		return false
	}
	_, forwarded := r.Header["X-Forwarded-For"]
	return slices.Contains(hosts, r.Host) && !forwarded && !hasBody(r)
}

func (m *Metadata) now() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
}

// giveToken answers the PUT.
func (m *Metadata) giveToken(w http.ResponseWriter, r *http.Request, t *tenant) {
	if r.Method != http.MethodPut {
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	ttl := r.Header[ttlHeader]
	if len(ttl) != 1 {
		refuse(w, http.StatusBadRequest)
		return
	}
	seconds, err := strconv.ParseUint(ttl[0], 10, 32)
	if err != nil || seconds < 1 || seconds > maxTTL {
		refuse(w, http.StatusBadRequest)
		return
	}
	w.Header()[ttlHeader] = []string{strconv.FormatUint(seconds, 10)}
	send(w, textType, []byte(t.token(m.now().Add(time.Duration(seconds)*time.Second))))
}

// token is a moment and our signature under it, so that there is nothing to remember and
// nothing to fill up. The random bytes make each one different.
func (t *tenant) token(expires time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(expires.UnixMilli()))
	b = append(b, random(8)...)
	return base64.RawURLEncoding.EncodeToString(t.sign(b))
}

func (t *tenant) sign(b []byte) []byte {
	mac := hmac.New(sha256.New, t.key)
	mac.Write(b)
	return mac.Sum(b)
}

// knows reports whether a request may be answered: its token was made by t and has not
// expired, or it has no token and version 1 is allowed.
func (t *tenant) knows(values []string, now time.Time) bool {
	if len(values) != 1 {
		return len(values) == 0 && t.V1
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(values[0])
	if err != nil || len(b) != 16+sha256.Size || !hmac.Equal(b, t.sign(b[:16:16])) {
		return false
	}
	return now.UnixMilli() < int64(binary.BigEndian.Uint64(b))
}

// tell answers a GET.
func (m *Metadata) tell(w http.ResponseWriter, r *http.Request, t *tenant) {
	const roles = "/latest/meta-data/iam/security-credentials"
	text := func(s string) { send(w, textType, []byte(s)) }
	switch path := strings.TrimSuffix(r.URL.Path, "/"); {
	case path == roles:
		text(t.Role)
	case path == roles+"/"+t.Role:
		done := Working(r)
		document := m.credentials(r.Context(), t)
		done()
		send(w, jsonType, document)
	case path == "/latest/meta-data/iam/info":
		send(w, jsonType, []byte(`{"Code":"Success"}`))
	case path == "/latest/meta-data/instance-id":
		text("vault")
	case path == "/latest/meta-data/placement/region" && t.Region != "":
		text(t.Region)
	case path == "/latest/meta-data/placement/availability-zone" && t.Region != "":
		text(t.Region + "a")
	case path == "/latest/dynamic/instance-identity/document" && t.Region != "":
		send(w, jsonType, encode(map[string]string{"region": t.Region}))
	default:
		refuse(w, http.StatusNotFound)
	}
}

// credentials is the document of the role, or why there is none, in the same form: the
// service has no other way to say it.
func (m *Metadata) credentials(ctx context.Context, t *tenant) []byte {
	type document struct {
		Code, LastUpdated string
		Message           string `json:",omitempty"`
		Type              string `json:",omitempty"`
		AccessKeyID       string `json:"AccessKeyId,omitempty"`
		SecretAccessKey   string `json:",omitempty"`
		Token             string `json:",omitempty"`
		Expiration        string `json:",omitempty"`
		AccountID         string `json:"AccountId,omitempty"`
	}
	now := m.now()
	s, err := t.Source(ctx)
	if err == nil && s.Expired(now) {
		err = errExpired
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		return encode(document{Code: e.Code, Message: e.Message, LastUpdated: stamp(now)})
	case err != nil:
		return encode(document{Code: "CredentialsUnavailable", Message: err.Error(), LastUpdated: stamp(now)})
	}
	s = promised(s, now)
	return encode(document{Code: "Success", Type: "AWS-HMAC", AccessKeyID: s.AccessKeyID, SecretAccessKey: s.SecretKey.Reveal(),
		Token: s.Token.Reveal(), Expiration: stamp(s.Expires), LastUpdated: stamp(s.Issued), AccountID: accountOf(s.ARN)})
}
