if ($env:VSCODE_RESOLVING_ENVIRONMENT) { }
elseif ($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') {
'vault: no hook in the constrained language mode of this PowerShell; there is: vault exec PROFILE -- COMMAND'
}
else {
# --- the function: it reads the stdout of use, off and refresh; the rest runs as if there were no function
function global:vault {
[Diagnostics.DebuggerHidden()] param()
begin {
$p = $null; $piped = @(); $v = $args; $n = ''
$was = $ErrorActionPreference; $ErrorActionPreference = 'Stop'
$e = __vault_find 'vault'
if (-not $e) { throw (__vault_error ('vault: no such program: ' + 'vault')) }
$words = '& $e' + (__vault_words $MyInvocation $v)
$ErrorActionPreference = $was
__vault_wrap
if (-not (__vault_switches $v)) {
$p = [ScriptBlock]::Create($words).GetSteppablePipeline()
$p.Begin($MyInvocation.ExpectingInput, $ExecutionContext)
}
elseif ($MyInvocation.ExpectingInput) { $words = '$piped | ' + $words }
}
process {
if (-not $MyInvocation.ExpectingInput) { }
elseif ($p) { $p.Process($_) }
else { $piped += , $_ }
}
end {
if ($p) { try { $p.End() } finally { $p.Dispose() }; return }
$said = @(); $ok = $false
try {
$env:__VAULT_SHELL = 'pwsh'
$said = @(. ([ScriptBlock]::Create($words)))
$ok = $global:LASTEXITCODE -eq 0
}
finally {
$env:__VAULT_SHELL = $null
if ($ok) { __vault_do $said }
}
if (-not $ok) { $ErrorActionPreference = 'Stop'; throw (__vault_error '') }
}
}
function global:__vault_find { [Diagnostics.DebuggerHidden()] param($Name) $ExecutionContext.InvokeCommand.GetCommand($Name, 'Application') }
function global:__vault_do {
[Diagnostics.DebuggerHidden()] param($Lines)
$steps = foreach ($l in $Lines) {
$what, $name, $rest = "$l".Split(' ')
@{ What = $what; Name = $name; Words = @(foreach ($w in $rest) { [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($w)) }) }
}
foreach ($s in $steps) {
$w = $s.Words
switch -CaseSensitive ($s.What) {
'set' { [Environment]::SetEnvironmentVariable($s.Name, $w[0]) }
'unset' { [Environment]::SetEnvironmentVariable($s.Name, [NullString]::Value) }
'call' { if ($s.Name -clike '__vault_*') { & $s.Name @w } }
}
}
}
function global:__vault_error {
[Diagnostics.DebuggerHidden()] param($Text)
[Management.Automation.ErrorRecord]::new([Exception]::new($Text), 'NativeCommandErrorMessage', 'NotSpecified', $null)
}
function global:__vault_switches {
[Diagnostics.DebuggerHidden()] param($Words)
$skip = $false
foreach ($w in $Words) {
if ($skip) { $skip = $false }
elseif ("$w" -notlike '-*') { return "$w" -cin 'use', 'off', 'refresh' }
else { $skip = "$w" -like '-*:' -or "$w" -cin ('--backend --keychain' -split ' ') }
}
$false
}
function global:__vault_words {
[Diagnostics.DebuggerHidden()] param($Call, $v)
$out = $null
$at = $Call.GetType().GetProperty('ScriptPosition', [Reflection.BindingFlags]'NonPublic, Instance')
$text = if ($at) { $at.GetValue($Call).Text } else { $Call.Line.Substring([Math]::Max(0, $Call.OffsetInLine - 1)) }
$ast = [Management.Automation.Language.Parser]::ParseInput($text, [ref]$null, [ref]$null).Find(
{ $args[0] -is [Management.Automation.Language.CommandAst] }, $true)
if ($ast -and -not $ast.Extent.StartOffset) {
$plan = @(__vault_plan $ast); $need = 0
for ($k = $plan.Count - 1; $k -ge 0 -and $plan[$k].Take -ge 0; $k--) { $need += $plan[$k].Take }
if ($k -ge 0) { $plan[$k].From = $v.Count - $need }
$out = __vault_match $plan 0 $v 0
}
if ($null -ne $out) { $out } else { __vault_splat $v 0 $v.Count }
}
function global:__vault_plan {
[Diagnostics.DebuggerHidden()] param($Ast)
$ended = $open = $lost = $false; $last = ''; $end = 0
for ($k = 1; $k -lt $Ast.CommandElements.Count; $k++) {
$w = $part = $Ast.CommandElements[$k]; $text = $w.Extent.Text; $take = 1; $first = $null
switch ($w.GetType().Name) {
'CommandParameterAst' { $first = $text; $part = $w.Argument; if ($part) { $take = 2; $first = "-$($w.ParameterName):" } }
'StringConstantExpressionAst' { $first = $w.Value }
'VariableExpressionAst' { if ($w.Splatted) { $take = -1 } }
}
$gap = if ($last -notlike '*:' -or $w.Extent.StartOffset -gt $end) { ' ' }
$last = $text; $end = $w.Extent.EndOffset
if ($text -ceq '--' -and -not $ended) { $ended = $true; $take = 0; $lost = $open; $text = "'--'" }
elseif ($null -ne $first) { $open = $lost = $false }
elseif ($take -lt 0) {
if ($lost) { throw (__vault_error "vault: nothing tells which words of two lists stand before --; write '--' in quotes") }
$open = $true
}
$say = if ($part) { __vault_say $part }
if ($say) { $text = $text.Substring(0, $part.Extent.StartOffset - $w.Extent.StartOffset) }
@{ Text = "$gap$text"; Say = $say; Take = $take; First = $first; From = 0 }
}
}
function global:__vault_say {
[Diagnostics.DebuggerHidden()] param($Ast)
switch ($Ast.GetType().Name) {
'StringConstantExpressionAst' { return }
'ArrayLiteralAst' {
$computed = foreach ($x in $Ast.Elements) { if ($x.GetType().Name -notlike '*ConstantExpressionAst') { 1 } }
if (-not $computed) { return }
}
'ExpandableStringExpressionAst' { if ($Ast.StringConstantType -eq 'BareWord') { return '$n$($v[#])' } else { return '"$($v[#])"' } }
}
'$v[#]'
}
function global:__vault_match {
[Diagnostics.DebuggerHidden()] param($Plan, $k, $v, $i)
if ($k -eq $Plan.Count) { if ($i -eq $v.Count) { return '' } else { return } }
$w = $Plan[$k]
for ($n = [Math]::Max([Math]::Max(0, $w.Take), $w.From - $i); $i + $n -le $v.Count; $n++) {
if ($n -and $null -ne $w.First -and "$($v[$i])" -cne $w.First) { return }
$rest = __vault_match $Plan ($k + 1) $v ($i + $n)
if ($null -ne $rest) {
if ($w.Take -lt 0) { return (__vault_splat $v $i ($i + $n)) + $rest }
return $w.Text + "$($w.Say)".Replace('#', "$($i + $n - 1)") + $rest
}
if ($w.Take -ge 0) { return }
}
}
function global:__vault_splat {
[Diagnostics.DebuggerHidden()] param($v, $i, $end)
$out = ''
for (; $i -lt $end; $i++) {
$out += ' '
if ("$($v[$i])" -match '^-[a-z][\w-]*:\z' -and $i + 1 -lt $end -and $v[$i].PSObject.Properties['<CommandParameterName>']) { $out += $v[$i]; $i++ }
$out += "`$v[$i]"
}
$out
}
function global:__vault_set {
[Diagnostics.DebuggerHidden()] param([long]$Exp, [long]$Ref, [string]$Note, [string]$Label, [string]$Check)
$v = $global:__vault
$m = if ($Exp - $Ref -lt 120) { [Math]::Max(1, [Math]::Floor(($Exp - $Ref) / 10)) } else { 20 }
$v.Exp = $Exp; $v.Ref = if ($Ref) { $Ref + $PID % $m } else { 0L }
$v.Note = $Note; $v.Label = $Label; $v.Check = $Check; $v.Who = if ($Label) { __vault_who } else { '' }; $v.Here = __vault_here
$v.Lo = 0L; $v.Hi = 0L; $v.RTry = 0L
}
function global:__vault_stash {
[Diagnostics.DebuggerHidden()] param()
$global:__vault.Kept = @{}
foreach ($n in $args) {
$x = [Environment]::GetEnvironmentVariable($n)
if ($null -ne $x) { $global:__vault.Kept[$n] = $x }
}
}
function global:__vault_unstash {
[Diagnostics.DebuggerHidden()] param()
foreach ($n in $args) { if ($global:__vault.Kept.Contains($n)) { [Environment]::SetEnvironmentVariable($n, $global:__vault.Kept[$n]) } }
$global:__vault.Kept = @{}
}
# --- the precmd. PowerShell has no event before a command; PSReadLine is not touched.
function global:__vault_who {
[Diagnostics.DebuggerHidden()] param()
"$env:AWS_ACCESS_KEY_ID|$env:AWS_PROFILE|$env:AWS_VAULT|$([bool]$env:AWS_SECRET_ACCESS_KEY)|$([bool]$env:AWS_SESSION_TOKEN)"
}
function global:__vault_here { [Diagnostics.DebuggerHidden()] param() "$env:AWS_REGION|$env:AWS_DEFAULT_REGION" }
function global:__vault_precmd {
[Diagnostics.DebuggerHidden()] param()
$v = $global:__vault
$f = $env:__VAULT_TOKEN
if (-not $f) { $global:__vault_text = ''; return }
$now = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
if ($now -lt $v.Lo -or $now -ge $v.Hi -or -not [IO.File]::Exists($f) -or $v.Who -cne (__vault_who) -or $v.Here -cne (__vault_here)) { __vault_slow $now $f }
}
function global:__vault_slow {
[Diagnostics.DebuggerHidden()] param([long]$Now, [string]$File)
$v = $global:__vault
if ($v.Who -and $v.Who -cne (__vault_who)) {
$v.Hi = 0L; $global:__vault_text = "$($v.Label) changed!"
return
}
if (-not $v.Who -or $v.Check -or $Now -lt $v.Lo -or -not [IO.File]::Exists($File) -or $v.Here -cne (__vault_here)) {
if ($Now - $v.Try -ge 30 -or $Now -lt $v.Try) {
$v.Try = $Now
$said = ''
try { $said = __vault_start 'refresh --env' $true; if ($said) { __vault_do $said.Trim().Split("`n") } } catch { $said = '' }
if ($said -and $v.Who -and [IO.File]::Exists($env:__VAULT_TOKEN)) { $v.Try = 0L }
}
}
if ($v.Ref -and $Now -ge $v.Ref -and [IO.File]::Exists($env:__VAULT_TOKEN) -and ($Now - $v.RTry -ge 30 -or $Now -lt $v.RTry)) {
$v.RTry = $Now
try { __vault_start 'refresh --if-due' $false } catch { }
}
__vault_label $Now
}
function global:__vault_start {
[Diagnostics.DebuggerHidden()] param([string]$Words, [bool]$Wait)
$e = __vault_find 'vault'
if (-not $e) { return }
$i = [Diagnostics.ProcessStartInfo]::new($e.Path, $Words)
$i.UseShellExecute = $false; $i.CreateNoWindow = $true
$i.RedirectStandardInput = $i.RedirectStandardOutput = $i.RedirectStandardError = $true
if ($Wait) { $i.EnvironmentVariables['__VAULT_SHELL'] = 'pwsh' }
$q = [Diagnostics.Process]::Start($i)
$q.StandardInput.Close(); $q.BeginErrorReadLine()
if (-not $Wait) { $q.BeginOutputReadLine(); $old, $global:__vault.Job = $global:__vault.Job, $q; $q = $old }
else {
$said = $q.StandardOutput.ReadToEndAsync()
if (-not $said.Wait(2000) -or -not $q.WaitForExit(1000)) { $q.Kill() }
elseif ($q.ExitCode -eq 0) { $said.Result }
$q.StandardOutput.Close()
}
if ($q) { $q.Dispose() }
}
function global:__vault_label {
[Diagnostics.DebuggerHidden()] param([long]$Now)
$v = $global:__vault
$s = $v.Exp - $Now; $m = [Math]::Floor($s / 60); $left = ''
$v.Lo = $Now; $v.Hi = $Now + $s % 60 + 1
if (-not $v.Exp) { $v.Hi = $Now + 3600 }
elseif ($s -le 0) { $left = ' expired'; $v.Hi = $Now + 30 }
elseif ($s -lt 60) { $left = ' <1m'; $v.Hi = $v.Exp }
elseif ($s -lt 5400) { $left = " ${m}m" }
else { $left = " $([Math]::Floor($m / 60))h$($m % 60)m" }
$next = if ($v.Ref -gt $Now) { $v.Ref } else { $v.RTry + 30 }
if ($v.Ref -and $next -gt $Now -and $next -lt $v.Hi) { $v.Hi = $next }
$global:__vault_text = ''
if ($env:__VAULT_TOKEN) { $global:__vault_text = $(if ($v.Label) { $v.Label } else { '?' }) + $left + $(if ($v.Note) { ' ' + $v.Note }) }
}
# --- the prompt segment: put before what the wrapped prompt returns. A theme may have replaced prompt since (then
function global:__vault_wrap {
[Diagnostics.DebuggerHidden()] param()
$now = $ExecutionContext.InvokeCommand.GetCommand('prompt', 'Function')
$is = if ($now) { $now.ScriptBlock } else { { 'PS>' } }
$ise = $ExecutionContext.SessionState.PSVariable.Get('psISE')
if ($ise -or "$is" -like '*__vault_precmd*' -or "$is" -ceq $global:__vault.Caller) { return }
$global:__vault.Old.Insert(0, $is)
function global:prompt {
[Diagnostics.DebuggerHidden()] param()
$ok = $?; $v = $global:__vault; $pre = ''
$last = $ExecutionContext.SessionState.PSVariable.Get('global:LASTEXITCODE')
$status = if ($last) { $last.Value }
$v.Inner = $v.Depth -gt 0
if (-not $v.Inner) {
try { __vault_precmd } catch { }
if (1 -and $global:__vault_text) { $pre = "[$global:__vault_text] " }
}
$old = $v.Old[[Math]::Min($v.Depth, $v.Old.Count - 1)]
$v.Depth++
try {
if (-not $ok) { __vault_false -ErrorAction Ignore }
$shown = & $old
}
finally { $v.Depth--; if ($last) { $last.Value = $status } }
if ($v.Inner -and -not $v.Depth) { $v.Caller = "$old"; $v.Old.RemoveAt(0); $function:global:prompt = $old }
if ($pre) { $pre + ($shown -join '') } else { $shown }
}
}
function global:__vault_false {
[Diagnostics.DebuggerHidden()] [CmdletBinding()] param()
$PSCmdlet.WriteError((__vault_error '-'))
}
# --- registration
$global:__vault = & {
$v = @{ Exp = 0L; Ref = 0L; Lo = 0L; Hi = 0L; Try = 0L; RTry = 0L; Note = ''; Label = ''; Check = ''; Who = ''; Here = ''; Kept = @{}; Job = $null
Old = [Collections.ArrayList]::new(); Depth = 0; Inner = $false; Caller = '' }
$was = $ExecutionContext.SessionState.PSVariable.GetValue('global:__vault')
if ($was) { foreach ($k in @($was.Keys)) { $v[$k] = $was[$k] } } else { $global:__vault_text = '' }
$v
}
__vault_wrap
}
# --- in $PROFILE, as the last line:  Invoke-Expression (& vault hook pwsh | Out-String)
