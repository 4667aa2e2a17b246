package sessions

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
)

// client returns an STS client that signs with s and reads AWS's time.
func (m *Maker) client(p profiles.Profile, region string, s creds.Session) *sts.Client {
	return m.clientBy(p, region, given(s))
}

// clientBy is client for a signer that may not be known yet. The first call waits for it when
// nothing is left to do but to sign.
func (m *Maker) clientBy(p profiles.Profile, region string, by signer) *sts.Client {
	return stsClient(m.Endpoint(p, STS, region), by, m.timing, m.slow)
}

// stsClient returns an STS client. The SDK's own loader of settings is not used: it reads files
// and costs more than a call.
func stsClient(e Endpoint, by signer, begin func() func(http.Header), slow func(host string)) *sts.Client {
	o := sts.Options{AppID: "vault", HTTPClient: timed{e.httpClient(slow), begin}}
	e.apply(&o)
	o.APIOptions = append(o.APIOptions, againInTime)
	if by != nil {
		o.Credentials = by
	}
	return sts.New(o)
}

// signer returns the credentials that a call is signed with; it may block. nil: calls are not signed.
type signer func() (creds.Session, error)

// given signs with s, or not at all if s has no key.
func given(s creds.Session) signer {
	if s.AccessKeyID == "" {
		return nil
	}
	return func() (creds.Session, error) { return s, nil }
}

// errNoSigner is what the SDK is told when there are no credentials: the reason is not its own, and
// it should not try again.
var errNoSigner = errors.New("there are no credentials to sign with")

// Retrieve implements aws.CredentialsProvider.
func (by signer) Retrieve(context.Context) (aws.Credentials, error) {
	s, err := by()
	if err != nil {
		return aws.Credentials{}, errNoSigner
	}
	return aws.Credentials{
		AccessKeyID: s.AccessKeyID, SecretAccessKey: s.SecretKey.Reveal(), SessionToken: s.Token.Reveal(),
	}, nil
}

// mfa is an MFA device and its current code; the zero value is none.
type mfa struct {
	serial string
	code   creds.Secret
}

func getSessionToken(ctx context.Context, c *sts.Client, d time.Duration, m mfa) (*sts.GetSessionTokenOutput, error) {
	in := &sts.GetSessionTokenInput{DurationSeconds: seconds(d)}
	if m.serial != "" {
		in.SerialNumber, in.TokenCode = aws.String(m.serial), aws.String(m.code.Reveal())
	}
	return c.GetSessionToken(ctx, in)
}

func assumeRole(ctx context.Context, c *sts.Client, r RoleCall, name string, m mfa) (*sts.AssumeRoleOutput, error) {
	in := &sts.AssumeRoleInput{
		RoleArn: aws.String(r.ARN), RoleSessionName: aws.String(name), DurationSeconds: seconds(r.Duration),
		ExternalId: optional(r.ExternalID), SourceIdentity: optional(r.SourceIdentity),
		Policy: optional(r.Policy), TransitiveTagKeys: r.TransitiveTagKeys,
	}
	for _, t := range r.Tags {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(t.Key), Value: aws.String(t.Value)})
	}
	for _, arn := range r.PolicyARNs {
		in.PolicyArns = append(in.PolicyArns, types.PolicyDescriptorType{Arn: aws.String(arn)})
	}
	if m.serial != "" {
		in.SerialNumber, in.TokenCode = aws.String(m.serial), aws.String(m.code.Reveal())
	}
	out, err := c.AssumeRole(ctx, in)
	if err == nil && out.AssumedRoleUser == nil {
		out.AssumedRoleUser = &types.AssumedRoleUser{}
	}
	return out, err
}

// Identity is what STS says about the holder of credentials.
type Identity struct{ Account, ARN, UserID string }

// WhoAmI asks STS whose credentials s are. It needs no permission.
func WhoAmI(ctx context.Context, e Endpoint, s creds.Session) (Identity, error) {
	out, err := stsClient(e, given(s), func() func(http.Header) { return func(http.Header) {} }, nil).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, failure("ask who this key belongs to", "", s.Profile, err)
	}
	return Identity{aws.ToString(out.Account), aws.ToString(out.Arn), aws.ToString(out.UserId)}, nil
}

// session converts STS's answer. Its expiry is by the clock of this machine, and no later
// than life from now: if the answer has no date, a clock that is slow would add to it.
func (m *Maker) session(c *types.Credentials, arn string, life time.Duration) (creds.Session, error) {
	if c == nil || aws.ToString(c.AccessKeyId) == "" {
		return creds.Session{}, malformed("the answer has no credentials in it")
	}
	s := creds.Session{
		AccessKeyID: aws.ToString(c.AccessKeyId), SecretKey: creds.New(aws.ToString(c.SecretAccessKey)),
		Token: creds.New(aws.ToString(c.SessionToken)), Expires: m.local(aws.ToTime(c.Expiration).UTC()), ARN: arn,
		Clock: creds.Clock{Skew: m.skew()},
	}
	if end := m.Now().Add(life).UTC(); s.Expires.Sub(end) > MaxSkew {
		s.Expires = end
	}
	return s, nil
}

func seconds(d time.Duration) *int32 { return aws.Int32(int32(d / time.Second)) }

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
