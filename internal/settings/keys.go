package settings

// Keys returns the keys of the AWS config file: those that only this program reads, those that
// AWS Vault reads too, and those of the AWS tools.
func Keys() []Group {
	return []Group{
		{"Of vault, in a profile", vaultKeys()},
		{"Of vault, for Identity Center", centerKeys()},
		{"Of AWS Vault", awsVaultKeys()},
		{"Of Granted", grantedKeys()},
		{"Of the AWS tools: who you are", sourceKeys()},
		{"Of the AWS tools: Identity Center", ssoKeys()},
		{"Of the AWS tools: calls to AWS", networkKeys()},
	}
}

func vaultKeys() []Setting {
	return []Setting{
		{Name: "vault_description", Values: "text", What: "what the list to choose from says of the profile"},
		{Name: "vault_mode", Flag: "--mode", Values: "env, server, profile", Default: "env", What: "how use gives a session to the shell: as keys, from the agent, or as the profile's name alone", Page: "agent.md"},
		{Name: "vault_protected", Flag: "--yes-really", Values: "true, false", Default: "false", What: "the name is typed before a session is given out", Page: "protected.md"},
		{Name: "vault_read_only", Flag: "--read-only", Values: "true, false", Default: "false", What: "every session is narrowed to reading", Page: "protected.md"},
		{Name: "vault_max_duration", Values: "a duration, as 1h30m", What: "the longest session", Page: "protected.md"},
		{Name: "vault_auto_renew", Values: "true, false", Default: "true", What: "with false a session ends rather than being renewed", Page: "protected.md"},
		{Name: "vault_renew_command", Values: "a command", What: "the program that writes a new temporary key for the profile into the credentials file", Page: "saml.md"},
		{Name: "vault_renew_silently", Values: "true, false", Default: "false", What: "that program asks nothing, so renewal in the background may run it", Page: "saml.md"},
		{Name: "vault_agents", Values: "allow, read-only, deny, ask", Default: "AWS_VAULT_AGENTS", What: "what the shell of a coding agent is given", Page: "agents.md"},
		{Name: "vault_color", Values: "a name, 0 to 255, or #rrggbb", What: "the colour of the name in the prompt, and of the container of Firefox", Page: "prompt.md"},
		{Name: "vault_browser", Values: "a program or a command; {url} or %s is the address", What: "the browser to sign in with, also to the console", Page: "console.md"},
		{Name: "vault_console_browser", Flag: "--browser", Values: "the same", What: "the browser for the console alone", Page: "console.md"},
		{Name: "vault_browser_profile", Flag: "--browser-profile", Values: "a name or a directory; {account} is filled in", What: "the profile of the browser that opens the console", Page: "console.md"},
		{Name: "vault_container", Flag: "--container", Values: "true, granted, false", Default: "false", What: "the container of Firefox that opens the console", Page: "console.md"},
		{Name: "vault_allow_roles", Flag: "--allow-role", Values: "ARNs, with commas", What: "the roles that what is served may ask for", Page: "serve.md"},
	}
}

func centerKeys() []Setting {
	return []Setting{
		{Name: "vault_sso_flow", Values: "pkce, device", Default: "pkce where a browser can be opened", What: "how to sign in, in a profile or an sso-session"},
		{Name: "vault_sso_session", Values: "a name", What: "the sso-session of a role; sso sync writes it"},
		{Name: "vault_sso_account_id", Values: "12 digits", What: "its account"},
		{Name: "vault_sso_role_name", Values: "a name", What: "its name"},
	}
}

func awsVaultKeys() []Setting {
	return []Setting{
		{Name: "include_profile", Values: "a profile", What: "takes from that profile what this one leaves unset", Page: "config-differences.md"},
		{Name: "parent_profile", Values: "a profile", What: "an older name of include_profile, which has no effect any more"},
		{Name: "mfa_process", Values: "a command", What: "prints the MFA code"},
		{Name: "session_tags", Values: "KEY=VALUE, with commas", What: "tags of the role's session"},
		{Name: "transitive_session_tags", Values: "names, with commas", What: "the tags that later roles of a chain have too"},
		{Name: "source_identity", Values: "a name", What: "the source identity of the role's session"},
		{Name: "web_identity_token_process", Values: "a command", What: "prints the token of a web identity"},
	}
}

func grantedKeys() []Setting {
	const page = "from-granted.md"
	return []Setting{
		{Name: "granted_sso_account_id", Values: "12 digits", What: "the account, as sso_account_id", Page: page},
		{Name: "granted_sso_role_name", Values: "a name", What: "the role there, as sso_role_name", Page: page},
		{Name: "granted_sso_start_url", Values: "an address", What: "the address of Identity Center, as sso_start_url", Page: page},
		{Name: "granted_sso_region", Values: "a region", What: "its region, as sso_region", Page: page},
		{Name: "granted_sso_registration_scopes", Values: "scopes, with commas", What: "what the sign-in is for, as sso_registration_scopes", Page: page},
		{Name: "granted_description", Values: "text", What: "the same as vault_description, where that is not set", Page: page},
		{Name: "granted_color", Values: "a colour", What: "the same as vault_color, where that is not set", Page: page},
	}
}

func sourceKeys() []Setting {
	const page = "config-differences.md"
	return []Setting{
		{Name: "region", Flag: "--region", Values: "a region", What: "the region"},
		{Name: "role_arn", Flag: "--role-arn", Values: "an ARN", What: "the role to assume"},
		{Name: "source_profile", Values: "a profile", What: "the profile that assumes it", Page: page},
		{Name: "credential_source", Values: "Environment, Ec2InstanceMetadata, EcsContainer", What: "what assumes it in place of a profile", Page: page},
		{Name: "external_id", Values: "text", What: "the external id that the role's trust policy demands"},
		{Name: "role_session_name", Values: "a name", What: "the name of the session"},
		{Name: "duration_seconds", Flag: "--duration", Values: "900 to 43200", Default: "3600", What: "how long the session of the role lasts"},
		{Name: "mfa_serial", Values: "an ARN, or a serial number", What: "the MFA device"},
		{Name: "credential_process", Values: "a command", What: "prints credentials", Page: "saml.md"},
		{Name: "web_identity_token_file", Values: "a file", What: "the token of a web identity"},
		{Name: "login_session", Values: "an ARN", What: "the sign-in of aws login"},
		{Name: "aws_access_key_id", Values: "a key", What: "an access key in a file: a temporary one is used, and import moves another into the keyring", Page: page},
		{Name: "aws_secret_access_key", Values: "a key", What: "its secret"},
		{Name: "aws_session_token", Values: "a token", What: "its session token"},
		{Name: "aws_security_token", Values: "a token", What: "an older name of aws_session_token"},
		{Name: "x_security_token_expires", Values: "a time", What: "when that ends"},
		{Name: "aws_session_expiration", Values: "a time", What: "the same, as some programs write it"},
		{Name: "aws_expiration", Values: "a time", What: "the same"},
		{Name: "aws_credential_expiration", Values: "a time", What: "the same"},
		{Name: "expiration", Values: "a time", What: "the same"},
	}
}

func ssoKeys() []Setting {
	return []Setting{
		{Name: "sso_session", Values: "a name", What: "the sso-session of the profile"},
		{Name: "sso_account_id", Flag: "--account", Values: "12 digits", What: "the account"},
		{Name: "sso_role_name", Flag: "--role", Values: "a name", What: "the role there"},
		{Name: "sso_start_url", Flag: "--start-url", Values: "an address", What: "the address of Identity Center"},
		{Name: "sso_region", Values: "a region", What: "its region"},
		{Name: "sso_registration_scopes", Values: "scopes, with commas", What: "what the sign-in is for"},
	}
}

func networkKeys() []Setting {
	return []Setting{
		{Name: "endpoint_url", Values: "an address", What: "where AWS is; below a service of the services section, where that one is"},
		{Name: "services", Values: "a section", What: "the services section with such addresses"},
		{Name: "ignore_configured_endpoint_urls", Values: "true, false", Default: "false", What: "pass over them"},
		{Name: "use_fips_endpoint", Values: "true, false", Default: "false", What: "call the FIPS endpoints"},
		{Name: "use_dualstack_endpoint", Values: "true, false", Default: "false", What: "call the endpoints that have IPv6 too"},
		{Name: "sts_regional_endpoints", Values: "regional, legacy", Default: "regional", What: "call STS in the region, or the global one"},
		{Name: "ca_bundle", Values: "a file", What: "the certificate authorities to trust"},
		{Name: "max_attempts", Values: "a number", Default: "3", What: "how often a call is tried"},
		{Name: "retry_mode", Values: "legacy, standard, adaptive", Default: "standard", What: "how it is tried again"},
	}
}
