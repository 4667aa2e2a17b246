# Proves on this machine (Windows) what the tests cannot prove on another:
#
#   powershell -ExecutionPolicy Bypass -File docs\prove.ps1 [-Quick] PROGRAM [BACKEND]
#
# PROGRAM is the path of vault.exe, as built or as released. BACKEND is the keyring to use: by
# default wincred on Windows, else file. -Quick leaves the demo out, which takes ten seconds in each shell.
#
# It prints one line for each check, and exits with status 1 if one failed. It works in a throw-away
# home with a config file and an agent of its own, with a key that no account has, and asks no AWS. The
# entries in the Credential Manager have names of their own and are removed. Ctrl-C ends it, and it
# leaves nothing behind then either.
#
# It is for Windows PowerShell 5.1 and PowerShell 7: pure ASCII, the language and .NET. It runs on Linux for its own test.
param(
  [Parameter(Mandatory = $true, Position = 0)][string]$Program,
  [Parameter(Position = 1)][string]$Backend,
  [switch]$Quick
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$windows = [Environment]::OSVersion.Platform -eq 'Win32NT'
if (-not $Backend) { $Backend = if ($windows) { 'wincred' } else { 'file' } }
$Program = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Program)
if (-not [IO.File]::Exists($Program)) {
  [Console]::Error.WriteLine("$Program is not a program")
  exit 2
}

# The place. What is made there is seen by the programs that are started, and not by this PowerShell.
$top = [IO.Path]::Combine([IO.Path]::GetTempPath(), 'vp.' + [Guid]::NewGuid().ToString('N').Substring(0, 6))
$place = [IO.Path]::Combine($top, 'Zo' + [char]0xEB + "'s home")
$vault = [IO.Path]::Combine($place, 'bin of mine', $(if ($windows) { 'vault.exe' } else { 'vault' }))
$config = [IO.Path]::Combine($place, 'config')
$key = "vault-prove-$PID"       # the profile with the stored key; in the keyring under this name
$session = "vault-prove-$PID-s" # the profile with a session that a program gives
$letters = "Zo$([char]0xEB)-$([char]0x141)$([char]0xF3)d$([char]0x17A)-$PID" # the same, with letters that few code pages have
$environ = @{
  HOME = $place; USERPROFILE = $place; LOCALAPPDATA = "$top/local"; TMP = "$top/tmp"; TEMP = "$top/tmp"; TMPDIR = "$top/tmp"
  XDG_RUNTIME_DIR = "$top/run"; XDG_CONFIG_HOME = "$top/local/config"; XDG_DATA_HOME = "$top/local/data"
  XDG_STATE_HOME = "$top/local/state"; XDG_CACHE_HOME = "$top/local/cache"
  AWS_CONFIG_FILE = $config; AWS_SHARED_CREDENTIALS_FILE = "$place/credentials"; AWS_EC2_METADATA_DISABLED = 'true'
  AWS_VAULT_BACKEND = $Backend; AWS_VAULT_FILE_DIR = "$place/keys of mine"; AWS_VAULT_FILE_PASSPHRASE = 'throw-away'
  AWS_VAULT_AGE_PASSPHRASE = 'throw-away'
  NO_COLOR = '1'; PROVE_VAULT = $vault; PROVE_SESSION = $session; PROVE_LETTERS = $letters
}
$script:failed = 0

# Start-One runs a program to its end in that place, with nothing on standard input. It returns its
# status, and what it printed. A word may have spaces, and no quote. Each PowerShell finds its own
# modules: those of PowerShell 7 are not for 5.1.
function Start-One([string]$File, [string[]]$Words, [hashtable]$More = @{}) {
  $i = [Diagnostics.ProcessStartInfo]::new()
  $i.FileName = $File
  $i.Arguments = @($Words | ForEach-Object { if ($_ -match '\s') { '"' + $_ + '"' } else { $_ } }) -join ' '
  $i.UseShellExecute = $false
  $i.RedirectStandardInput = $i.RedirectStandardOutput = $i.RedirectStandardError = $true
  $i.StandardOutputEncoding = $i.StandardErrorEncoding = [Text.Encoding]::UTF8
  foreach ($name in @($i.EnvironmentVariables.Keys)) {
    if ($name -match '^(AWS_|__VAULT_|XDG_|PSModulePath$)') { $i.EnvironmentVariables.Remove($name) }
  }
  foreach ($set in $environ, $More) { foreach ($name in $set.Keys) { $i.EnvironmentVariables[$name] = $set[$name] } }
  $p = [Diagnostics.Process]::Start($i)
  $p.StandardInput.Close()
  $err = $p.StandardError.ReadToEndAsync()
  $out = $p.StandardOutput.ReadToEnd()
  $p.WaitForExit()
  @{ Status = $p.ExitCode; Out = $out; Err = $err.Result }
}

# Invoke-Vault runs vault, which must succeed, and returns what it printed to standard output.
function Invoke-Vault([string[]]$Words, [hashtable]$More = @{}) {
  $r = Start-One $vault $Words $More
  if ($r.Status -ne 0) { throw "vault $Words exits with status $($r.Status): $($r.Out)$($r.Err)" }
  $r.Out
}

function New-Place {
  foreach ($d in [IO.Path]::GetDirectoryName($vault), "$top/run", "$top/tmp", "$top/local") { $null = [IO.Directory]::CreateDirectory($d) }
  [IO.File]::Copy($Program, $vault)
  if (-not $windows) { $null = Start-One 'chmod' '700', $top, "$top/run" }
}

# Remove-Place removes all that was made. It runs after Ctrl-C too, when no cmdlet does.
function Remove-Place {
  if ([IO.File]::Exists($vault)) {
    foreach ($words in ('agent', 'stop'), ('remove', $key, '--yes'), ('clear', $key, $session, $letters)) { try { $null = Start-One $vault $words } catch { } }
  }
  # Windows keeps the file of a program that is just ending.
  for ($i = 0; $i -lt 50 -and [IO.Directory]::Exists($top); $i++) {
    try { [IO.Directory]::Delete($top, $true) } catch { [Threading.Thread]::Sleep(100) }
  }
}

# Write-Config writes what an editor of Windows would: CRLF, and paths with spaces, a quote and a letter beyond ASCII.
function Write-Config {
  $file = [IO.Path]::Combine($place, 'a session.json')
  $until = [DateTime]::UtcNow.AddHours(1).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [Globalization.CultureInfo]::InvariantCulture)
  [IO.File]::WriteAllText($file, '{"Version":1,"AccessKeyId":"ASIAEXAMPLEEXAMPLE00","SecretAccessKey":"example","SessionToken":"it''s","Expiration":"' + $until + '"}' + "`r`n")
  $print = if ($windows) { 'cmd /c type' } else { 'cat' }
  $sections = foreach ($name in $session, $letters) { "[profile $name]`r`nregion = eu-west-1`r`ncredential_process = $print ""$file""`r`n" }
  [IO.File]::WriteAllText($config, -join $sections)
}

# Assert-Has fails, and says what is missing, unless a text has all that is wanted.
function Assert-Has([string]$Text, [string[]]$Wanted) {
  foreach ($w in $Wanted) {
    if (-not $Text.Contains($w)) { throw "there is no $w in:`n$Text" }
  }
}

# Test-One runs one check and prints its verdict, and what is wrong if it failed.
function Test-One([string]$Name, [scriptblock]$Check) {
  try {
    $null = & $Check
    Write-Output "ok      $Name"
  } catch [Management.Automation.PipelineStoppedException] {
    throw # Ctrl-C
  } catch {
    Write-Output "FAILED  $Name"
    Write-Output ('        ' + ("$_" -replace "`r?`n", "`n        "))
    $script:failed++
  }
}

$inShell = @'
Set-StrictMode -Version Latest
Invoke-Expression (& $env:PROVE_VAULT hook pwsh | Out-String)
$env:AWS_PROFILE = 'mine'
vault use $env:PROVE_SESSION
"use <$env:AWS_VAULT> <$env:AWS_PROFILE> <$env:AWS_REGION> <$env:AWS_SESSION_TOKEN>"
vault off
"off <$env:AWS_VAULT> <$env:AWS_PROFILE> <$env:AWS_REGION> <$env:AWS_SESSION_TOKEN>"
vault use $env:PROVE_SESSION --mode server
"served <$env:AWS_VAULT> <$env:AWS_SESSION_TOKEN> at $env:AWS_CONTAINER_CREDENTIALS_FULL_URI"
vault off
"left <$env:AWS_VAULT> at <$env:AWS_CONTAINER_CREDENTIALS_FULL_URI>"
'@

# Test-Shell evaluates the hook in a PowerShell and switches there: the session as keys, then from the
# agent, and back each time.
function Test-Shell([string]$Engine) {
  $file = [IO.Path]::Combine($place, 'in shell.ps1')
  [IO.File]::WriteAllText($file, $inShell)
  $policy = if ($windows) { '-ExecutionPolicy', 'Bypass' } else { @() }
  $r = Start-One $Engine (@('-NoProfile', '-NonInteractive') + $policy + @('-File', $file))
  $null = Start-One $vault 'agent', 'stop'
  Assert-Has ($r.Out + $r.Err) "use <$session> <> <eu-west-1> <it's>", 'off <> <mine> <> <>', "served <$session> <> at http://127.0.0.1:", 'left <> at <>'
}

$inCodePage = @'
[Console]::OutputEncoding = [Text.Encoding]::GetEncoding([int]$env:PROVE_PAGE)
Invoke-Expression (& $env:PROVE_VAULT hook pwsh | Out-String)
Invoke-Expression (& $env:PROVE_VAULT completion pwsh | Out-String)
vault use $env:PROVE_LETTERS
"used $($env:AWS_VAULT -ceq $env:PROVE_LETTERS)"
"completed $((TabExpansion2 'vault use Zo' 12).CompletionMatches[0].CompletionText.Trim("'") -ceq $env:PROVE_LETTERS)"
vault off
"listed $((vault list --json | Out-String | ConvertFrom-Json).profiles.profile -ccontains $env:PROVE_LETTERS)"
'@

# Test-CodePages does the same where the console has code pages without these letters. What the program says to PowerShell is
# pure ASCII, on Windows its JSON too.
function Test-CodePages([string]$Engine) {
  $file = [IO.Path]::Combine($place, 'in code page.ps1')
  [IO.File]::WriteAllText($file, $inCodePage)
  $policy = if ($windows) { '-ExecutionPolicy', 'Bypass' } else { @() }
  $wanted = @('used True', 'completed True') + $(if ($windows) { 'listed True' } else { @() })
  foreach ($page in 437, 850, 1252, 65001) {
    $r = Start-One $Engine (@('-NoProfile', '-NonInteractive') + $policy + @('-File', $file)) @{ PROVE_PAGE = "$page" }
    try { Assert-Has $r.Out $wanted } catch { throw "code page ${page}: $_ $($r.Err)" }
  }
  $null = Start-One $vault 'agent', 'stop'
}

# Test-Demo plays the demo, which has a keyring of its own.
function Test-Demo([string]$Shell) {
  $r = Start-One $vault 'demo', '--shell', $Shell
  if ($r.Status -ne 0) { throw "status $($r.Status): $($r.Out)$($r.Err)" }
  Assert-Has ($r.Out + $r.Err) 'vault: dev until', 'vault: left prod'
}

# Test-Shells goes through the PowerShells that are installed.
function Test-Shells {
  foreach ($shell in 'powershell', 'pwsh') {
    $engine = @(Get-Command $shell -CommandType Application -ErrorAction SilentlyContinue)
    if ($engine.Count -eq 0) { Write-Output "absent  $shell"; continue }
    $engine = $engine[0].Path
    $version = (Start-One $engine '-NoProfile', '-NonInteractive', '-Command', '$PSVersionTable.PSVersion.ToString()').Out.Trim()
    Test-One "PowerShell ${version}: use, off and mode server" { Test-Shell $engine }
    Test-One "PowerShell ${version}: code pages" { Test-CodePages $engine }
    if (-not $Quick) { Test-One "PowerShell ${version}: the demo" { Test-Demo $shell } }
  }
}

function Test-Add {
  $null = Invoke-Vault 'add', $key, '--env', '--check=false' @{ AWS_ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE'; AWS_SECRET_ACCESS_KEY = 'example' }
  Assert-Has (Invoke-Vault 'list', '--json') """profile"":""$key"",""configured"":true,""credential"":true"
  if ([IO.File]::ReadAllText($config) -match "(?<!`r)`n") { throw 'its section does not end its lines with CRLF' }
}

# Test-Cases stores a key under the name in capitals. Where the store could not tell the two apart, it refuses.
function Test-Cases {
  $other = $key.ToUpperInvariant()
  $wanted = '"AKIAIOSFODNN7EXAMPLE"', '"SecretAccessKey": "example"'
  $null = Start-One $vault 'add', $other, '--env', '--check=false' @{ AWS_ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE'; AWS_SECRET_ACCESS_KEY = 'other' }
  Assert-Has (Invoke-Vault 'export', $key, '--no-session', '--format', 'json') $wanted
  $null = Start-One $vault 'remove', $other, '--yes'
  Assert-Has (Invoke-Vault 'export', $key, '--no-session', '--format', 'json') $wanted
}

# Test-Paths reads the config file by other names that Windows has for it. The share needs an administrator.
function Test-Paths {
  foreach ($name in "\\?\$config", ('\\localhost\' + $config.Replace(':', '$'))) {
    if ($name -like '\\localhost*' -and -not [IO.File]::Exists($name)) { continue }
    Assert-Has (Invoke-Vault 'list', '--json' @{ AWS_CONFIG_FILE = $name }) """profile"":""$session"""
  }
}

# Test-Batch runs a batch file with arguments that cmd.exe would act on.
function Test-Batch {
  $file = [IO.Path]::Combine($place, 'bin of mine', 'tool.cmd')
  [IO.File]::WriteAllText($file, "@echo off`r`necho args %*`r`nexit /b 7`r`n")
  $r = Start-One $vault 'exec', $session, '--', $file, 'a^b', '%AWS_VAULT%', 'c&set', 'd>e'
  if ($r.Status -ne 7) { throw "status $($r.Status): $($r.Out)$($r.Err)" }
  Assert-Has $r.Out 'args "a^b" "%AWS_VAULT%" "c&set" "d>e"'
}

function Test-Exec {
  $shell, $print = if ($windows) { ('cmd', '/c'), 'echo [%AWS_VAULT%] %AWS_REGION%' } else { ('sh', '-c'), 'echo [$AWS_VAULT] $AWS_REGION' }
  Assert-Has (Invoke-Vault (@('exec', $session, '--') + $shell + $print)) "[$session] eu-west-1"
  $r = Start-One $vault (@('exec', $session, '--') + $shell + 'exit 7')
  if ($r.Status -ne 7) { throw "the status of the command is lost: $($r.Status) $($r.Err)" }
}

function Test-Agent {
  $null = Invoke-Vault 'agent', 'start'
  Assert-Has (Invoke-Vault 'agent', 'status') 'agent.sock'
  $null = Invoke-Vault 'lock'
  $null = Invoke-Vault 'agent', 'stop'
  if ((Start-One $vault 'agent', 'status').Status -eq 0) { throw 'the agent runs after vault agent stop' }
}

function Test-Remove {
  $null = Invoke-Vault 'remove', $key, '--yes'
  $null = Invoke-Vault 'clear', $session, $letters
  Assert-Has (Invoke-Vault 'list', '--json') """profile"":""$key"",""configured"":true,""credential"":false,""sessions"":0",
    """profile"":""$session"",""configured"":true,""credential"":false,""sessions"":0"
}

# Test-Left looks where only a mistake could have left something. A renewal in the background has ten seconds to end.
function Test-Left {
  for ($i = 0; $i -lt 100; $i++) {
    $left = @([Diagnostics.Process]::GetProcessesByName('vault') | Where-Object {
        try { $_.MainModule.FileName -eq $vault } catch { $false } # it has ended, or is another user's
      })
    if ($left.Count -eq 0) { break }
    [Threading.Thread]::Sleep(100)
  }
  if ($left.Count -gt 0) { throw "processes: $($left | ForEach-Object { $_.Id })" }
  # PowerShell and .NET have files of their own there.
  $files = @([IO.Directory]::GetFileSystemEntries("$top/tmp") | Where-Object { [IO.Path]::GetFileName($_) -match 'vault' })
  if ($files.Count -gt 0) { throw "temporary files: $files" }
  if ($windows -and (Start-One 'cmdkey' '/list').Out.Contains($key)) { throw "the Credential Manager has an entry of $key" }
}

try {
  New-Place
  Write-Config
  Write-Output "$([Environment]::OSVersion.VersionString), PowerShell $($PSVersionTable.PSVersion), $((Invoke-Vault 'version').Trim()), back end $Backend"
  Test-One 'a config file with CRLF, and paths with spaces' { Assert-Has (Invoke-Vault 'list', '--json') """profile"":""$session""", '"region":"eu-west-1"' }
  Test-One "add, list: the key is in $Backend" { Test-Add }
  Test-One 'export: the key comes back' { Assert-Has (Invoke-Vault 'export', $key, '--no-session', '--format', 'json') '"AKIAIOSFODNN7EXAMPLE"', '"SecretAccessKey": "example"' }
  Test-One 'names that differ in case share no key' { Test-Cases }
  if ($windows) { Test-One 'paths: the long form, and a share' { Test-Paths } }
  Test-One 'export: a session of a program' { Assert-Has (Invoke-Vault 'export', $session, '--format', 'json') '"ASIAEXAMPLEEXAMPLE00"', '"it''s"' }
  Test-One 'exec: variables and status' { Test-Exec }
  if ($windows) { Test-One 'exec: a batch file gets its arguments as they are' { Test-Batch } }
  Test-One 'agent: start, lock, stop' { Test-Agent }
  Test-Shells
  Test-One 'remove: no key and no session is left' { Test-Remove }
  Test-One 'nothing is left elsewhere' { Test-Left }
} catch [Management.Automation.PipelineStoppedException] {
  throw # Ctrl-C
} catch {
  Write-Output "FAILED  $_"
  $script:failed++
} finally {
  Remove-Place
}
if ($script:failed -gt 0) {
  Write-Output "$($script:failed) failed: please report the lines above"
  exit 1
}
Write-Output 'all is proved'
exit 0
