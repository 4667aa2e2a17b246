package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
)

// This file asks the machine itself for credentials: its environment, the endpoint of
// its container, the metadata service of its instance. The SDK's packages for the last
// two would be more than what they do here. No proxy stands between a machine and itself.

// HostError says why the machine has no credentials to offer.
type HostError struct{ Kind, Why string }

func (e *HostError) Error() string {
	return fmt.Sprintf("credential_source = %s: %s", e.Kind, e.Why)
}

func (m *Maker) host(ctx context.Context, h *profiles.Host) (s creds.Session, err error) {
	switch h.Kind {
	case profiles.HostEnvironment:
		s, err = m.fromEnvironment()
	case profiles.HostContainer:
		s, err = m.fromContainer(ctx)
	case profiles.HostInstance:
		s, err = m.fromInstance(ctx)
	default:
		err = errors.New("there is no such source")
	}
	if err != nil && ctx.Err() == nil {
		err = &HostError{h.Kind, cause(err)}
	}
	return s, err
}

func (m *Maker) fromEnvironment() (creds.Session, error) {
	s := creds.Session{
		AccessKeyID: m.Env["AWS_ACCESS_KEY_ID"], SecretKey: creds.New(m.Env["AWS_SECRET_ACCESS_KEY"]),
		Token: creds.New(m.Env["AWS_SESSION_TOKEN"]),
	}
	if s.AccessKeyID == "" || s.SecretKey.IsZero() {
		return s, errors.New("the environment has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of your own")
	}
	if t, err := moment(m.Env["AWS_CREDENTIAL_EXPIRATION"]); err == nil && !s.Token.IsZero() {
		s.Expires = t
	}
	if !s.Expires.IsZero() && !m.Now().Before(s.Expires) {
		return s, errors.New("the keys in the environment have lapsed")
	}
	return s, nil
}

// containerHosts may be asked over plain HTTP, besides the machine itself.
var containerHosts = []string{"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"}

func (m *Maker) fromContainer(ctx context.Context) (creds.Session, error) {
	at := m.Env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
	if path := m.Env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]; path != "" {
		at = "http://" + containerHosts[0] + path
	}
	if at == "" {
		return creds.Session{}, errors.New("this is no container with a role: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor _FULL_URI is set")
	}
	if err := askable(at); err != nil {
		return creds.Session{}, err
	}
	header := http.Header{}
	token, err := m.containerToken()
	if err != nil {
		return creds.Session{}, err
	}
	if !token.IsZero() {
		header.Set("Authorization", token.Reveal())
	}
	text, err := m.fetch(ctx, http.MethodGet, at, header)
	if err != nil {
		return creds.Session{}, err
	}
	return m.hostCredentials(text)
}

// askable: over plain HTTP a token and the credentials may go no further than this
// machine and what AWS puts beside it.
func askable(at string) error {
	u, err := url.Parse(at)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("AWS_CONTAINER_CREDENTIALS_FULL_URI is no address")
	}
	if u.Scheme == "https" {
		return nil
	}
	for _, h := range containerHosts {
		if u.Hostname() == h {
			return nil
		}
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s is not on this machine, and http would tell others the credentials", u.Hostname())
}

func (m *Maker) containerToken() (creds.Secret, error) {
	token := m.Env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
	if file := m.Env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]; file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return creds.Secret{}, err
		}
		token = string(b)
	}
	if strings.ContainsAny(token, "\r\n") {
		return creds.Secret{}, errors.New("the authorization token has a line break in it")
	}
	return creds.New(token), nil
}

const rolePath = "/latest/meta-data/iam/security-credentials/"

// fromInstance speaks version 2 of the metadata service alone: the first can be reached
// through a careless web server.
func (m *Maker) fromInstance(ctx context.Context) (creds.Session, error) {
	if strings.EqualFold(m.Env["AWS_EC2_METADATA_DISABLED"], "true") {
		return creds.Session{}, errors.New("AWS_EC2_METADATA_DISABLED is set")
	}
	base := strings.TrimSuffix(m.Env["AWS_EC2_METADATA_SERVICE_ENDPOINT"], "/")
	switch {
	case base != "":
	case strings.EqualFold(m.Env["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"], "IPv6"):
		base = "http://[fd00:ec2::254]"
	default:
		base = "http://169.254.169.254"
	}
	token, err := m.fetch(ctx, http.MethodPut, base+"/latest/api/token", http.Header{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": {"300"}})
	if err != nil {
		return creds.Session{}, err
	}
	header := http.Header{"X-Aws-Ec2-Metadata-Token": {string(token)}}
	roles, err := m.fetch(ctx, http.MethodGet, base+rolePath, header)
	if err != nil {
		return creds.Session{}, err
	}
	role, _, _ := strings.Cut(strings.TrimSpace(string(roles)), "\n")
	if role == "" {
		return creds.Session{}, errors.New("the instance has no role")
	}
	text, err := m.fetch(ctx, http.MethodGet, base+rolePath+url.PathEscape(role), header)
	if err != nil {
		return creds.Session{}, err
	}
	return m.hostCredentials(text)
}

// near is for what is on this machine or right beside it.
var near = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// fetch asks three times, two seconds each: the first question after a boot may come
// before the service does.
func (m *Maker) fetch(ctx context.Context, method, at string, header http.Header) (text []byte, err error) {
	for n := 0; ; n++ {
		var status int
		text, status, err = m.fetchOnce(ctx, method, at, header)
		if err == nil && status == http.StatusOK {
			return text, nil
		}
		if err == nil {
			err = fmt.Errorf("it answered with status %d", status)
		}
		if n == 2 || status != 0 && status < 500 {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(firstPause):
		}
	}
}

func (m *Maker) fetchOnce(ctx context.Context, method, at string, header http.Header) ([]byte, int, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, at, nil)
	if err != nil {
		return nil, 0, errors.New("its address cannot be read")
	}
	r.Header = header
	res, err := near.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return text, res.StatusCode, err
}

func (m *Maker) hostCredentials(text []byte) (creds.Session, error) {
	var v struct {
		Code, Message   string
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
		Expiration      string
	}
	if json.Unmarshal(text, &v) != nil {
		return creds.Session{}, errors.New("its answer cannot be read")
	}
	if v.Code != "" && v.Code != "Success" {
		return creds.Session{}, fmt.Errorf("it answered %s: %s", v.Code, v.Message)
	}
	s := creds.Session{AccessKeyID: v.AccessKeyID, SecretKey: creds.New(v.SecretAccessKey), Token: creds.New(v.Token)}
	if s.AccessKeyID == "" || s.SecretKey.IsZero() {
		return creds.Session{}, errors.New("its answer has no credentials in it")
	}
	if v.Expiration == "" {
		return s, nil
	}
	var err error
	if s.Expires, err = moment(v.Expiration); err != nil || !m.Now().Before(s.Expires) {
		return creds.Session{}, errors.New("its credentials have lapsed")
	}
	return s, nil
}
