package main

import (
	"go/ast"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/settings"
)

// notSettings are words in capitals in the code that are not set for this program, and why they
// are there.
var notSettings = map[string]string{
	"a variable that this program sets": "AWS_VAULT",
	"of AWS's family of identities, which a switch takes out: docs/identity-variables.md": `AMAZON_ACCESS_KEY_ID AMAZON_SECRET_ACCESS_KEY
		AMAZON_SESSION_TOKEN AWSUME_PROFILE AWSU_PROFILE AWS_ACCESS_KEY AWS_ACCOUNT_ID AWS_CREDENTIAL_FILE AWS_CREDENTIAL_SCOPE
		AWS_EB_PROFILE AWS_SDK_LOAD_CONFIG AWS_SECRET_KEY AWS_SECURITY_TOKEN`,
	"how a coding agent is known: docs/agents.md": `AI_AGENT AGENT CLAUDECODE CLINE_ACTIVE CODEX_SANDBOX CODEX_SANDBOX_NETWORK_DISABLED CODEX_THREAD_ID
		COPILOT_CLI CRUSH CURSOR_AGENT GEMINI_CLI GOOSE_TERMINAL OPENCODE QWEN_CODE`,
	"set by the terminal, the desktop, a remote session or the system": `AWS_EXECUTION_ENV CI CLOUD_SHELL CODESPACES POSH_THEME DBUS_SESSION_BUS_ADDRESS DISPLAY
		KUBERNETES_SERVICE_HOST REMOTE_CONTAINERS SSH_CLIENT SSH_CONNECTION SSH_TTY TMUX VSCODE_IPC_HOOK_CLI WAYLAND_DISPLAY
		WSL_DISTRO_NAME WSL_INTEROP APPDATA COMSPEC HOME LOCALAPPDATA PATH TMPDIR USERPROFILE GITHUB_ENV SUDO_GID SUDO_UID LISTEN_FDS
		LISTEN_PID FZF_PREVIEW_COLUMNS XDG_DATA_HOME DIRENV_DIFF`,
	"handed on to programs, or kept from them": "BASH_ENV ENV GPG_TTY HISTFILE PROMPT_COMMAND SSH_ASKPASS SUDO_ASKPASS",
	"a service, in the section of services":    "sso_oidc",
	"words of AWS, of protocols and of the templates of hooks": `ABCDEFGHIJKLMNOPQRSTUVWXYZ234567 ASIA AUTHCODE_EXPIRED TOKEN_EXPIRED
		USER_CREDENTIALS_CHANGED BINARY CALLED_AS COLLECTION DEFAULT DRAW FILE LEFT NAME CALL_FLAGS PROFILE PROMPT RCLINE RECIPIENT
		ROLE SECRET TITLE TOKEN VALUE_FLAGS VERBS ACCOUNT EPOCH FROM REJECTED AGAIN CHECK MODE PROJECT`,
}

// variableRE is what the name of a variable looks like.
var variableRE = regexp.MustCompile(`^[A-Z][A-Z_]{2,}[A-Z0-9_]*[A-Z0-9]$`)

// keyRE is what a key of this program's own looks like.
var keyRE = regexp.MustCompile(`^vault_[a-z_]*[a-z]$`)

// anyKeyRE is what a key of another program looks like, and misspelled are the files of
// internal/profiles that have words of that form which are no keys.
var (
	anyKeyRE   = regexp.MustCompile(`^[a-z]+(?:_[a-z0-9]+)+$`)
	misspelled = []string{"ignored.go", "hide.go"}
)

// readers are the methods by which internal/profiles reads a key.
var readers = strings.Fields("find str flag list label named seconds tags yes choice attempts has placeOf file")

func TestEverySettingThatTheCodeReadsIsInTheTableAndNoOther(t *testing.T) {
	known, read := map[string]bool{}, map[string]bool{}
	for _, s := range settings.All() {
		known[s.Name] = true
	}
	other := map[string]bool{}
	for _, names := range notSettings {
		for _, name := range strings.Fields(names) {
			other[name] = true
		}
	}
	words := map[string]bool{} // of the code, whatever they are
	sources(t, func(file string, tree *ast.File) {
		if isOutside(file) || strings.HasPrefix(file, "internal/settings/") || strings.HasPrefix(file, "internal/fakeaws/") {
			return
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if key := keyRead(file, n); key != "" {
				read[key] = true
			}
			if lit, ok := n.(*ast.BasicLit); ok {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					words[text] = true
					if path.Dir(file) == "internal/profiles" && !slices.Contains(misspelled, path.Base(file)) && anyKeyRE.MatchString(text) {
						read[text] = true
					}
					if variableRE.MatchString(text) || keyRE.MatchString(text) {
						read[text] = true
					}
				}
			}
			return true
		})
	})
	for _, name := range slices.Sorted(maps.Keys(read)) {
		if !known[name] && !other[name] {
			t.Errorf("the code reads %s: add it to the table of internal/settings, or say above why it is not a setting", name)
		}
	}
	for name := range known {
		if !words[name] {
			t.Errorf("nothing reads %s, which the table has", name)
		}
	}
	for name := range other {
		if !words[name] || known[name] {
			t.Errorf("%s is not in the code, or is a setting: take it out of the list above", name)
		}
	}
}

// Windows takes a name in any case for the same, and so does this program for every name that it reads.
func TestEveryVariableIsReadInAnyCaseOnWindows(t *testing.T) {
	for _, s := range settings.All() {
		if !variableRE.MatchString(s.Name) || strings.HasSuffix(s.Name, "_PROXY") {
			continue
		}
		if got := env.Spelled([]string{strings.ToLower(s.Name) + "=x"}); got[0] != s.Name+"=x" {
			t.Errorf("%s: %q", s.Name, got)
		}
	}
}

// isOutside reports whether a file is of a package that is not part of the program.
func isOutside(file string) bool {
	return slices.ContainsFunc([]string{"internal/testenv/", "internal/shelltest/", "internal/storetest/", "internal/testdata/", "internal/manpages/"}, func(dir string) bool { return strings.HasPrefix(file, dir) })
}

// keyRead is the key of a config file that a call reads, "" for any other node.
func keyRead(file string, n ast.Node) string {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 || !strings.HasPrefix(file, "internal/profiles/") {
		return ""
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	lit, is := call.Args[0].(*ast.BasicLit)
	if !ok || !is || !slices.Contains(readers, method.Sel.Name) {
		return ""
	}
	key, _ := strconv.Unquote(lit.Value)
	return key
}
