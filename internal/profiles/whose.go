package profiles

// Owner is whose session a profile gives, as far as its own section tells: of a stored key it
// tells the region only. What is not known is "".
type Owner struct{ Account, Role, Region string }

// OwnRegion is the region in a profile's own section, "" if there is none.
func (s *Set) OwnRegion(name string) string {
	e, _ := s.layer(name).lookup("region")
	return e.Value
}

// Owner reads a profile's section without following it, so that thousands of profiles can be
// listed at once. complete is false where what other sections say is needed: then Resolve tells.
func (s *Set) Owner(name string) (o Owner, complete bool) {
	if x, ok := s.outline(name); ok {
		o, complete = x.owner, x.complete
	} else {
		l := s.layer(name)
		if len(l) == 0 || l.damage() != nil {
			return o, false
		}
		var c clues
		for _, key := range ownerKeys {
			c.note(key, l.text(key))
		}
		o, complete = c.owner()
	}
	if o.Region == "" && name != "default" {
		o.Region = s.OwnRegion("default")
	}
	return o, complete && o.Region != "" && isLabel(o.Region)
}

// ownerKeys are the settings that tell whose session a profile gives.
var ownerKeys = [...]string{
	"region", "include_profile", "role_arn", "source_profile", "credential_process", grantedAccount, grantedRole,
	"vault_sso_account_id", "vault_sso_role_name", "sso_account_id", "sso_role_name",
}

// owner is whose session these settings give. complete is false where they name another profile
// that gives it.
func (c *clues) owner() (o Owner, complete bool) {
	o.Region = c.region
	account, role, is := roleOf(c.role)
	switch {
	case is:
		o.Account, o.Role = account, role
	case c.role == "":
		o.Account, o.Role = c.account, c.permission
	}
	return o, c.include == "" && (is || c.role == "" && (c.source == "" || c.account != ""))
}

// Where is the line of a setting in a profile's own section, and false if it is not there.
func (s *Set) Where(name, key string) (Place, bool) {
	e, is := s.layer(name).lookup(key)
	if !is {
		return Place{}, false
	}
	return Place{e.from.file.path, e.Line}, true
}
