package sessions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
)

// This file gets credentials from the machine itself: from its environment, from the
// endpoint of its container, from the metadata service of its instance. No proxy stands
// between a machine and itself, and no redirect leads away from it.

// HostError says why the machine offers no credentials.
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
		err = errors.New("this source is not known")
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
	if t, _, ok := creds.ParseTime(m.Env["AWS_CREDENTIAL_EXPIRATION"]); ok && !s.Token.IsZero() {
		s.Expires = t
	}
	if !s.Expires.IsZero() && !m.Now().Before(s.Expires) {
		return s, errors.New("the keys in the environment have expired")
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
		return creds.Session{}, errors.New("this is not a container with a role: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor _FULL_URI is set")
	}
	if err := askable(at); err != nil {
		return creds.Session{}, err
	}
	token, err := m.containerToken()
	if err != nil {
		return creds.Session{}, err
	}
	return m.hostCredentials(ctx, endpointcreds.New(at, func(o *endpointcreds.Options) {
		o.HTTPClient, o.AuthorizationToken = local{}, token.Reveal()
	}))
}

// askable reports why an address may not be asked, nil if it may: over plain HTTP the
// token and the credentials may go no further than this machine and what AWS puts beside
// it.
func askable(at string) error {
	u, err := url.Parse(at)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("AWS_CONTAINER_CREDENTIALS_FULL_URI is not an address")
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
		if m.Path != nil {
			file = m.Path(file)
		}
		b, err := atomicfile.Read(file, maxToken)
		if err != nil {
			return creds.Secret{}, fmt.Errorf("the file in AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: %w", err)
		}
		token = string(b)
	}
	if strings.ContainsAny(token, "\r\n") {
		return creds.Secret{}, errors.New("the authorization token has a line break in it")
	}
	return creds.New(token), nil
}

// fromInstance uses version 2 of the metadata service only: version 1 can be reached
// through a careless web server.
func (m *Maker) fromInstance(ctx context.Context) (creds.Session, error) {
	if strings.EqualFold(m.Env["AWS_EC2_METADATA_DISABLED"], "true") {
		return creds.Session{}, errors.New("AWS_EC2_METADATA_DISABLED is set")
	}
	o := imds.Options{
		HTTPClient: local{}, ClientEnableState: imds.ClientEnabled, EnableFallback: aws.FalseTernary, DisableDefaultTimeout: true,
	}
	at := m.Env["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
	switch {
	case at != "":
		o.Endpoint = at
	case strings.EqualFold(m.Env["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"], "IPv6"):
		o.Endpoint = "http://[fd00:ec2::254]"
	default:
		o.Endpoint = "http://169.254.169.254" // else the SDK would look into the environment itself
	}
	return m.hostCredentials(ctx, ec2rolecreds.New(func(r *ec2rolecreds.Options) { r.Client = imds.New(o) }))
}

// How long an endpoint of the machine may take: for one answer, and in all. The first
// request after a boot may come before the service runs, so the SDK tries again.
const (
	localAnswer = 2 * time.Second
	localAll    = 3*localAnswer + time.Second
)

// near reaches what is on this machine or right beside it.
var near = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	Timeout:       localAnswer,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// local is near with a bound on what an answer may hold. An answer that is the word null is an empty
// object: the SDK takes it for an answer that is there, and would look into it.
type local struct{}

func (local) Do(r *http.Request) (*http.Response, error) {
	res, err := near.Do(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if _ = res.Body.Close(); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("null")) {
		body = []byte("{}")
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// hostCredentials asks a provider and checks what it returns.
func (m *Maker) hostCredentials(ctx context.Context, from aws.CredentialsProvider) (creds.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, localAll)
	defer cancel()
	v, err := from.Retrieve(ctx)
	if err != nil {
		return creds.Session{}, hostFailure(ctx, err)
	}
	s := creds.Session{AccessKeyID: v.AccessKeyID, SecretKey: creds.New(v.SecretAccessKey), Token: creds.New(v.SessionToken)}
	if s.AccessKeyID == "" || s.SecretKey.IsZero() {
		return creds.Session{}, errors.New("its answer has no credentials in it")
	}
	if !v.CanExpire || v.Expires.IsZero() {
		return s, nil
	}
	if s.Expires = v.Expires.UTC(); !m.Now().Before(s.Expires) {
		return creds.Session{}, errors.New("its credentials have expired")
	}
	return s, nil
}

// hostFailure says in a few words why a provider failed. The answer itself may hold a
// secret, so it is not quoted.
func hostFailure(ctx context.Context, err error) error {
	var syntax *json.SyntaxError
	var unread *smithy.DeserializationError
	var answered interface{ HTTPStatusCode() int }
	var api smithy.APIError
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // the SDK's error does not always wrap it
	case strings.Contains(err.Error(), "empty EC2 IMDS role list"):
		return errors.New("the instance has no role")
	case errors.As(err, &answered):
		return fmt.Errorf("it answered with status %d", answered.HTTPStatusCode())
	case errors.As(err, &api):
		return fmt.Errorf("it answered %s: %s", api.ErrorCode(), api.ErrorMessage())
	case errors.As(err, &syntax), errors.As(err, &unread):
		return errors.New("its answer cannot be read")
	}
	return err
}
