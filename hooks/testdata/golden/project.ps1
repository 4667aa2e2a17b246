if ($pwd.ProviderPath -cne $global:__vault_at.Dir) { $d = $ExecutionContext.SessionState.Path.CurrentFileSystemLocation.ProviderPath; if ($d -cne $global:__vault_at.Dir) { __vault_moved $d } }
$global:__vault_at.Dir = $global:__vault_at.Pwd = '-'
# --- project directories
$global:__vault_at = @{ Dir = '-'; Pwd = '-'; Root = ''; Rec = ''; Seen = '' }
function global:__vault_moved {
param([string]$Here)
$v = $global:__vault_at; $p = $Here
if ($Here -ceq $v.Pwd -and [IO.File]::Exists([IO.Path]::Combine($v.Root, '.vault-profile'))) { $p = $v.Root }
else { while ($p -and -not [IO.File]::Exists([IO.Path]::Combine($p, '.vault-profile'))) { $p = [IO.Path]::GetDirectoryName($p) } }
if (-not $p) {
$v.Dir = $Here; $v.Pwd = '-'; $v.Seen = ''
if ($env:__VAULT_PROJECT) { __vault_project '' }
return
}
$v.Dir = '-'; $v.Pwd = $Here; $v.Root = $p
if ((__vault_stamp) -ceq $v.Seen) { return }
__vault_project $p
$v.Seen = __vault_stamp
}
function global:__vault_stamp {
$v = $global:__vault_at
"$($v.Root)|$([IO.File]::GetLastWriteTimeUtc([IO.Path]::Combine($v.Root, '.vault-profile')).Ticks)|" + $(if ($v.Rec) { [IO.File]::GetLastWriteTimeUtc($v.Rec).Ticks })
}
function global:__vault_project {
param([string]$Dir)
$global:__vault_at.Rec = ''
$said = __vault_start "project enter --mode switch --base64 $([Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($Dir)))" 7000
if ($said) { __vault_do $said.Trim().Split("`n") }
}
function global:__vault_watch { param([string]$File) $global:__vault_at.Rec = $File }
function global:__vault_tell { param([string]$Text) [Console]::Error.WriteLine($Text) }
