// Package profiles reads the AWS config file and says what a profile means: where
// its credentials come from, hop by hop, and in which region. It is pure: text in,
// values out. No network, no keyring, no clock, no environment.
package profiles

import "time"

// Profile is a resolved profile: everything that is needed to make a session.
type Profile struct {
	Name   string
	Region string // "" when neither the profile nor [default] names one
	Source Source

	// Settings of the profile itself that are not about identity.
	Endpoint string            // STS endpoint, "" for AWS's own
	Extra    map[string]string // vault_* keys, as written, nil when there are none

	Warnings []Warning // what was read and has no effect, in chain order
}

// Source is where credentials come from. Exactly one field is set.
type Source struct {
	Stored *Stored
	Role   *Role
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
