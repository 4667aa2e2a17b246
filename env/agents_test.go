package env

import (
	"strings"
	"testing"
)

func TestACodingAgentIsKnownByWhatItSets(t *testing.T) {
	for _, m := range markers {
		value, want := "1", m.Agent
		if len(m.Values) > 0 {
			value = m.Values[0]
		}
		if want == "" {
			want = value
		}
		if got := CodingAgent(map[string]string{m.Variable: value}); got != want {
			t.Errorf("%s=%s is %q", m.Variable, value, got)
		}
		if m.Source == "" {
			t.Errorf("%s has no source", m.Variable)
		}
		for _, not := range []string{"", "0", "False"} {
			if got := CodingAgent(map[string]string{m.Variable: not}); got != "" {
				t.Errorf("%s=%s is %q", m.Variable, not, got)
			}
		}
	}
	for value, want := range map[string]string{"devin@1": "devin@1", "my agent/2\n": "my-agent-2-", strings.Repeat("é", 30): strings.Repeat("-", 24)} {
		if got := CodingAgent(map[string]string{"AI_AGENT": value}); got != want {
			t.Errorf("AI_AGENT=%q is %q", value, got)
		}
	}
	if got := CodingAgent(map[string]string{"AGENT": "ssh", "CURSOR_TRACE_ID": "x", "AIDER_MODEL": "m", "PATH": "/bin"}); got != "" {
		t.Errorf("a person's shell is taken for that of %q", got)
	}
}
