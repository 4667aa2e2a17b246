package env

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// tools make and take apart the notes of each tool, as the tool does.
var tools = map[string]struct {
	variable string
	encode   func(project) (string, bool)
}{
	"direnv": {"DIRENV_DIFF", encodeDirenv},
	"mise":   {"__MISE_DIFF", encodeMise},
}

// enter does to an environment what a tool does when a directory is entered that sets
// these variables; "" unsets one.
func enter(t *testing.T, tool string, m, sets map[string]string) {
	t.Helper()
	p := project{Old: map[string]string{}, New: map[string]string{}, rest: map[string]any{"new": sets, "path": []any{"/bin"}}}
	for n, v := range sets {
		if was, had := m[n]; had {
			p.Old[n] = was
		}
		p.New[n] = v
		m[n] = v
	}
	text, ok := tools[tool].encode(p)
	if !ok {
		t.Fatal("the note cannot be written")
	}
	m[tools[tool].variable] = text
}

// leave does what the tool does when the directory is left.
func leave(t *testing.T, tool string, m map[string]string) {
	t.Helper()
	list := projects(m)
	if len(list) != 1 {
		t.Fatalf("%d notes", len(list))
	}
	for n := range list[0].New {
		delete(m, n)
	}
	maps.Copy(m, list[0].Old)
	delete(m, tools[tool].variable)
}

func eachTool(t *testing.T, test func(t *testing.T, tool string)) {
	for tool := range tools {
		t.Run(tool, func(t *testing.T) { test(t, tool) })
	}
}

func TestOffOutsideAProjectDoesNotBringItsVariablesBack(t *testing.T) {
	starts := map[string]map[string]string{
		"nothing under it":   {"HOME": "/h"},
		"the user's own":     {"HOME": "/h", "AWS_PROFILE": "mine", "AWS_REGION": "eu-west-1"},
		"the user's own key": {"HOME": "/h", keyID: "AKIAMINE", secretKey: "mine"},
	}
	sets := []map[string]string{
		{"AWS_PROFILE": "project"}, {"AWS_REGION": "ap-south-1"}, {"AWS_PROFILE": "project", "AWS_REGION": "ap-south-1", "AWS_DEFAULT_REGION": "ap-south-1"},
		{keyID: "AKIAPROJECT", secretKey: "of the project"}, {bearerPrefix + "BEDROCK": "of the project"}, {keyID: "AKIAPROJECT", secretKey: "of the project", "AWS_ROLE_ARN": "arn:x"},
	}
	eachTool(t, func(t *testing.T, tool string) {
		for name, start := range starts {
			for _, set := range sets {
				for _, path := range []string{"E use L off", "E use off L", "use E L off", "use E off L", "use E use L off", "E use use L off", "use E use off L", "E use L use off", "use E off use L off", "use E off use off L", "use E off use use off L"} {
					m, stash := maps.Clone(start), map[string]string{}
					for i, step := range strings.Fields(path) {
						switch step {
						case "E":
							enter(t, tool, m, set)
						case "L":
							leave(t, tool, m)
						case "use":
							use(m, stash, "profile"+string(rune('a'+i)), "us-east-1")
						case "off":
							do(m, stash, Deactivate(m))
						}
						if m[StateVar] == "" {
							prompt(m, stash)
						}
					}
					if !maps.Equal(m, start) {
						t.Errorf("%s; the project sets %v; %s: %v, not %v", name, set, path, m, start)
					}
				}
			}
		}
	})
}

func TestOffInsideAProjectGivesItsVariablesBack(t *testing.T) {
	eachTool(t, func(t *testing.T, tool string) {
		m, stash := map[string]string{"AWS_PROFILE": "mine"}, map[string]string{}
		enter(t, tool, m, map[string]string{"AWS_PROFILE": "project", keyID: "AKIAPROJECT", secretKey: "of the project", bearerPrefix + "BEDROCK": "t"})
		before := maps.Clone(m)
		use(m, stash, "a", "us-east-1")
		do(m, stash, Deactivate(m))
		if !maps.Equal(m, before) {
			t.Errorf("%v, not %v", m, before)
		}
	})
}

func TestTheRegionFollowsWhenAProjectIsLeft(t *testing.T) {
	eachTool(t, func(t *testing.T, tool string) {
		m, stash := map[string]string{}, map[string]string{}
		enter(t, tool, m, map[string]string{"AWS_REGION": "ap-south-1"})
		use(m, stash, "a", chosenRegion(m))
		if m["AWS_REGION"] != "ap-south-1" || m["AWS_DEFAULT_REGION"] != "ap-south-1" {
			t.Fatalf("inside: %v", m)
		}
		leave(t, tool, m)
		if got := chosenRegion(m); got != "" {
			t.Errorf("outside the user seems to have asked for %q", got)
		}
		do(m, stash, Follow(m, "us-east-1", "/g", time.Time{}))
		if m["AWS_REGION"] != "us-east-1" || m["AWS_DEFAULT_REGION"] != "us-east-1" || m[keyID] != "ASIAA" {
			t.Errorf("outside: %v", m)
		}
		enter(t, tool, m, map[string]string{"AWS_DEFAULT_REGION": "eu-north-1"})
		do(m, stash, Follow(m, chosenRegion(m), "/g", time.Time{}))
		if m["AWS_REGION"] != "eu-north-1" || m["AWS_DEFAULT_REGION"] != "eu-north-1" {
			t.Errorf("in another project: %v", m)
		}
	})
}

func TestANoteThatCannotBeReadIsPassedOver(t *testing.T) {
	bomb := deflate(base64.URLEncoding, make([]byte, mostInflated+1))
	for _, text := range []string{"x", "!!", bomb, deflate(base64.URLEncoding, []byte("[1]")), deflate(base64.URLEncoding, []byte(`{"p":1}`)),
		deflate(base64.RawStdEncoding, []byte("\xdf\xff\xff\xff\xff")), deflate(base64.RawStdEncoding, []byte("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\xc0")),
		deflate(base64.RawStdEncoding, []byte("\x81\xc0\xc0")), deflate(base64.RawStdEncoding, []byte("\xa5ab")), deflate(base64.RawStdEncoding, nil)} {
		for _, tool := range projectTools {
			m, stash := map[string]string{tool.variable: text, "AWS_PROFILE": "mine"}, map[string]string{}
			before := maps.Clone(m)
			use(m, stash, "a", "us-east-1")
			do(m, stash, Deactivate(m))
			if !maps.Equal(m, before) {
				t.Errorf("%s=%q: %v", tool.variable, text, m)
			}
		}
	}
}

// mise writes short forms; what is written back has long ones.
func TestTheNoteOfMiseIsReadInEveryForm(t *testing.T) {
	packed := "\x83\xa3old\x81\xabAWS_PROFILE\xa4mine\xa3new\x82\xabAWS_PROFILE\xd9\x07project\xaaAWS_REGION\xda\x00\x0aap-south-1\xa4path\x92\xa4/bin\xc0"
	p, ok := decodeMise(deflate(base64.RawStdEncoding, []byte(packed)))
	if !ok || !maps.Equal(p.Old, map[string]string{"AWS_PROFILE": "mine"}) || !maps.Equal(p.New, map[string]string{"AWS_PROFILE": "project", "AWS_REGION": "ap-south-1"}) {
		t.Fatalf("%v %+v", ok, p)
	}
	text, ok := encodeMise(p)
	again, ok2 := decodeMise(text)
	path, _ := again.rest.(map[string]any)["path"].([]any)
	if !ok || !ok2 || !maps.Equal(again.New, p.New) || !maps.Equal(again.Old, p.Old) || !slices.Equal(path, []any{"/bin", nil}) {
		t.Errorf("%v %v %+v", ok, ok2, again)
	}
}

func TestNoProgramButACommandGetsTheNotesOfProjects(t *testing.T) {
	environ := []string{"A=b", "DIRENV_DIFF=x", "__MISE_DIFF=y"}
	for _, k := range []Kind{Tool, Source, Keeper} {
		if got := For(k, environ); !slices.Equal(got, []string{"A=b"}) {
			t.Errorf("kind %d gets %q", k, got)
		}
	}
	m := Parse(Child(environ, Request{Profile: "a"}, session("a", "us-east-1"), "/g"))
	if m["DIRENV_DIFF"] != "x" || m["__MISE_DIFF"] != "y" {
		t.Errorf("a shell would load the directory again, over the session: %v", m)
	}
}

func TestAShellInsideGetsNothingOfTheOuterSessionFromANote(t *testing.T) {
	eachTool(t, func(t *testing.T, tool string) {
		m, stash := map[string]string{}, map[string]string{}
		use(m, stash, "outer", "us-east-1")
		enter(t, tool, m, map[string]string{keyID: "AKIAPROJECT", secretKey: "of the project"})
		c := Parse(Child(list(m), Request{Profile: "inner"}, session("inner", "us-east-1"), "/g"))
		leave(t, tool, c)
		if c[keyID] != "ASIAINNER" || c[secretKey] != "secret-of-inner" {
			t.Errorf("%v", c)
		}
	})
}
