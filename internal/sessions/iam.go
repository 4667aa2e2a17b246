package sessions

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
)

// This file is as much of IAM as a rotation needs: the access keys of one user. The
// SDK's client would add megabytes for five calls of the query protocol. The answer to
// CreateAccessKey holds a secret that AWS never says again: it is read into one buffer,
// which is wiped, and no error quotes an answer that is not an error itself.

// IAM asks IAM about access keys as the bearer of Session. It may be used by several
// goroutines.
type IAM struct {
	Endpoint Endpoint
	Session  creds.Session // who signs; a key, or a session
	User     string        // whose keys: the name without its path
	Now      func() time.Time
}

// AccessKey is what IAM says of a key. The secret is not in it.
type AccessKey struct {
	ID      string
	Active  bool
	Created time.Time
}

// KeyUse says when a key was last used, and for what; the zero value is never.
type KeyUse struct {
	At              time.Time
	Service, Region string
}

// UnsureError is a failure that leaves open whether AWS did what it was asked to do.
type UnsureError struct{ Err error }

func (e *UnsureError) Error() string { return e.Err.Error() }
func (e *UnsureError) Unwrap() error { return e.Err }

// iamCall is one call.
type iamCall struct {
	action string
	form   url.Values
	once   bool // it is not known to be harmless when made twice
}

// ListAccessKeys lists the user's keys, active or not, in AWS's order.
func (c IAM) ListAccessKeys(ctx context.Context) ([]AccessKey, error) {
	var all []AccessKey
	for marker, page := "", 0; page < 100; page++ {
		form := url.Values{}
		if marker != "" {
			form.Set("Marker", marker)
		}
		var out struct {
			Keys []struct {
				ID      string    `xml:"AccessKeyId"`
				Status  string    `xml:"Status"`
				Created time.Time `xml:"CreateDate"`
			} `xml:"ListAccessKeysResult>AccessKeyMetadata>member"`
			More   bool   `xml:"ListAccessKeysResult>IsTruncated"`
			Marker string `xml:"ListAccessKeysResult>Marker"`
		}
		if err := c.ask(ctx, iamCall{action: "ListAccessKeys", form: form}, &out); err != nil {
			return nil, err
		}
		for _, k := range out.Keys {
			all = append(all, AccessKey{ID: k.ID, Active: k.Status == "Active", Created: k.Created.UTC()})
		}
		if marker = out.Marker; !out.More || marker == "" {
			break
		}
	}
	return all, nil
}

// CreateAccessKey makes another key for the user. It is asked for once: an *UnsureError
// says that there may be a key now whose secret nobody knows.
func (c IAM) CreateAccessKey(ctx context.Context) (creds.Key, error) {
	var out struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	call := iamCall{action: "CreateAccessKey", form: url.Values{}, once: true}
	if err := c.ask(ctx, call, &out); err != nil {
		return creds.Key{}, err
	}
	if out.ID == "" || out.Secret == "" {
		return creds.Key{}, &UnsureError{c.failure(call, malformed("the answer has no key in it"))}
	}
	return creds.Key{ID: out.ID, Secret: creds.New(out.Secret)}, nil
}

// DeactivateAccessKey makes a key stop working until it is activated again.
func (c IAM) DeactivateAccessKey(ctx context.Context, id string) error {
	form := url.Values{"AccessKeyId": {id}, "Status": {"Inactive"}}
	return c.ask(ctx, iamCall{action: "UpdateAccessKey", form: form}, nil)
}

// DeleteAccessKey makes a key stop working for ever. That there is none of this id is
// an error of kind Gone.
func (c IAM) DeleteAccessKey(ctx context.Context, id string) error {
	form := url.Values{"AccessKeyId": {id}}
	return c.ask(ctx, iamCall{action: "DeleteAccessKey", form: form}, nil)
}

// AccessKeyLastUsed says when a key was last used. AWS may be some hours behind.
func (c IAM) AccessKeyLastUsed(ctx context.Context, id string) (KeyUse, error) {
	var out struct {
		At      string `xml:"GetAccessKeyLastUsedResult>AccessKeyLastUsed>LastUsedDate"`
		Service string `xml:"GetAccessKeyLastUsedResult>AccessKeyLastUsed>ServiceName"`
		Region  string `xml:"GetAccessKeyLastUsedResult>AccessKeyLastUsed>Region"`
	}
	call := iamCall{action: "GetAccessKeyLastUsed", form: url.Values{"AccessKeyId": {id}}}
	if err := c.ask(ctx, call, &out); err != nil || out.At == "" || out.At == "N/A" {
		return KeyUse{}, err
	}
	at, err := time.Parse(time.RFC3339, out.At)
	if err != nil {
		return KeyUse{}, c.failure(call, malformed("the answer has no time in it"))
	}
	return KeyUse{At: at.UTC(), Service: out.Service, Region: out.Region}, nil
}

// ask makes a call. When AWS is busy or stumbles it is tried again, unless it is to be
// made once; a clock that is off is put right for the signature, because such a call was
// refused for certain.
func (c IAM) ask(ctx context.Context, call iamCall, out any) error {
	call.form.Set("Action", call.action)
	call.form.Set("Version", "2010-05-08")
	if call.action != "GetAccessKeyLastUsed" { // which takes the id alone
		call.form.Set("UserName", c.User)
	}
	var ahead time.Duration
	for n, pause := 1, firstPause; ; n, pause = n+1, min(2*pause, longest) {
		a := c.attempt(ctx, call, ahead, out)
		if a.err == nil {
			return nil
		}
		err := c.failure(call, a.err)
		var failed *CallError
		if errors.As(err, &failed) && failed.Kind == ClockSkew && ahead == 0 && a.ahead.Abs() > Tolerable {
			ahead = a.ahead
			continue
		}
		if call.once && a.unsure {
			return &UnsureError{err}
		}
		if call.once || !a.again || n >= tries {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
	}
}

func (c IAM) failure(call iamCall, err error) error {
	action := "iam:" + call.action
	err = failure(action+" on user", c.User, c.Session.Profile, err)
	var failed *CallError
	if errors.As(err, &failed) {
		failed.Action = action
	}
	return err
}

// attempted is what came of one attempt.
type attempted struct {
	err    error
	again  bool          // another try may help
	unsure bool          // AWS may have done it all the same
	ahead  time.Duration // of AWS's clock, 0 when it did not say
}

func (c IAM) attempt(ctx context.Context, call iamCall, ahead time.Duration, out any) attempted {
	req, err := c.request(ctx, call, ahead)
	if err != nil {
		return attempted{err: err}
	}
	res, err := c.Endpoint.plain().Do(req)
	if err != nil {
		var bad *url.Error
		if errors.As(err, &bad) {
			err = bad.Err
		}
		return attempted{err: err, again: ctx.Err() == nil, unsure: !neverSent(err)}
	}
	defer func() { _ = res.Body.Close() }()
	a := attempted{}
	if theirs, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		a.ahead = theirs.Sub(c.Now()).Round(time.Second)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	defer clear(text)
	switch {
	case err != nil:
		a.err, a.again, a.unsure = err, ctx.Err() == nil, true
	case res.StatusCode/100 != 2:
		a.err = iamRefusal(res.StatusCode, text)
		a.again = res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests || kindOf(codeOf(a.err), "") == Throttled
		a.unsure = res.StatusCode >= 500
	case out != nil && xml.Unmarshal(text, out) != nil:
		a.err, a.unsure = malformed("the answer cannot be read; is it AWS that answers there?"), true
	}
	return a
}

// neverSent knows the failures that come before a request leaves this machine.
func neverSent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var unmade broken
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial" || errors.As(err, &unmade)
}

func (c IAM) request(ctx context.Context, call iamCall, ahead time.Duration) (*http.Request, error) {
	address, region := iamHome(c.Endpoint.Region, c.Endpoint.Network)
	if c.Endpoint.URL != "" {
		address = c.Endpoint.URL
	}
	body := []byte(call.form.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, malformed(strconv.Quote(address) + " is no address")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	req.Header.Set("User-Agent", "vault")
	sum := sha256.Sum256(body)
	by := aws.Credentials{
		AccessKeyID: c.Session.AccessKeyID, SecretAccessKey: c.Session.SecretKey.Reveal(), SessionToken: c.Session.Token.Reveal(),
	}
	// AWS accepts signatures from one region of each of its clouds only.
	return req, v4.NewSigner().SignHTTP(ctx, by, req, hex.EncodeToString(sum[:]), "iam", region, c.Now().Add(ahead))
}

// iamRefusal is the error in an answer, in AWS's shape or that of emulators; the status
// has to do where a proxy says no.
func iamRefusal(status int, text []byte) error {
	type refusal struct{ Code, Message string }
	var said struct {
		Error  refusal
		Errors struct{ Error refusal }
	}
	if xml.Unmarshal(text, &said) == nil {
		for _, r := range []refusal{said.Error, said.Errors.Error} {
			if r.Code != "" {
				return &smithy.GenericAPIError{Code: r.Code, Message: r.Message}
			}
		}
	}
	return &smithy.GenericAPIError{Code: strconv.Itoa(status), Message: "AWS answered with status " + strconv.Itoa(status)}
}

// iamPlaces are the hosts of IAM in each of AWS's clouds: its own, that for FIPS, that
// for IPv6, and that for both; and the one region it takes signatures from.
var iamPlaces = map[string]struct {
	region string
	hosts  [4]string
}{
	"aws":        {"us-east-1", [4]string{"iam.amazonaws.com", "iam-fips.amazonaws.com", "iam.global.api.aws", "iam-fips.global.api.aws"}},
	"aws-cn":     {"cn-north-1", [4]string{"iam.cn-north-1.amazonaws.com.cn", "iam-fips.amazonaws.com.cn", "iam.global.api.amazonwebservices.com.cn", "iam-fips.api.amazonwebservices.com.cn"}},
	"aws-us-gov": {"us-gov-west-1", [4]string{"iam.us-gov.amazonaws.com", "iam.us-gov.amazonaws.com", "iam.us-gov.api.aws", "iam.us-gov.api.aws"}},
	"aws-eusc":   {"eusc-de-east-1", [4]string{"iam.eusc-de-east-1.amazonaws.eu", "iam-fips.amazonaws.eu", "iam.global.api.amazonwebservices.eu", "iam-fips.api.amazonwebservices.eu"}},
	"aws-iso":    {"us-iso-east-1", [4]string{"iam.us-iso-east-1.c2s.ic.gov", "iam-fips.us-iso-east-1.c2s.ic.gov", "iam.api.aws.ic.gov", "iam-fips.api.aws.ic.gov"}},
	"aws-iso-b":  {"us-isob-east-1", [4]string{"iam.us-isob-east-1.sc2s.sgov.gov", "iam-fips.us-isob-east-1.sc2s.sgov.gov", "iam.api.aws.scloud", "iam-fips.api.aws.scloud"}},
	"aws-iso-e":  {"eu-isoe-west-1", [4]string{"iam.eu-isoe-west-1.cloud.adc-e.uk", "iam-fips.cloud.adc-e.uk", "iam.api.cloud-aws.adc-e.uk", "iam-fips.api.cloud-aws.adc-e.uk"}},
	"aws-iso-f":  {"us-isof-south-1", [4]string{"iam.us-isof-south-1.csp.hci.ic.gov", "iam-fips.csp.hci.ic.gov", "iam.api.aws.hci.ic.gov", "iam-fips.api.aws.hci.ic.gov"}},
}

// iamHome is AWS's own address of IAM for those whose region this is, and the region
// that its signatures name.
func iamHome(region string, n profiles.Network) (address, signing string) {
	place := iamPlaces[profiles.Partition(region)]
	kind := 0
	if n.FIPS {
		kind++
	}
	if n.DualStack {
		kind += 2
	}
	return "https://" + place.hosts[kind], place.region
}
