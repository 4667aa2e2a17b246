package hooks

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

// pwshEventually waits for something outside the terminal.
func pwshEventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(pwshPatience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never saw %s", what)
		}
	}
}

func TestPwshAsksForTheSessionWhenTheGenerationIsGone(t *testing.T) {
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod", exp: 2550 * time.Second})
	w.answers("refresh", pwshSession{name: "prod", exp: 5000 * time.Second, note: "mfa!"})
	x := w.start("Set-StrictMode -Version Latest")
	x.prompts("vault use prod; [IO.File]::Delete($env:__VAULT_TOKEN)", "[prod 83m mfa!] <True 0>")
	x.prompts("'x'", "[prod 83m mfa!] <True 0>")
	if w.called("pwsh:refresh --env") != 1 {
		t.Errorf("calls:\n%s", w.read("log"))
	}
}

func TestPwshAsksAtMostEveryHalfMinuteWhileTheProgramFails(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod", exp: 2550 * time.Second})
	x := w.start("")
	x.prompts("vault use prod; [IO.File]::Delete($env:__VAULT_TOKEN)", "[prod 42m] <True 0>")
	x.prompts("nosuchcommand", "[prod 42m] <False 0>")
	x.prompts("$null", "[prod 42m] <True 0>")
	if n := w.called("pwsh:refresh --env"); n != 1 {
		t.Errorf("asked %d times", n)
	}
	x.prompts("$__vault.Try -= 31", "[prod 42m] <True 0>")
	if n := w.called("pwsh:refresh --env"); n != 2 {
		t.Errorf("asked %d times after half a minute", n)
	}
	x.prompts("$__vault.Try += 3600", "[prod 42m] <True 0>") // the clock went back
	if n := w.called("pwsh:refresh --env"); n != 3 {
		t.Errorf("asked %d times after the clock went back", n)
	}
}

func TestPwshInsideAnotherShellAsksAtTheFirstPrompt(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	w.write("old", "")
	w.env = []string{"AWS_VAULT=prod", "AWS_ACCESS_KEY_ID=FAKEold", "__VAULT_TOKEN=" + w.path("old")}
	w.answers("refresh", pwshSession{name: "prod", exp: 2550 * time.Second})
	x := w.start("")
	x.prints(`"$env:AWS_ACCESS_KEY_ID $env:__VAULT_SHELL"`, "FAKEprod \n")
	x.prompts("$null", "[prod 42m] <True >")
	if w.read("log") != "pwsh:refresh --env\n" {
		t.Errorf("calls: %s", w.read("log"))
	}
}

func TestPwshPromptAppearsWhateverIsMissing(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	w.env = []string{"AWS_VAULT=$(touch pwned)", "AWS_ACCESS_KEY_ID=FAKEold", "__VAULT_TOKEN=" + w.path("none")}
	w.write("hook.ps1", w.script(Options{Binary: w.path("bin/vault"), Prompt: true}))
	w.remove("bin/vault")
	x := w.start("Set-StrictMode -Version Latest")
	x.prints("$null", "")
	x.prompts("$null", "[?] <True >")
	if printed, prompt := x.run("vault use prod && 'RAN'"); printed != "vault: no such program: "+w.path("bin/vault")+"\n" || prompt != "[?] <False >PS> " {
		t.Errorf("printed %q, prompt %q", printed, prompt)
	}
	w.write("bin/vault", "#!/bin/sh\nexec sleep 60\n")
	begin := time.Now()
	x.prompts("$__vault.Try = 0", "[?] <True >")
	if time.Since(begin) > 20*time.Second {
		t.Error("a program that hangs holds the prompt")
	}
	w.remove("bin/vault")
	w.write("bin/vault", "not a program")
	x.prompts("$__vault.Try = 0", "[?] <True >")
	if w.read("pwned") != "" {
		t.Error("a name ran")
	}
}

func TestPwshRenewsInTheBackgroundOnceAGeneration(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod", exp: 2550 * time.Second, ref: -time.Minute})
	x := w.start("")
	x.prompts("vault use prod", "[prod 42m] <True 0>")
	pwshEventually(t, "the renewal", func() bool { return w.read("renewed") == "done\n" })
	x.prompts("$null", "[prod 42m] <True 0>")
	x.prompts("$__vault.Hi = 0", "[prod 42m] <True 0>")
	if n := w.called(":refresh --if-due"); n != 1 {
		t.Errorf("%d renewals", n)
	}
	x.prompts("$__vault.RTry -= 31; $__vault.Hi = 0", "[prod 42m] <True 0>")
	pwshEventually(t, "a second renewal", func() bool { return w.read("renewed") == "done\ndone\n" })
	// "vault status" says of one that has expired that it renews by itself, at the next prompt.
	w.answers("late", pwshSession{name: "late", exp: -time.Minute, ref: -time.Hour})
	x.prompts("vault use late", "[late expired] <True 0>")
	pwshEventually(t, "the renewal of an expired session", func() bool { return w.read("renewed") == "done\ndone\ndone\n" })
	if w.read("leak") != "" {
		t.Errorf("the renewal read %q from somewhere", w.read("leak"))
	}
}

// openPipes are the descriptors of the shell.
func (w *pwshWorld) openPipes(x *pwshTerm) []os.DirEntry {
	list, err := os.ReadDir("/proc/" + strconv.Itoa(x.cmd.Process.Pid) + "/fd")
	if err != nil {
		testenv.Missing(w.t, "proc", err.Error())
	}
	return list
}

func TestPwshStartingProgramsLeavesNoDescriptorOpen(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod", exp: 2550 * time.Second, ref: -time.Minute})
	w.answers("refresh", pwshSession{name: "prod", exp: 2550 * time.Second, ref: -time.Minute})
	x := w.start("")
	x.prompts("vault use prod", "[prod 42m] <True 0>")
	count := func() int {
		x.run("for ($k = 0; $k -lt 5; $k++) { $__vault.RTry = 0; $__vault.Hi = 0; $null = prompt; [IO.File]::Delete($env:__VAULT_TOKEN); $__vault.Try = 0; $null = prompt }")
		return len(w.openPipes(x))
	}
	first := count()
	for range 4 {
		x.run("$null")
		if last := count(); last > first+8 {
			t.Fatalf("%d descriptors, and %d after twenty more programs", first, last)
		}
	}
}

func TestPwshShowsAChangeByAnotherProgram(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod", exp: 2550 * time.Second, ref: -time.Minute})
	x := w.start("Set-StrictMode -Version Latest")
	x.prompts("vault use prod; $env:AWS_PROFILE = 'other'", "[prod changed!] <True 0>")
	x.prompts("[IO.File]::Delete($env:__VAULT_TOKEN)", "[prod changed!] <True 0>")
	if got := w.read("log"); got != "pwsh:use prod\n" {
		t.Errorf("calls: %s", got)
	}
	w.answers("refresh", pwshSession{name: "prod"})
	x.prompts("$env:AWS_PROFILE = $null", "[prod] <True 0>")
}

func TestPwshSaysHowLongIsLeft(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	for name, s := range map[string]pwshSession{
		"a": {exp: 30 * time.Second}, "b": {exp: 5390 * time.Second}, "c": {exp: 5430 * time.Second}, "d": {exp: -time.Minute},
		"e": {note: "offline!"}, "f": {exp: 26*time.Hour + 150*time.Second, note: "mfa!"},
	} {
		s.name, s.label = name, name
		w.answers(name, s)
	}
	x := w.start("")
	for name, want := range map[string]string{"a": "a <1m", "b": "b 89m", "c": "c 1h30m", "d": "d expired", "e": "e offline!", "f": "f 26h2m mfa!"} {
		x.prompts("vault use "+name, "["+want+"] <True 0>")
		x.prints("$__vault_text", want+"\n")
	}
}

func TestPwshShellsDoNotRenewAllAtOnce(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	got := newPwsh(t).runs(`
__vault_set '10000' '5000' '' 'p'; "$($__vault.Ref -eq 5000 + $PID % 20)"
__vault_set '5060' '5000' '' 'p'; "$($__vault.Ref -eq 5000 + $PID % 6)"
__vault_set '5000' '5000' '' 'p'; $__vault.Ref
__vault_set '5060' '0' '' 'p'; $__vault.Ref`)
	if got != "True\nTrue\n5000\n0\n" {
		t.Error(got)
	}
}

func TestPwshShowsALabelUnchanged(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	labels := map[string]string{
		"a": "it's $(touch pwned) `x` %n \"q\"", "b": "é☃ ’‘‚‛ 😀", "c": "-Note {0} #", "d": "@args; touch pwned",
	}
	for name, label := range labels {
		w.answers(name, pwshSession{name: label + "\nsecond line", label: label})
	}
	x := w.start("Set-StrictMode -Version Latest")
	for name, label := range labels {
		x.prompts("vault use "+name, "["+label+"] <True 0>")
		x.prints("$env:AWS_VAULT", label+"\nsecond line\n")
	}
	if w.read("pwned") != "" {
		t.Error("a name ran")
	}
}

func TestPwshTraceShowsNoSecret(t *testing.T) {
	w := newPwsh(t)
	w.env = []string{"AWS_ACCESS_KEY_ID=FAKEmine", "AWS_SECRET_ACCESS_KEY=fake-secret-mine"}
	w.answers("prod", pwshSession{name: "prod", exp: 2550 * time.Second, stash: true})
	w.answers("refresh", pwshSession{name: "prod", exp: 2550 * time.Second})
	w.answersOff()
	x := w.start("")
	all := ""
	for _, line := range []string{"Set-PSDebug -Trace 2", "$y = 'traced'", "vault use prod", "[IO.File]::Delete($env:__VAULT_TOKEN)", "vault refresh", "vault off"} {
		printed, _ := x.run(line)
		all += printed
	}
	if !strings.Contains(all, "$y = 'traced'") {
		t.Fatalf("nothing was traced: %s", all)
	}
	if w.called("pwsh:refresh --env") != 1 || w.called("pwsh:refresh") != 1 {
		t.Errorf("calls: %s", w.read("log"))
	}
	if strings.Contains(all, "fake-secret") {
		t.Errorf("a secret was traced:\n%s", all)
	}
}

func TestPwshCtrlCAtAQuestionChangesNothing(t *testing.T) {
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod"})
	w.answers("ask", pwshSession{name: "asked"})
	x := w.start("")
	x.prompts("vault use prod", "[prod] <True 0>")
	x.send("vault use ask; 'RAN' + 'ON'\r")
	x.until("code? ")
	x.send("\x03")
	if out := x.until("PS> "); strings.Contains(out, "RANON") || !strings.Contains(out, "[prod] <") {
		t.Errorf("after Ctrl-C: %q", out)
	}
	x.prints(`"$env:AWS_VAULT $env:AWS_ACCESS_KEY_ID [$env:__VAULT_SHELL]"`, "prod FAKEprod []\n")
	x.send("vault use ask\r")
	x.until("code? ")
	x.send("123456\n")
	if out := x.until("PS> "); !strings.HasSuffix(out, "[asked] <True 0>PS> ") {
		t.Errorf("after an answer: %q", out)
	}
}

func TestPwshLoadsAgainAndTwiceWithoutHarm(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod", exp: 2550 * time.Second})
	w.write("av.ps1", w.script(Options{Name: "av", Prompt: true}))
	x := w.start("Set-StrictMode -Version Latest\nInvoke-Expression ([IO.File]::ReadAllText('" + w.path("av.ps1") + "'))")
	x.prompts("av use prod", "[prod 42m] <True 0>")
	x.prints("Invoke-Expression (& vault hook pwsh | Out-String)", "")
	x.prints("Invoke-Expression (& vault hook pwsh | Out-String)", "")
	x.prompts("$null", "[prod 42m] <True 0>")
	x.prints("$__vault.Old.Count", "1\n")
	x.prompts("vault use typo", "[prod 42m] <False 1>")
	if w.called(":refresh --env")+w.called("pwsh:refresh --env") != 0 {
		t.Errorf("loading asked the program:\n%s", w.read("log"))
	}
}

func TestPwshLivesWithThemes(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod", exp: 2550 * time.Second})
	w.answersOff()
	// One that takes prompt for itself, from a module, as starship and oh-my-posh do.
	// One that keeps the old prompt and calls it, as a Python environment does, and gives it back.
	x := w.start("function theme { $null = New-Module { function global:prompt { \"theme:$($global:?) PS> \" } } }\n" +
		"function venv { $function:global:kept = $function:prompt; function global:prompt { '(venv) ' + (kept) } }\ntheme")
	x.prompts("vault use prod", "[prod 42m] theme:True ")
	x.prompts("nosuchcommand", "[prod 42m] theme:False ")
	x.prompts("vault off; vault use prod", "[prod 42m] theme:True ")
	x.prompts("venv", "(venv) [prod 42m] theme:True ")
	x.prompts("vault off", "(venv) theme:True ")
	x.prompts("vault use prod; vault use prod", "(venv) [prod 42m] theme:True ")
	x.prompts("$function:global:prompt = $function:kept", "[prod 42m] theme:True ")
	x.prints("$__vault.Depth", "0\n")
	x.prompts("theme", "theme:True ")
	x.prompts("vault use prod", "[prod 42m] theme:True ")
	// A line that is kept free stays free, and the segment is behind it.
	x.prompts("function global:prompt { \"`n`nsrc P\" + 'S> ' }; vault off", "src ")
	if printed, prompt := x.run("vault use prod"); printed != "\n\n" || prompt != "[prod 42m] src PS> " {
		t.Errorf("the lines before the prompt are %q, the prompt is %q", printed, prompt)
	}
}

func TestPwshASegmentWorksAgainAfterThePromptFailed(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod"})
	x := w.start("")
	x.prompts("vault use prod", "[prod] <True 0>")
	x.send("$__vault.Old[0] = { throw 'theme broke' }\r")
	x.until("PS>")
	x.send("$__vault.Depth; $__vault.Old[0] = { 'PS> ' }\r")
	if out := x.until("[prod] PS> "); !strings.Contains(out, "\n0\n") {
		t.Errorf("%q", out)
	}
}

func TestPwshWithoutThePromptOnlyTheTextIsKept(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	w.write("hook.ps1", w.script(Options{}))
	w.answers("prod", pwshSession{name: "prod", exp: 2550 * time.Second})
	x := w.start("")
	x.prompts("vault use prod", "<True 0>")
	x.prints("$__vault_text", "prod 42m\n")
}

func TestPwshShowsTheSessionInTheTitleWhereThatIsWanted(t *testing.T) {
	w := newPwsh(t)
	w.write("hook.ps1", w.script(Options{Prompt: true, Draw: Draw{Title: true}}))
	w.write("call.ps1", w.script(Options{Call: true, Draw: Draw{Title: true}}))
	w.answers("prod", pwshSession{name: "prod", exp: 2550 * time.Second})
	w.answersOff()
	x := w.start("Set-StrictMode -Version Latest")
	for _, c := range [][2]string{{"vault use prod", ";prod 42m: " + w.home}, {"$null", ";prod 42m: " + w.home}, {"vault off", ";" + w.home}} {
		x.send(c[0] + "\r")
		if out := x.until("PS> "); !strings.Contains(out, "\x1b]0"+c[1]+"\a") && !strings.Contains(out, "\x1b]2"+c[1]+"\a") {
			t.Errorf("%s: the title is not %q: %q", c[0], c[1], out)
		}
	}
}

func TestPwshDoesNothingWhereItCannotWork(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	for _, c := range []struct{ name, before, want string }{
		{"VS Code reads the environment", "$env:VSCODE_RESOLVING_ENVIRONMENT = '1'", "function False\n"},
		{"constrained language", "$ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'", "vault: no hook in constrained language mode: vault exec PROFILE -- COMMAND\nfunction False\n"},
		{"the ISE", "$global:psISE = 1", "function True\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newPwsh(t)
			w.write("script.ps1", c.before+"\n. "+w.quote(w.path("hook.ps1"))+"\n\"function $($null -ne (Get-Command vault -CommandType Function -ErrorAction Ignore))\"\n$null = & { vault args }\n\"$function:prompt\"")
			out, err := w.command("-NoProfile", "-File", w.path("script.ps1")).CombinedOutput()
			if err != nil {
				t.Fatal(err)
			}
			got := pwshPlain(string(out))
			if !strings.HasPrefix(got, c.want) || strings.Contains(got, "__vault") {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestPwshTabReachesACompleterOfTheName(t *testing.T) {
	w := newPwsh(t)
	got := w.runs(`Register-ArgumentCompleter -Native -CommandName vault -ScriptBlock { param($word, $ast, $at) "done-$word"; "at-$at" }
foreach ($line in 'vault use pr', 'vault exec prod -- -', 'vault ') { (TabExpansion2 $line $line.Length).CompletionMatches | ForEach-Object { $_.CompletionText } }`)
	if got != "done-pr\nat-12\ndone--\nat-20\ndone-\nat-6\n" {
		t.Error(got)
	}
}

func TestPwshPrintsNothingAndStartsNothingAtLoad(t *testing.T) {
	w := newPwsh(t)
	w.env = []string{"AWS_VAULT=prod", "__VAULT_TOKEN=" + w.path("none")}
	if got := w.runs("Set-StrictMode -Version Latest\n" + w.load()); got != "" || w.read("log") != "" {
		t.Errorf("printed %q, called %q", got, w.read("log"))
	}
}

func TestPwshFindsAProgramByAnAwkwardPath(t *testing.T) {
	testenv.OnlyLong(t, slowStart)
	w := newPwsh(t)
	path := "odd [x] it's ’é/va ult"
	w.write(path, pwshStub)
	w.answers("prod", pwshSession{name: "prod"})
	w.write("hook.ps1", w.script(Options{Binary: w.path(path), Name: "av"}))
	if got := w.runs("av use prod\n$env:AWS_VAULT\nav args -- 1.50"); got != "prod\n<--><1.50>\n" {
		t.Error(got)
	}
}

// What is asked for together does not depend on each other. There is no right prompt, and an idle prompt is not
// drawn again.
func TestPwshWhateverIsWantedTogetherThePromptIsWhole(t *testing.T) {
	for _, c := range testenv.Sample(combinations, 2) {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			w := newPwsh(t)
			draw := Draw{Title: c.title, Right: c.right, Countdown: c.countdown}
			w.write("hook.ps1", w.script(Options{Prompt: true, Draw: draw}))
			w.write("call.ps1", w.script(Options{Call: true, Draw: draw}))
			s := pwshSession{name: "prod", label: "prod", exp: 2490 * time.Second}
			style := []string{"36", "33", "31"}
			if c.protected {
				s.label, style[0] = "prod protected", "1;4;31"
			}
			w.answers("prod", s)
			w.write("code.prod", w.read("code.prod")+w.call("__vault_style", style...))
			w.answersOff()
			before := ""
			if c.blank {
				before += "`n"
			}
			if c.tall {
				before += "top`n"
			}
			w.write(".config/powershell/Microsoft.PowerShell_profile.ps1", "function global:prompt { \""+before+"R> \" }\n"+w.load()+"\n")
			x := shelltest.Open(t, w.command(), 100, 60)
			label := "[" + s.label + " 41m]"
			whole := func(label string) func() bool {
				return func() bool {
					rows := strings.Split(strings.TrimRight(x.Screen.String(), "\n "), "\n")
					shown := lastPrompt(x.Screen.String(), c)
					free := !c.blank || len(rows) > 1 && strings.TrimSpace(strings.Split(shown, "\n")[0]) == ""
					titled := strings.Contains(x.Title(), strings.Trim(label, "[]"))
					if label == "" {
						titled = strings.Contains(x.Title(), "41m")
					}
					return free && titled == (c.title && label != "") && strings.Join(strings.Fields(shown), " ") == strings.TrimSpace(label+" "+c.words())
				}
			}
			for _, step := range []struct{ line, label string }{{"", ""}, {"vault use prod", label}, {"$null", label}, {"vault off", ""}} {
				if step.line != "" {
					check(x.Send(step.line + "\r"))
				}
				if !x.Await(pwshPatience, whole(step.label)) {
					t.Fatalf("after %q, with the title %q:\n%s", step.line, x.Title(), x.Screen.String())
				}
			}
		})
	}
}

// BenchmarkPrecmdPwsh is what a prompt costs beyond the prompt it wraps: the best of
// several rounds inside one shell. The time Go takes is a shell's start.
func BenchmarkPrecmdPwsh(b *testing.B) {
	w := newPwsh(b)
	w.answers("prod", pwshSession{name: "prod", exp: 5 * time.Hour})
	cost := `$best = @(1e9, 1e9)
for ($r = 0; $r -lt 240; $r++) { foreach ($k in 0, 1) {
  $old = $__vault.Old[0]; $t = [Diagnostics.Stopwatch]::StartNew()
  if ($k) { for ($i = 0; $i -lt 100; $i++) { $null = prompt } } else { for ($i = 0; $i -lt 100; $i++) { $null = & $old } }
  $best[$k] = [Math]::Min($best[$k], $t.Elapsed.TotalMilliseconds * 10)
} }
($best[1] - $best[0]).ToString([Globalization.CultureInfo]::InvariantCulture)
`
	script := pwshPrompt + w.load() + "\n$null = prompt\n" + cost + "vault use prod\n$null = prompt\n" + cost
	for b.Loop() {
		lines := strings.Fields(w.runs(script))
		if len(lines) != 2 {
			b.Fatal(lines)
		}
		for i, unit := range []string{"µs/idle-prompt", "µs/active-prompt"} {
			us, err := strconv.ParseFloat(lines[i], 64)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(us, unit)
		}
	}
}

// BenchmarkDrawPwsh is what a prompt with a session costs beyond the prompt that it wraps, by what it shows, and
// where the hook looks for project directories: the best of many rounds in one shell in a terminal.
func BenchmarkDrawPwsh(b *testing.B) {
	for _, c := range []struct {
		name     string
		o        Options
		coloured bool
		before   string
	}{
		{"plain", Options{}, false, ""},
		{"colours", Options{}, true, ""},
		{"title", Options{Draw: Draw{Title: true}}, true, ""},
		{"outside", Options{Project: "switch"}, false, ""},
		{"inside", Options{Project: "switch"}, false, "[IO.File]::WriteAllText(\"$HOME/.vault-profile\", 'prod')"},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newPwsh(b)
			c.o.Prompt = true
			w.write("hook.ps1", w.script(c.o))
			w.write("call.ps1", w.script(Options{Call: true, Draw: c.o.Draw}))
			w.answers("prod", pwshSession{name: "prod", exp: 5 * time.Hour})
			if c.coloured {
				w.write("code.prod", w.read("code.prod")+w.call("__vault_style", "36", "33", "31"))
			}
			x := w.start(`function cost {
  $best = @(1e9, 1e9)
  for ($r = 0; $r -lt 240; $r++) { foreach ($k in 0, 1) {
    $old = $__vault.Old[0]; $t = [Diagnostics.Stopwatch]::StartNew()
    if ($k) { for ($i = 0; $i -lt 50; $i++) { $null = prompt } } else { for ($i = 0; $i -lt 50; $i++) { $null = & $old } }
    $best[$k] = [Math]::Min($best[$k], $t.Elapsed.TotalMilliseconds * 20)
  } }
  "cost=" + ($best[1] - $best[0]).ToString([Globalization.CultureInfo]::InvariantCulture) + ";"
}
` + c.before)
			x.run("vault use prod")
			best := 1e9
			for b.Loop() {
				printed, _ := x.run("cost")
				m := regexp.MustCompile(`cost=([0-9.]+);`).FindStringSubmatch(printed)
				if m == nil {
					b.Fatalf("no figure in %q", printed)
				}
				us, err := strconv.ParseFloat(m[1], 64)
				if err != nil {
					b.Fatal(err)
				}
				best = min(best, us)
			}
			b.ReportMetric(best, "µs/prompt")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func TestPwshAsksAgainWhenTheClockWasSet(t *testing.T) {
	w := newPwsh(t)
	w.answers("prod", pwshSession{name: "prod", exp: 2550 * time.Second})
	w.answers("refresh", pwshSession{name: "prod", exp: 2550 * time.Second})
	x := w.start("Set-StrictMode -Version Latest")
	x.prompts("vault use prod", "[prod 42m] <True 0>")
	x.prompts("$__vault.Lo = 9999999999", "[prod 42m] <True 0>")
	x.prompts("$null", "[prod 42m] <True 0>")
	if n := w.called("pwsh:refresh --env"); n != 1 {
		t.Errorf("the clock was set back: asked %d times, want 1: %s", n, w.read("log"))
	}
	x.prompts("$__vault.Check = '1'; $__vault.Hi = 0", "[prod 42m] <True 0>")
	if n := w.called("pwsh:refresh --env"); n != 2 {
		t.Errorf("the clock is wrong: asked %d times, want 2", n)
	}
}

func TestPwshAClockThatIsSetBackAfterTheAnswerGivesNoWrongTime(t *testing.T) {
	w := newPwsh(t)
	told := pwshSession{name: "prod", exp: 2550 * time.Second}
	ahead := told
	ahead.set = time.Hour
	x := w.start("Set-StrictMode -Version Latest")
	for i, c := range []struct {
		use, refresh pwshSession
		want         string
	}{
		{ahead, told, "[prod 42m] <True 0>"},
		{ahead, ahead, "[prod] <True 0>"},
		{told, ahead, "[prod 42m] <True 0>"},
	} {
		w.answers("prod", c.use)
		w.answers("refresh", c.refresh)
		x.prompts("vault use prod", c.want)
		if n := w.called("pwsh:refresh --env"); n != min(i+1, 2) {
			t.Errorf("%d: asked %d times: %s", i, n, w.read("log"))
		}
	}
	w.remove("code.refresh")
	w.answers("prod", ahead)
	x.prompts("vault use prod", "[prod] <True 0>")
	w.answers("refresh", told) // while a prompt waits for the answer the clock is set forward
	x.prompts("$__vault.Who = ''; $__vault.Try = 0; __vault_slow ([DateTimeOffset]::UtcNow.ToUnixTimeSeconds() - 3600) $env:__VAULT_TOKEN; $kept = $__vault_text", "[prod 42m] <True 0>")
	x.prints("$kept", "prod 42m\n")
}

// BenchmarkPromptProcessesPwsh counts the processes that a prompt of PowerShell starts, by
// strace: what is run between two calls of "true".
func BenchmarkPromptProcessesPwsh(b *testing.B) {
	testenv.Require(b, "strace")
	w := newPwsh(b)
	w.answers("prod", pwshSession{name: "prod", exp: 5 * time.Hour})
	ten := "& true\nfor ($i = 0; $i -lt 10; $i++) { $null = prompt }\n& true\n"
	w.write("script.ps1", "\ufeff"+pwshPrompt+w.load()+"\n$null = prompt\n"+ten+"vault use prod\n$null = prompt\n"+ten)
	for b.Loop() {
		log := w.path("strace")
		shell := w.command("-NoProfile", "-File", w.path("script.ps1"))
		cmd := exec.Command("strace", append([]string{"-f", "-qq", "-e", "trace=execve", "-e", "status=successful", "-o", log}, shell.Args...)...)
		cmd.Env, cmd.Dir = shell.Env, shell.Dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		marks, between := 0, [2]int{}
		for line := range strings.Lines(w.read("strace")) {
			switch {
			case strings.Contains(line, `["true"]`) || strings.Contains(line, `/true"]`):
				marks++
			case (marks == 1 || marks == 3) && strings.Contains(line, "execve("):
				between[marks/2]++
			}
		}
		if marks != 4 {
			b.Fatalf("%d marks in %s", marks, w.read("strace"))
		}
		b.ReportMetric(float64(between[0])/10, "none-processes")
		b.ReportMetric(float64(between[1])/10, "active-processes")
	}
	b.ReportMetric(0, "ns/op")
}
