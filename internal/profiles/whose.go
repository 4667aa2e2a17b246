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
	l := s.layer(name)
	get := func(key string) string {
		e, _ := l.lookup(key)
		return e.Value
	}
	if len(l) == 0 || l.damage() != nil || get("include_profile") != "" {
		return o, false
	}
	if o.Region = get("region"); o.Region == "" && name != "default" {
		e, _ := s.layer("default").lookup("region")
		o.Region = e.Value
	}
	account, role, is := roleOf(get("role_arn"))
	switch {
	case is:
		o.Account, o.Role = account, role
	case get("role_arn") != "":
		return o, false
	default:
		var c clues
		for _, key := range [...]string{"credential_process", grantedAccount, grantedRole, "vault_sso_account_id", "vault_sso_role_name", "sso_account_id", "sso_role_name"} {
			c.note(key, get(key))
		}
		o.Account, o.Role = c.account, c.permission
	}
	return o, o.Region != "" && isLabel(o.Region)
}

// Where is the line of a setting in a profile's own section, and false if it is not there.
func (s *Set) Where(name, key string) (Place, bool) {
	e, is := s.layer(name).lookup(key)
	if !is {
		return Place{}, false
	}
	return Place{e.from.file.path, e.Line}, true
}
