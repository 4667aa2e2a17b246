package sessions

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/profiles"
)

// Endpoint says where a service is and how to reach it. The zero value is AWS's own
// address, reached with the system's certificates and the SDK's retries.
type Endpoint struct {
	Region  string
	URL     string // "" for AWS's own
	Network profiles.Network
}

// callTimeout bounds one attempt of a call that the SDK's own HTTP client does not make.
const callTimeout = 30 * time.Second

// maxBundle is the most bytes that are read of a bundle of certificates.
const maxBundle = 64 << 20

// transport returns a transport that trusts the certificates in the profile's bundle and
// no others, as the AWS tools do; nil, for the default, if there is no bundle. Proxies
// come from the environment in both cases.
func (e Endpoint) transport() (http.RoundTripper, error) {
	if e.Network.CABundle == "" {
		return nil, nil
	}
	pem, err := atomicfile.Read(e.Network.CABundle, maxBundle)
	if err != nil {
		return nil, fmt.Errorf("read the CA bundle: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the CA bundle %s contains no certificate", e.Network.CABundle)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// unusable is an HTTP client that cannot be set up: each call returns the reason.
type unusable struct{ error }

func (u unusable) Do(*http.Request) (*http.Response, error) { return nil, u.error }

// sdkClient returns the HTTP client for STS. It has the SDK's own timeouts.
func (e Endpoint) sdkClient() doer {
	t, err := e.transport()
	switch {
	case err != nil:
		return unusable{err}
	case t == nil:
		return awshttp.NewBuildableClient()
	}
	return &http.Client{Transport: t}
}

// plainClient returns an HTTP client that does not follow redirects, so that a token
// reaches no other host than the one it is for.
func (e Endpoint) plainClient() doer {
	t, err := e.transport()
	if err != nil {
		return unusable{err}
	}
	return &http.Client{Transport: t, Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// apply writes the region, the address and the network settings into the SDK's options
// for STS.
func (e Endpoint) apply(o *sts.Options) {
	n := e.Network
	o.Region = e.region()
	o.RetryMaxAttempts, o.RetryMode = e.retries()
	switch {
	case e.URL != "":
		o.BaseEndpoint = aws.String(e.URL)
	case n.STSRegion(o.Region) == "aws-global":
		o.BaseEndpoint, o.Region = aws.String("https://sts.amazonaws.com"), "us-east-1"
	}
	if n.FIPS {
		o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
	}
	if n.DualStack {
		o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
	}
}

func (e Endpoint) region() string {
	if e.Region != "" {
		return e.Region
	}
	return profiles.DefaultRegion("aws")
}

// retries returns how often a call is made at most, 0 for the SDK's default, and how the
// SDK waits between two attempts.
func (e Endpoint) retries() (attempts int, mode aws.RetryMode) {
	mode = aws.RetryMode(e.Network.RetryMode)
	if mode == "legacy" { // the SDK for Go has no such mode
		mode = aws.RetryModeStandard
	}
	return e.Network.MaxAttempts, mode
}

// address returns the URL of a service that rest.go calls.
func (e Endpoint) address(service string) string {
	if e.URL != "" {
		return e.URL
	}
	return home(service, e.Region, e.Network)
}

// sts returns the URL of STS, for a call that the SDK does not make.
func (e Endpoint) sts(ctx context.Context) (*url.URL, error) {
	if e.URL != "" {
		return url.Parse(e.URL)
	}
	var o sts.Options
	e.apply(&o)
	if o.BaseEndpoint != nil {
		return url.Parse(*o.BaseEndpoint)
	}
	at, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{
		Region: &o.Region, UseFIPS: &e.Network.FIPS, UseDualStack: &e.Network.DualStack, UseGlobalEndpoint: aws.Bool(false),
	})
	return &at.URI, err
}
