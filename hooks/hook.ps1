# vault hook for Windows PowerShell 5.1 and PowerShell 7: pure ASCII, the language and .NET only.
# DebuggerHidden keeps what passes here out of Set-PSDebug -Trace; __vault_hide gives it to our functions. What the
# program says is data and is never compiled: a company may log all code (script block logging).
if ($env:VSCODE_RESOLVING_ENVIRONMENT) { }
elseif ($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') {
  '@NAME@: no hook in constrained language mode: @NAME@ exec PROFILE -- COMMAND'
}
else {

# --- the function
# It reads the stdout of use, off and refresh; the rest runs as if there were no function.
function global:@NAME@ {
  [Diagnostics.DebuggerHidden()] param()
  begin {
    # The repeated words refer to $e, $v and $n.
    $p = $null; $piped = @(); $v = $args; $n = ''
    $was = $ErrorActionPreference; $ErrorActionPreference = 'Stop'
    $e = __vault_find @BINARY@
    if (-not $e) { throw (__vault_error ('@NAME@: no such program: ' + @BINARY@)) }
    $words = '& $e@CALLED_AS@' + (__vault_words $MyInvocation $v)
    $ErrorActionPreference = $was
    __vault_wrap@AGAIN@
    if (-not (__vault_switches $v)) {
      # A steppable pipeline passes on input and terminal, and makes $? false when the program fails.
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
    # The program has said why. A command that needs the switch must not run, with or without &&.
    if (-not (__vault_switch)) { $ErrorActionPreference = 'Stop'; throw (__vault_error '') }
  }
}

function global:__vault_find { param($Name) $ExecutionContext.InvokeCommand.GetCommand($Name, 'Application') }

# Does what the program said: set NAME VALUE, unset NAME, call FUNCTION WORD...; words are in base64. Everything
# is read before anything is changed.
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

# With this id only the text is shown.
function global:__vault_error {
  param($Text)
  [Management.Automation.ErrorRecord]::new([Exception]::new($Text), 'NativeCommandErrorMessage', 'NotSpecified', $null)
}

# Replaces itself, and loads what else a call needs, when it is called for the first time.
function global:__vault_words { __vault_load; __vault_words @args }

function global:__vault_load {
  $said = __vault_start 'hook pwsh --call @CALL_FLAGS@' 9999
  if (-not $said) { throw (__vault_error '@NAME@ did not answer; try again') }
  & ([ScriptBlock]::Create($said))
}

# Called by the program: EXPIRY RENEW-FROM NOTE LABEL CHECK FROM. CHECK, if not empty: the clock is wrong, so the
# program is asked each time the label changes. FROM: no earlier time is later than the answer. The jitter keeps shells
# from renewing at once.
function global:__vault_set {
  param([long]$Exp, [long]$Ref, [string]$Note, [string]$Label, [string]$Check, [long]$From)
  $v = $global:__vault
  $m = if ($Exp - $Ref -lt 120) { [Math]::Max(1, [Math]::Floor(($Exp - $Ref) / 10)) } else { 20 }
  $v.Exp = $Exp; $v.Ref = if ($Ref) { $Ref + $PID % $m } else { 0L }
  $v.Note = $Note; $v.Label = $Label; $v.Check = $Check; $v.Who = if ($Label) { __vault_who } else { '' }; $v.Here = __vault_here
  $v.Lo = $From; $v.Hi = $v.RTry = 0L
}

# --- the precmd
# PowerShell has no event before a command; PSReadLine is not touched.
# Who the variables say one is, without a secret, and the regions.
function global:__vault_who {
  "$env:AWS_ACCESS_KEY_ID|$env:AWS_PROFILE|$env:AWS_VAULT|$([bool]$env:AWS_SECRET_ACCESS_KEY)|$([bool]$env:AWS_SESSION_TOKEN)"
}

function global:__vault_here { "$env:AWS_REGION|$env:AWS_DEFAULT_REGION" }

function global:__vault_precmd {
  $v = $global:__vault@CHECK@
  $f = $env:__VAULT_TOKEN
  if (-not $f) {
    $global:__vault_text = ''
    if ($v.Kept.Count) { __vault_unstash all }
    return
  }
  $now = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
  # Starts no process while label, generation and variables are right.
  if ($now -lt $v.Lo -or $now -ge $v.Hi -or -not [IO.File]::Exists($f) -or $v.Who -cne (__vault_who) -or $v.Here -cne (__vault_here)) { __vault_slow $now $f }
}

function global:__vault_slow {
  param([long]$Now, [string]$File)
  $v = $global:__vault
  # Another program did it: shown, and left alone.
  if ($v.Who -and $v.Who -cne (__vault_who)) {
    $v.Hi = 0L; $global:__vault_text = "$($v.Label) changed!"
    return
  }
  # Or the clock was set back.
  if (-not $v.Who -or $v.Check -or $Now -lt $v.Lo -or -not [IO.File]::Exists($File) -or $v.Here -cne (__vault_here)) {
    if ($Now - $v.Try -ge 30 -or $Now -lt $v.Try) {
      $v.Try = $Now
      $said = ''
      try { $said = __vault_start 'refresh --env' 2000; if ($said) { __vault_do $said.Trim().Split("`n") } } catch { $said = '' }
      if ($said -and $v.Who -and ($File -cne $env:__VAULT_TOKEN -or [IO.File]::Exists($File))) { $v.Try = 0L }
      # It may have been set meanwhile.
      $Now = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
    }
  }
  if ($v.Ref -and $Now -ge $v.Ref -and [IO.File]::Exists($env:__VAULT_TOKEN) -and ($Now - $v.RTry -ge 30 -or $Now -lt $v.RTry)) {
    $v.RTry = $Now
    try { __vault_start 'refresh --if-due' 0 } catch { }
  }
  __vault_label $Now
}

# Starts the program with fixed words, away from the terminal; returns what it said within so many milliseconds, or
# does not wait for it.
function global:__vault_start {
  param([string]$Words, [int]$Wait)
  $e = __vault_find @BINARY@
  if (-not $e) { return }
  $i = [Diagnostics.ProcessStartInfo]::new($e.Path, $Words)
  $i.UseShellExecute = $false; $i.CreateNoWindow = $true
  $i.RedirectStandardInput = $i.RedirectStandardOutput = $i.RedirectStandardError = $true
  if ($Wait) { $x = $i.EnvironmentVariables; $x['__VAULT_SHELL'] = 'pwsh'; $x['__VAULT_PID'] = "$PID"; $x['__VAULT_DRAW'] = '@DRAW@' }
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

# Writes the text, and from when to when it is right. What is left is not known by a clock that was set back after the
# answer: then the next prompt asks.
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
}@PROJECT@

# --- the prompt segment
# It is put before what the wrapped prompt returns. A theme may have replaced prompt since (then
# it is wrapped too), or may call this one: Old is what was wrapped, the newest first, Depth how many calls deep.
function global:__vault_wrap {
  $now = $ExecutionContext.InvokeCommand.GetCommand('prompt', 'Function')
  $is = if ($now) { $now.ScriptBlock } else { { 'PS>' } }
  # The ISE has no console.
  $ise = $ExecutionContext.SessionState.PSVariable.Get('psISE')
  if ($ise -or "$is" -like '*__vault_precmd*' -or "$is" -ceq $global:__vault.Caller) { return }
  $global:__vault.Old.Insert(0, $is)
  # These draw the prompt as they are told to.
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
      if (@PROMPT@ -and $t -and !$v.By) { $pre = "[$t] "; if ($v.Sty) { $pre = __vault_segment } }
    }
    $old = $v.Old[[Math]::Min($v.Depth, $v.Old.Count - 1)]
    $v.Depth++
    try {
      if (-not $ok) { __vault_false -ErrorAction Ignore }
      $shown = & $old
    }
    finally { $v.Depth--; if ($last) { $last.Value = $status } }
    # It calls this one.
    if ($v.Inner -and -not $v.Depth) { $v.Caller = "$old"; $v.Old.RemoveAt(0); $function:global:prompt = $old }
    # Behind a line break at its beginning, with which people keep a line free.
    if ($pre) { (-join $shown) -replace '^[\r\n]*', ('$&' + $pre.Replace('$', '$$')) } else { $shown }
  }
}

# Makes $? false for what follows; only an advanced function can.
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
# --- in @RCLINE@
