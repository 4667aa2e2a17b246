package profiles

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

// This file asks botocore, which the AWS CLI and boto3 read their config with, how it
// reads thousands of generated files, and compares. Where the two differ on purpose,
// differences says why; docs/config-differences.md tells users.

// verdict is botocore's answer for one file. Cause is "" when it read the file.
type verdict struct {
	Cause    string
	Lines    []int
	Names    []string
	Profiles map[string]map[string]any
	SSO      map[string]map[string]any
	Services map[string]map[string]any
}

// differences lists the ways in which Parse may differ from botocore. applies recognises a file
// that may have it. What botocore is given of such a file is changed by even, so that
// it must agree after all; we get the file as it is.
var differences = []struct {
	why     string
	applies func(text string) bool
	even    func(text string) string
}{
	{
		why:     "botocore refuses a file that begins with a byte order mark, which editors on Windows write",
		applies: func(text string) bool { return strings.HasPrefix(text, "\ufeff") },
		even:    func(text string) string { return strings.TrimPrefix(text, "\ufeff") },
	},
	{
		why:     "a block in [DEFAULT] that is not key = value is a problem here even when no section uses it",
		applies: func(text string) bool { return strings.Contains(text, "[DEFAULT]") },
		even:    func(text string) string { return text + "\n[uses the block]\n" },
	},
	{
		why:     "Python folds a capital sigma at the end of a key to another letter than in the middle",
		applies: func(text string) bool { return strings.Contains(text, "Σ") },
		even:    func(text string) string { return strings.ReplaceAll(text, "Σ", "σ") }, // generated files have none
	},
}

func evenOut(text string) string {
	for _, d := range differences {
		if d.applies(text) {
			text = d.even(text)
		}
	}
	return text
}

// configs is how many generated files a test compares: few, many if the long tests run in
// full, or what AWS_VAULT_TEST_CONFIGS says.
func configs(few, many int) int {
	if n, err := strconv.Atoi(os.Getenv("AWS_VAULT_TEST_CONFIGS")); err == nil {
		return n
	}
	if testenv.Long() {
		return many
	}
	return few
}

func TestConfigFilesAreReadAsBotocoreReadsThem(t *testing.T) {
	count := configs(1000, 20_000)
	files := make([]string, count)
	for i := range files {
		files[i] = generate(uint64(i))
	}
	even := make([]string, count)
	for i, text := range files {
		even[i] = evenOut(text)
	}
	verdicts := ask(t, even)
	healed, again := []string{}, []int{}
	refused := map[string]int{}
	for i, v := range verdicts {
		ours := Parse("config", []byte(files[i]))
		if v.Cause == "" {
			compare(t, i, files[i], ours, v, nil)
			continue
		}
		refused[v.Cause]++
		compareRefusal(t, i, files[i], ours, v)
		healed, again = append(healed, heal(even[i], ours)), append(again, i)
	}
	t.Logf("%d files, refused by botocore: %v", count, refused)
	compareHealed(t, files, healed, again)
}

// compareHealed checks what we made of the files botocore refuses: without the
// damaged sections it reads them, and says the same of the others.
func compareHealed(t *testing.T, files, healed []string, index []int) {
	for k, v := range ask(t, healed) {
		text := files[index[k]]
		ours := Parse("config", []byte(text))
		if v.Cause != "" {
			t.Errorf("file %d: botocore refuses it (%s %v) even without the sections we call damaged:\n%q\n%q",
				index[k], v.Cause, v.Lines, text, healed[k])
			continue
		}
		if ours.damage(&ours.shared) == nil {
			compare(t, index[k], text, ours, v, ours.intact)
		}
	}
}

func (s *Set) intact(kind sectionKind, name string) bool {
	at, _ := s.find(kind, name)
	return s.damage(&s.sections[at]) == nil
}

// compare checks names and values. Sections that skip says no to are left out.
func compare(t *testing.T, i int, text string, ours *Set, v verdict, only func(sectionKind, string) bool) {
	t.Helper()
	if only == nil {
		only = func(sectionKind, string) bool { return true }
		if len(ours.Problems()) > 0 {
			t.Errorf("file %d: botocore reads it, we say %v\n%q", i, ours.Problems()[0], text)
		}
		if names := ours.Names(); !slices.Equal(names, v.Names) {
			t.Errorf("file %d: names %q, botocore says %q\n%q", i, names, v.Names, text)
		}
	}
	if names := ScanNames([]byte(text)); !slices.Equal(names, ours.namesOf(profileSection)) {
		t.Errorf("file %d: a scan says %q, a parse %q\n%q", i, names, ours.namesOf(profileSection), text)
	}
	var summarised []string
	for _, s := range ScanSummaries([]byte(text)) {
		summarised = append(summarised, s.Name)
	}
	if !slices.Equal(summarised, ours.namesOf(profileSection)) {
		t.Errorf("file %d: summaries say %q, a parse %q\n%q", i, summarised, ours.namesOf(profileSection), text)
	}
	for _, kind := range []struct {
		what   string
		ours   sectionKind
		theirs map[string]map[string]any
	}{
		{"profile", profileSection, v.Profiles},
		{"sso-session", ssoSection, v.SSO},
		{"services", servicesSection, v.Services},
	} {
		for _, name := range ours.namesOf(kind.ours) {
			if !only(kind.ours, name) {
				continue
			}
			theirs, ok := kind.theirs[name]
			at, _ := ours.find(kind.ours, name)
			if mine := values(ours.only(at).settings()); !ok || !reflect.DeepEqual(mine, theirs) {
				t.Errorf("file %d: %s %q is %q, botocore says %q (%v)\n%q", i, kind.what, name, mine, theirs, ok, text)
			}
		}
	}
}

// values spells settings as the oracle does.
func values(settings []Setting) map[string]any {
	out := map[string]any{}
	for _, x := range settings {
		out[x.Key] = x.Value
		if block := x.Nested(); block != nil {
			nested := map[string]any{}
			for k, v := range block {
				nested[k] = v
			}
			out[x.Key] = nested
		}
	}
	return out
}

// compareRefusal checks that we saw what botocore stumbled over, at the same line.
func compareRefusal(t *testing.T, i int, text string, ours *Set, v verdict) {
	t.Helper()
	var lines []int
	for _, p := range ours.Problems() {
		lines = append(lines, p.Line)
	}
	if len(lines) == 0 {
		t.Errorf("file %d: botocore refuses it (%s), we see nothing\n%q", i, v.Cause, text)
	}
	for _, line := range v.Lines {
		if !slices.Contains(lines, line) {
			t.Errorf("file %d: botocore stumbles over line %d (%s), we over %v\n%q", i, line, v.Cause, lines, text)
		}
	}
}

// heal takes what we call damaged out of a text: each damaged section keeps a header,
// under a name of its own, so that the lines around it keep their meaning.
func heal(text string, s *Set) string {
	lines := strings.Split(unixLines(text), "\n")
	bad := map[int]bool{}
	for _, p := range s.Problems() {
		bad[p.Line] = true
	}
	headers := map[int]*section{}
	for i := range s.sections {
		headers[s.line(&s.sections[i])] = &s.sections[i]
	}
	r := readLines(text)
	var cur *section
	wasHeader := map[int]bool{}
	for r.next() {
		if r.kind == header {
			wasHeader[r.line] = true
		}
	}
	dropping := false
	for i, line := range lines {
		number := i + 1
		if wasHeader[number] {
			cur = headers[number]
			if cur == nil {
				cur = &s.shared
			}
			if dropping = s.damage(cur) != nil; dropping {
				lines[i] = line[:len(line)-len(strings.TrimLeftFunc(line, isSpace))] + "[removed " + strconv.Itoa(number) + "]"
				continue
			}
		}
		if dropping || bad[number] {
			lines[i] = "#" // an empty line could count as part of a value
		}
	}
	return strings.Join(lines, "\n")
}

// ask sends files to one Python process.
func ask(t *testing.T, files []string) []verdict {
	t.Helper()
	return askPython[verdict](t, "oracle.py", files, encoded)
}

// encoded is a file in one line.
func encoded(file string) string { return base64.StdEncoding.EncodeToString([]byte(file)) }

// askPython sends each question as a line to a script of testdata, and returns its answers: a
// line of JSON for each.
func askPython[A, Q any](t *testing.T, script string, questions []Q, line func(Q) string) []A {
	t.Helper()
	var in bytes.Buffer
	for _, q := range questions {
		in.WriteString(line(q) + "\n")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python(t), "-X", "utf8", "testdata/"+script)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []A
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var a A
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(questions))
	}
	return answers
}

// python is an interpreter that has botocore.
func python(t *testing.T) string { return testenv.Python(t, "botocore", "botocore.configloader") }

// generate makes a config file from a seed. About half of them are clean; the others
// have junk, and botocore refuses most of those.
func generate(seed uint64) string {
	g := &generator{rand.New(rand.NewPCG(seed, 20)), seed%2 == 1}
	var b strings.Builder
	if g.one(40) {
		b.WriteString("\ufeff")
	}
	if g.one(6) {
		b.WriteString(g.filler())
	}
	if g.junk && g.one(15) {
		b.WriteString(g.option(""))
	}
	for range g.IntN(6) {
		g.section(&b)
	}
	text := b.String()
	if g.one(8) {
		text = strings.TrimRight(text, "\n")
	}
	switch {
	case g.one(6):
		return strings.ReplaceAll(text, "\n", "\r\n")
	case g.one(20):
		return strings.ReplaceAll(text, "\n", "\r")
	}
	return text
}

type generator struct {
	*rand.Rand
	junk bool
}

func (g *generator) one(in int) bool { return g.IntN(in) == 0 }

func (g *generator) pick(from ...string) string { return from[g.IntN(len(from))] }

var (
	genSpace  = []string{"", "", "", " ", "  ", "\t", " \t ", "\u00a0", "\u3000", "\x1c", "\v", "\f", "\u2028"}
	genNames  = []string{"a", "b", "c", "prod", "Prod", "é", "日本", "a.b/c:d", "x#y", "x;y", "$(id)", "`x`", "a]b", "-", "İ", "default", "a=b"}
	genKeys   = []string{"region", "Region", "output", "role_arn", "source_profile", "mfa_serial", "s3", "sts", "credential_process", "É", "İx", "Kelvin", "a b", "x[y]", "k#1", "k;2", "vault_mode", "[z", "ß"}
	genValues = []string{"us-east-1", "eu-west-1", "x", "a b", "", "", "a # b", "a ; b", "#a", ";a", "https://x.awsapps.com/start#/", "a=b", "a:b", "= a", ": a", "\"q\"", "'q", "[x]", "é日本", "\\", "%(x)s", "$HOME", "a\u00a0b", "a\x1cb", "a\u2028b", "a\u0085b", "\x01", "a\vb=c", "İ"}
)

func (g *generator) space() string { return g.pick(genSpace...) }

// indent is mostly empty, as in a file that a person wrote.
func (g *generator) indent() string {
	if g.one(8) {
		return g.space()
	}
	return ""
}

func (g *generator) section(b *strings.Builder) {
	b.WriteString(g.header())
	keys := slices.Clone(genKeys)
	g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	folded := map[string]bool{}
	for _, key := range keys[:g.IntN(6)] {
		if folded[strings.ToLower(key)] && !g.junk {
			continue
		}
		folded[strings.ToLower(key)] = true
		b.WriteString(g.option(key))
		for g.one(4) {
			b.WriteString(g.filler())
		}
		if g.junk && g.one(12) {
			b.WriteString(g.indent() + g.pick("junk", "= no key", ": x", "[]", "[", "]", "[open", "é", g.pick("x", "x", "caf\xe9", "# caf\xe9", "k = \xff", "\xed\xa0\x80")) + "\n")
		}
	}
}

func (g *generator) header() string {
	name := g.pick(genNames...)
	if !g.junk || g.one(2) { // few names come twice by chance
		name += strconv.Itoa(g.IntN(1000))
	}
	quoted := g.pick(name, name, name, `"`+name+`"`, "'"+name+"'", `"`+name+` x"`, "'x "+name+"'", `"`+name+`\"q\z"`, name+`\ y`, name+`"`, name+`\`, "a"+`""`+name, `""`)
	text := g.pick(
		"profile "+quoted, "profile "+quoted, "profile "+quoted, "profile "+quoted,
		"profile\t"+quoted, "profile  "+quoted+" ", " profile "+quoted, "profiles "+quoted, "profile", "profile "+quoted+" z",
		"sso-session "+quoted, "services "+quoted, "services "+quoted, "preview", name, "Profile "+name, "profile\u00a0"+name, "'profile' "+name,
	)
	switch {
	case g.one(8):
		text = "default"
	case g.one(20):
		text = "profile default"
	case g.one(20):
		text = "DEFAULT"
	}
	return g.indent() + "[" + text + "]" + g.pick("", "", "", "", " ", "x", " # note", " ; note", " # [z]", "=1") + "\n"
}

func (g *generator) option(key string) string {
	if key == "" {
		key = g.pick(genKeys...)
	}
	text := g.indent() + key + g.space() + g.pick("=", "=", "=", ":") + g.space()
	switch g.IntN(8) {
	case 0:
		return text + "\n" + g.block()
	case 1:
		return text + g.pick(genValues...) + "\n" + g.more()
	}
	return text + g.pick(genValues...) + g.space() + "\n"
}

// block is a nested block under a key.
func (g *generator) block() string {
	var b strings.Builder
	for range g.IntN(4) {
		text := g.pick("a", "A", "endpoint_url", "é", "") + g.pick(" = ", "=", "=\t") + g.pick(genValues...)
		if g.junk && g.one(8) {
			text = g.pick("no delimiter", "a: b", "[x]", "a = b\vc")
		}
		b.WriteString(g.pick("  ", "    ", "\t", "\u3000 ", " ") + text + "\n")
		if g.one(5) {
			b.WriteString(g.filler())
		}
	}
	return b.String()
}

// more continues a value.
func (g *generator) more() string {
	var b strings.Builder
	for range g.IntN(3) {
		b.WriteString(g.pick("  ", "\t\t", "      ") + g.pick(append(genValues, "[profile inside]", "k = v")...) + "\n")
		if g.one(4) {
			b.WriteString(g.filler())
		}
	}
	return b.String()
}

// filler is an empty line or a comment.
func (g *generator) filler() string {
	return g.pick("\n", "\n", " \n", "\t\n", "\u3000\n", "# note\n", "; note\n", "  # [profile no]\n", "\t; k = v\n", "#\n", "\x1c\n", "\f\n")
}

func TestGeneratedFilesCoverBothKinds(t *testing.T) {
	clean, seen := 0, map[string]bool{}
	for seed := range uint64(500) {
		text := generate(seed)
		if seen[text] = true; text != generate(seed) {
			t.Fatalf("seed %d is not repeatable", seed)
		}
		if s := Parse("", []byte(text)); len(s.Problems()) == 0 {
			clean++
		}
	}
	if clean < 100 || clean > 450 || len(seen) < 400 {
		t.Errorf("%d of 500 are clean, %d different", clean, len(seen))
	}
}

func TestEveryListedDifferenceIsReal(t *testing.T) {
	samples := []string{"\ufeff[default]\nregion = x\n", "[DEFAULT]\na =\n  b\n", "[default]\nΑΣ = x\n"}
	if len(samples) != len(differences) {
		t.Fatal("a sample is missing")
	}
	for i, v := range ask(t, samples) {
		ours := Parse("", []byte(samples[i]))
		refuses := len(ours.Problems()) > 0
		same := reflect.DeepEqual(values(ours.Settings("default")), v.Profiles["default"])
		if refuses == (v.Cause != "") && (same || refuses) {
			t.Errorf("no longer a difference: %s", differences[i].why)
		}
	}
}
