// Package profiles reads the AWS config file and finds out what a profile means: where its
// credentials come from, step by step, and in which region. It also changes the files of
// the AWS tools. It reads no environment variable, and uses no network, keyring or clock.
package profiles

import "time"

// Profile is a resolved profile: all that is needed to make a session.
type Profile struct {
	Name   string
	Region string // never "": without a setting it is the default of the partition
	Source Source

	Regionless bool // Region is that default

	// Settings of the profile itself that are not about identity.
	Endpoint string            // of STS, "" for the default; the same as in Network
	Network  Network           // how AWS is reached
	Extra    map[string]string // the vault_* settings; nil when there are none

	Guard Guard // how carefully its sessions are given out

	Warnings []Warning // in the order of the chain
}

// Source says where credentials come from. Exactly one field is set.
type Source struct {
	Stored      *Stored
	Role        *Role
	SSO         *SSO
	Process     *Process
	WebIdentity *WebIdentity
	Host        *Host
	Login       *Login
	Temporary   *Temporary
}

// SSO is one role of one account in IAM Identity Center.
type SSO struct {
	Session  string // the name of the sso-session section; "" for the legacy form
	StartURL string
	Region   string // of Identity Center, not of the profile
	Account  string
	Role     string
	Scopes   []string // sso_registration_scopes; nil when it is not set
}

// Process is a credential_process: a command that prints credentials.
type Process struct {
	Profile string // the profile that it is set in, to find a loop
	Command string
}

// WebIdentity is a role that is assumed with a token (AssumeRoleWithWebIdentity). The token
// comes from a file or from a command; exactly one is set.
type WebIdentity struct {
	Profile     string
	ARN         string
	SessionName string
	TokenFile   string
	TokenFileAt string // where TokenFile is set, for messages
	Process     string
	Duration    time.Duration // 0: AWS's default of one hour
	Policy      string
	PolicyARNs  []string
	Region      string
}

// Host is a credential_source: credentials that the machine itself has.
type Host struct {
	Kind string // HostEnvironment, HostContainer or HostInstance
}

// The kinds of Host, with the names that they have in a config file.
const (
	HostEnvironment = "Environment"
	HostContainer   = "EcsContainer"
	HostInstance    = "Ec2InstanceMetadata"
)

// Login is a profile of "aws login": credentials of the console, which the AWS CLI keeps in
// its login cache.
type Login struct {
	Session string // login_session: the ARN of the user who signed in
	Region  string
}

// Stored is a key in the keyring, with what GetSessionToken needs besides.
type Stored struct {
	Profile    string        // the name of the keyring's item
	MFASerial  string        // "" for a session without MFA
	MFAProcess string        // a command that prints a code; "" for none
	Duration   time.Duration // asked for; 0 for the default of the call
	NoSession  bool          // use the long-lived key itself
	Federation *Federation   // the session is for the console; nil: it is not
	InFile     Place         // where a file of the AWS tools has it in plain text
	// ForItself says that the credential_process of Profile asks vault for Profile itself, which only a
	// stored key ends. It is not part of the CacheKey.
	ForItself bool

	// SharedDuration is how long a session with MFA lasts that is made for everything that
	// uses this key and device, if Duration is 0; 0: the default. Such a session is used
	// however long it was made for, so this is not part of the CacheKey.
	SharedDuration time.Duration
}

// Federation is a session of GetFederationToken, the only one of a user that AWS lets into the
// console. Without a policy of its own it may do whatever the user may.
type Federation struct {
	Policy     string
	PolicyARNs []string
}

// Role is a call of AssumeRole with the credentials of another source.
type Role struct {
	Profile           string // the profile that it is set in, for messages
	ARN               string
	ExternalID        string
	SessionName       string // "" for the default
	MFASerial         string
	MFAProcess        string
	Duration          time.Duration // 0: AWS's default of one hour
	Tags              []Tag         // in the order of the file
	TransitiveTagKeys []string
	SourceIdentity    string
	Policy            string   // inline session policy, JSON
	PolicyARNs        []string // managed session policies
	Region            string   // whose STS is called
	Source            Source
}

// Tag is a session tag.
type Tag struct{ Key, Value string }
