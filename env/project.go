package env

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/creds"
)

// This file reads what tools such as direnv and mise have set for the directory a shell
// is in. They note it in a variable, together with the values that they put back when the
// directory is left. What they set is theirs: vault does not bring it back when the
// directory has been left, nor do values of vault's come back through their note.

// project is the note of one tool.
type project struct {
	tool     string
	variable string            // that has the note
	New      map[string]string // what it has set
	Old      map[string]string // what it puts back; a name in New alone it unsets
	rest     any               // what else is in the note
	encode   func(project) (string, bool)
}

type projectTool struct {
	name     string
	variable string
	decode   func(string) (project, bool)
}

// projectTools lists the variables with notes and how each is read.
var projectTools = []projectTool{
	{"direnv", "DIRENV_DIFF", decodeDirenv},
	{"mise", "__MISE_DIFF", decodeMise},
}

// projects returns the notes in an environment. One that cannot be read is passed over.
func projects(current map[string]string) []project {
	var list []project
	for _, tool := range projectTools {
		if text := current[tool.variable]; text != "" {
			if p, ok := tool.decode(text); ok {
				p.tool, p.variable = tool.name, tool.variable
				list = append(list, p)
			}
		}
	}
	return list
}

// projectNaming returns the tool that sets a variable in this directory, nil for none.
func projectNaming(current map[string]string, name string) *project {
	for _, p := range projects(current) {
		if _, sets := p.New[name]; sets {
			return &p
		}
	}
	return nil
}

// projectOf returns the tool that has set a variable to this value, nil for none.
func projectOf(current map[string]string, name, value string) *project {
	if p := projectNaming(current, name); p != nil && p.New[name] == value {
		return p
	}
	return nil
}

func projectSets(current map[string]string, name, value string) bool {
	return projectOf(current, name, value) != nil
}

// secretsAround is SecretsIn for an environment and for what tools have noted that they set.
func secretsAround(current map[string]string) []string {
	all := maps.Clone(current)
	for _, p := range projects(current) {
		maps.Copy(all, p.New)
	}
	return SecretsIn(all)
}

// under returns what the user has beneath the value of a project: what the tool noted
// when the directory was entered, or, if vault had replaced that, what vault noted.
func (s State) under(p project, name string) *string {
	noted, had := p.Old[name]
	if had && !s.isExport(name, noted) {
		return &noted
	}
	if under, isProject := s.Under[name]; isProject {
		return under
	}
	if prior, hadPrior := s.Prior[name]; hadPrior {
		return &prior
	}
	return nil
}

// reproject returns changes to the notes of tools, so that leaving the directory gives
// what should be there outside: outside says which value that is, nil for none. Secrets
// of the user's in a note stay as they are.
func (s State) reproject(current map[string]string, outside func(p project, name string) *string) []Change {
	var list []Change
	for _, p := range projects(current) {
		old := maps.Clone(p.Old)
		for _, n := range slices.Concat(restored(), Secrets, settingsIn(p.Old)) {
			_, sets := p.New[n]
			noted, had := p.Old[n]
			switch {
			case had && s.isExport(n, noted), sets && !slices.Contains(Secrets, n) && !isSetting(n):
				delete(old, n)
				if v := outside(p, n); v != nil {
					old[n] = *v
				}
			}
		}
		if maps.Equal(old, p.Old) {
			continue
		}
		p.Old = old
		if text, ok := p.encode(p); ok {
			list = append(list, Change{Name: p.variable, Value: creds.New(text)})
		}
	}
	return list
}

// besides says what a session leaves outside of a project: its own values, but for the
// regions, of which the user's come first.
func (s State) besides(values map[string]creds.Secret) func(p project, name string) *string {
	return func(p project, name string) *string {
		if name == region || name == defaultRegion {
			return s.under(p, name)
		}
		if v, sets := values[name]; sets {
			text := v.Reveal()
			return &text
		}
		return nil
	}
}

// decodeDirenv reads DIRENV_DIFF: the base64 of a compressed {"p": …, "n": …}.
func decodeDirenv(text string) (project, bool) {
	data, ok := inflate(base64.URLEncoding, text)
	var diff struct{ P, N map[string]string }
	if !ok || json.Unmarshal(data, &diff) != nil {
		return project{}, false
	}
	return project{Old: diff.P, New: diff.N, encode: encodeDirenv}, true
}

func encodeDirenv(p project) (string, bool) {
	data, err := json.Marshal(struct {
		P map[string]string `json:"p"`
		N map[string]string `json:"n"`
	}{p.Old, p.New})
	return deflate(base64.URLEncoding, data), err == nil
}

// decodeMise reads __MISE_DIFF: the base64 of a compressed MessagePack of
// {"old": …, "new": …, "path": …}.
func decodeMise(text string) (project, bool) {
	data, ok := inflate(base64.RawStdEncoding, text)
	if !ok {
		return project{}, false
	}
	value, ok := readMessagePack(data)
	diff, isMap := value.(map[string]any)
	if !ok || !isMap {
		return project{}, false
	}
	return project{Old: texts(diff["old"]), New: texts(diff["new"]), rest: diff, encode: encodeMise}, true
}

func encodeMise(p project) (string, bool) {
	diff := maps.Clone(p.rest.(map[string]any))
	diff["old"] = p.Old
	data, ok := appendMessagePack(nil, diff)
	return deflate(base64.RawStdEncoding, data), ok
}

// texts returns the entries of a map that are text.
func texts(value any) map[string]string {
	out := map[string]string{}
	m, _ := value.(map[string]any)
	for k, v := range m {
		if s, isText := v.(string); isText {
			out[k] = s
		}
	}
	return out
}

// mostInflated is far more than an environment can hold.
const mostInflated = 4 << 20

func inflate(e *base64.Encoding, text string) ([]byte, bool) {
	r, err := zlib.NewReader(base64.NewDecoder(e, strings.NewReader(text)))
	if err != nil {
		return nil, false
	}
	data, err := io.ReadAll(io.LimitReader(r, mostInflated))
	return data, err == nil && len(data) < mostInflated
}

func deflate(e *base64.Encoding, data []byte) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(data) // a buffer takes everything
	_ = w.Close()
	return e.EncodeToString(b.Bytes())
}

// sortedKeys makes the same note from the same values.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
