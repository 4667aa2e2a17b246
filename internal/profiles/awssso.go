package profiles

import (
	"slices"
	"strings"
)

// This file reads what aws-sso-cli has: its line in a credential_process, and its own file, which
// says where Identity Center is and which roles are assumed with another one.

// awsSSOCall is a command line of aws-sso that prints the credentials of a role.
type awsSSOCall struct {
	config, sso            string // "": the usual ones
	account, role, profile string
}

// awsSSOFlags are the flags of aws-sso that are followed by a value, and their short forms.
var awsSSOFlags = map[string]string{
	"arn": "a", "account": "A", "role": "R", "profile": "p", "sso": "S", "url-action": "u", "browser": "b", "level": "L", "config": "", "threads": "",
}

// awsSSOCommand reads a command line; false for one that is something else.
func awsSSOCommand(words []string) (call awsSSOCall, ok bool) {
	if programName(words[0]) != "aws-sso" {
		return call, false
	}
	command := ""
	for i := 1; i < len(words); i++ {
		flag, value, wanted := awsSSOFlag(words[i])
		switch {
		case flag == "" && command != "" || words[i] == "--":
			return call, false
		case flag == "":
			command = words[i]
		case wanted && i+1 < len(words):
			i++
			value = words[i]
		}
		call.set(flag, value)
	}
	return call, command == "process" && (call.account != "" && call.role != "" || call.profile != "")
}

// awsSSOFlag reads a word: the long name of the flag, "" for none, its value, and whether that is
// the next word.
func awsSSOFlag(word string) (flag, value string, wanted bool) {
	if name, long := strings.CutPrefix(word, "--"); long {
		name, value, joined := strings.Cut(name, "=")
		_, takes := awsSSOFlags[name]
		return name, value, takes && !joined
	}
	if len(word) < 2 || word[0] != '-' {
		return "", "", false
	}
	for name, short := range awsSSOFlags {
		if short == word[1:2] {
			return name, strings.TrimPrefix(word[2:], "="), len(word) == 2
		}
	}
	return word, "", false
}

func (a *awsSSOCall) set(flag, value string) {
	switch flag {
	case "config":
		a.config = value
	case "sso":
		a.sso = value
	case "account":
		a.account = padAccount(value)
	case "role":
		a.role = value
	case "profile":
		a.profile = value
	case "arn":
		a.account, a.role, _ = roleOf(value)
		if a.account == "" { // ACCOUNT:ROLE, its short form
			account, role, _ := strings.Cut(value, ":")
			a.account, a.role = padAccount(account), role
		}
	}
}

// padAccount gives an account's id the zeros that it begins with: aws-sso takes it for a number.
func padAccount(id string) string {
	if id == "" || strings.Trim(id, "0123456789") != "" {
		return ""
	}
	id = strings.TrimLeft(id, "0")
	return strings.Repeat("0", max(0, 12-len(id))) + id
}

// source is the role that the line is for, by the text of aws-sso's file; false where the file does not
// say. It may be one that is assumed with other roles.
func (a awsSSOCall) source(profile string, file []byte) (Source, bool) {
	text, ok := readYAML(file)
	if !ok {
		return Source{}, false
	}
	f := awsSSOFile{text, ""}
	if f.sso, ok = f.instance(a.sso); !ok {
		return Source{}, false
	}
	if a.profile != "" {
		if a.account, a.role, ok = f.named(a.profile); !ok {
			return Source{}, false
		}
	}
	return f.role(profile, a.account, a.role, 5)
}

// awsSSOFile is aws-sso's file, and which Identity Center in it is meant.
type awsSSOFile struct {
	text yamlText
	sso  string
}

// instance is the one of this name, or with "" the one that aws-sso takes.
func (f awsSSOFile) instance(name string) (string, bool) {
	names := f.text.keys("SSOConfig")
	if name == "" {
		name = or(f.text.value("DefaultSSO"), "Default")
		if len(names) == 1 {
			name = names[0]
		}
	}
	return name, slices.Contains(names, name)
}

// at is a setting of the Identity Center.
func (f awsSSOFile) at(path ...string) string {
	return f.text.value(append([]string{"SSOConfig", f.sso}, path...)...)
}

// named finds the role to which the file gives a profile's name.
func (f awsSSOFile) named(profile string) (account, role string, ok bool) {
	for _, key := range f.text.keys("SSOConfig", f.sso, "Accounts") {
		for _, role := range f.text.keys("SSOConfig", f.sso, "Accounts", key, "Roles") {
			if f.at("Accounts", key, "Roles", role, "Profile") == profile {
				return padAccount(key), role, true
			}
		}
	}
	account, role, _ = strings.Cut(profile, ":") // a usual form of its profiles' names
	return account, role, isAccount(account) && isRoleName(role)
}

// role makes the source of a role: one that Identity Center gives, or, with Via, one that is
// assumed. most bounds how many of those there are.
func (f awsSSOFile) role(profile, account, name string, most int) (Source, bool) {
	if !isAccount(account) || name == "" || most == 0 {
		return Source{}, false
	}
	var settings []string
	for _, key := range f.text.keys("SSOConfig", f.sso, "Accounts") {
		if padAccount(key) == account {
			settings = []string{"Accounts", key, "Roles", name}
		}
	}
	if settings == nil {
		return f.center(account, name)
	}
	via := f.at(append(settings, "Via")...)
	if via == "" {
		return f.center(account, name)
	}
	viaAccount, viaRole, ok := roleOf(via)
	if !ok {
		return Source{}, false
	}
	below, ok := f.role(profile, viaAccount, viaRole, most-1)
	arn := expandRole(account+":"+name, arnPartition(via))
	return Source{Role: &Role{
		Profile: profile, ARN: arn, Region: regionFor(arn, f.at("SSORegion")), Source: below,
		ExternalID: f.at(append(settings, "ExternalId")...), SourceIdentity: f.at(append(settings, "SourceIdentity")...),
	}}, ok && arn != ""
}

// center is a role that Identity Center gives.
func (f awsSSOFile) center(account, name string) (Source, bool) {
	s := &SSO{StartURL: f.at("StartUrl"), Region: f.at("SSORegion"), Account: account, Role: name}
	return Source{SSO: s}, isURL(s.StartURL) && isLabel(s.Region) && isRoleName(name)
}
