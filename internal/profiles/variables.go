package profiles

// variables lists the environment variables that stand for settings; of two for the same
// setting the first that is not empty is used. Those with top are for the profile itself,
// because they say which role to assume; the others are for every profile of its chain. Those
// with network say where AWS is and whether to trust it.
var variables = [...]struct {
	name, key    string
	top, network bool
}{
	{"AWS_REGION", "region", false, false},
	{"AWS_DEFAULT_REGION", "region", false, false},
	{"AWS_MFA_SERIAL", "mfa_serial", false, false},
	{"AWS_ASSUME_ROLE_TTL", "duration_seconds", false, false}, // of AWS Vault, as 1h30m
	{"AWS_ROLE_ARN", "role_arn", true, false},
	{"AWS_ROLE_SESSION_NAME", "role_session_name", true, false},
	{"AWS_SESSION_TAGS", "session_tags", true, false},
	{"AWS_TRANSITIVE_TAGS", "transitive_session_tags", true, false},
	{"AWS_SOURCE_IDENTITY", "source_identity", true, false},
	{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls", false, true},
	{"AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", false, true},
	{"AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", false, true},
	{"AWS_CA_BUNDLE", "ca_bundle", false, true},
	{"AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints", false, true},
	{"AWS_MAX_ATTEMPTS", "max_attempts", false, false},
	{"AWS_RETRY_MODE", "retry_mode", false, false},
}

// durationVariable is how long the session of any profile should last, as 1h30m.
const durationVariable = "AWS_VAULT_DURATION"

// tokenVariable is set in an environment that has a web identity, such as a pod's or a
// build's: the role in it belongs to that token and not to a profile.
const tokenVariable = "AWS_WEB_IDENTITY_TOKEN_FILE"

// given lists the settings of an environment for a profile; top says that it is the first
// of the chain.
func given(env map[string]string, top bool) []found {
	var list []found
	for _, x := range variables {
		value := env[x.name]
		if value == "" || x.top && !top {
			continue
		}
		if env[tokenVariable] != "" && (x.key == "role_arn" || x.key == "role_session_name") {
			continue
		}
		list = append(list, found{Setting: Setting{Key: x.key, Value: value}, variable: x.name})
	}
	return list
}
