package cmd

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/d44b7504/vault/store"
)

// setting is a variable of the environment or a key of the AWS config file that this program reads.
type setting struct{ name, flag, what string }

// variables are the settings of the environment, beside those of the keyrings, which package
// store has.
func variables() []setting {
	list := []setting{
		{"AWS_CONFIG_FILE", "", "the AWS config file"},
		{"AWS_SHARED_CREDENTIALS_FILE", "", "the shared credentials file"},
		{"AWS_VAULT_BACKEND", "--backend", "the keyring to use: see help backends"},
	}
	for _, s := range store.Settings() {
		list = append(list, setting{s.Variable, "--" + s.Flag, s.Usage})
	}
	return append(list, []setting{
		{"AWS_VAULT_FILE_PASSPHRASE", "", "passphrase of the file back end"},
		{"AWS_VAULT_AGE_PASSPHRASE", "", "passphrase of your identity in the age back end"},
		{"AWS_VAULT_FROM_PASSPHRASE", "", "passphrase of the store that migrate moves from"},
		{"AWS_VAULT_PROMPT", "--prompt", "how to ask for MFA codes, in order"},
		{"YKMAN_OATH_CREDENTIAL_NAME", "", "the account on a YubiKey that gives the codes"},
		{"YKMAN_OATH_DEVICE_SERIAL", "", "the serial number of the YubiKey"},
		{"AWS_VAULT_YKMAN_VERSION", "", "1 to 3 for an old ykman"},
		{"AWS_MFA_SERIAL", "", "the MFA device, over mfa_serial"},
		{"AWS_VAULT_DURATION", "--duration", "how long a session should last"},
		{"AWS_SESSION_TOKEN_TTL", "", "the same for sessions of a stored key"},
		{"AWS_CHAINED_SESSION_TOKEN_TTL", "", "the same for those below a role"},
		{"AWS_ASSUME_ROLE_TTL", "", "the same for roles, over duration_seconds"},
		{"AWS_MIN_TTL", "--min-ttl", "renew a session that has less left"},
		{"AWS_VAULT_STDOUT", "--stdout", "true: show the address of a sign-in and open no browser"},
		{"AWS_VAULT_PROFILE_ENV", "--profile-env", "true: exec gives AWS_PROFILE in place of keys"},
		{"AWS_VAULT_DISABLE_HELP_MESSAGE", "", "true: exec opens a sub-shell without a word"},
		{"AWS_VAULT_AGENTS", "", "what a coding agent is given: see vault_agents"},
		{"AWS_VAULT_AGENT", "", "off: no agent; on: one also where a variable has the passphrase"},
		{"AWS_VAULT_AGENT_TTL", "", "how long the agent holds what you have unlocked"},
		{"AWS_VAULT_AGENT_LOCK_ON_SUSPEND", "", "true: it forgets that when the machine is suspended"},
		{"AWS_VAULT_PICKER", "", "lines: choose a profile from numbered lines; fzf: in the finder"},
		{"ACCESSIBLE", "", "if it is set: numbered lines"},
		{"FZF_DEFAULT_OPTS", "", "how the finder looks; so does FZF_DEFAULT_OPTS_FILE"},
		{"AWS_VAULT_BROWSER", "--browser", "where login opens the console"},
		{"AWS_VAULT_BROWSER_PROFILE", "--browser-profile", "in which profile of the browser"},
		{"AWS_VAULT_CONTAINER", "--container", "in which container of Firefox"},
		{"AWS_VAULT_AUTO_LOGOUT", "--auto-logout", "true: login leaves the last account first"},
		{"AWS_FEDERATION_TOKEN_TTL", "", "how long the console of a user's key lasts"},
		{"BROWSER", "", "the browser to sign in with"},
		{"NO_COLOR", "", "if it is set: no colour"},
	}...)
}

// keys are the settings of this program in the AWS config file, beside those of the AWS tools
// and of AWS Vault.
func keys() []setting {
	return []setting{
		{"vault_description", "", "what the list to choose from says of the profile"},
		{"vault_mode", "", "profile: give the AWS tools the profile's name, and no keys"},
		{"vault_protected", "", "true: the name is typed before a session is given out"},
		{"vault_read_only", "", "true: every session is narrowed to reading"},
		{"vault_max_duration", "", "the longest session"},
		{"vault_auto_renew", "", "false: a session ends rather than being renewed"},
		{"vault_agents", "", "what a shell of a coding agent is given: read-only, deny or ask"},
		{"vault_browser", "", "browser to sign in with; %s is the address"},
		{"vault_console_browser", "", "browser for the console alone"},
		{"vault_browser_profile", "", "profile of the browser that opens the console"},
		{"vault_container", "", "container of Firefox that opens it"},
		{"vault_color", "", "colour of that container"},
		{"vault_sso_flow", "", "pkce or device, in an sso-session"},
		{"vault_allow_roles", "", "roles that programs of other profiles may assume"},
		{"vault_sso_session", "", "written by sso sync, with vault_sso_account_id and vault_sso_role_name"},
	}
}

// helpSettings lists all of them.
func helpSettings(r *run) error {
	var b bytes.Buffer
	write := func(title string, list []setting) {
		fmt.Fprintf(&b, "%s:\n", title)
		for _, s := range list {
			what := s.what
			if s.flag != "" {
				what += " (" + s.flag + ")"
			}
			fmt.Fprintf(&b, "  %s\n", s.name)
			for _, line := range wrapped(what, helpWidth-6) {
				b.WriteString("      " + line + "\n")
			}
		}
	}
	write("Variables", variables())
	b.WriteString("\n")
	write("Keys of a profile in the AWS config file", keys())
	b.WriteString("\nThe keys of the AWS tools and of AWS Vault count too: show PROFILE says which\nones a profile has, and where.\n")
	return printCleanLines(r.Stdout, r.ours(b.String()))
}

// wrapped are the lines of a text that is broken between words.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && cells(line)+1+cells(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}
