package sessions

import "github.com/d44b7504/vault/internal/profiles"

// The services whose place Maker.Endpoint is asked for, as they are called in a services
// section.
const (
	STS           = profiles.ServiceSTS
	ssoService    = profiles.ServiceSSO
	oidcService   = profiles.ServiceSSOOIDC
	signinService = profiles.ServiceSignin
)

// home returns AWS's own address of a service that is called without a signature, by the
// rules of the service's endpoint rule set.
func home(service, region string, n profiles.Network) string {
	partition := profiles.Partition(region)
	domains := profiles.PartitionDomains(partition)
	if service == signinService {
		host := region + ".signin"
		switch fips := n.FIPS && partition == "aws-us-gov"; { // the only partition that has one
		case fips && region == profiles.DefaultRegion(partition):
			host = "signin-fips"
		case fips:
			host += "-fips"
		}
		return "https://" + host + "." + domains.Console
	}
	host, domain := map[string]string{ssoService: "portal.sso", oidcService: "oidc"}[service], domains.Services
	if n.DualStack {
		domain = domains.DualStack
	}
	if n.FIPS && (partition != "aws-us-gov" || n.DualStack) { // GovCloud's own are FIPS
		host += "-fips"
	}
	return "https://" + host + "." + region + "." + domain
}
