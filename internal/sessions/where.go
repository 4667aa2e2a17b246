package sessions

import "github.com/d44b7504/vault/internal/profiles"

// The services whose place Maker.Endpoint is asked for, as they are called in a services
// section.
const (
	STS    = "sts"
	SSO    = "sso"
	OIDC   = "sso_oidc"
	Signin = "signin"
)

// suffixes are the domains of AWS's partitions.
var suffixes = map[string]string{
	"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu",
	"aws-iso": "c2s.ic.gov", "aws-iso-b": "sc2s.sgov.gov", "aws-iso-e": "cloud.adc-e.uk", "aws-iso-f": "csp.hci.ic.gov",
}

// consoles are the domains that people sign in at.
var consoles = map[string]string{
	"aws": "aws.amazon.com", "aws-us-gov": "amazonaws-us-gov.com", "aws-cn": "amazonaws.cn", "aws-eusc": "amazonaws-eusc.eu",
	"aws-iso": "c2shome.ic.gov", "aws-iso-b": "sc2shome.sgov.gov", "aws-iso-e": "csphome.adc-e.uk", "aws-iso-f": "csphome.hci.ic.gov",
}

// dualStacks are the domains that answer over IPv6 as well.
var dualStacks = map[string]string{
	"aws": "api.aws", "aws-us-gov": "api.aws", "aws-cn": "api.amazonwebservices.com.cn", "aws-eusc": "api.amazonwebservices.eu",
	"aws-iso": "api.aws.ic.gov", "aws-iso-b": "api.aws.scloud", "aws-iso-e": "api.cloud-aws.adc-e.uk", "aws-iso-f": "api.aws.hci.ic.gov",
}

// home is AWS's own address of a service that is asked without a signature, by the
// rules of the service's endpoint rule set.
func home(service, region string, n profiles.Network) string {
	partition := profiles.Partition(region)
	host := map[string]string{SSO: "portal.sso", OIDC: "oidc"}[service]
	if host == "" {
		return "https://" + region + ".signin." + consoles[partition]
	}
	domain := suffixes[partition]
	if n.DualStack {
		domain = dualStacks[partition]
	}
	if n.FIPS && (partition != "aws-us-gov" || n.DualStack) { // GovCloud's own are FIPS
		host += "-fips"
	}
	return "https://" + host + "." + region + "." + domain
}
