// Package profiles reads the AWS config file and says what a profile means: where
// its credentials come from, hop by hop, and in which region. It is pure: text in,
// values out. No network, no keyring, no clock, no environment.
package profiles

import "time"

// Profile is a resolved profile: everything that is needed to make a session.
type Profile struct {
	Name   string
	Region string // never "": where nobody names one it is the partition's usual one
	Source Source

	// Settings of the profile itself that are not about identity.
	Endpoint string            // STS endpoint, "" for AWS's own; the same as in Network
	Network  Network           // how AWS is reached
	Extra    map[string]string // vault_* keys, as written, nil when there are none

	Warnings []Warning // what a person should know, in chain order
}

// Source is where credentials come from. Exactly one field is set.
type Source struct {
	Stored      *Stored
	Role        *Role
	SSO         *SSO
	Process     *Process
	WebIdentity *WebIdentity
	Host        *Host
	Login       *Login
}

// SSO is one role of one account in IAM Identity Center.
type SSO struct {
	Session  string // name of the sso-session section, "" for the legacy form
	StartURL string
	Region   string // the directory's, not the profile's
	Account  string
	Role     string
	Scopes   []string // sso_registration_scopes, nil when not given
}

// Process is a credential_process: a command that prints credentials.
type Process struct {
	Profile string // the profile it is written in, to tell a circle
	Command string
}

// WebIdentity is an AssumeRoleWithWebIdentity: a role for the bearer of a token. The
// token comes from a file or from a command; exactly one is set.
type WebIdentity struct {
	Profile     string
	ARN         string
	SessionName string
	TokenFile   string
	Process     string
	Duration    time.Duration // 0: AWS's default of one hour
	Policy      string
	PolicyARNs  []string
	Region      string
}

// Host is a credential_source: what the machine itself offers.
type Host struct {
	Kind string // HostEnvironment, HostContainer or HostInstance
}

// The kinds of Host, as they are written in a config file.
const (
	HostEnvironment = "Environment"
	HostContainer   = "EcsContainer"
	HostInstance    = "Ec2InstanceMetadata"
)

// Login is a profile of "aws login": console credentials that the AWS CLI keeps in its
// login cache.
type Login struct {
	Session string // login_session: the ARN of who signed in
	Region  string
}

// Stored is a key pair in the keyring, and what GetSessionToken on it needs.
type Stored struct {
	Profile    string        // the profile it is stored under: the name of the keyring's item
	MFASerial  string        // "" when no MFA is wanted
	MFAProcess string        // a command that prints a code, "" for none
	Duration   time.Duration // 0: the default of the call that is made
	NoSession  bool          // the long-lived key itself is wanted
}

// Role is one AssumeRole call on top of another source.
type Role struct {
	Profile           string // the profile that asked for it, for messages
	ARN               string
	ExternalID        string
	SessionName       string // "" for the default
	MFASerial         string
	MFAProcess        string
	Duration          time.Duration // 0: AWS's default of one hour
	Tags              []Tag         // in the order written
	TransitiveTagKeys []string
	SourceIdentity    string
	Policy            string   // inline session policy, JSON
	PolicyARNs        []string // managed session policies
	Region            string   // region whose STS is asked
	Source            Source
}

// Tag is one session tag.
type Tag struct{ Key, Value string }
