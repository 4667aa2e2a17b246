//go:build unix

package cmd_test

// What vault doctor finds on machines that are ill in one way each.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/fakeaws"
)

type finding struct{ Check, Level, Message, Cure string }

// examine runs the doctor, and searches what it says for keys.
func (w *world) examine(t testing.TB, environ []string, args ...string) (found []finding, status int) {
	t.Helper()
	r := w.vault(t, environ, append([]string{"doctor", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(r.out), &found); err != nil {
		t.Fatalf("%v\n%s%s", err, r.out, r.err)
	}
	if leak := w.leak(r.out); leak != "" || r.err != "" {
		t.Errorf("a secret in the report: %q; on standard error: %q", leak, r.err)
	}
	worst := 0
	for _, f := range found {
		if f.Level == "problem" {
			worst = 1
		}
	}
	if r.status != worst {
		t.Errorf("exit status %d, with findings %v", r.status, found)
	}
	return found, r.status
}

// complaints are the findings of a check that are not praise; all checks for "".
func complaints(found []finding, check string) []finding {
	var list []finding
	for _, f := range found {
		if f.Level != "ok" && (check == "" || f.Check == check) {
			list = append(list, f)
		}
	}
	return list
}

// wantFindings checks that the only complaints of a check are these, each "LEVEL TEXT"
// with a text that the message and the cure together contain.
func wantFindings(t testing.TB, found []finding, check string, want ...string) {
	t.Helper()
	got := complaints(found, check)
	if len(got) != len(want) {
		t.Errorf("%s: %d findings, not %d: %q", check, len(got), len(want), got)
		return
	}
	for i, w := range want {
		level, text, _ := strings.Cut(w, " ")
		if f := got[i]; f.Level != level || !strings.Contains(f.Message+" | "+f.Cure, text) {
			t.Errorf("%s: %q, not %q", check, f, w)
		}
	}
}

// healthy is a world in which there is nothing to find but what the tests bring along.
func healthy(t testing.TB, config string) *world {
	w := newWorld(t, config)
	w.stored("alice", "base")
	w.write("home/.zshrc", "setopt autocd\neval \"$(vault hook zsh)\"\n")
	return w
}

// settled is an environ without what the tests bring along.
func (w *world) settled(extra ...string) []string {
	list := w.environ(append([]string{"SHELL=/usr/bin/zsh"}, extra...)...)
	return without(list, "AWS_VAULT_FILE_PASSPHRASE", "NO_SUCH")
}

func TestDoctorFindsNothingWhereNothingIsWrong(t *testing.T) {
	t.Parallel()
	w := healthy(t, roleConfig)
	found, status := w.examine(t, w.settled())
	for _, f := range complaints(found, "") {
		known := f.Check == "keyring" && (strings.Contains(f.Message, "is not available") || strings.Contains(f.Message, "PBKDF2")) ||
			strings.HasPrefix(f.Message, "AWS_ENDPOINT_URL is set")
		if !known {
			t.Errorf("%q", f)
		}
	}
	if status != 0 {
		t.Errorf("status %d", status)
	}
	for _, check := range []string{"keyring", "keys", "hook", "config", "plain text", "clock"} {
		praised := false
		for _, f := range found {
			praised = praised || f.Check == check && f.Level == "ok"
		}
		if !praised {
			t.Errorf("nothing good was found by %q", check)
		}
	}
}

func TestDoctorChangesNothingAndAsksAWSForTheTimeAlone(t *testing.T) {
	t.Parallel()
	w := healthy(t, roleConfig)
	w.write("home/.bash_history", "ls\n")
	before := snapshot(w.dir)
	r := w.vault(t, w.settled(), "doctor")
	if r.status != 0 || r.err != "" || !strings.Contains(r.out, "\nclock\n  ok ") || strings.ContainsRune(r.out, '\x1b') {
		t.Errorf("status %d: %s%s", r.status, r.out, r.err)
	}
	if after := snapshot(w.dir); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	w.examine(t, w.settled(), "--offline")
	if n := w.aws.Calls("*"); n != 1 {
		t.Errorf("AWS was called %d times", n)
	}
}

func TestDoctorTellsHowFarOffTheClockIs(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[time.Duration]string{
		0: "", 20 * time.Second: "", 3 * time.Minute: "warning minutes behind AWS's", -10 * time.Minute: "problem minutes ahead of AWS's",
	} {
		w := must(makeWorld(worldDir(t), fakeaws.Options{Now: func() time.Time { return time.Now().Add(ahead) }}))
		t.Cleanup(func() { _ = w.aws.Close() })
		w.write("home/.aws/config", "")
		found, _ := w.examine(t, w.settled())
		if want == "" {
			wantFindings(t, found, "clock")
		} else {
			wantFindings(t, found, "clock", want)
		}
		found, _ = w.examine(t, w.settled(), "--offline")
		for _, f := range found {
			if f.Check == "clock" {
				t.Errorf("offline: %q", f)
			}
		}
	}
}

func TestDoctorWithoutANetworkSaysSoAndEnds(t *testing.T) {
	t.Parallel()
	w := healthy(t, roleConfig)
	found, status := w.examine(t, w.settled("AWS_ENDPOINT_URL=http://127.0.0.1:1"))
	wantFindings(t, found, "clock", "warning the connection was refused")
	if status != 0 {
		t.Errorf("status %d", status)
	}
}

func TestDoctorReportsTheHook(t *testing.T) {
	t.Parallel()
	line := "eval \"$(vault hook zsh)\"\n"
	for _, c := range []struct {
		name, file, text, shell string
		want                    []string
	}{
		{"none", ".zshrc", "# eval \"$(vault hook zsh)\"\n", "zsh", []string{"warning ~/.zshrc does not load the hook"}},
		{"for another shell", ".zshrc", "eval \"$(vault hook bash)\"\n", "zsh", []string{"problem ~/.zshrc:1 loads the hook for bash, but it is a file of zsh | eval \"$(vault hook zsh)\""}},
		{"with a path and a name", ".zshrc", "eval \"$('/opt/my vault/bin/vault' hook zsh --name av)\"\n", "zsh", nil},
		{"twice", ".zshrc", line + line, "zsh", []string{"note loads the hook twice, in lines 1 and 2"}},
		{"undone", ".zshrc", line + "precmd_functions=(mine)\n", "zsh", []string{"warning ~/.zshrc:2 overwrites what the hook has set up in line 1"}},
		{"kept", ".zshrc", line + "precmd_functions=($precmd_functions mine)\n", "zsh", nil},
		{"undone in bash", ".bashrc", "eval \"$(vault hook bash)\"\n. bash-preexec\nPROMPT_COMMAND='mine'\n", "bash", []string{"warning ~/.bashrc:3 overwrites"}},
		{"kept in bash", ".bashrc", "eval \"$(vault hook bash)\"\n. bash-preexec\nPROMPT_COMMAND=\"mine; $PROMPT_COMMAND\"\n", "bash", nil},
		{"fish", ".config/fish/config.fish", "vault hook fish | source\n", "fish", nil},
		{"fish, in a part", ".config/fish/conf.d/aws.fish", "vault hook fish | source\n", "fish", nil},
		{"PowerShell", ".config/powershell/Microsoft.PowerShell_profile.ps1", "Invoke-Expression (& vault hook powershell | Out-String)\r\n", "pwsh", nil},
		{"a shell we do not know", ".zshrc", line, "tcsh", []string{"note not known which shell"}},
	} {
		w := newWorld(t, "")
		check(os.MkdirAll(filepath.Dir(w.path("home/"+c.file)), 0o700))
		w.write("home/"+c.file, c.text)
		found, _ := w.examine(t, w.settled("SHELL=/usr/bin/"+c.shell), "--offline")
		t.Run(c.name, func(t *testing.T) { wantFindings(t, found, "hook", c.want...) })
	}
}

func TestDoctorReportsAnotherProgramOfOurName(t *testing.T) {
	t.Parallel()
	w := healthy(t, roleConfig)
	check(os.Mkdir(w.path("other"), 0o700))
	check(os.WriteFile(w.path("other/vault"), []byte("#!/bin/sh\nexit 9\n"), 0o700))
	for path, want := range map[string]string{
		w.path("other") + ":" + bin + ":/usr/bin:/bin": "warning the first program called vault on the PATH is " + w.path("other/vault"),
		bin + ":" + w.path("other") + ":/usr/bin:/bin": "note there is another program called vault on the PATH, after this one",
		"/usr/bin:/bin": "warning no program called vault is on the PATH",
	} {
		found, _ := w.examine(t, w.settled("PATH="+path), "--offline")
		wantFindings(t, found, "hook", want)
	}
}

func TestDoctorReportsVariablesThatConflict(t *testing.T) {
	t.Parallel()
	const akia, asia = "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7WXYZ", "AWS_ACCESS_KEY_ID=ASIAIOSFODNN7WXYZ"
	secret, token := "AWS_SECRET_ACCESS_KEY="+strings.Repeat("Ab1/", 10), "AWS_SESSION_TOKEN="+strings.Repeat("Cd2+", 30)
	for _, c := range []struct {
		environ, want []string
	}{
		{[]string{"AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1", "AWS_PROFILE=prod"}, nil},
		{[]string{"AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=us-east-1"}, []string{"warning boto3 reads the second"}},
		{[]string{akia, secret}, []string{"warning does not expire (…WXYZ) is exported"}},
		{[]string{akia, secret, token}, []string{"problem AWS refuses the two together"}},
		{[]string{asia, secret, token}, nil},
		{[]string{asia, secret}, []string{"problem without its AWS_SESSION_TOKEN"}},
		{[]string{akia}, []string{"problem only one of"}},
		{[]string{token}, []string{"warning without the key it belongs to"}},
		{[]string{asia, secret, token, "AWS_PROFILE=prod"}, []string{"warning AWS_PROFILE=prod are exported together"}},
		{[]string{asia, secret, token, "AWS_CREDENTIAL_EXPIRATION=2020-01-01T00:00:00Z"}, []string{"problem has expired, at 2020-01-01 00:00"}},
		{[]string{"AWS_PROFILE=prdo"}, []string{`problem AWS_PROFILE is "prdo", and there is no profile of that name | did you mean "prod"?`}},
		{[]string{"AWS_PROFILE=prod", "AWS_DEFAULT_PROFILE=base"}, []string{"warning AWS_DEFAULT_PROFILE is base"}},
		{[]string{"AWSUME_PROFILE=x"}, []string{"note starship"}},
		{[]string{"AWS_VAULT=prod"}, []string{"note inside aws-vault exec prod"}},
		{[]string{env.StateVar + "=garbage"}, []string{"warning cannot be read"}},
		{[]string{"AWS_VAULT_FILE_PASSPHRASE=" + passphrase}, []string{"warning every program started here gets the passphrase"}},
		{[]string{"AWS_VAULT_PROMPT=telepathy"}, []string{"problem AWS_VAULT_PROMPT"}},
		{[]string{"AWS_ASSUME_ROLE_TTL=long"}, []string{`problem AWS_ASSUME_ROLE_TTL is "long"`}},
		{[]string{"AWS_CA_BUNDLE=~/none.pem"}, []string{"warning AWS_CA_BUNDLE names a file that does not exist: ~/none.pem"}},
	} {
		w := healthy(t, roleConfig)
		environ := append(without(w.settled(), "AWS_ENDPOINT_URL"), c.environ...)
		found, _ := w.examine(t, environ, "--offline")
		wantFindings(t, found, "variables", c.want...)
	}
}

func TestDoctorKnowsTheActiveShell(t *testing.T) {
	t.Parallel()
	w := tidyWorld(t)
	r := w.bash(t, w.environ("SHELL=/bin/bash"), `vault use prod; vault doctor --offline; echo ==; AWS_PROFILE=mine vault doctor --offline`)
	mine, changed, _ := strings.Cut(r.out, "==\n")
	if !strings.Contains(mine, "profile prod is active in this shell") || strings.Contains(mine, "does not expire") || strings.Contains(mine, "another program has changed") {
		t.Errorf("%s%s", r.out, r.err)
	}
	if !strings.Contains(changed, "another program has changed the session's variables in this shell: AWS_PROFILE") {
		t.Errorf("%s%s", changed, r.err)
	}
}

func TestDoctorReadsFishsUniversalVariables(t *testing.T) {
	t.Parallel()
	w := healthy(t, roleConfig)
	check(os.MkdirAll(w.path("home/.config/fish"), 0o700))
	w.write("home/.config/fish/fish_variables", "# VERSION: 3.0\nSETUVAR --export AWS_PROFILE:prod\nSETUVAR fish_color_normal:normal\n"+
		"SETUVAR --export AWS_SECRET_ACCESS_KEY:"+strings.Repeat(`Ab1\x2f`, 10)+"\nSETUVAR --path PATH:a\x1eb\nSETUVAR AWS_PAGER:less\nSETUVAR\n$(touch x)\n")
	found, _ := w.examine(t, without(w.settled(), "AWS_ENDPOINT_URL"), "--offline")
	wantFindings(t, found, "variables",
		"warning AWS_PROFILE is a universal variable of fish", "problem set --erase --universal AWS_SECRET_ACCESS_KEY")
}

func TestDoctorReportsMistakesOfTheConfigFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, config, check string
		want                []string
	}{
		{"a circle, told once", "[profile a]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = b\nregion = x\n[profile b]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = a\nregion = x\n",
			"config", []string{`problem source_profile leads back to the same profile: "a" -> "b" -> "a"`}},
		{"include of nothing", "[profile a]\ninclude_profile = nobody\nregion = x\n", "config", []string{`problem no profile named "nobody", which is the include_profile of "a" | vault show a`}},
		{"a line that is none", "[profile a]\nregion = x\nwhat\n", "config", []string{"problem home/.aws/config:3"}},
		{"an obsolete key", "[profile a]\nregion = x\nparent_profile = b\n", "config", []string{"warning parent_profile of profile \"a\""}},
		{"no region", "[profile a]\n[profile b]\n", "config", []string{"note no region is set for a and b"}},
		{"no key, for whom", "[profile a]\nregion = x\nsource_profile = nobody\nrole_arn = arn:aws:iam::111122223333:role/x\n[profile base]\n",
			"keys", []string{`warning no key is stored for "nobody", which a uses | vault add nobody`}},
		{"a key that is never used", "[profile base]\nrole_arn = arn:aws:iam::111122223333:role/x\ncredential_source = Environment\nregion = x\n",
			"keys", []string{"warning a key is stored for base, and no profile uses it"}},
		{"a key without a profile", "", "keys", []string{"note a key has no profile in the config file: base"}},
		{"[default] only lends", "[default]\nregion = x\n[profile base]\n", "keys", nil},
	} {
		w := healthy(t, c.config)
		found, _ := w.examine(t, w.settled(), "--offline")
		for i := range c.want {
			c.want[i] = strings.ReplaceAll(c.want[i], "home/.aws", w.path("home/.aws"))
		}
		t.Run(c.name, func(t *testing.T) { wantFindings(t, found, c.check, c.want...) })
	}
}

func TestDoctorReportsFilesThatOthersCanReach(t *testing.T) {
	t.Parallel()
	w := healthy(t, roleConfig)
	check(os.Chmod(w.path("home/.aws/config"), 0o666))
	check(os.Chmod(w.path("keys"), 0o755))
	found, status := w.examine(t, w.settled(), "--offline")
	wantFindings(t, found, "config", "problem chmod go-w "+w.path("home/.aws/config"))
	if got := complaints(found, "keyring"); status != 1 || !strings.Contains(got[len(got)-1].Cure, "chmod 700 "+w.path("keys")) {
		t.Errorf("status %d, %q", status, got)
	}
}

func TestDoctorFindsKeysInPlainText(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("Ab1/", 10)
	pair := "aws_access_key_id = AKIAIOSFODNN7WXYZ\naws_secret_access_key = " + secret + "\n"
	future := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, c := range []struct {
		file, text string
		want       []string
	}{
		{"home/.aws/credentials", "[default]\n" + pair + "[old]\nregion = x\n[other]\n" + pair, []string{"problem ~/.aws/credentials has 2 keys in plain text that do not expire: default (…WXYZ) and other (…WXYZ) | vault import"}},
		{"home/.aws/credentials", "[saml]\n" + pair + "aws_session_token = x\n", []string{"note has 1 temporary key in plain text"}},
		{"home/.aws/credentials", "[none]\naws_access_key_id = AKIAIOSFODNN7WXYZ\n", nil},
		{"home/.aws/credentials.bak", "[default]\n" + pair, []string{"problem ~/.aws/credentials.bak has 1 key in plain text that does not expire: default (…WXYZ) | delete the file"}},
		{"home/.aws/config", "[profile base]\nregion = x\n" + pair, []string{"problem ~/.aws/config has 1 key in plain text that does not expire: base (…WXYZ) | vault import"}},
		{"home/.profile", "\nexport AWS_SECRET_ACCESS_KEY='" + secret + "'\n", []string{"problem ~/.profile:2 has a secret access key in plain text"}},
		{"home/.profile", "# AWS_SECRET_ACCESS_KEY=" + secret + "\n", []string{"problem ~/.profile:1"}},
		{"home/.profile", "export AWS_SECRET_ACCESS_KEY=$(pass show aws)\nexport AWS_SECRET_ACCESS_KEY=\"$SECRET_FROM_ELSEWHERE\"\n", nil},
		{"home/.config/fish/config.fish", "set -gx AWS_SECRET_ACCESS_KEY " + secret + "\n", []string{"problem ~/.config/fish/config.fish:1"}},
		{"home/.config/powershell/profile.ps1", "$env:AWS_SECRET_ACCESS_KEY = \"" + secret + "\"\n", []string{"problem ~/.config/powershell/profile.ps1:1"}},
		{"home/.profile", "export AWS_VAULT_FILE_PASSPHRASE=sesame\n", []string{"problem the passphrase of your keys in plain text, AWS_VAULT_FILE_PASSPHRASE"}},
		{"home/.profile", "export AWS_VAULT_FILE_PASSPHRASE=$(secret-tool lookup a b)\n", nil},
		{".env", "AWS_SECRET_ACCESS_KEY=" + secret + "\n", []string{"problem .env:1 has a secret"}},
		{"home/.bash_history", "aws configure set aws_secret_access_key " + secret + "\nls\nexport AWS_SECRET_ACCESS_KEY=" + secret + "\n", []string{"warning ~/.bash_history has 2 lines with a secret access key"}},
		{"home/.zsh_history", ": 1700000000:0;AWS_SECRET_ACCESS_KEY=" + secret + " aws s3 ls\n", []string{"warning ~/.zsh_history has 1 line with"}},
		{"home/.aws/cli/cache/a.json", `{"Credentials":{"SecretAccessKey":"` + secret + `","Expiration":"` + future + `"}}`, []string{"note 1 session in plain text"}},
		{"home/.aws/cli/cache/a.json", `{"Credentials":{"SecretAccessKey":"` + secret + `","Expiration":"2020-01-01T00:00:00UTC"}}`, nil},
		{"home/.aws/sso/cache/a.json", `{"accessToken":"` + secret + `","expiresAt":"` + future + `"}`, []string{"note 1 sign-in to Identity Center in plain text"}},
		{"home/.aws/sso/cache/botocore-client.json", `{"clientSecret":"` + secret + `","expiresAt":"` + future + `"}`, nil},
		{"home/.aws/sso/cache/a.json", "\xff{", nil},
	} {
		w := healthy(t, "[profile base]\nregion = x\n")
		check(os.MkdirAll(filepath.Dir(w.path(c.file)), 0o700))
		w.write(c.file, c.text)
		w.secrets = append(w.secrets, secret, "AKIAIOSFODNN7WXYZ")
		found, _ := w.examine(t, w.settled(), "--offline")
		t.Run(c.file, func(t *testing.T) { wantFindings(t, found, "plain text", c.want...) })
	}
}

func TestDoctorReportsTheKeyring(t *testing.T) {
	t.Parallel()
	w := healthy(t, roleConfig)
	find := func(want string, extra ...string) {
		t.Helper()
		found, _ := w.examine(t, w.settled(extra...), "--offline")
		level, text, _ := strings.Cut(want, " ")
		for _, f := range found {
			if f.Check == "keyring" && f.Level == level && strings.Contains(f.Message+" | "+f.Cure, text) {
				return
			}
		}
		t.Errorf("%q: not %q in %q", extra, want, found)
	}
	find("ok file, " + w.path("keys") + ", 1 item: in use, because --backend or AWS_VAULT_BACKEND names it")
	find("warning 8,192 rounds of PBKDF2, as AWS Vault needs it: whoever has the files can guess a short passphrase | vault migrate --from file --to age")
	find(`problem there is no back end called "shoebox" on this system | choose one of `, "AWS_VAULT_BACKEND=shoebox")
	check(os.Symlink("loop", w.path("loop")))
	find("problem file cannot be used: "+w.path("loop")+" cannot be read: its links lead in a circle", "AWS_VAULT_FILE_DIR="+w.path("loop"))
	if os.Getuid() != 0 {
		closed := w.path("closed")
		check(os.Mkdir(closed, 0))
		find("problem its items cannot be listed: "+closed+" cannot be read: permission denied", "AWS_VAULT_FILE_DIR="+closed)
	}
	find("problem pass cannot be used: ", "AWS_VAULT_BACKEND=pass", "PATH=/nonexistent")
	find("problem there is no keyring to use: pass was asked for", "AWS_VAULT_BACKEND=pass", "PATH=/nonexistent")
	find("ok file, "+w.path("keys")+", 1 item: in use, the first one that is available", "AWS_VAULT_BACKEND=", "PATH=/nonexistent")
}

func TestDoctorShowsHostileNamesCleaned(t *testing.T) {
	t.Parallel()
	w := hostileWorld(t)
	r := w.vault(t, w.settled("AWS_PROFILE=$(touch x)\x1b[2J"), "doctor", "--offline")
	if !strings.Contains(r.out, "config") || r.err != "" {
		t.Errorf("%s%s", r.out, r.err)
	}
	w.harmless(t, r.out)
}

// A pipe in the place of a file would keep a reader waiting for ever.
func TestDoctorDoesNotWaitForAPipeInPlaceOfAFile(t *testing.T) {
	t.Parallel()
	w := healthy(t, roleConfig)
	for _, name := range []string{".bashrc", ".bash_history", ".aws/credentials", ".boto"} {
		check(syscall.Mkfifo(w.path("home/"+name), 0o600))
	}
	check(os.MkdirAll(w.path("home/.config/fish/config.fish"), 0o700))
	found, status := w.examine(t, w.settled(), "--offline")
	if status != 0 {
		t.Errorf("status %d: %q", status, found)
	}
}

func TestDoctorLooksAtTheFileOfAProject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile work]\nregion = eu-west-1\n")
	w.stored("alice", "work")
	for _, c := range []struct{ name, trust, want string }{
		{"work", "", `warning .vault-profile names "work" and is not trusted`},
		{"work", "trust", `.vault-profile names "work", and is trusted`},
		{"wrok", "trust", `.vault-profile has changed since it was trusted and names "wrok"`}, // which cannot be trusted
		{"work", "ignore", ""},
	} {
		w.write(".vault-profile", c.name+"\n")
		if c.trust != "" {
			if r := w.vault(t, w.environ(), "project", c.trust); r.status != 0 {
				t.Logf("%s %s: %s", c.trust, c.name, r.err)
			}
		}
		r := w.vault(t, w.environ(), "doctor")
		if found := strings.Contains(r.out, ".vault-profile"); found != (c.want != "") || c.want != "" && !strings.Contains(strings.ReplaceAll(r.out, w.dir+"/", ""), strings.TrimPrefix(c.want, "warning ")) {
			t.Errorf("%s, %s: not %q:\n%s", c.name, c.trust, c.want, r.out)
		}
	}
}
