function global:__vault_switches {
param($Words)
$skip = $false
foreach ($w in $Words) {
if ($skip) { $skip = $false }
elseif ("$w" -notlike '-?*') { return "$w" -cin 'use', 'off', 'refresh' -or ($env:AWS_VAULT_SHORT -and "$w" -cnotin ('' -split ' ')) }
else { $skip = "$w" -like '-*:' -or "$w" -cin ('--backend --keychain' -split ' ') }
}
$false
}
function global:__vault_switch {
$said = @(); $ok = $false
try {
$env:__VAULT_SHELL = 'pwsh'; $env:__VAULT_PID = $PID; $env:__VAULT_DRAW = 'new'
$said = @(. ([ScriptBlock]::Create($words)))
$ok = $global:LASTEXITCODE -eq 0
}
finally {
$env:__VAULT_SHELL = $env:__VAULT_PID = $env:__VAULT_DRAW = $null
if ($ok) { __vault_do $said }
}
$ok
}
function global:__vault_stash {
$global:__vault.Kept = @{}
foreach ($n in $args) {
$x = [Environment]::GetEnvironmentVariable($n)
if ($null -ne $x) { $global:__vault.Kept[$n] = $x }
}
}
function global:__vault_unstash {
$kept = $global:__vault.Kept
if (-not $args.Count) { $kept.Clear() }
foreach ($n in $kept.Keys) { if ($null -ne [Environment]::GetEnvironmentVariable($n)) { return } }
foreach ($n in $kept.Keys) { [Environment]::SetEnvironmentVariable($n, $kept[$n]) }
$global:__vault.Kept = @{}
}
function global:__vault_style { $global:__vault.Sty = $args }
function global:__vault_segment {
$v = $global:__vault; $t = $global:__vault_text; $e = [char]27 + '[0'
if (-not $Host.UI.SupportsVirtualTerminal) { return "[$t] " }
$n = [Math]::Min([Math]::Max(1, $v.Label.Length), $t.Length); $rest = $t.Substring($n); $a, $w, $x = $v.Sty
$s = if ($rest -match ' (expired|<1m|changed!)') { $x } elseif ($rest -match '!$|^ [0-4]m') { $w } else { $a }
"$e;${a}m[$($t.Substring(0, $n))$e;${s}m$rest$e;${a}m]${e}m "
}
function global:__vault_words {
param($Call, $v)
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
param($Ast)
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
if ($lost) { throw (__vault_error "vault: it is not clear which words of two lists come before --; write '--' in quotes") }
$open = $true
}
$say = if ($part) { __vault_say $part }
if ($say) { $text = $text.Substring(0, $part.Extent.StartOffset - $w.Extent.StartOffset) }
@{ Text = "$gap$text"; Say = $say; Take = $take; First = $first; From = 0 }
}
}
function global:__vault_say {
param($Ast)
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
param($Plan, $k, $v, $i)
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
param($v, $i, $end)
$out = ''
for (; $i -lt $end; $i++) {
$out += ' '
if ("$($v[$i])" -match '^-[a-z][\w-]*:\z' -and $i + 1 -lt $end -and $v[$i].PSObject.Properties['<CommandParameterName>']) { $out += $v[$i]; $i++ }
$out += "`$v[$i]"
}
$out
}
if (0 -and -not $function:__vault_untitled) {
$function:global:__vault_untitled = $function:__vault_precmd
function global:__vault_precmd {
$was = $global:__vault_text
__vault_untitled
$t = $global:__vault_text
if (($t -or $was) -and -not [Console]::IsOutputRedirected) { [Console]::Write([char]27 + "]2;$(if ($t) { "${t}: " })$PWD" + [char]7) }
}
}
__vault_hide
$global:__vault.More = $true
