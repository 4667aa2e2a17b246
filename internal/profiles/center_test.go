package profiles

import (
	"strings"
	"testing"
)

const grantedDev = `granted_sso_start_url      = https://corp.awsapps.com/start
granted_sso_region         = eu-central-1
granted_sso_account_id     = 111122223333
granted_sso_role_name      = Reader
common_fate_generated_from = aws-sso
`

var grantedReader = SSO{StartURL: "https://corp.awsapps.com/start", Region: "eu-central-1", Account: "111122223333", Role: "Reader", Scopes: []string{accessScope}}

func TestAProfileOfGrantedIsTheRoleOfIdentityCenterThatItNames(t *testing.T) {
	process := "credential_process = granted credential-process --profile dev/Reader\n"
	for what, text := range map[string]string{
		"as granted sso populate writes it": process,
		"with auto login":                   "credential_process = granted credential-process --auto-login --profile dev/Reader\n",
		"with the program's path":           "credential_process = /opt/homebrew/bin/granted credential-process --profile dev/Reader --url https://granted.example.com\n",
		"with = and one dash":               "credential_process = dgranted --verbose credential-process -profile=dev/Reader --window 10m\n",
		"without a command":                 "",
	} {
		want(t, what, resolve(t, "[profile dev/Reader]\n"+grantedDev+text, "dev/Reader").Source, Source{SSO: &grantedReader})
	}
	shared := resolve(t, "[profile dev/Reader]\n"+grantedDev+process+corp, "dev/Reader").Source
	want(t, "where there is an sso-session for the same directory", shared, Source{SSO: &corpRole})
	own := "[profile d]\nsso_session = corp\ngranted_sso_account_id = 111122223333\ngranted_sso_role_name = Reader\ncredential_process = granted credential-process --profile d\n"
	want(t, "with an sso-session of its own", resolve(t, own+corp, "d").Source, Source{SSO: &SSO{
		Session: "corp", StartURL: corpRole.StartURL, Region: corpRole.Region, Account: "111122223333", Role: "Reader",
	}})
	role := resolve(t, "[profile top]\nrole_arn = "+roleARN+"r\nsource_profile = dev/Reader\n[profile dev/Reader]\n"+grantedDev+process, "top")
	want(t, "a role over it", role.Source.Origin(), Source{SSO: &grantedReader})
	other := resolve(t, "[profile ide]\nregion = us-west-2\ncredential_process = granted credential-process --profile dev/Reader\n[profile dev/Reader]\n"+grantedDev+process, "ide")
	want(t, "another name of it", other.Source, Source{SSO: &grantedReader})
	for what, text := range map[string]string{
		"a key that Granted keeps": "credential_process = granted credential-process --profile dev/Reader\n",
		"of a profile elsewhere":   grantedDev + "credential_process = granted credential-process --profile gone\n",
		"of another file":          grantedDev + "credential_process = granted --aws-config-file x credential-process --profile dev/Reader\n",
		"another program":          grantedDev + "credential_process = /opt/wrapped credential-process --profile dev/Reader\n",
	} {
		if s := resolve(t, "[profile dev/Reader]\n"+text, "dev/Reader").Source; s.Process == nil {
			t.Errorf("%s is %+v: the program has to be run", what, s)
		}
	}
	for key, why := range map[string]string{
		"granted_sso_region": "granted_sso_region is missing", "granted_sso_role_name": "granted_sso_role_name is missing",
	} {
		var lines []string
		for line := range strings.Lines(grantedDev) {
			if !strings.HasPrefix(line, key) {
				lines = append(lines, line)
			}
		}
		if err := resolveError(t, "[profile a]\n"+strings.Join(lines, ""), "a", Overrides{}); !strings.Contains(err.Error(), why) {
			t.Errorf("without %s: %v", key, err)
		}
	}
}

func TestWhatGrantedCallsDescriptionAndColorIsThatHereToo(t *testing.T) {
	text := "[profile a]\ngranted_description = the team's\ngranted_color = turquoise\n[profile b]\nvault_color = red\ngranted_color = blue\n"
	want(t, "settings", resolve(t, text, "a").Extra, map[string]string{"vault_description": "the team's", "vault_color": "turquoise"})
	want(t, "its own first", resolve(t, text, "b").Extra["vault_color"], "red")
	list := Parse("", []byte("[profile dev/Reader]\n"+grantedDev+"granted_description = the team's\ncredential_process = granted credential-process --profile dev/Reader\n")).Details()
	want(t, "the list", list, []Detail{{Name: "dev/Reader", Account: "111122223333", Role: "Reader", Source: "sso", Text: "the team's"}})
}

// The file as aws-sso-cli's own setup writes it, with what people add by hand.
const awsSSOYAML = `# written by the wizard
---
SSOConfig:
    Default:
        SSORegion: eu-central-1
        StartUrl: https://corp.awsapps.com/start   # ours
        AuthUrlAction: open
        Accounts:
            000123456789:
                Name: 'It''s ours: old'
                Tags:
                  - Type: Main Account
                  - Other
                Roles:
                    Admin:
                        Profile: old-admin
                        Via: arn:aws:iam::111122223333:role/Reader
                        ExternalId: "e-1"
                        SourceIdentity: me
                    Loop:
                        Via: arn:aws:iam::000123456789:role/Loop
            "111122223333":
                Roles:
                    Reader:
    Another:
      SSORegion: us-east-1
      StartUrl: "https://d-1234567890.awsapps.com/start"
UrlAction: open
ProfileFormat: '{{ FirstItem .AccountName (.AccountAlias | nospace) }}:{{ .RoleName }}'
UrlExecCommand:
- /usr/bin/firefox
- "%s"
Note: |
    text: of: another
  - kind
DefaultRegion: eu-west-1
`

func TestAProfileOfAWSSSOIsTheRoleOfIdentityCenterThatItNames(t *testing.T) {
	o := Overrides{AWSSSO: func(file string) []byte {
		if file == "" {
			return []byte(awsSSOYAML)
		}
		return nil
	}}
	another := SSO{StartURL: "https://d-1234567890.awsapps.com/start", Region: "us-east-1", Account: "000123456789", Role: "Ops", Scopes: []string{accessScope}}
	via := Source{Role: &Role{
		Profile: "a", ARN: "arn:aws:iam::000123456789:role/Admin", ExternalID: "e-1", SourceIdentity: "me", Region: "eu-central-1", Source: Source{SSO: &grantedReader},
	}}
	for command, is := range map[string]Source{
		`/usr/local/bin/aws-sso -u open -S "Default" process --arn arn:aws:iam::111122223333:role/Reader`: {SSO: &grantedReader},
		`aws-sso process -A 111122223333 -R Reader`:                                                       {SSO: &grantedReader},
		`aws-sso --sso=Default --level debug process --profile 111122223333:Reader`:                       {SSO: &grantedReader},
		`aws-sso -S Another process -a 123456789:Ops`:                                                     {SSO: &another},
		`aws-sso -SAnother process --account=000123456789 --role=Ops --sts-refresh`:                       {SSO: &another},
		`aws-sso process --arn arn:aws:iam::000123456789:role/Admin`:                                      via,
		`aws-sso process -p old-admin`:                                                                    via,
	} {
		want(t, command, resolveWith(t, "[profile a]\nregion = eu-west-1\ncredential_process = "+command+"\n", "a", o).Source, is)
	}
	for _, command := range []string{
		"aws-sso process", "aws-sso eval --arn arn:aws:iam::111122223333:role/Reader", "aws-sso -S None process --arn arn:aws:iam::111122223333:role/Reader",
		"aws-sso --config other.yaml process --arn arn:aws:iam::111122223333:role/Reader", "aws-sso process --profile prod", "aws-sso process --arn arn:aws:iam::000123456789:role/Loop",
		"aws-sso-other process --arn arn:aws:iam::111122223333:role/Reader",
	} {
		if s := resolveWith(t, "[profile a]\ncredential_process = "+command+"\n", "a", o).Source; s.Process == nil {
			t.Errorf("%s is %+v: the program has to be run", command, s)
		}
	}
	list := Parse("", []byte("[profile a]\ncredential_process = /usr/local/bin/aws-sso -u open -S \"Default\" process --arn arn:aws:iam::111122223333:role/Reader\n")).Details()
	want(t, "the list", list, []Detail{{Name: "a", Account: "111122223333", Role: "Reader", Source: "sso"}})
}

func TestOfAFileThatCannotBeReadNothingIsGuessed(t *testing.T) {
	call := awsSSOCall{account: "111122223333", role: "Reader"}
	for _, text := range []string{
		"", "SSOConfig: {Default: {SSORegion: eu-west-1, StartUrl: https://x.awsapps.com/start}}\n", "SSOConfig:\n\tDefault:\n", "nonsense\n",
		"SSOConfig:\n  Default:\n    SSORegion: eu-west-1\n", "SSOConfig:\n  Default:\n    SSORegion: &r eu-west-1\n    StartUrl: *u\n",
		"SSOConfig:\n  Default:\n    SSORegion: eu-west-1\n   StartUrl: https://x.awsapps.com/start\n",
		"SSOConfig:\n  Default:\n    SSORegion: 'eu-west-1\n    StartUrl: https://x.awsapps.com/start\n",
	} {
		if s, ok := call.source("a", []byte(text)); ok {
			t.Errorf("%q: %+v", text, s)
		}
	}
}

func FuzzReadYAML(f *testing.F) {
	f.Add([]byte(awsSSOYAML))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = readYAML(text)
		_, _ = awsSSOCall{account: "111122223333", role: "Reader", profile: "p"}.source("a", text)
	})
}
