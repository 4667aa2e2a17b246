// Package settings has the one table of what this program can be told by variables of the
// environment and by keys of the AWS config file. The help, the manual pages, docs/settings.md and
// completion are made of it, and a test compares it with what the code reads.
package settings

import (
	"slices"
	"strings"

	"github.com/d44b7504/vault/store"
)

// Setting is one variable or one key.
type Setting struct {
	Name string
	// Flag is the flag that says the same for one command, with its dashes; "" if there is none.
	Flag string
	// Values are the values it can have, or what they look like.
	Values string
	// Default is what holds without it, "" where that is nothing or goes without saying.
	Default string
	// What it does, in one sentence without a full stop.
	What string
	// Page is the page of docs/ that explains it, "" if none says more.
	Page string
}

// Sentence is what it does, with its values and what holds without it.
func (s Setting) Sentence() string {
	text := s.What
	if s.Values != "" {
		text += " (" + s.Values + ")"
	}
	if s.Default != "" {
		text += "; without it: " + s.Default
	}
	return text
}

// Group is a list of settings about one thing.
type Group struct {
	Title    string
	Settings []Setting
}

// Variables returns the variables of the environment.
func Variables() []Group {
	return []Group{
		{"Files, profile and region", fileVariables()},
		{"Keyring", keyringVariables()},
		{"MFA and signing in", signInVariables()},
		{"How long a session lasts", durationVariables()},
		{"Commands", commandVariables()},
		{"The agent, and coding agents", agentVariables()},
		{"The console", consoleVariables()},
		{"Identity that is already there", identityVariables()},
		{"Calls to AWS", networkVariables()},
	}
}

// Find returns the setting of a name. The letters may be of the other case where that is clear.
func Find(name string) (Setting, bool) {
	all := All()
	at := slices.IndexFunc(all, func(s Setting) bool { return s.Name == name })
	if at < 0 {
		at = slices.IndexFunc(all, func(s Setting) bool { return strings.EqualFold(s.Name, name) })
	}
	if at < 0 {
		return Setting{}, false
	}
	return all[at], true
}

// All returns the settings of all groups, variables first.
func All() []Setting {
	var all []Setting
	for _, g := range slices.Concat(Variables(), Keys()) {
		all = append(all, g.Settings...)
	}
	return all
}

func fileVariables() []Setting {
	return []Setting{
		{Name: "AWS_CONFIG_FILE", Values: "a file", Default: "~/.aws/config", What: "the AWS config file", Page: "config-differences.md"},
		{Name: "AWS_SHARED_CREDENTIALS_FILE", Values: "a file", Default: "~/.aws/credentials", What: "the shared credentials file", Page: "config-differences.md"},
		{Name: "AWS_LOGIN_CACHE_DIRECTORY", Values: "a directory", Default: "~/.aws/login/cache", What: "where aws login keeps its sign-ins"},
		{Name: "AWS_PROFILE", Values: "a profile", What: "the profile of a command that names none, where none is active"},
		{Name: "AWS_DEFAULT_PROFILE", Values: "a profile", What: "an older name of AWS_PROFILE"},
		{Name: "AWS_REGION", Flag: "--region", Values: "a region", What: "the region, before the one of the profile"},
		{Name: "AWS_DEFAULT_REGION", Flag: "--region", Values: "a region", What: "the same; AWS_REGION goes before it"},
	}
}

// keyringVariables are those of the back ends' own table, and those beside it.
func keyringVariables() []Setting {
	list := []Setting{{
		Name: "AWS_VAULT_BACKEND", Flag: "--backend", Values: "a name of vault help backends",
		Default: "the first that works", What: "the keyring to use",
	}}
	for _, s := range store.Settings() {
		values := "a name"
		switch {
		case s.Kind == store.Folder || s.Kind == store.OwnFolder:
			values = "a directory"
		case s.Placeholder == "":
			values = ""
		}
		list = append(list, Setting{Name: s.Variable, Flag: "--" + s.Flag, Values: values, Default: s.Default, What: s.Usage})
	}
	return append(list, []Setting{
		{Name: "AWS_VAULT_FILE_PASSPHRASE", What: "passphrase of the file back end, in place of being asked", Page: "agent.md"},
		{Name: "AWS_VAULT_AGE_PASSPHRASE", What: "passphrase of your identity in the age back end, in place of being asked", Page: "agent.md"},
		{Name: "AWS_VAULT_FROM_PASSPHRASE", What: "passphrase of the store that migrate moves from"},
		{Name: "PASSWORD_STORE_DIR", Values: "a directory", What: "directory of pass, if AWS_VAULT_PASS_PASSWORD_STORE_DIR is not set"},
		{Name: "PASSWORD_STORE_GPG_OPTS", What: "options that pass gives to gpg"},
		{Name: "DOCKER_CONFIG", Values: "a directory", Default: "~/.docker", What: "where a helper finds the settings of Docker"},
		{Name: "DISABLE_KWALLET", Values: "1", What: "leave KWallet out"},
	}...)
}

func signInVariables() []Setting {
	return []Setting{
		{Name: "AWS_VAULT_PROMPT", Flag: "--prompt", Values: "terminal, ykman, osascript, zenity, kdialog, wincredui, or several with commas", Default: "the terminal, or a dialog where there is none", What: "how to ask for MFA codes, in order"},
		{Name: "AWS_MFA_SERIAL", Values: "an ARN, or a serial number", What: "the MFA device, before mfa_serial of the profile"},
		{Name: "YKMAN_OATH_CREDENTIAL_NAME", What: "the account on a YubiKey that gives the codes; the YubiKey is then asked first"},
		{Name: "YKMAN_OATH_DEVICE_SERIAL", Values: "a number", What: "the serial number of the YubiKey"},
		{Name: "AWS_VAULT_YKMAN_VERSION", Values: "1, 2, 3", What: "that ykman is an old one"},
		{Name: "AWS_VAULT_STDOUT", Flag: "--stdout", Values: "true, false", Default: "false", What: "show the address of a sign-in to Identity Center and open no browser"},
		{Name: "BROWSER", Values: "commands, separated as in PATH", What: "the browser to sign in with"},
	}
}

func durationVariables() []Setting {
	const values = "a duration, as 1h30m"
	return []Setting{
		{Name: "AWS_VAULT_DURATION", Flag: "--duration", Values: values, What: "how long a session should last"},
		{Name: "AWS_SESSION_TOKEN_TTL", Values: values, Default: "1h", What: "the same for the session of a stored key"},
		{Name: "AWS_CHAINED_SESSION_TOKEN_TTL", Values: values, Default: "8h", What: "the same for the session of a stored key from which a role is assumed"},
		{Name: "AWS_ASSUME_ROLE_TTL", Values: values, Default: "1h", What: "the same for roles, before duration_seconds of the profile"},
		{Name: "AWS_FEDERATION_TOKEN_TTL", Values: values, What: "how long the console of a user's key lasts", Page: "console.md"},
		{Name: "AWS_MIN_TTL", Values: values, What: "renew a session that has less left; half of its lifetime is always enough"},
	}
}

func commandVariables() []Setting {
	return []Setting{
		{Name: "AWS_VAULT_PROFILE_ENV", Flag: "--profile-env", Values: "true, false", Default: "false", What: "exec gives the command AWS_PROFILE in place of keys"},
		{Name: "AWS_VAULT_DISABLE_HELP_MESSAGE", Values: "true, false", Default: "false", What: "exec opens a sub-shell without a word about it"},
		{Name: "AWS_VAULT_PROJECT", Values: "offer, switch, off", Default: "vault hook --project", What: "what the prompt does in a directory with a .vault-profile", Page: "project-directories.md"},
		{Name: "AWS_VAULT_SHORT", Values: "true, false", Default: "false", What: "vault PROFILE is vault use PROFILE, and vault - is vault use -, where no command has that name"},
		{Name: "AWS_VAULT_PROMPT_ACCOUNT", Values: "true, false", Default: "false", What: "the prompt shows the account's name too, where it is known", Page: "prompt.md"},
		{Name: "AWS_VAULT_PICKER", Values: "fzf, lines", Default: "fzf", What: "choose a profile in the finder, or from numbered lines"},
		{Name: "ACCESSIBLE", Values: "anything", What: "choose from numbered lines, as a screen reader wants them"},
		{Name: "FZF_DEFAULT_OPTS", Values: "options of fzf", What: "how the finder looks"},
		{Name: "FZF_DEFAULT_OPTS_FILE", Values: "a file", What: "a file with such options"},
		{Name: "NO_COLOR", Values: "anything", What: "no colour"},
		{Name: "TERM", What: "with dumb there is no colour, and a profile is chosen from numbered lines"},
		{Name: "COLORTERM", Values: "truecolor, 24bit", What: "the terminal shows all colours of vault_color", Page: "prompt.md"},
		{Name: "SHELL", Values: "a program", What: "what exec opens without a command, if it is not started by a shell"},
		{Name: "XDG_RUNTIME_DIR", Values: "a directory", What: "where the files are that terminals share, below vault/", Page: "architecture.md#the-files"},
		{Name: "XDG_STATE_HOME", Values: "a directory", Default: "~/.local/state", What: "where journals and lists are kept, below vault/", Page: "architecture.md#the-files"},
		{Name: "XDG_CONFIG_HOME", Values: "a directory", Default: "~/.config", What: "where init finds the start files of fish and PowerShell, and where aws-sso-cli has its file"},
		{Name: "AWS_SSO_CONFIG", Values: "a file", Default: "~/.config/aws-sso/config.yaml", What: "the file of aws-sso-cli, which says where the Identity Center of its profiles is", Page: "from-aws-sso-cli.md"},
		{Name: "ZDOTDIR", Values: "a directory", What: "where init finds the start files of zsh"},
	}
}

func agentVariables() []Setting {
	return []Setting{
		{Name: "AWS_VAULT_AGENT", Values: "auto, on, off", Default: "auto", What: "off: no agent; on: one also where a variable has the passphrase", Page: "agent.md"},
		{Name: "AWS_VAULT_AGENT_TTL", Values: "a duration, as 1h30m; 0 for no agent", Default: "8h", What: "how long the agent holds what you have unlocked", Page: "agent.md"},
		{Name: "AWS_VAULT_AGENT_LOCK_ON_SUSPEND", Values: "true, false", Default: "false", What: "it forgets that when the machine is suspended", Page: "agent.md"},
		{Name: "AWS_VAULT_AGENTS", Values: "allow, read-only, deny, ask", Default: "no rule", What: "what the shell of a coding agent is given, where vault_agents of the profile does not say it", Page: "agents.md"},
	}
}

func consoleVariables() []Setting {
	return []Setting{
		{Name: "AWS_VAULT_BROWSER", Flag: "--browser", Values: "a program or a command; {url} is the address", What: "where the console opens", Page: "console.md"},
		{Name: "AWS_VAULT_BROWSER_PROFILE", Flag: "--browser-profile", Values: "a name or a directory; {account} is filled in", What: "the profile of the browser", Page: "console.md"},
		{Name: "AWS_VAULT_CONTAINER", Flag: "--container", Values: "true, granted, false", Default: "false", What: "the container of Firefox", Page: "console.md"},
		{Name: "AWS_VAULT_AUTO_LOGOUT", Flag: "--auto-logout", Values: "true, false", Default: "false", What: "login leaves the account that the browser is signed in to first", Page: "console.md"},
	}
}

func identityVariables() []Setting {
	const page = "identity-variables.md"
	return []Setting{
		{Name: "AWS_ACCESS_KEY_ID", Flag: "--env", What: "an access key: add --env stores it, and credential_source = Environment uses it", Page: page},
		{Name: "AWS_SECRET_ACCESS_KEY", Flag: "--env", What: "its secret", Page: page},
		{Name: "AWS_SESSION_TOKEN", What: "its session token, if it is a temporary key", Page: page},
		{Name: "AWS_CREDENTIAL_EXPIRATION", What: "when that ends", Page: page},
		{Name: "AWS_SESSION_EXPIRATION", What: "the same, from an older AWS Vault", Page: page},
		{Name: "AWS_ROLE_ARN", Flag: "--role-arn", Values: "an ARN", What: "the role of the profile, or of the web identity", Page: page},
		{Name: "AWS_ROLE_SESSION_NAME", Values: "a name", What: "the name of that session", Page: page},
		{Name: "AWS_WEB_IDENTITY_TOKEN_FILE", Values: "a file", What: "the token of a web identity", Page: page},
		{Name: "AWS_SESSION_TAGS", Values: "KEY=VALUE, with commas", What: "tags of the role's session, before session_tags of the profile"},
		{Name: "AWS_TRANSITIVE_TAGS", Values: "names, with commas", What: "the tags that later roles of a chain have too"},
		{Name: "AWS_SOURCE_IDENTITY", Values: "a name", What: "the source identity of the role's session, before source_identity of the profile"},
		{Name: "AWS_CONTAINER_CREDENTIALS_FULL_URI", Values: "an address", What: "the endpoint that credential_source = EcsContainer asks", Page: page},
		{Name: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Values: "a path", What: "the same, on the host of ECS", Page: page},
		{Name: "AWS_CONTAINER_AUTHORIZATION_TOKEN", What: "the password of that endpoint", Page: page},
		{Name: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Values: "a file", What: "a file with it", Page: page},
	}
}

func networkVariables() []Setting {
	return []Setting{
		{Name: "AWS_ENDPOINT_URL", Values: "an address", What: "where AWS is; AWS_ENDPOINT_URL_STS and others are for one service"},
		{Name: "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", Values: "true, false", Default: "false", What: "pass over these addresses"},
		{Name: "AWS_USE_FIPS_ENDPOINT", Values: "true, false", Default: "false", What: "call the FIPS endpoints"},
		{Name: "AWS_USE_DUALSTACK_ENDPOINT", Values: "true, false", Default: "false", What: "call the endpoints that have IPv6 too"},
		{Name: "AWS_STS_REGIONAL_ENDPOINTS", Values: "regional, legacy", Default: "regional", What: "call STS in the region, or the global one"},
		{Name: "AWS_CA_BUNDLE", Values: "a file", What: "the certificate authorities to trust"},
		{Name: "AWS_MAX_ATTEMPTS", Values: "a number", Default: "3", What: "how often a call is tried"},
		{Name: "AWS_RETRY_MODE", Values: "legacy, standard, adaptive", Default: "standard", What: "how it is tried again"},
		{Name: "AWS_EC2_METADATA_DISABLED", Values: "true, false", Default: "false", What: "credential_source = Ec2InstanceMetadata is not asked"},
		{Name: "AWS_EC2_METADATA_SERVICE_ENDPOINT", Values: "an address", Default: "http://169.254.169.254", What: "where it asks"},
		{Name: "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", Values: "IPv4, IPv6", Default: "IPv4", What: "which of the two usual addresses that is"},
		{Name: "HTTP_PROXY", Values: "an address", What: "the proxy of addresses that begin with http:; http_proxy too"},
		{Name: "HTTPS_PROXY", Values: "an address", What: "the proxy of all others; https_proxy too"},
		{Name: "NO_PROXY", Values: "hosts, with commas", What: "what is called without a proxy; no_proxy too"},
	}
}
