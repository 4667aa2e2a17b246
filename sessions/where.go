package sessions

import "github.com/d44b7504/vault/profiles"

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

// home is AWS's own address of a service that is asked without a signature.
func home(service, region string) string {
	partition := profiles.Partition(region)
	switch service {
	case SSO:
		return "https://portal.sso." + region + "." + suffixes[partition]
	case OIDC:
		return "https://oidc." + region + "." + suffixes[partition]
	}
	return "https://" + region + ".signin." + consoles[partition]
}
