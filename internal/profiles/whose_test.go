package profiles

import "testing"

// Whatever is told without following a profile is what following it tells.
func TestTheOwnerOfAProfileIsWhatResolvingItTells(t *testing.T) {
	set := Parse("config", []byte(`[default]
region = eu-west-1
[profile key]
[profile role]
role_arn = arn:aws:iam::111122223333:role/path/admin
source_profile = key
[profile near]
role_arn = arn:aws:iam::111122223333:role/near
source_profile = key
region = us-west-2
[profile includes]
include_profile = near
[profile directory]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 444455556666
sso_role_name = ReadOnly
[profile wrong]
role_arn = nonsense
source_profile = key
[profile other name]
source_profile = near
[profile twice]
region = us-east-1
region = us-east-2
[profile lines]
region = us-east-1
s3 =
  max_queue_size = 1
`))
	for name, followed := range map[string]bool{"key": false, "role": false, "near": false, "directory": false, "includes": true, "wrong": true, "none": true, "default": false, "other name": true, "twice": true, "lines": false} {
		o, complete := set.Owner(name)
		if complete == followed {
			t.Errorf("%s: complete is %v", name, complete)
			continue
		}
		p, err := set.Resolve(name, Overrides{HasKey: func(string) bool { return true }})
		if followed || err != nil {
			continue
		}
		account, role := "", ""
		switch s := p.Source; {
		case s.Role != nil:
			account, role, _ = roleOf(s.Role.ARN)
		case s.SSO != nil:
			account, role = s.SSO.Account, s.SSO.Role
		}
		if o.Account != account || o.Role != role || o.Region != p.Region {
			t.Errorf("%s: %+v, but resolved %q %q %q", name, o, account, role, p.Region)
		}
	}
}

// Tools that keep temporary keys in the credentials file have a section there for each profile.
func TestTheOwnerIsToldFromBothFiles(t *testing.T) {
	const role = "role_arn = " + roleARN + "r\nsource_profile = base\nregion = eu-west-1\n"
	set := both(t, "[profile keyed]\n"+role+"[profile moved]\n"+role+"[profile emptied]\n"+role+"[profile base]\n",
		"[keyed]\n"+tempKey+"[moved]\nregion = us-west-2\n[emptied]\nrole_arn =\n[base]\nregion = us-east-2\n[only]\nregion = us-east-1\n")
	for name, region := range map[string]string{"keyed": "eu-west-1", "moved": "us-west-2", "emptied": "eu-west-1", "base": "us-east-2", "only": "us-east-1"} {
		o, complete := set.Owner(name)
		p, err := set.Resolve(name, Overrides{HasKey: func(string) bool { return true }})
		if err != nil || o.Region != region || p.Region != region || complete && (o.Role != "") != (p.Source.Role != nil) {
			t.Errorf("%s: %+v %v, resolved %+v, %v", name, o, complete, p, err)
		}
	}
}
