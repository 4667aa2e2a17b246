package profiles

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// This file asks botocore what thousands of generated profiles mean: which identity, by which
// calls, in which region. Where the two differ on purpose, meaningDifferences says why, and
// docs/config-differences.md tells users.

// meaningCase is two files, and the profile that is asked for.
type meaningCase struct {
	Config      string `json:"config"`
	Credentials string `json:"credentials"`
	Profile     string `json:"profile"`
}

// meaning is an answer. Refused is "" when there are credentials.
type meaning struct {
	Refused, Chain, Region string
}

func TestProfilesMeanWhatTheyMeanForBotocore(t *testing.T) {
	cases := make([]meaningCase, configs(200, 5000))
	for i := range cases {
		cases[i] = generateMeaning(uint64(i))
	}
	seen, agreed, used := map[string]int{}, 0, 0
	for i, theirs := range askMeaning(t, cases) {
		c := cases[i]
		set := setOf(c)
		ours := meaningOf(set, c)
		if ours == theirs {
			agreed++
			if ours.Refused == "" {
				used++
			}
			continue
		}
		why := explainMeaning(set, c, ours, theirs)
		if why == "" {
			t.Errorf("case %d, profile %s:\n ours   %+v\n theirs %+v\n%s-- credentials --\n%s", i, c.Profile, ours, theirs, c.Config, c.Credentials)
		}
		seen[why]++
	}
	t.Logf("%d of %d agree, %d of them with credentials; differences: %v", agreed, len(cases), used, seen)
	if used < len(cases)/10 {
		t.Errorf("only %d of %d cases are about credentials", used, len(cases))
	}
}

// setOf reads the files of a case without a disk.
func setOf(c meaningCase) *Set {
	s := Parse("config", []byte(c.Config))
	s.credentials = parseCredentials("credentials", []byte(c.Credentials))
	return s
}

// meaningOf is our answer. A key in a file is named by its id, wherever it is: botocore uses
// it, and this program says that it has to be moved.
func meaningOf(s *Set, c meaningCase) meaning {
	p, err := s.Resolve(c.Profile, Overrides{})
	if err != nil {
		return meaning{Refused: "yes"}
	}
	chain, ok := chainText(c, p.Source)
	if !ok {
		return meaning{Refused: "yes"}
	}
	m := meaning{Chain: chain, Region: p.Region}
	if slices.ContainsFunc(p.Warnings, func(w Warning) bool { return w.Key == "region" && w.File == "" }) {
		m.Region = ""
	}
	return m
}

// chainText is a source as the oracle writes it; false without credentials.
func chainText(c meaningCase, s Source) (string, bool) {
	switch {
	case s.Role != nil:
		r := s.Role
		below, ok := chainText(c, r.Source)
		return fmt.Sprintf("role %s name=%s external=%s mfa=%s seconds=%d < %s", r.ARN, r.SessionName, r.ExternalID, r.MFASerial, r.Duration/time.Second, below), ok
	case s.WebIdentity != nil:
		w := s.WebIdentity
		return fmt.Sprintf("web %s name=%s token=%s seconds=%d", w.ARN, w.SessionName, w.TokenFile, w.Duration/time.Second), true
	case s.SSO != nil:
		return fmt.Sprintf("sso %s %s %s %s", s.SSO.StartURL, s.SSO.Region, s.SSO.Account, s.SSO.Role), true
	case s.Process != nil:
		return "process " + s.Process.Command, true
	case s.Host != nil:
		return "host " + s.Host.Kind, true
	case s.Login != nil:
		return "login " + s.Login.Session, true
	case s.Temporary != nil:
		return s.Temporary.Session.AccessKeyID, true
	}
	at := s.Stored.InFile
	text := map[string]string{"config": c.Config, "credentials": c.Credentials}[at.File]
	if text == "" {
		return "", false
	}
	_, id, _ := strings.Cut(strings.Split(text, "\n")[at.Line-1], " = ")
	return id, true
}

// askMeaning sends cases to one Python process.
func askMeaning(t *testing.T, cases []meaningCase) []meaning {
	t.Helper()
	answers := askPython[meaning](t, "meaning.py", cases, func(c meaningCase) string {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(line)
	})
	for i := range answers {
		if answers[i].Refused != "" {
			answers[i].Refused = "yes"
		}
	}
	return answers
}

// generateMeaning makes a case from a seed: up to five profiles with the settings that say
// where credentials come from, each in either file.
func generateMeaning(seed uint64) meaningCase {
	g := &generator{rand.New(rand.NewPCG(seed, 33)), false}
	names := []string{"a", "b", "c", "default"}
	var config, credentials strings.Builder
	config.WriteString("[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-3\n")
	for i, name := range names {
		if g.one(7) {
			continue
		}
		if !g.one(5) {
			header := "[profile " + name + "]\n"
			if name == "default" {
				header = "[default]\n"
			}
			config.WriteString(header + g.meanings(i, names, "AKIACONFIG"))
		}
		if g.one(2) {
			credentials.WriteString("[" + name + "]\n" + g.meanings(i+4, names, "AKIACREDENTIALS"))
		}
	}
	return meaningCase{config.String(), credentials.String(), names[g.IntN(3)]}
}

// meanings writes some settings, each at most once.
func (g *generator) meanings(at int, names []string, key string) string {
	var b strings.Builder
	set := func(in int, settings ...string) {
		if g.one(in) {
			for _, x := range settings {
				b.WriteString(x + "\n")
			}
		}
	}
	n := strconv.Itoa(at)
	set(3, "region = "+g.pick("eu-west-1", "us-west-2", "ap-south-1"))
	set(3, "role_arn = "+g.pick(roleARN+"r"+n, roleARN+"r"+n, roleARN+"r"+n, "r"))
	set(3, "source_profile = "+g.pick(names...))
	set(9, "credential_source = "+g.pick("Environment", "Ec2InstanceMetadata", "EcsContainer", "Nowhere"))
	set(5, "mfa_serial = arn:aws:iam::111122223333:mfa/m"+n)
	set(6, "external_id = external"+n)
	set(6, "role_session_name = name"+n)
	set(6, "duration_seconds = "+g.pick("900", "3600", "1h", "100"))
	set(6, "credential_process = get "+n)
	set(12, "web_identity_token_file = /token"+n)
	set(12, "login_session = arn:aws:iam::111122223333:user/u"+n)
	set(8, "sso_session = "+g.pick("corp", "corp", "corp", "other"))
	set(8, "sso_account_id = 111122223333")
	set(8, "sso_role_name = role"+n)
	set(12, "sso_start_url = "+g.pick("https://corp.awsapps.com/start", "https://other.awsapps.com/start"))
	set(12, "sso_region = "+g.pick("eu-west-3", "eu-west-1"))
	switch g.IntN(8) {
	case 0, 1:
		b.WriteString("aws_access_key_id = " + key + n + "\naws_secret_access_key = s\n")
	case 2:
		b.WriteString("aws_access_key_id = ASIA" + key + n + "\naws_secret_access_key = s\naws_session_token = t\n")
	}
	return b.String()
}

// meaningDifferences lists the ways in which a profile may mean something else here. applies
// recognises, of the profiles from the one that is asked for down to its source, one to which
// the difference applies, and that the answers differ in this way. doc is what
// docs/config-differences.md says of it.
var meaningDifferences = []struct {
	doc     string
	applies func(d disagreement) bool
	sample  meaningCase
}{
	{
		doc: "A profile without a region takes the one of `[default]`",
		applies: func(d disagreement) bool {
			return d.theirs.Region == "" && d.ours.Region != "" && d.ours.Region == d.set.layer("default").text("region") && webSeconds(d.ours.Chain) == webSeconds(d.theirs.Chain)
		},
		sample: meaningCase{Config: "[default]\nregion = eu-west-1\n[profile a]\ncredential_process = get\n"},
	},
	{
		doc: "`role_arn` without `source_profile`",
		applies: func(d disagreement) bool {
			return d.theirs.Refused != "" && d.any(func(l layer, _ int) bool {
				return l.isRole() && l.text("source_profile") == "" && l.text("credential_source") == ""
			})
		},
		sample: meaningCase{Config: "[profile a]\nrole_arn = " + roleARN + "r\ncredential_process = get\n"},
	},
	{
		doc: "itself as `source_profile`",
		applies: func(d disagreement) bool {
			last := d.chain[len(d.chain)-1]
			return d.theirs.Refused != "" && last.isRole() && last.text("source_profile") == nameOf(last[0])
		},
		sample: meaningCase{Config: "[profile a]\nrole_arn = " + roleARN + "r\nsource_profile = a\ncredential_process = get\n"},
	},
	{
		doc: "`source_profile` without `role_arn`",
		applies: func(d disagreement) bool {
			return d.theirs.Refused != "" && d.any(func(l layer, _ int) bool { return l.text("role_arn") == "" && l.text("source_profile") != "" })
		},
		sample: meaningCase{Config: "[profile a]\nsource_profile = b\n[profile b]\ncredential_process = get\n"},
	},
	{
		doc: "`duration_seconds` beside a `web_identity_token_file`",
		applies: func(d disagreement) bool {
			return d.ours.Region == d.theirs.Region && webSeconds(d.ours.Chain) == webSeconds(d.theirs.Chain)
		},
		sample: meaningCase{Config: "[profile a]\nrole_arn = " + roleARN + "r\nweb_identity_token_file = f\nduration_seconds = 900\n"},
	},
	{
		doc: "`role_arn` that is not the ARN of a role",
		applies: func(d disagreement) bool {
			return d.ours.Refused != "" && d.any(func(l layer, _ int) bool {
				arn := l.text("role_arn")
				return arn != "" && !strings.HasPrefix(arn, "arn:")
			})
		},
		sample: meaningCase{Config: "[profile a]\nrole_arn = r\ncredential_source = Environment\n"},
	},
	{
		doc: "`duration_seconds` that is not a number from 900 to 43200",
		applies: func(d disagreement) bool {
			return d.ours.Refused != "" && d.any(func(l layer, _ int) bool {
				n, err := strconv.Atoi(l.text("duration_seconds"))
				return l.text("role_arn") != "" && l.text("duration_seconds") != "" && (err != nil || n < 900)
			})
		},
		sample: meaningCase{Config: "[profile a]\nrole_arn = " + roleARN + "r\ncredential_source = Environment\nduration_seconds = 1h\n"},
	},
	{
		doc: "a source that has a `role_arn` and a key in a file",
		applies: func(d disagreement) bool {
			return d.any(func(l layer, at int) bool {
				return at > 0 && l.isRole() && (l.text(settingID) != "" || l.text(settingSecret) != "")
			})
		},
		sample: meaningCase{Config: "[profile a]\nrole_arn = " + roleARN + "r\nsource_profile = b\n[profile b]\nrole_arn = " + roleARN + "s\nsource_profile = b\naws_access_key_id = AKIAFAKE\naws_secret_access_key = s\n"},
	},
	{
		doc: "another value in the profile than in its sso-session",
		applies: func(d disagreement) bool {
			return d.theirs.Refused != "" && d.any(func(l layer, _ int) bool {
				at, ok := d.set.find(ssoSection, l.text("sso_session"))
				if !ok {
					return false
				}
				session := d.set.only(at)
				return slices.ContainsFunc(session.settings(), func(x Setting) bool { own := l.text(x.Key); return own != "" && own != x.Value })
			})
		},
		sample: meaningCase{Config: "[sso-session corp]\nsso_start_url = https://x\nsso_region = eu-west-1\n[profile a]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = r\nsso_region = eu-west-2\n"},
	},
}

// disagreement is a case with both answers.
type disagreement struct {
	set          *Set
	chain        []layer // from the profile down
	ours, theirs meaning
}

// any reports whether something is true of a profile of the chain; at is 0 for the first.
func (d disagreement) any(is func(l layer, at int) bool) bool {
	for at, l := range d.chain {
		if is(l, at) {
			return true
		}
	}
	return false
}

func (l layer) isRole() bool {
	return l.text("role_arn") != "" && l.text("web_identity_token_file") == ""
}

// webSeconds leaves out how long the role of a web identity was asked for.
func webSeconds(chain string) string { return webDuration.ReplaceAllString(chain, "$1") }

var webDuration = regexp.MustCompile(`( token=\S+) seconds=\d+`)

// explainMeaning names the listed difference that a disagreement is, "" for none.
func explainMeaning(s *Set, c meaningCase, ours, theirs meaning) string {
	d := disagreement{set: s, ours: ours, theirs: theirs}
	seen := map[string]bool{}
	for name := c.Profile; name != "" && !seen[name]; {
		seen[name] = true
		l := s.layer(name)
		if len(l) == 0 {
			break
		}
		d.chain = append(d.chain, l)
		name = l.text("source_profile")
	}
	for _, x := range meaningDifferences {
		if len(d.chain) > 0 && x.applies(d) {
			return x.doc
		}
	}
	return ""
}

func TestEveryDifferenceOfMeaningIsRealAndTold(t *testing.T) {
	doc, err := os.ReadFile("../../docs/config-differences.md")
	if err != nil {
		t.Fatal(err)
	}
	told := strings.Join(strings.Fields(string(doc)), " ")
	var samples []meaningCase
	for _, x := range meaningDifferences {
		x.sample.Profile = "a"
		samples = append(samples, x.sample)
		if !strings.Contains(told, x.doc) {
			t.Errorf("docs/config-differences.md does not say: %s", x.doc)
		}
	}
	for i, theirs := range askMeaning(t, samples) {
		s := setOf(samples[i])
		ours := meaningOf(s, samples[i])
		if why := explainMeaning(s, samples[i], ours, theirs); ours == theirs || why != meaningDifferences[i].doc {
			t.Errorf("%s: ours %+v, theirs %+v (%s)", meaningDifferences[i].doc, ours, theirs, why)
		}
	}
}

func nameOf(p part) string {
	_, name := p.file.meaning(p.section)
	return name
}
