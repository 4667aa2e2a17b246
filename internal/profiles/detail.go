package profiles

// Detail is a profile as a list to choose from shows it, as far as its own section tells.
type Detail struct {
	Name          string
	Account, Role string
	Source        string // the kind of source, in a word or two
	Text          string // vault_description
	Protected     bool   // vault_protected
}

// OwnKey is the Source of a profile whose section names none: its key is in the keyring.
const OwnKey = "key"

func detailOf(name string, c *clues) Detail {
	d := Detail{Name: name, Account: c.account, Role: c.permission, Text: c.text, Source: OwnKey}
	d.Protected, _ = isOn(c.protected)
	switch {
	case c.role != "" && c.source != "" && c.source != name:
		d.Source = "over " + c.source
	case c.kind == "credential process":
		d.Source = "process"
	case c.kind == "sso":
		d.Source = or(c.session, "sso")
	case c.kind != "":
		d.Source = c.kind
	case c.key != "":
		d.Source = "file"
	case c.role == "" && c.source != "" && c.source != name:
		d.Source = "as " + c.source
	}
	if name == "default" && d.Source == OwnKey {
		d.Text = or(d.Text, SharedSettings)
	}
	if account, role, ok := roleOf(c.role); ok {
		d.Account, d.Role = account, role
	} else if c.role != "" {
		d.Role = c.role
	}
	return d
}
