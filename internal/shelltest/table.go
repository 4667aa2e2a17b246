package shelltest

import "unicode/utf8"

var table = map[string]Shell{
	"bash": {
		Script:   []string{"--norc", "--noprofile"},
		Echo:     "say() { for w; do printf '%s\\0' \"$w\"; done; }\n",
		EchoV:    "printf '%s\\0' \"$V\"\n",
		IfUnset:  "say \"${V-gone}\"\n",
		Holds:    anyBytes,
		Prompt:   "PS1='R> '\nHISTFILE=\n",
		loadFile: `'builtin' 'eval' "$('command' cat @)"`,
		variable: `"$@"`,
	},
	"zsh": {
		Script:     []string{"-f"},
		Echo:       "say() { for w; do printf '%s\\0' \"$w\"; done }\n",
		EchoV:      "printf '%s\\0' \"$V\"\n",
		IfUnset:    "say \"${V-gone}\"\n",
		Holds:      anyBytes,
		Prompt:     "PROMPT='R> '\nRPROMPT=\nunsetopt prompt_sp\n",
		Completion: "autoload -U compinit\ncompinit -u -D\n",
		loadFile:   `'builtin' 'eval' "$('command' cat @)"`,
		variable:   `"$@"`,
	},
	"fish": {
		Script:   []string{"--no-config", "--private"},
		Echo:     "function say; for w in $argv; printf '%s\\0' $w; end; end\n",
		EchoV:    "printf '%s\\0' \"$V\"\n",
		IfUnset:  "set -q V; or say gone\n",
		Holds:    anyBytes,
		Prompt:   "set -g fish_greeting\nfunction fish_title; end\nfunction fish_prompt; builtin echo -n 'R> '; end\n",
		bare:     func(file string) []string { return []string{"--no-config", "-i", "-C", "source " + file} },
		loadFile: "cat @ | builtin source",
		variable: `"$@"`,
	},
	"pwsh": {
		Script: []string{"-NoProfile", "-NonInteractive", "-File"},
		Echo: "$o = [Console]::OpenStandardOutput()\n" +
			"function tell($s) { $b = [Text.UTF8Encoding]::new($false).GetBytes(\"$s\" + [char]0); $o.Write($b, 0, $b.Length); $o.Flush() }\n" +
			"function say { foreach ($w in $args) { tell $w } }\n",
		EchoV:    "tell $env:V\n",
		IfUnset:  "if (-not (Test-Path Env:V)) { say gone }\n",
		Holds:    utf8.ValidString, // its strings are UTF-16
		Prompt:   "function prompt { 'R> ' }\n",
		loadFile: "Invoke-Expression ([IO.File]::ReadAllText('@'))",
		variable: `"$env:@"`,
	},
}

func anyBytes(string) bool { return true }
