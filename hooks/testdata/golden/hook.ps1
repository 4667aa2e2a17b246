if ($env:VSCODE_RESOLVING_ENVIRONMENT) { }
elseif ($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') {
'vault: no hook in constrained language mode: vault exec PROFILE -- COMMAND'
}
else {
# --- the function
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
if (-not (__vault_switch)) { $ErrorActionPreference = 'Stop'; throw (__vault_error '') }
}
}
function global:__vault_find { param($Name) $ExecutionContext.InvokeCommand.GetCommand($Name, 'Application') }
function global:__vault_do {
param($Lines)
$steps = foreach ($l in $Lines) {
$what, $name, $rest = "$l".Split(' ')
@{ What = $what; Name = $name; Words = @(foreach ($w in $rest) { [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($w)) }) }
}
foreach ($s in $steps) {
$w = $s.Words
switch -CaseSensitive ($s.What) {
'set' { [Environment]::SetEnvironmentVariable($s.Name, $w[0]) }
'unset' { [Environment]::SetEnvironmentVariable($s.Name, [NullString]::Value) }
'call' {
if (!$global:__vault.More -and $s.Name -like '*st*') { __vault_load }
if ($s.Name -clike '__vault_*') { & $s.Name @w }
}
}
}
}
function global:__vault_error {
param($Text)
[Management.Automation.ErrorRecord]::new([Exception]::new($Text), 'NativeCommandErrorMessage', 'NotSpecified', $null)
}
function global:__vault_words { __vault_load; __vault_words @args }
function global:__vault_load {
$said = __vault_start 'hook pwsh --call ' 9999
if (-not $said) { throw (__vault_error 'vault did not answer; try again') }
& ([ScriptBlock]::Create($said))
}
function global:__vault_set {
param([long]$Exp, [long]$Ref, [string]$Note, [string]$Label, [string]$Check, [long]$From)
$v = $global:__vault
$m = if ($Exp - $Ref -lt 120) { [Math]::Max(1, [Math]::Floor(($Exp - $Ref) / 10)) } else { 20 }
$v.Exp = $Exp; $v.Ref = if ($Ref) { $Ref + $PID % $m } else { 0L }
$v.Note = $Note; $v.Label = $Label; $v.Check = $Check; $v.Who = if ($Label) { __vault_who } else { '' }; $v.Here = __vault_here
$v.Lo = $From; $v.Hi = $v.RTry = 0L
}
# --- the precmd
function global:__vault_who {
"$env:AWS_ACCESS_KEY_ID|$env:AWS_PROFILE|$env:AWS_VAULT|$([bool]$env:AWS_SECRET_ACCESS_KEY)|$([bool]$env:AWS_SESSION_TOKEN)"
}
function global:__vault_here { "$env:AWS_REGION|$env:AWS_DEFAULT_REGION" }
function global:__vault_precmd {
$v = $global:__vault
$f = $env:__VAULT_TOKEN
if (-not $f) {
$global:__vault_text = ''
if ($v.Kept.Count) { __vault_unstash all }
return
}
$now = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
if ($now -lt $v.Lo -or $now -ge $v.Hi -or -not [IO.File]::Exists($f) -or $v.Who -cne (__vault_who) -or $v.Here -cne (__vault_here)) { __vault_slow $now $f }
}
function global:__vault_slow {
param([long]$Now, [string]$File)
$v = $global:__vault
if ($v.Who -and $v.Who -cne (__vault_who)) {
$v.Hi = 0L; $global:__vault_text = "$($v.Label) changed!"
return
}
if (-not $v.Who -or $v.Check -or $Now -lt $v.Lo -or -not [IO.File]::Exists($File) -or $v.Here -cne (__vault_here)) {
if ($Now - $v.Try -ge 30 -or $Now -lt $v.Try) {
$v.Try = $Now
$said = ''
try { $said = __vault_start 'refresh --env' 2000; if ($said) { __vault_do $said.Trim().Split("`n") } } catch { $said = '' }
if ($said -and $v.Who -and ($File -cne $env:__VAULT_TOKEN -or [IO.File]::Exists($File))) { $v.Try = 0L }
$Now = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
}
}
if ($v.Ref -and $Now -ge $v.Ref -and [IO.File]::Exists($env:__VAULT_TOKEN) -and ($Now - $v.RTry -ge 30 -or $Now -lt $v.RTry)) {
$v.RTry = $Now
try { __vault_start 'refresh --if-due' 0 } catch { }
}
__vault_label $Now
}
function global:__vault_start {
param([string]$Words, [int]$Wait)
$e = __vault_find 'vault'
if (-not $e) { return }
$i = [Diagnostics.ProcessStartInfo]::new($e.Path, $Words)
$i.UseShellExecute = $false; $i.CreateNoWindow = $true
$i.RedirectStandardInput = $i.RedirectStandardOutput = $i.RedirectStandardError = $true
if ($Wait) { $x = $i.EnvironmentVariables; $x['__VAULT_SHELL'] = 'pwsh'; $x['__VAULT_PID'] = "$PID"; $x['__VAULT_DRAW'] = 'new' }
$q = [Diagnostics.Process]::Start($i)
$q.StandardInput.Close(); $q.BeginErrorReadLine()
if (-not $Wait) { $q.BeginOutputReadLine(); $old, $global:__vault.Job = $global:__vault.Job, $q; $q = $old }
else {
$said = $q.StandardOutput.ReadToEndAsync()
if (-not $said.Wait($Wait) -or -not $q.WaitForExit(1000)) { $q.Kill() }
elseif ($q.ExitCode -eq 0) { $said.Result }
$q.StandardOutput.Close()
}
if ($q) { $q.Dispose() }
}
function global:__vault_label {
param([long]$Now)
$v = $global:__vault
$s = $v.Exp - $Now; $m = [Math]::Floor($s / 60); $left = ''
$v.Hi = $Now + $s % 60 + 1
if (-not $v.Exp) { $v.Hi = $Now + 3600 }
elseif ($s -le 0) { $left = ' expired'; $v.Hi = $Now + 30 }
elseif ($Now -lt $v.Lo) { $Now = $v.Lo; $v.Hi = 0L }
elseif ($s -lt 60) { $left = ' <1m'; $v.Hi = $v.Exp }
elseif ($s -lt 5400) { $left = " ${m}m" }
else { $left = " $([Math]::Floor($m / 60))h$($m % 60)m" }
$v.Lo = $Now; $next = if ($v.Ref -gt $Now) { $v.Ref } else { $v.RTry + 30 }
if ($v.Ref -and $next -gt $Now -and $next -lt $v.Hi) { $v.Hi = $next }
$global:__vault_text = ''
if ($env:__VAULT_TOKEN) { $global:__vault_text = $(if ($v.Label) { $v.Label } else { '?' }) + $left + $(if ($v.Note) { ' ' + $v.Note }) }
}
# --- the prompt segment
function global:__vault_wrap {
$now = $ExecutionContext.InvokeCommand.GetCommand('prompt', 'Function')
$is = if ($now) { $now.ScriptBlock } else { { 'PS>' } }
$ise = $ExecutionContext.SessionState.PSVariable.Get('psISE')
if ($ise -or "$is" -like '*__vault_precmd*' -or "$is" -ceq $global:__vault.Caller) { return }
$global:__vault.Old.Insert(0, $is)
$global:__vault.By = "$($now.Source)$is" -match 'starship|my-posh'
function global:prompt {
[Diagnostics.DebuggerHidden()] param()
$ok = $?; $v = $global:__vault; $pre = ''
$last = $ExecutionContext.SessionState.PSVariable.Get('global:LASTEXITCODE')
$status = if ($last) { $last.Value }
$v.Inner = $v.Depth -gt 0
if (-not $v.Inner) {
try { __vault_precmd } catch { }
$t = $global:__vault_text
if (1 -and $t -and !$v.By) { $pre = "[$t] "; if ($v.Sty) { $pre = __vault_segment } }
}
$old = $v.Old[[Math]::Min($v.Depth, $v.Old.Count - 1)]
$v.Depth++
try {
if (-not $ok) { __vault_false -ErrorAction Ignore }
$shown = & $old
}
finally { $v.Depth--; if ($last) { $last.Value = $status } }
if ($v.Inner -and -not $v.Depth) { $v.Caller = "$old"; $v.Old.RemoveAt(0); $function:global:prompt = $old }
if ($pre) { (-join $shown) -replace '^[\r\n]*', ('$&' + $pre.Replace('$', '$$')) } else { $shown }
}
}
function global:__vault_false {
[CmdletBinding()] param()
$PSCmdlet.WriteError((__vault_error '-'))
}
# --- registration
function global:__vault_hide {
foreach ($f in $ExecutionContext.InvokeCommand.GetCommands('__vault_*', 'Function', $true)) { $f.ScriptBlock.DebuggerHidden = $true }
}
__vault_hide
$global:__vault = & {
$v = @{ Exp = 0L; Ref = 0L; Lo = 0L; Hi = 0L; Try = 0L; RTry = 0L; Note = ''; Label = ''; Check = ''; Who = ''; Here = ''; Kept = @{}; Job = $null
Old = [Collections.ArrayList]@(); Sty = @(); By = 0; More = 0; Depth = 0; Inner = 0; Caller = '' }
$was = $ExecutionContext.SessionState.PSVariable.GetValue('global:__vault')
if ($was) { foreach ($k in @($was.Keys)) { $v[$k] = $was[$k] } } else { $global:__vault_text = '' }
$v
}
__vault_wrap
}
# --- in $PROFILE, as the last line:  Invoke-Expression (& vault hook pwsh | Out-String)
