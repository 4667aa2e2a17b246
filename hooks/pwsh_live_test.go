package hooks

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

func TestPwshHookIsASCII(t *testing.T) {
	got := rendered(t, "pwsh", usual)
	for i := range len(got) {
		if got[i] >= 0x80 {
			t.Fatalf("byte %d is not ASCII: Windows PowerShell would read it in the console's code page", i)
		}
	}
}

// The parser of PowerShell 7 reads the hook; nothing in the tree may be newer than 5.1,
// and no command but the hook's own functions may be called, so no module is loaded.
func TestPwshHookIsOldSyntaxAndLoadsNoModule(t *testing.T) {
	w := newPwsh(t)
	both := w.read("hook.ps1") + w.read("call.ps1")
	w.write("both.ps1", both)
	got := w.runs(`$tokens = $null; $errors = $null
$ast = [Management.Automation.Language.Parser]::ParseFile('` + w.path("both.ps1") + `', [ref]$tokens, [ref]$errors)
foreach ($e in $errors) { "error: $e" }
foreach ($k in $tokens) { if ("$($k.Kind)" -in 'QuestionMark', 'QuestionQuestion', 'QuestionQuestionEquals', 'QuestionDot', 'QuestionLBracket', 'AndAnd', 'OrOr', 'Clean') { "new: $($k.Kind) line $($k.Extent.StartLineNumber)" } }
foreach ($c in $ast.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] }, $true)) { $n = $c.GetCommandName(); if ($n -and $n -notlike '__vault_*') { "command: $n" } }
"looked at $($tokens.Count -gt 500)"
`)
	if got != "looked at True\n" {
		t.Error(got)
	}
}

// Half of the hook is loaded only when its function is called for the first time.
func TestPwshWhatIsNeededLaterIsLoadedOnce(t *testing.T) {
	w := newPwsh(t)
	w.write("loads", "")
	w.write("bin/vault", strings.Replace(pwshStub, "|| exec cat", `|| { echo load >>"$PWSH_STUB/loads"; cat "$PWSH_STUB/call.ps1"; exit; }; : `, 1))
	script := w.read("call.ps1")
	w.write("call.ps1", "")
	got := w.runs("try { vault args 1 } catch { \"$_\" }; [IO.File]::WriteAllText('" + w.path("call.ps1") + "', " + w.quote(script) + ")\nvault args 2\nvault args 3")
	if want := "vault did not answer; try again\n<2>\n<3>\n"; got != want || w.read("loads") != "load\nload\n" {
		t.Errorf("%q, want %q; loads: %q", got, want, w.read("loads"))
	}
}

func TestPwshUseSwitchesAndOffGivesBack(t *testing.T) {
	w := newPwsh(t)
	w.env = []string{"AWS_ACCESS_KEY_ID=FAKEmine", "AWS_SECRET_ACCESS_KEY=fake-mine"}
	w.answers("prod", pwshSession{name: "prod", exp: 2550 * time.Second, ref: 2000 * time.Second, stash: true})
	w.answersOff()
	x := w.start("Set-StrictMode -Version Latest")
	x.prompts("$null", "<True >")
	x.prompts("vault use prod", "[prod 42m] <True 0>")
	x.prints(`"$env:AWS_VAULT $env:AWS_ACCESS_KEY_ID $env:AWS_SECRET_ACCESS_KEY $($null -eq $env:__VAULT_SHELL)"`, "prod FAKEprod fake-secret-of-prod True\n")
	if printed, _ := x.run("vault exec printenv"); strings.Contains(printed, "fake-mine") {
		t.Error("the stashed secret is exported")
	}
	x.prompts("vault off", "<True 0>")
	x.prints(`"[$env:AWS_VAULT] $env:AWS_ACCESS_KEY_ID $env:AWS_SECRET_ACCESS_KEY $($null -eq $env:AWS_SESSION_TOKEN)"`, "[] FAKEmine fake-mine True\n")
	x.prints(`$__vault.Kept.Count`, "0\n")
	if got := w.read("log"); got != "pwsh:use prod\n:exec printenv\npwsh:off\n" {
		t.Errorf("calls: %q", got)
	}
}

func TestPwshAFailureEvaluatesNothingAndEndsTheLine(t *testing.T) {
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod"})
	w.answers("dev", pwshSession{name: "dev"}) // what half says before it fails
	x := w.start("function inner { vault use typo; [IO.File]::WriteAllText('" + w.path("ran") + "', 'x') }\nfunction ran { [IO.File]::WriteAllText('" + w.path("ran") + "', 'x') }")
	x.prompts("vault use prod", "[prod] <True 0>")
	for _, line := range []string{
		"vault use typo && ran", "vault use typo; ran", "'x' | vault use typo && ran", "vault --backend file use typo && ran",
		"inner", "inner && ran", "vault use typo && vault use prod && ran", "& { vault use typo } && ran", "vault use half && ran",
		"$(vault use typo) && ran", "$ErrorActionPreference = 'SilentlyContinue'", "vault use typo && ran", "inner && ran",
		"$ErrorActionPreference = 'Ignore'", "vault use typo && ran", "$ErrorActionPreference = 'Stop'", "vault use typo && ran", "vault use typo; ran",
	} {
		printed, prompt := x.run(line)
		if strings.HasPrefix(line, "$Error") {
			continue
		}
		if prompt != "[prod] <False 1>PS> " {
			t.Errorf("%s: prompt %q", line, prompt)
		}
		want := "vault: no profile named \"typo\"\n"
		if strings.Contains(line, "half") {
			want = ""
		}
		if strings.TrimRight(printed, "\n") != strings.TrimRight(want, "\n") {
			t.Errorf("%s: printed %q", line, printed)
		}
	}
	if w.read("ran") != "" {
		t.Error("a command after a failed switch ran")
	}
	x.prints("try { vault use typo } catch { 'caught' }", "vault: no profile named \"typo\"\ncaught\n")
	x.prints(`"$env:AWS_VAULT $env:AWS_ACCESS_KEY_ID"`, "prod FAKEprod\n")
}

func TestPwshStatusIsKept(t *testing.T) {
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod", exp: 3570 * time.Second})
	x := w.start("Set-StrictMode -Version Latest")
	x.prompts("nosuchcommand", "<False >")
	x.prompts("'x'", "<True >")
	x.prints("$ExecutionContext.SessionState.PSVariable.Get('global:LASTEXITCODE') -eq $null", "True\n")
	x.prompts("vault use prod", "[prod 59m] <True 0>")
	x.prompts("sh -c 'exit 3'", "[prod 59m] <False 3>")
	x.prompts("$LASTEXITCODE", "[prod 59m] <True 3>")
	x.prompts("nosuchcommand", "[prod 59m] <False 3>")
	x.prompts("vault exec sh -c 'exit 4'", "[prod 59m] <False 4>")
	x.prints("$error.Clear(); $null = prompt; $error.Count", "0\n")
}

func TestPwshExecBehavesAsThePlainProgram(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	x := w.start("")
	for line, want := range map[string]string{
		"vault exec false && 'y'":  "",
		"vault exec false || 'y'":  "y\n",
		"vault exec true && 'y'":   "y\n",
		"vault exec -- false; 'y'": "y\n",
		"vault exec sh -c 'test -t 0 && test -t 1 && test -t 2 && echo tty'": "tty\n",
		"'a' | vault exec sh -c 'test -t 1 && echo tty; cat'":                "tty\na\n",
		"& { vault exec sh -c 'test -t 0 && test -t 1 && echo tty' }":        "tty\n",
		"1,2 | vault exec cat":                                                                        "1\n2\n",
		"vault exec echo a | vault exec sed s/a/b/":                                                   "b\n",
		"$x = vault exec echo cap; \"<$x>\"":                                                          "<cap>\n",
		"$x = vault exec sh -c 'echo a; exit 6'; \"$x $? $LASTEXITCODE\"":                             "a False 6\n",
		"(vault exec sh -c 'echo 1; echo 2').Count":                                                   "2\n",
		"@() | vault exec sh -c 'cat; echo end'":                                                      "end\n",
		"vault exec sh -c 'echo e >&2' 2>$null; 'y'":                                                  "y\n",
		"vault exec seq 1 100000 | Select-Object -First 1":                                            "1\n",
		"sh -c 'echo one; sleep 0.3; echo two' | vault exec sh -c 'read a; echo $a; cat'":             "one\ntwo\n",
		"if (-not $(vault exec sh -c 'exit 1'; $?)) { 'no' }":                                         "no\n",
		"1..2 | ForEach-Object { vault exec echo $_ }":                                                "1\n2\n",
		"$ErrorActionPreference = 'Stop'; vault exec false; 'y'; $ErrorActionPreference = 'Continue'": "y\n",
	} {
		x.prints(line, want)
	}
	for _, program := range []string{"sh", "vault exec sh"} { // the second as the first
		x.send(program + " -c 'echo reading; read a; echo got:$a'\r")
		x.until("\nreading")
		x.send("typed\n")
		x.until("got:typed")
		x.until("PS> ")
	}
	x.send("vault exec sh -c 'echo up; exec sleep 30'\r")
	x.until("\nup")
	x.send("\x03")
	x.until("PS> ")
	if n := strings.Count(w.read("log"), "pwsh:"); n != 0 {
		t.Errorf("%d calls were made as if a hook were there", n)
	}
}

func TestPwshInputIsPassedOnAsItComes(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	x := w.start("")
	// The first program ends only when the second has seen its first line.
	x.prints("sh -c 'echo one; while [ ! -e seen ]; do sleep 0.02; done; echo two' | vault exec sh -c 'read a; touch seen; echo $a; cat'", "one\ntwo\n")
	w.answers("stdin", pwshSession{name: "stdin"})
	x.prompts("'piped' | vault use stdin", "[stdin] <True 0>")
	if got := w.read("stdin"); got != "piped" {
		t.Errorf("use read %q", got)
	}
}

// pwshWords are words of one call, as they may be typed. What the program is given must
// not depend on whether there is a function in between.
var pwshWords = []string{
	"", "--", "exec prod -- aws s3 ls", "exec prod -d 1h --region=eu", "x -- dotnet publish -p:Foo=bar -c Release -- x",
	`-a:b --long:v -q: z -n:5 -m:"q r" -w:1.50 -v:1.50,2 -l`, `x "" 'it''s' $(1+1) 5 1.50 0x10 1kb $null $true`,
	"x -- $h $v @v -- -a:$h -a:$v -a: $v", `x a,b a, b "a","b" 1.50,2.0 --`, "x @v", "@v x @v", "@v @u", "@v $h @v", "x @v -- y @u 1.50 @v @none z",
	"@table", "x @table", `*.txt "*.txt" '*.txt' $g "$g" $d/*.txt ~/x "~/x" a*z`, "$null", "x $() @() y", `("x y") (1.50) (1,2) $(3,4) @(5,6)`,
	"{a b} x", `-$h -x$h --y=$h --y="a $h" --y='q r' -D"x=y z" -Dx="y z" $h$h $h/$d`, `a --% raw "x y" $x -p:1 --`, "$dd -- $dash $dd -- @v",
	`$uni "$uni" é☃ 'é’’'`, "a`\"b `$h a`nb a#b", "-1 -1.5 1d 1e3 0xff 1_0", "/x:y /x:$h a=b -a.b:c --a.b.c", "@'\nhere \"x\"\n'@ @\"\nh $h\n\"@ z",
	"$v[0] $v.Count $h.Length $PWD.Path ${h} $env:HOME", "a `\n  b `\n  -p:X=1 `\n  1.50", `"a""b" 'c"d' "e\" "f\\" [x]`, "$u $u[2] -p:$($u[2])",
	`-p:(1.50) -p:"$h" -p:a$h -p:*.txt`, "@v -p:X", "x ([string]1.50) [int] !x %y ^z ?", "2>$null x", "x -p:$null y -p: '' z", "$($global:i++; $global:i)",
	"--backend file exec -p:x", "'use' x", "use.txt off2", `-x$(1+1) -x"a b" --x$(1+1) a$(1+1)b -x(1+1) $h.Length "$($h)b" $h"x" 'a'$h -x:$(1+1)`,
	"$($global:i++; $global:i) \"$($global:i++; $global:i)\" a$($global:i++; $global:i) -x:$($global:i++; $global:i) $global:i",
	"a <# b #> c", "-x:a,b -x:(1,2) -x:@(3) -x:{d} -x: -y", "\u2013x \u2014y", "-x:1kb -x:0x10 -1kb .5 5. 1..3",
}

// pwshAfterDashes are words that PowerShell splits when a -- without quotes is before them.
var pwshAfterDashes = []string{
	"dotnet publish -p:X=1 -p:Y=a,b -c Release", `msbuild /t:Build -p:X="a b" -p:Y=$h -p:"Z=$h" -p:W=$(1+1) -a:$h -a:$v -a:(1.50)`,
	"npm run x -- -p:X=1 --y -z:$h", "a --% raw \"x y\" $x -p:1 --", "-a.b:c -p:*.txt -p:$($u[2]) -p: $h -p: z -p:-q -:x", "@v -p:X=1 @none -q:$h @v",
	"-p:'X=1;Y=2' -p:'it''s' -p:$null -p:{a b} -p:@(1,2) -p:1.50,2.0 -p:1kb",
	"$($global:i++; $global:i) -p:$($global:i++; $global:i) -p:x$($global:i++; $global:i) $global:i",
}

// bareDashes is the first -- that is a word of its own.
var bareDashes = regexp.MustCompile(`(^|\s)--(\s|$)`)

// quoteDashes puts the first -- of a call in quotes: PowerShell then treats what follows as
// if it were a word of its own.
func quoteDashes(words string) string {
	if at := bareDashes.FindStringIndex(words); at != nil && !strings.Contains(words[:at[0]], "--%") {
		return words[:at[0]] + strings.Replace(words[at[0]:at[1]], "--", "'--'", 1) + words[at[1]:]
	}
	return words
}

// pwshCalls are the places a call may be in; # is the command with its words.
var pwshCalls = []string{
	"#", "& { # }", "$(#)", "\"$(#)\"", "$x = #; $x", "function inner { # }; inner", "'z' | ForEach-Object { # }", "if ($true) { # }",
	"(vault args 1.0 -- a) + '|' + (#)", "#; vault args 2.50", "& {\n\n  # | ForEach-Object { $_ }\n}", "foreach ($q in 1) { try { # } finally { } }",
	"$null = Invoke-Command -ScriptBlock { }; #",
}

func TestPwshWordsArriveAsTheyWere(t *testing.T) {
	w := newPwsh(t)
	for _, f := range []string{"q1.txt", "q2.txt"} {
		w.write(f, "")
	}
	script := "Set-StrictMode -Version Latest\n" +
		"$h = 'x y'; $v = 'one', 'two'; $u = 'a b', '*.txt', 1.50, '--'; $none = @(); $table = @{ k = 'v'; z = 'q r'; n = $null }\n" +
		"$d = '.'; $g = '*.txt'; $dd = '--flag'; $dash = '--'; $uni = " + w.quote("é’$(x)") + "; $i = 0\n" +
		"function check([string]$Through, [string]$Direct) {\n" +
		"  $global:i = 0; $a = try { @(& ([ScriptBlock]::Create($Through))) -join '|' } catch { \"threw $_\" }\n" +
		"  $global:i = 0; $b = @(& ([ScriptBlock]::Create($Direct))) -join '|'\n" +
		"  if ($a -cne $b) { \"[$Through] gave`n  $a`nand directly`n  $b\" } else { $global:same++ }\n}\n$same = 0\n"
	n, compared := 0, 0
	all := testenv.Sample(pwshWords, 8)
	for _, words := range pwshAfterDashes {
		all = append(all, "exec prod -- "+words)
	}
	for _, words := range all {
		for i, place := range pwshCalls {
			if i > 0 && (strings.Contains(words, "--%") || strings.Contains(words, "'@") || n%5 != 0) {
				n++
				continue // one line to its end, or one sample of five
			}
			n++
			through := strings.ReplaceAll(place, "#", "vault args "+words)
			direct := strings.ReplaceAll(place, "#", "vault args "+quoteDashes(words))
			direct = strings.ReplaceAll(strings.ReplaceAll(direct, "vault args", "& $stub args"), "& &", "&")
			compared++
			script += "check " + w.quote(through) + " " + w.quote(direct) + "\n"
		}
	}
	for _, passing := range testenv.Sample([]string{"Standard", "Legacy"}, 2) { // of 7.3 and later, and of 5.1
		got := w.runs("$PSNativeCommandArgumentPassing = '" + passing + "'\n$stub = " + w.quote(w.path("bin/vault")) + "\n" + script + "\"same: $same\"\n")
		if got != fmt.Sprintf("same: %d\n", compared) {
			t.Errorf("%s: %s", passing, got)
		}
	}
}

func TestPwshWordsArriveHoweverTheFunctionIsCalled(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	got := w.runs(`Set-StrictMode -Version Latest
Set-Alias v vault
$n = 'vault'; $f = Get-Command vault -CommandType Function; $o = 'one', 'two'
v args -- -p:X=1 1.50
& vault args -- -p:X=1 1.50
& $n args -- -p:X=1 1.50
& $f args -- -p:X=1 1.50
. vault args -- -p:X=1 1.50
vault args 1.50; vault args 2.50; v args (vault args 1.0) 3.50
$m = New-Module { $mine = 'a', 'b'; function inModule { vault args @mine -- -p:X=1 1.50 } }
inModule
$null = Invoke-Expression 'vault args 1.50 -- iex'
function wrap { vault args -- terraform @args }
wrap -- plan a,b -x 1.50
`)
	want := strings.Repeat("<--><-p:X=1><1.50>\n", 5) +
		"<1.50>\n<2.50>\n<<1.0>><3.50>\n" +
		"<a><b><--><-p:X=1><1.50>\n" + "<--><terraform><plan><a><b><-x><1.50>\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if w.called(":args 1.50 -- iex") != 1 { // what it printed went with $null
		t.Errorf("Invoke-Expression: %s", w.read("log"))
	}
}

func TestPwshSaysWhenItCannotTellWhereWordsWere(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	got := w.runs("$a = 'p', 'q'; $b = 'r'\nvault args @a -- @b\n'next'")
	if strings.Contains(got, "<") || w.called(":args") > 0 {
		t.Errorf("guessed: %s", got)
	}
	got = w.runs("$a = 'p', 'q'; $b = 'r'\nvault args @a '--' @b\n")
	if got != "<p><q><--><r>\n" {
		t.Error(got)
	}
}

// A read-only or constant variable of all scopes cannot be made local either: the switch
// is then not made at all.
func TestPwshVariablesOfTheUserNeverLeaveHalfASession(t *testing.T) {
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod"})
	w.answersOff()
	for _, option := range testenv.Sample([]string{"ReadOnly", "Constant", "ReadOnly, AllScope", "Constant, AllScope"}, 2) {
		got := w.runs(`$before = 0
foreach ($n in 's', 'w', 'l', 'steps', 'said', 'ok', 'words', 'what', 'name', 'rest', 'v', 'n', 'e', 'p', 'piped', 'code', 'x', 'm') {
  $ExecutionContext.SessionState.PSVariable.Set([Management.Automation.PSVariable]::new($n, 'mine', '` + option + `'))
}
try { vault use prod } catch { }
"[$env:AWS_VAULT] [$env:AWS_ACCESS_KEY_ID] [$env:AWS_SECRET_ACCESS_KEY] [$([bool]$env:__VAULT_TOKEN)] [$env:__VAULT_SHELL]"
`)
		whole := "[prod] [FAKEprod] [fake-secret-of-prod] [True] []\n"
		none := "[] [] [] [False] []\n"
		if !strings.HasSuffix(got, whole) && !strings.HasSuffix(got, none) || !strings.Contains(option, "AllScope") && !strings.HasSuffix(got, whole) {
			t.Errorf("%s: %s", option, got)
		}
	}
}
