package sessions

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"golang.org/x/net/http/httpproxy"

	"github.com/d44b7504/vault/internal/profiles"
)

// Endpoint says where a service is and how to reach it. The zero value is AWS's own
// address, reached with the system's certificates and the SDK's retries.
type Endpoint struct {
	Region  string
	URL     string // "" for AWS's own
	Origin  string // where URL is set, for messages; "" for AWS's own
	Network profiles.Network
	Limits  Limits

	Proxy func(*http.Request) (*url.URL, error) // nil: that of the environment

	pages bool // the service refuses a request with a web page
}

// ProxyOf is the proxy that a process with these variables (HTTPS_PROXY and the others) uses.
func ProxyOf(variables map[string]string) func(*http.Request) (*url.URL, error) {
	either := func(name string) string { return cmp.Or(variables[name], variables[strings.ToLower(name)]) }
	find := (&httpproxy.Config{
		HTTPProxy: either("HTTP_PROXY"), HTTPSProxy: either("HTTPS_PROXY"), NoProxy: either("NO_PROXY"),
	}).ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return find(r.URL) }
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
