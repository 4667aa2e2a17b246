package profiles

// This file knows the places credentials can come from, other than another profile.
// A new one is a case of own.

// ownKey names the setting by which a profile brings credentials of its own, "" when
// there is none and the keyring is asked.
func ownKey(v *view) string {
	for _, key := range [...]string{
		"web_identity_token_file", "web_identity_token_process",
		"sso_session", "sso_start_url", "sso_account_id", "sso_role_name",
		"credential_process", "credential_source", "login_session",
	} {
		if v.has(key) {
			return key
		}
	}
	return ""
}

// own is the source of a profile that stands on no other.
func (c *chain) own(v *view) (Source, error) {
	key := ownKey(v)
	switch key {
	case "":
		return Source{Stored: c.stored(v)}, nil
	}
	return Source{}, &UnsupportedError{Profile: v.name, Key: key}
}

func (c *chain) stored(v *view) *Stored {
	return &Stored{
		Profile:    v.name,
		MFASerial:  c.serial(v),
		MFAProcess: v.str("mfa_process"),
		NoSession:  c.over.NoSession,
	}
}
