package sessions

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	smithyendpoints "github.com/aws/smithy-go/endpoints"

	"github.com/d44b7504/vault/internal/creds"
)

// This file manages the access keys of one IAM user, which is all of IAM that a rotation
// needs. The answer to CreateAccessKey holds a secret that AWS never shows again: the
// call is made once, and no error quotes an answer that is not an error itself.

// IAM manages the access keys of User with the credentials of Session. Its methods block
// on the network up to ctx's deadline; several goroutines may call them.
type IAM struct {
	Endpoint Endpoint
	Session  creds.Session // signs the calls: a key, or a session
	User     string        // the user name without its path
}

// AccessKey is what IAM says about a key, without its secret.
type AccessKey struct {
	ID      string
	Active  bool
	Created time.Time
}

// KeyUse says when a key was last used, and with which service. The zero value: never.
type KeyUse struct {
	At              time.Time
	Service, Region string
}

// UnsureError is a failure after which AWS may or may not have carried out the call.
type UnsureError struct{ Err error }

func (e *UnsureError) Error() string { return e.Err.Error() }
func (e *UnsureError) Unwrap() error { return e.Err }

// ListAccessKeys returns the user's keys, active or not, in AWS's order.
func (c IAM) ListAccessKeys(ctx context.Context) ([]AccessKey, error) {
	var all []AccessKey
	pages := iam.NewListAccessKeysPaginator(c.client(nil), &iam.ListAccessKeysInput{UserName: &c.User},
		func(o *iam.ListAccessKeysPaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, c.failure("ListAccessKeys", err)
		}
		for _, k := range page.AccessKeyMetadata {
			all = append(all, AccessKey{
				ID: aws.ToString(k.AccessKeyId), Active: k.Status == types.StatusTypeActive, Created: aws.ToTime(k.CreateDate).UTC(),
			})
		}
	}
	return all, nil
}

// ListMFADevices returns the serials of the devices of the user who signs, that can show a
// code: a security key cannot.
func (c IAM) ListMFADevices(ctx context.Context) ([]string, error) {
	var all []string
	pages := iam.NewListMFADevicesPaginator(c.client(nil), &iam.ListMFADevicesInput{},
		func(o *iam.ListMFADevicesPaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, c.failure("ListMFADevices", err)
		}
		for _, d := range page.MFADevices {
			if serial := aws.ToString(d.SerialNumber); !strings.Contains(serial, ":u2f/") {
				all = append(all, serial)
			}
		}
	}
	return all, nil
}

// AccountAlias returns the alias of the account, "" if it has none.
func (c IAM) AccountAlias(ctx context.Context) (string, error) {
	out, err := c.client(nil).ListAccountAliases(ctx, &iam.ListAccountAliasesInput{})
	switch {
	case err != nil:
		return "", c.failure("ListAccountAliases", err)
	case len(out.AccountAliases) == 0:
		return "", nil
	case !creds.Printable(out.AccountAliases[0]):
		return "", c.failure("ListAccountAliases", malformed("the alias cannot be printed"))
	}
	return out.AccountAliases[0], nil
}

// CreateAccessKey makes another key for the user. It is not tried again after a failure:
// an *UnsureError says that a key may exist now whose secret is lost.
func (c IAM) CreateAccessKey(ctx context.Context) (creds.Key, error) {
	const action = "CreateAccessKey"
	var sent bool
	out, err := c.client(&sent).CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &c.User}, func(o *iam.Options) {
		o.Retryer = unlessSkewed{o.Retryer}
	})
	switch {
	case err != nil && sent && undecided(err):
		return creds.Key{}, &UnsureError{c.failure(action, err)}
	case err != nil:
		return creds.Key{}, c.failure(action, err)
	}
	k := out.AccessKey
	if k == nil || aws.ToString(k.AccessKeyId) == "" || aws.ToString(k.SecretAccessKey) == "" {
		return creds.Key{}, &UnsureError{c.failure(action, malformed("the answer has no key in it"))}
	}
	return creds.Key{ID: *k.AccessKeyId, Secret: creds.New(*k.SecretAccessKey)}, nil
}

// DeactivateAccessKey makes a key stop working until it is activated again.
func (c IAM) DeactivateAccessKey(ctx context.Context, id string) error {
	_, err := c.client(nil).UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{
		UserName: &c.User, AccessKeyId: &id, Status: types.StatusTypeInactive,
	})
	return c.failure("UpdateAccessKey", err)
}

// DeleteAccessKey makes a key stop working for ever. If the user has no key of this id,
// it returns an error of kind Gone.
func (c IAM) DeleteAccessKey(ctx context.Context, id string) error {
	_, err := c.client(nil).DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &c.User, AccessKeyId: &id})
	return c.failure("DeleteAccessKey", err)
}

// AccessKeyLastUsed says when a key was last used. AWS's answer may lag by some hours.
func (c IAM) AccessKeyLastUsed(ctx context.Context, id string) (KeyUse, error) {
	out, err := c.client(nil).GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: &id})
	if err != nil {
		return KeyUse{}, c.failure("GetAccessKeyLastUsed", err)
	}
	use := out.AccessKeyLastUsed
	if use == nil || use.LastUsedDate == nil {
		return KeyUse{}, nil
	}
	return KeyUse{At: use.LastUsedDate.UTC(), Service: aws.ToString(use.ServiceName), Region: aws.ToString(use.Region)}, nil
}

// client returns IAM's client. It sets *sent, unless nil, when a request leaves.
func (c IAM) client(sent *bool) *iam.Client {
	o := iam.Options{
		AppID: "vault", HTTPClient: noting{c.Endpoint.httpClient(nil), sent}, Credentials: given(c.Session),
		EndpointResolverV2: iamEndpoints{c.Endpoint, iam.NewDefaultEndpointResolverV2()},
	}
	o.APIOptions = append(o.APIOptions, againInTime)
	o.Region = c.Endpoint.region()
	o.RetryMaxAttempts, o.RetryMode = c.Endpoint.retries()
	if o.RetryMaxAttempts == 0 {
		o.RetryMaxAttempts = maxTries // IAM throttles early, and a rotation should end
	}
	return iam.New(o)
}

// iamEndpoints finds IAM by the SDK's rules. A custom URL takes the place of the host
// alone: the signature still names the one region of the partition in which IAM lives.
type iamEndpoints struct {
	at  Endpoint
	aws iam.EndpointResolverV2
}

func (r iamEndpoints) ResolveEndpoint(ctx context.Context, p iam.EndpointParameters) (end smithyendpoints.Endpoint, err error) {
	p.UseFIPS, p.UseDualStack = &r.at.Network.FIPS, &r.at.Network.DualStack
	if end, err = r.aws.ResolveEndpoint(ctx, p); err != nil || r.at.URL == "" {
		return end, err
	}
	custom, err := url.Parse(r.at.URL)
	if err == nil {
		end.URI = *custom
	}
	return end, err
}

// failure names the call in an error; nil stays nil.
func (c IAM) failure(call string, err error) error {
	action := "iam:" + call
	err = failure(action+" on user", c.User, c.Session.Profile, err)
	var failed *CallError
	if errors.As(err, &failed) {
		failed.Action = action
	}
	return err
}

// unlessSkewed makes a call once. The one exception is a signature that AWS refused
// because this machine's clock is wrong: nothing was done then, and the SDK knows the
// time now.
type unlessSkewed struct{ aws.Retryer }

func (unlessSkewed) MaxAttempts() int { return 2 }

func (unlessSkewed) IsErrorRetryable(err error) bool {
	var unreached *reachError // which the SDK would try again
	if errors.As(err, &unreached) {
		return false
	}
	return retry.RetryableError{}.IsErrorRetryable(err).Bool()
}

// noting is a client that notes that a request was sent.
type noting struct {
	doer
	sent *bool
}

func (n noting) Do(r *http.Request) (*http.Response, error) {
	if n.sent != nil {
		*n.sent = true
	}
	res, err := n.doer.Do(r)
	if err != nil || res.StatusCode < 400 {
		return res, err
	}
	// Emulators put the error into a list, which botocore reads and the SDK for Go does
	// not. A text cannot hold these tags: its "<" is written as an entity.
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	_ = res.Body.Close()
	text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("<Errors>"), nil), []byte("</Errors>"), nil)
	res.Body = io.NopCloser(bytes.NewReader(text))
	return res, err
}

// undecided reports whether AWS may have carried out a call that failed. An answer that
// is an error of the caller decides it, and so does a connection that was never made.
func undecided(err error) bool {
	if status := statusOf(err); status != 0 {
		return status < 300 || status >= 500
	}
	var op *net.OpError
	var dns *net.DNSError
	var unmade unusable
	var unreached *reachError
	if errors.As(err, &unreached) && (unreached.Kind == Untrusted || unreached.Kind == BadSetting) {
		return false
	}
	return !(errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial" || errors.As(err, &unmade))
}
