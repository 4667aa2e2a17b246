package profiles

import (
	"errors"
	"testing"
)

const networks = `
[profile a]
services = local
endpoint_url = http://all
use_fips_endpoint = True
use_dualstack_endpoint = false
ca_bundle = /etc/ca.pem
sts_regional_endpoints = legacy
max_attempts = 5
retry_mode = adaptive
[services local]
s3 =
  endpoint_url = http://s3
sts =
  endpoint_url = http://sts
sso_oidc =
  endpoint_url = http://oidc
iam =
  other = x
[profile b]
services = other
[services other]
signin =
  endpoint_url = https://signin
[profile c]
services = local
ignore_configured_endpoint_urls = TRUE
`

func TestAnEndpointIsTheMostSpecificOne(t *testing.T) {
	all := map[string]string{"sts": "http://sts", "sso_oidc": "http://oidc", "iam": "http://all", "sso": "http://all", "signin": "http://all"}
	for _, c := range []struct {
		profile string
		env     map[string]string
		want    map[string]string
	}{
		{"a", nil, all},
		{"b", nil, map[string]string{"signin": "https://signin"}},
		{"c", nil, nil},
		{"b", map[string]string{"AWS_ENDPOINT_URL_STS": "http://one"}, map[string]string{"sts": "http://one", "signin": "https://signin"}},
		// The environment comes first, even where the file is more specific.
		{"a", map[string]string{"AWS_ENDPOINT_URL": "http://env", "AWS_ENDPOINT_URL_SSO_OIDC": "http://one"}, map[string]string{
			"sts": "http://env", "sso_oidc": "http://one", "iam": "http://env", "sso": "http://env", "signin": "http://env",
		}},
		{"a", map[string]string{"AWS_ENDPOINT_URL": "http://env", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, nil},
		{"c", map[string]string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"}, map[string]string{"sts": "http://sts", "sso_oidc": "http://oidc"}},
	} {
		p := resolveWith(t, networks, c.profile, Overrides{Env: c.env})
		want(t, "endpoints of "+c.profile, p.Network.Endpoints, c.want)
		want(t, "STS of "+c.profile, p.Endpoint, c.want["sts"])
	}
}

func TestTheNetworkIsThatOfTheProfileAskedFor(t *testing.T) {
	text := networks + "[profile top]\nsource_profile = a\nrole_arn = " + roleARN + "x\n"
	want(t, "top", resolve(t, text, "top").Network, Network{})
	n := resolve(t, text, "a").Network
	want(t, "where it is set", n.Origins["ca_bundle"]+", "+n.Origins["sts"]+", "+n.Origins["sso"],
		"ca_bundle in config:7, endpoint_url of sts in config:14, endpoint_url in config:4")
	want(t, "for tools", n.Variables, map[string]string{
		"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_S3": "http://s3", "AWS_ENDPOINT_URL_STS": "http://sts", "AWS_ENDPOINT_URL_SSO_OIDC": "http://oidc",
		"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "false", "AWS_CA_BUNDLE": "/etc/ca.pem", "AWS_STS_REGIONAL_ENDPOINTS": "legacy",
	})
	want(t, "for tools, no endpoint", resolve(t, text, "c").Network.Variables, map[string]string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"})
	n.Endpoints, n.Origins, n.Variables = nil, nil, nil
	want(t, "a", n, Network{FIPS: true, CABundle: "/etc/ca.pem", LegacySTS: true, MaxAttempts: 5, RetryMode: "adaptive"})
	n = resolveWith(t, text, "top", Overrides{Env: map[string]string{
		"AWS_USE_FIPS_ENDPOINT": "TRUE", "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_CA_BUNDLE": "/x", "AWS_STS_REGIONAL_ENDPOINTS": "legacy",
		"AWS_MAX_ATTEMPTS": "1", "AWS_RETRY_MODE": "standard",
	}}).Network
	want(t, "environment", n, Network{FIPS: true, DualStack: true, CABundle: "/x", Origins: map[string]string{"ca_bundle": "AWS_CA_BUNDLE"}, LegacySTS: true, MaxAttempts: 1, RetryMode: "standard"})
}

func TestOnlyOldRegionsHaveTheGlobalSTS(t *testing.T) {
	for _, c := range []struct {
		n            Network
		region, want string
	}{
		{Network{LegacySTS: true}, "eu-west-1", "aws-global"},
		{Network{LegacySTS: true}, "eu-south-1", "eu-south-1"},
		{Network{LegacySTS: true}, "cn-north-1", "cn-north-1"},
		{Network{LegacySTS: true, FIPS: true}, "us-east-1", "us-east-1"},
		{Network{}, "us-east-1", "us-east-1"},
	} {
		want(t, c.region, c.n.STSRegion(c.region), c.want)
	}
}

func TestANetworkSettingThatCannotBeUsedIsNamedWithItsLine(t *testing.T) {
	for setting, key := range map[string]string{
		"use_fips_endpoint = 1":           "use_fips_endpoint",
		"max_attempts = 0":                "max_attempts",
		"max_attempts = 1.5":              "max_attempts",
		"retry_mode = off":                "retry_mode",
		"sts_regional_endpoints = global": "sts_regional_endpoints",
		"endpoint_url = localhost":        "endpoint_url",
		"endpoint_url = file:///etc":      "endpoint_url",
		"services = locla":                "services",
	} {
		var bad *ValueError
		err := resolveError(t, "[profile x]\n"+setting+"\n[services local]\n", "x", Overrides{})
		if !errors.As(err, &bad) || bad.Line != 2 || bad.Key != key {
			t.Errorf("%q: %v", setting, err)
		}
	}
}
