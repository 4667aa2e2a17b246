package env

import (
	"slices"
	"strings"
)

// This file has the one table of the variables by which coding agents mark the shells that they
// start. A variable counts if its maker's documents or source say that the agent sets it for the
// commands it runs.
//
// Left out: CURSOR_TRACE_ID and REPL_ID, which are in the terminals of the editor's person too, and
// AIDER_..., which are settings that a person makes.

// marker is a variable by which a coding agent can be known.
type marker struct {
	Variable string
	Values   []string // that count; nil: every one but "", 0 and false
	Agent    string   // its name; "": the variable's value is the name
	Source   string   // where it is documented
}

// markers is the table. The variables of one agent come before those that any agent may set.
var markers = []marker{
	{Variable: "CLAUDECODE", Agent: "claude-code", Source: "https://code.claude.com/docs/en/env-vars"},
	{Variable: "CURSOR_AGENT", Agent: "cursor", Source: "https://cursor.com/docs/agent/terminal"},
	{Variable: "GEMINI_CLI", Agent: "gemini-cli", Source: "https://geminicli.com/docs/tools/shell"},
	{Variable: "QWEN_CODE", Agent: "qwen-code", Source: "https://github.com/QwenLM/qwen-code/blob/main/docs/tools/shell.md"},
	{Variable: "CODEX_THREAD_ID", Agent: "codex", Source: "https://github.com/openai/codex/blob/main/codex-rs/protocol/src/shell_environment.rs"},
	{Variable: "CODEX_SANDBOX", Agent: "codex", Source: "https://github.com/openai/codex/blob/main/codex-rs/core/src/spawn.rs"},
	{Variable: "CODEX_SANDBOX_NETWORK_DISABLED", Agent: "codex", Source: "https://github.com/openai/codex/blob/main/codex-rs/core/src/spawn.rs"},
	{Variable: "OPENCODE", Agent: "opencode", Source: "https://github.com/sst/opencode/blob/dev/packages/opencode/src/index.ts"},
	{Variable: "CLINE_ACTIVE", Agent: "cline", Source: "https://github.com/cline/cline/pull/7858"},
	{Variable: "GOOSE_TERMINAL", Agent: "goose", Source: "https://github.com/aaif-goose/goose/pull/7365"},
	{Variable: "CRUSH", Agent: "crush", Source: "https://github.com/charmbracelet/crush/blob/main/internal/shell/shell.go"},
	{Variable: "COPILOT_CLI", Agent: "copilot-cli", Source: "not documented: seen in version 1.0.55 of GitHub Copilot CLI"},
	{Variable: "AI_AGENT", Source: "https://github.com/vercel/vercel/blob/main/packages/detect-agent/README.md"},
	{Variable: "AGENT", Values: []string{"amp", "crush", "goose"}, Source: "https://github.com/vercel/vercel/issues/15336"},
}

// CodingAgent returns the name of the coding agent that started a shell with this environment, in
// the characters that AWS allows in the name of a session; "" if none says so.
func CodingAgent(current map[string]string) string {
	for _, m := range markers {
		value := current[m.Variable]
		switch {
		case value == "", value == "0", strings.EqualFold(value, "false"), m.Values != nil && !slices.Contains(m.Values, value):
		case m.Agent != "":
			return m.Agent
		default:
			return agentName(value)
		}
	}
	return ""
}

// mostAgentName leaves room for who started the agent.
const mostAgentName = 24

func agentName(value string) string {
	name := strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("_=,.@-", c) {
			return c
		}
		return '-'
	}, value)
	return name[:min(len(name), mostAgentName)]
}
